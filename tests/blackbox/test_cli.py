"""Every command of askcsv as a user types it. Bad input is in test_bad_input.py, signals in
test_interrupt.py, the golden questions in test_golden.py."""
import contextlib
import csv
import hashlib
import http.server
import io
import json
import os
import pty
import re
import select
import shutil
import sqlite3
import stat
import struct
import termios
import threading
from fcntl import ioctl

import pytest

from programs import ROOT

COMMANDS = [["ask"], ["run"], ["check"], ["plan"], ["plan", "compile"], ["plan", "schema"], ["datasets"],
            ["datasets", "generate"], ["datasets", "validate"], ["datasets", "list"],
            ["datasets", "show"], ["datasets", "forget"], ["capsules"], ["capsules", "list"],
            ["capsules", "show"], ["capsules", "export"], ["capsules", "check"],
            ["capsules", "prune"], ["verify"],
            ["config"], ["config", "show"], ["config", "file"], ["keys"], ["keys", "add"],
            ["keys", "list"], ["keys", "revoke"], ["doctor"]]
ESCAPE = "\x1b"


def capsules(askcsv):
    return askcsv.json("capsules", "list", "--limit", 0, "--format", "json")


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text('id,name,height\n1,Ann,1.5\n2,"B ""x"", y",\n3,Zoë,2.25\n')
    return path


def terminal(askcsv, *args, width=80, **env):
    """Runs askcsv with stdout and stderr on a terminal of that width; status and output."""
    leader, follower = pty.openpty()
    ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    pid = os.fork()
    if pid == 0:
        for fd in (1, 2):
            os.dup2(follower, fd)
        os.execve(askcsv.path, [str(askcsv.path), *map(str, args)],
                  {"TERM": "xterm", **askcsv.env(**env)})
    os.close(follower)
    out = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # EIO: the other end is closed
            break
        if not chunk:
            break
        out += chunk
    os.close(leader)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out.decode().replace("\r\n", "\n")


# Help and usage

def test_no_command_is_a_usage_error(askcsv):
    done = askcsv()
    assert done.returncode == 2 and done.stdout == "" and "doctor" in done.stderr


def test_help_and_version(askcsv):
    for args in (["--help"], ["-h"], ["help"]):
        done = askcsv.ok(*args)
        assert "askcsv run" in done.stdout and "verify" in done.stdout and done.stderr == ""
    assert re.fullmatch(r"askcsv \d+\.\d+\.\d+\n", askcsv.ok("--version").stdout)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_command_teaches_by_example(askcsv, words):
    text = askcsv.ok(*words, "--help").stdout
    assert text == askcsv.ok("help", *words).stdout
    assert "askcsv " + " ".join(words) in text
    assert all(len(line) <= 90 for line in text.splitlines())
    assert not list(askcsv.home.iterdir())  # help makes nothing


@pytest.mark.parametrize("args,words", [
    (["rnu"], 'did you mean "run"'), (["capsules", "lits"], 'did you mean "capsules list"'),
    (["elephant"], 'no command "elephant"'), (["help", "verfiy"], 'did you mean "verify"'),
    (["datasets"], "generate"), (["run", "x.csv", "--sqll", "1"], "did you mean --sql"),
    (["ask"], "SOURCE"), (["ask", "x.csv"], "question"), (["ask", "x.csv", "how", "--aftr", "last"],
     "did you mean --after"), (["ask", "x.csv", "how many", "--as-of", "now"], "--as-of"),
    (["ask", "x.csv", "how many", "--timeout-ms", "0"], "timeout_ms"),
    (["run"], "SOURCE"), (["run", "x.csv"], "--sql"),
    (["run", "x.csv", "--sql", "1", "--plan", "p"], "only one of"),
    (["run", "x.csv", "y.csv", "--sql", "1"], "one argument too many"),
    (["run", "x.csv", "--sql", "1", "--format", "xml"], "table, json, csv"),
    (["run", "x.csv", "--sql", "1", "--timeout-ms", "0"], "timeout_ms"),
    (["run", "x.csv", "--sql", "1", "--max-rows", "ten"], "whole number"),
    (["run", "x.csv", "--sql", "1", "--memory-mb", "1"], "memory_mb"),
    (["run", "x.csv", "--sql", "1", "--as-of", "yesterday"], "--as-of"),
    (["check", "x.csv"], "--sql"), (["plan", "compile"], "FILE"), (["verify"], "RUN"),
    (["capsules", "show"], "RUN"), (["datasets", "show"], "ID"), (["doctor", "now"], "too many"),
], ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "")
def test_usage_errors(askcsv, args, words):
    done = askcsv(*args)
    assert done.returncode == 2 and done.stdout == ""
    assert words in done.stderr and done.stderr.startswith("askcsv: ")


# run

def test_table_is_plain_without_a_terminal(askcsv, people):
    done = askcsv.ok("run", people, "--sql", "SELECT * FROM people ORDER BY id")
    assert done.stdout == ('id  name      height\n'
                           '--  --------  ------\n'
                           ' 1  Ann         1.50\n'
                           ' 2  B "x", y    NULL\n'
                           ' 3  Zoë         2.25\n')
    assert f"table people is {people}" in done.stderr
    assert re.search(r"3 rows, \d+ ms; .*askcsv verify [0-9a-f-]{36}", done.stderr)


def test_options_before_and_after_the_source(askcsv, people):
    sql = "SELECT count(*) AS n FROM people"
    a = askcsv.json("run", people, "--sql", sql, "--format", "json")
    b = askcsv.json("run", "--format=json", "--sql", sql, people)
    assert a["result"] == b["result"] and a["result"]["rows"] == [[3]]


def test_json_is_the_capsule_and_nothing_else(askcsv, people):
    done = askcsv.ok("run", people, "--sql", "SELECT id, name FROM people ORDER BY id", "--format",
                     "json")
    capsule = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert capsule["result"] == {"columns": ["id", "name"], "types": ["BIGINT", "VARCHAR"],
                                 "rows": [[1, "Ann"], [2, 'B "x", y'], [3, "Zoë"]],
                                 "row_count": 3, "truncated": False, "ordered":
                                 capsule["result"]["ordered"]}
    table, = capsule["tables"]
    assert table == {"name": "people", "path": str(people), "format": "csv", "rows": 3,
                     "bytes": people.stat().st_size,
                     "sha256": hashlib.sha256(people.read_bytes()).hexdigest()}
    assert capsule["status"] == "succeeded" and capsule["dataset_id"] == "files"
    assert capsule["planner"] == "none" and capsule["query_mode"] == "sql"
    assert capsule["engine"]["name"] == "duckdb" and capsule["sandbox"]["walls"]["seccomp"] is True
    assert capsule == askcsv.json("capsules", "show", "last", "--format", "json")


def test_csv_reads_back(askcsv, people):
    done = askcsv.ok("run", people, "--sql", "SELECT *, '=1+1' AS f, [1, NULL] AS l FROM people "
                     "ORDER BY id", "--format", "csv")
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows == [["id", "name", "height", "f", "l"], ["1", "Ann", "1.50", "=1+1", "[1,null]"],
                    ["2", 'B "x", y', "", "=1+1", "[1,null]"],
                    ["3", "Zoë", "2.25", "=1+1", "[1,null]"]]


def test_queries_from_standard_input(shop):
    plan = {"dataset_id": "support", "table": "tickets",
            "select": [{"func": "count", "alias": "n"}]}
    a = shop.json("run", "support", "--plan", "-", "--format", "json", stdin=json.dumps(plan))
    b = shop.json("run", "support", "--sql-file", "-", "--format", "json",
                  stdin="SELECT count(*) AS n FROM tickets\n")
    assert a["result"]["rows"] == b["result"]["rows"] == [[6417]]
    assert a["plan"] == plan and a["query_mode"] == "plan" and "SELECT" in a["sql"]
    assert a["dataset_version"] == b["dataset_version"]


def test_explain_shows_the_sql(shop):
    plan = json.dumps({"dataset_id": "support", "table": "tickets",
                       "select": [{"func": "count", "alias": "n"}]})
    assert 'FROM "tickets"' in shop.ok("run", "support", "--plan", "-", "--explain",
                                       stdin=plan).stdout
    done = shop.ok("run", "support", "--plan", "-", "--explain", "--format", "csv", stdin=plan)
    assert done.stdout == "n\n6417\n" and 'FROM "tickets"' in done.stderr


def test_as_of(shop, people):
    sql = "SELECT CAST(now() AS VARCHAR) AS t, current_date AS d"
    assert shop.json("run", "support", "--sql", sql, "--format", "json")["result"]["rows"] == [
        ["2026-01-31 00:00:00+00", "2026-01-31"]]
    capsule = shop.json("run", people, "--sql", sql, "--as-of", "2020-02-29 12:00:00", "--format",
                        "json")
    assert capsule["result"]["rows"] == [["2020-02-29 12:00:00+00", "2020-02-29"]]
    assert capsule["as_of"] == "2020-02-29T12:00:00Z"


def test_a_plan_about_files(askcsv, people):
    plan = {"dataset_id": "files", "table": "people", "select": [{"column": "name"}],
            "filters": [{"column": "height", "op": ">", "value": 2}]}
    capsule = askcsv.json("run", people, "--plan", "-", "--format", "json", stdin=json.dumps(plan))
    assert capsule["result"]["rows"] == [["Zoë"]] and len(capsules(askcsv)) == 1
    plan["select"] = [{"column": "nmae"}]
    done = askcsv("run", people, "--plan", "-", stdin=json.dumps(plan))
    assert done.returncode == 3 and "name" in done.stderr and "/select/0" in done.stderr


@pytest.mark.parametrize("status,state,error,args", [
    (1, "failed", "SQL_EXECUTION_ERROR", ["--sql", "SELECT nothing FROM orders"]),
    (3, "rejected", "SQL_POLICY_VIOLATION", ["--sql", "SELECT * FROM read_csv('/etc/passwd')"]),
    (3, "rejected", "VALIDATION_ERROR", ["--sql", "SELEC 1"]),
    (4, "timed_out", "RUNNER_TIMEOUT", ["--timeout-ms", "300", "--sql",
     "SELECT count(*) FROM range(10000000000) a WHERE sqrt(range) % 7 = 3"]),
    (6, "failed", "RUNNER_RESOURCE_EXCEEDED", ["--memory-mb", "64", "--sql",
     "SELECT list(range) FROM range(100000000)"]),
    (6, "failed", "RUNNER_OUTPUT_EXCEEDED", ["--max-rows", "1000000", "--sql",
     "SELECT repeat('x', 100) AS x FROM range(200000)"]),
])
def test_exit_status_and_capsule_of_what_fails(shop, status, state, error, args):
    done = shop("run", "ecommerce", *args, "--format", "json")
    assert done.returncode == status, done.stderr
    capsule = json.loads(done.stdout)
    assert capsule["status"] == state and capsule["error"]["type"] == error
    assert capsule["result"] is None and capsule["capsule_hash"]
    assert done.stderr.startswith(f"askcsv: {error}: ")
    assert [c["run_id"] for c in capsules(shop)] == [capsule["run_id"]]


def test_caret_under_the_position(shop):
    done = shop("run", "ecommerce", "--sql", "SELECT 1,\n  'ö' || getenv('HOME')")
    lines = done.stderr.splitlines()
    assert done.returncode == 3 and "SQL_POLICY_VIOLATION" in lines[0]
    at = lines.index("    'ö' || getenv('HOME')")
    assert lines[at + 1].index("^") == lines[at].index("getenv")


def test_every_fault_of_a_plan_has_its_pointer(shop):
    plan = {"dataset_id": "support", "table": "tickets", "select": [{"column": "agnet_id"}],
            "filters": [{"column": "priority", "op": "=="}], "limit": 0, "extra": 1}
    done = shop("run", "support", "--plan", "-", "--format", "json", stdin=json.dumps(plan))
    assert done.returncode == 3
    capsule = json.loads(done.stdout)
    pointers = [fault["pointer"] for fault in capsule["error"]["faults"]]
    assert len(pointers) >= 3 and capsule["plan"] == plan and capsule["sql"] is None
    for pointer in pointers:
        assert f"  {pointer}: " in done.stderr


def test_an_integer_that_json_cannot_hold_is_kept_as_text(shop):
    text = ('{"dataset_id":"support","table":"tickets","select":[{"func":"count","alias":"n"}],'
            '"filters":[{"column":"agent_id","op":"=","value":9223372036854775807}]}')
    done = shop("run", "support", "--plan", "-", "--format", "json", stdin=text)
    capsule = json.loads(done.stdout)
    assert capsule["plan"] == text and capsule["status"] in ("succeeded", "rejected")


def test_truncated_answers_say_so(shop):
    done = shop.ok("run", "ecommerce", "--sql", "SELECT order_id FROM orders ORDER BY ALL",
                   "--max-rows", 5)
    assert done.stdout.splitlines()[2:] == ["    1001", "    1002", "    1003", "    1004",
                                            "    1005"] and "--max-rows" in done.stderr
    done = shop.ok("run", "ecommerce", "--sql", "SELECT order_id FROM orders", "--max-rows", 5,
                   "--format", "csv")
    assert len(done.stdout.splitlines()) == 6 and "only the first 5 rows" in done.stderr


def test_the_nearest_dataset_is_named(shop):
    done = shop("run", "ecomerce", "--sql", "SELECT 1")
    assert done.returncode == 1 and "did you mean ecommerce?" in done.stderr
    assert "no dataset and no file" in done.stderr and capsules(shop) == []


# On a terminal

def test_terminal_draws_and_colours(askcsv, people):
    status, out = terminal(askcsv, "run", people, "--sql", "SELECT * FROM people ORDER BY id")
    assert status == 0 and "│" in out and ESCAPE + "[1m" in out and "rows" in out
    status, plain = terminal(askcsv, "run", people, "--sql", "SELECT * FROM people ORDER BY id",
                             NO_COLOR="1")
    assert status == 0 and ESCAPE not in plain and "┌" in plain
    status, dumb = terminal(askcsv, "run", people, "--sql", "SELECT 1 AS x", TERM="dumb",
                            LC_ALL="C")
    assert status == 0 and ESCAPE not in dumb and "| x |" in dumb


@pytest.mark.parametrize("width", [20, 40, 79, 200])
def test_terminal_lines_fit(shop, width):
    status, out = terminal(shop, "run", "sensors", "--sql", "SELECT *, repeat('日本', 50) AS j FROM "
                           "sensors LIMIT 3", width=width, NO_COLOR="1")
    drawn = [line for line in out.splitlines() if line[:1] in "┌├│└" and line]
    assert status == 0 and len(drawn) == 7
    assert all(len(line) + sum(c in "日本" for c in line) <= width for line in drawn)


@pytest.mark.parametrize("format", ["table", "csv", "json"])
def test_terminal_is_not_driven_by_cells(askcsv, format):
    sql = "SELECT chr(27) || '[2Jx' || chr(155) || '31m' || chr(8238) || 'y' AS \"a\x1b]0;t\x07\""
    path = askcsv.home / "a.csv"
    path.write_text("a\n1\n")
    status, out = terminal(askcsv, "run", path, "--sql", sql, "--format", format, NO_COLOR="1")
    assert status == 0 and not set("\x1b\x9b\x07\u202e") & set(out)
    if format == "json":
        capsule = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
        assert capsule["result"]["rows"] == [["\x1b[2Jx\x9b31m\u202ey"]]


# check

def test_check(shop):
    done = shop.ok("check", "ecommerce", "--sql", "SELECT count(*) FROM orders")
    assert done.stdout == "allowed\n" and done.stderr == ""
    done = shop("check", "ecommerce", "--sql", "DROP TABLE orders")
    assert done.returncode == 3 and done.stdout == "refused\n"
    assert done.stderr.startswith("askcsv: ")
    assert not (shop.home / "capsules.db").exists()


def test_check_json(askcsv):
    assert askcsv.json("check", "a.csv,b.csv", "--sql", "SELECT * FROM a JOIN b USING (id)",
                       "--format", "json") == {"allowed": True, "error": None}
    verdict = askcsv.json("check", "a.csv", "--sql-file", "-", "--format", "json",
                          stdin="SELECT 1 + pg_sleep(1)", status=3)
    assert verdict["allowed"] is False
    assert verdict["error"]["type"] == "SQL_POLICY_VIOLATION"
    assert verdict["error"]["position"] == 12 and "pg_sleep" in verdict["error"]["message"]
    assert not list(askcsv.home.iterdir())


def test_check_of_another_table(askcsv):
    done = askcsv("check", "a.csv", "--sql", "SELECT * FROM b")
    assert done.returncode == 3 and re.search(r"\bb\b", done.stderr)


# plan

def test_plan_compile_is_deterministic(askcsv):
    path = ROOT / "datasets/golden/ecommerce-2.plan.json"
    a = askcsv.ok("plan", "compile", path)
    b = askcsv.ok("plan", "compile", "-", stdin=path.read_bytes())
    assert a.stdout == b.stdout and a.stdout.startswith("SELECT") and a.stderr == ""
    assert not list(askcsv.home.iterdir())


def test_plan_compile_refuses(askcsv):
    done = askcsv("plan", "compile", "-", stdin='{"dataset_id":"suport","table":"tickets",'
                  '"select":[{"column":"agent_id"}]}')
    assert done.returncode == 3 and done.stdout == "" and "support" in done.stderr
    done = askcsv("plan", "compile", "-", stdin='{"dataset_id":"support","table":"tickets",'
                  '"select":[{"column":"a"},{"column":"b"}]}')
    assert done.returncode == 3 and "  /select/0" in done.stderr and "  /select/1" in done.stderr


def test_plan_compile_about_files(askcsv, people):
    plan = '{"dataset_id":"files","table":"people","select":[{"column":"name"}]}'
    assert askcsv("plan", "compile", "-", stdin=plan).returncode == 2
    done = askcsv.ok("plan", "compile", "-", "--source", people, stdin=plan)
    assert '"people"' in done.stdout and not (askcsv.home / "capsules.db").exists()


def test_plan_schema(askcsv):
    schema = json.loads(askcsv.ok("plan", "schema").stdout)
    assert schema == json.loads((ROOT / "schemas/query-plan.v1.json").read_text())


# datasets

def test_datasets_elsewhere(askcsv, generated, tmp_path):
    """Files that are not the home's, and stay as they are."""
    folder = tmp_path / "elsewhere"
    askcsv.ok("datasets", "generate", env={"ASKCSV_DATASETS": folder})
    assert (folder / "support/tickets.csv").read_bytes() == (generated / "support/tickets.csv").read_bytes()
    assert not (askcsv.home / "datasets").exists()
    answer = askcsv.json("run", "support", "--sql", "SELECT count(*) AS n FROM tickets", "--format",
                         "json", env={"ASKCSV_DATASETS": folder})
    assert answer["result"]["rows"] == [[6417]]
    done = askcsv("datasets", "list", env={"ASKCSV_DATASETS": "elsewhere"})
    assert done.returncode == 2 and "absolute path" in done.stderr


def test_generate_is_the_same_every_time(askcsv):
    first = askcsv.ok("datasets", "generate").stdout
    again = askcsv.ok("datasets", "generate").stdout
    assert first == again
    rows = dict(re.findall(r"/([a-z_]+)\.csv: (\d+) rows", first))
    assert rows == {"orders": "4018", "order_items": "9008", "inventory": "500",
                    "tickets": "6417", "sensors": "49950"}
    versions = dict(re.findall(r"(\w+): version ([0-9a-f]{64})", first))
    listed = {d["id"]: d["version"] for d in askcsv.json("datasets", "list", "--format", "json")}
    assert versions == listed and len(versions) == 3


def test_generate_by_name(askcsv):
    done = askcsv("datasets", "generate", "suport")
    assert done.returncode == 1 and "did you mean support?" in done.stderr
    askcsv.ok("datasets", "generate", "support")
    assert [p.name for p in (askcsv.home / "datasets").iterdir()] == ["support"]
    generated = {d["id"]: d["generated"] for d in
                 askcsv.json("datasets", "list", "--format", "json")}
    assert generated == {"ecommerce": False, "support": True, "sensors": False}


def test_list_and_show(askcsv):
    assert "order_items" in askcsv.ok("datasets", "list").stdout
    text = askcsv.ok("datasets", "show", "ecommerce").stdout
    for words in ("order_items.order_id -> orders.order_id", "DECIMAL(10,2)", "ecommerce-6"):
        assert words in text
    shown = askcsv.json("datasets", "show", "ecommerce", "--format", "json")
    assert {"from": "order_items.product_id", "to": "inventory.product_id"} in \
        shown["relationships"]
    assert len(shown["prompts"]) == 6 and len(shown["tables"]) == 3
    assert askcsv("datasets", "show", "ecomerce").returncode == 1


def test_validate(shop):
    done = shop.ok("datasets", "validate")
    assert re.findall(r"(\w+): \d+ rules, (\d+) faults", done.stdout) == [
        ("ecommerce", "0"), ("support", "0"), ("sensors", "0")]
    assert {c["planner"] for c in capsules(shop)} == {"validate"}


def test_validate_names_file_line_and_rule(shop):
    path = shop.home / "datasets/support/tickets.csv"
    lines = path.read_text().splitlines(keepends=True)
    lines[9] = lines[9].replace("Email", "Pigeon").replace("Chat", "Pigeon").replace(
        "Phone", "Pigeon")
    path.write_text("".join(lines))
    done = shop("datasets", "validate", "support")
    assert done.returncode == 1
    assert re.search(rf"{path}:10: [a-z_-]*channel[a-z_-]*: .*Pigeon", done.stdout), done.stdout
    assert f"{path}: hash: " in done.stdout
    assert shop("datasets", "validate").returncode == 1
    shop.ok("datasets", "validate", "ecommerce", "sensors")


def test_validate_names_a_measure_that_is_no_plan(shop, tmp_path):
    registry = json.loads((ROOT / "datasets/registry.json").read_text())
    support = next(d for d in registry["datasets"] if d["id"] == "support")
    support["measures"][0]["item"] = {"func": "sum", "column": "priorty", "alias": "x"}
    path = tmp_path / "registry.json"
    path.write_text(json.dumps(registry))
    done = shop("datasets", "validate", "support", env={"ASKCSV_REGISTRY": path})
    assert done.returncode == 1
    assert re.search(r"registry: support/measures/0/item/column: .*priorty.*priority", done.stdout)
    support["measures"][0]["item"] = {"func": "count"}
    path.write_text(json.dumps(registry))
    done = shop("datasets", "validate", "support", env={"ASKCSV_REGISTRY": path})
    assert done.returncode == 1 and "/datasets/1/measures/0/item/alias" in done.stderr


def test_validate_names_at_most_ten(shop):
    path = shop.home / "datasets/support/tickets.csv"
    path.write_text(path.read_text().replace(",Email", ",Pigeon"))
    done = shop("datasets", "validate", "support")
    assert done.returncode == 1
    assert len([l for l in done.stdout.splitlines() if l.startswith(str(path))]) == 10
    assert "more" in done.stdout


def test_validate_a_file_that_does_not_load(shop):
    path = shop.home / "datasets/support/tickets.csv"
    path.write_text(path.read_text().replace("\n5003,", "\nabc,", 1))
    done = shop("datasets", "validate", "support")
    assert done.returncode == 1 and "load: " in done.stdout and "tickets.csv" in done.stdout
    assert "line 4" in done.stdout


def test_validate_nothing(askcsv):
    done = askcsv("datasets", "validate")
    assert done.returncode == 1 and "datasets generate" in done.stderr


# capsules

def test_list_filters(shop):
    shop.ok("run", "support", "--sql", "SELECT 1 AS x")
    shop.ok("run", "ecommerce", "--sql", "SELECT 2 AS x")
    assert shop("run", "ecommerce", "--sql", "DROP TABLE orders").returncode == 3
    ids = [c["run_id"] for c in capsules(shop)]
    assert len(ids) == 3 and ids == sorted(ids, reverse=True)
    rejected = shop.json("capsules", "list", "--status", "rejected", "--format", "json")
    assert [c["dataset_id"] for c in rejected] == ["ecommerce"]
    assert rejected[0]["error"] in ("SQL_POLICY_VIOLATION", "VALIDATION_ERROR")
    assert len(shop.json("capsules", "list", "--dataset", "ecommerce", "--limit", 1, "--format",
                         "json")) == 1
    text = shop.ok("capsules", "list").stdout
    assert all(i in text for i in ids)
    assert shop("capsules", "list", "--status", "happy").returncode == 2


def test_show(shop):
    shop.ok("run", "support", "--sql", "SELECT 'needle' AS x")
    done = shop.ok("capsules", "show", "last")
    for words in ("succeeded", "capsule_hash", "SELECT 'needle' AS x", "tickets.csv"):
        assert words in done.stdout
    run_id = capsules(shop)[0]["run_id"]
    assert shop.ok("capsules", "show", run_id[:13]).stdout == done.stdout
    brief = shop.ok("capsules", "show", "last", "--brief").stdout
    assert brief.startswith(f"run_id          {run_id}\nstatus          succeeded\n")
    assert "needle" not in brief and "capsule_hash" in brief
    done = shop("capsules", "show", "0190f3c2-0000-7000-8000-000000000000")
    assert done.returncode == 1 and "RUN_NOT_FOUND" in done.stderr


def test_export_hashes_to_capsule_hash(shop):
    """RFC 8785 as Python does it: good enough without odd numbers or keys beyond the BMP."""
    shop.ok("run", "support", "--sql", "SELECT 'ö' AS x, 1 AS y")
    text = shop.ok("capsules", "export", "last").stdout
    capsule = json.loads(text)
    canonical = json.dumps(capsule, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert text == canonical + "\n"
    said = capsule.pop("capsule_hash")
    canonical = json.dumps(capsule, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(canonical.encode()).hexdigest() == said


def test_chain(shop):
    assert shop.ok("capsules", "check").stdout == "intact: 0 capsules\n"
    for i in range(3):
        shop.ok("run", "support", "--sql", f"SELECT {i} AS x")
    assert shop.ok("capsules", "check").stdout == "intact: 3 capsules\n"
    tamper(shop, "SELECT 1 AS x", "SELECT 7 AS x")
    done = shop("capsules", "check")
    assert done.returncode == 1 and done.stdout == "hash_differs\n"
    assert "1 capsules before it are sound" in done.stderr


def test_prune(shop):
    for i in range(5):
        shop.ok("run", "support", "--sql", f"SELECT {i} AS x")
    ids = [c["run_id"] for c in capsules(shop)]
    assert shop.ok("capsules", "prune", "--days", 1).stdout == "removed: 0 capsules\n"
    done = shop.ok("capsules", "prune", "--count", 2, "--dry-run")
    assert done.stdout == "would be removed: 3 capsules\n" and len(capsules(shop)) == 5
    assert shop.ok("capsules", "prune", "--count", 2).stdout == "removed: 3 capsules\n"
    assert [c["run_id"] for c in capsules(shop)] == ids[:2]
    assert shop.ok("capsules", "check").stdout == \
        "intact: 3 capsules (3 before them were removed by retention)\n"
    done = shop("capsules", "show", ids[4])
    assert done.returncode == 1 and "removed by retention" in done.stderr
    assert shop.ok("verify", ids[1]).stdout.startswith("same")
    shop.ok("run", "support", "--sql", "SELECT 9 AS x")
    assert shop.ok("capsules", "prune", "--count", 2).stdout == "removed: 2 capsules\n"
    assert "4 capsules, the chain is intact" in shop("doctor").stdout


def test_prune_keeps_what_was_altered(shop):
    for i in range(4):
        shop.ok("run", "support", "--sql", f"SELECT {i} AS x")
    tamper(shop, "SELECT 1 AS x", "SELECT 7 AS x")
    done = shop("capsules", "prune", "--count", 1)
    assert done.returncode == 1 and done.stdout == ""
    assert "removed: 1 capsules" in done.stderr and "altered" in done.stderr
    assert len(capsules(shop)) == 3


@pytest.mark.parametrize("options,said", [
    ([], "--days"), (["--days", 0], "--days"), (["--days", 99999], "36500"),
    (["--count", "many"], "--count"), (["--dry-run"], "--count")])
def test_prune_needs_a_rule(askcsv, options, said):
    done = askcsv("capsules", "prune", *options)
    assert done.returncode == 2 and said in done.stderr


# verify

def tamper(askcsv, old, new):
    """Changes a text in every stored capsule, behind the program's back."""
    with sqlite3.connect(askcsv.home / "capsules.db") as db:
        for (trigger,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{trigger}"')
        changed = 0
        for (table,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in db.execute(f'PRAGMA table_info("{table}")').fetchall():
                if row[1] == "body":
                    changed += db.execute(
                        f'UPDATE "{table}" SET body = replace(body, ?, ?) WHERE instr(body, ?) > 0',
                        (old, new, old)).rowcount
    db.close()
    assert changed >= 1


def verdict(askcsv, run="last"):
    done = askcsv("verify", run)
    assert (done.returncode == 0) == (done.stdout == "same\n"), done.stderr
    return done.stdout.strip(), done.stderr


def test_verify_says_same_again_and_again(shop):
    run_id = shop.json("run", "ecommerce", "--sql", "SELECT status, count(*) AS n FROM orders "
                       "GROUP BY status", "--format", "json")["run_id"]
    for run in ("last", run_id, run_id[:13], "last"):
        said, why = verdict(shop, run)
        assert said == "same" and run_id in why
    repeated = [c for c in capsules(shop) if c["planner"] == f"verify {run_id}"]
    assert len(repeated) == 4 and len({c["result_hash"] for c in capsules(shop)}) == 1


def test_verify_files_with_a_clock_of_their_own(askcsv, people):
    askcsv.ok("run", people, "--sql", "SELECT now() AS t, count(*) AS n FROM people")
    assert verdict(askcsv)[0] == "same"
    people.write_text(people.read_text().replace("Ann", "Eve"))
    said, why = verdict(askcsv)
    assert said == "data changed" and str(people) in why
    people.unlink()
    said, why = verdict(askcsv)
    assert said == "data changed" and "no file" in why


def test_verify_a_changed_dataset(shop):
    shop.ok("run", "support", "--sql", "SELECT count(*) AS n FROM tickets")
    path = shop.home / "datasets/support/tickets.csv"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"Email", b"Emaii", 1))
    assert verdict(shop)[0] == "data changed"
    path.write_bytes(before)
    assert verdict(shop)[0] == "same"
    shutil.rmtree(path.parent)
    assert verdict(shop)[0] == "data changed"


@pytest.mark.parametrize("query,status", [
    (["--sql", "DROP TABLE orders"], 3), (["--sql", "SELECT nothing FROM orders"], 1),
    (["--plan", "-"], 3)])
def test_verify_what_failed(shop, query, status):
    plan = '{"dataset_id":"ecommerce","table":"orders","select":[{"column":"nothing"}]}'
    assert shop("run", "ecommerce", *query, stdin=plan).returncode == status
    assert verdict(shop)[0] == "same"


def test_verify_what_cannot_be_repeated(shop):
    assert shop("run", "ecommerce", "--plan", "-", stdin="not a plan").returncode == 3
    assert verdict(shop)[0] == "not repeatable"
    done = shop("verify", "0190f3c2-0000-7000-8000-000000000000")
    assert done.returncode == 1 and "RUN_NOT_FOUND" in done.stderr


def test_verify_without_any_run(askcsv):
    done = askcsv("verify", "last")
    assert done.returncode == 1 and "RUN_NOT_FOUND" in done.stderr


@pytest.mark.parametrize("old,new,words", [
    ("'needle'", "'noodle'", "capsule_hash"), ('"succeeded"', '"failed"', "altered"),
    ("capsule_hash", "capsule_hush", "altered")])
def test_verify_a_stored_capsule_that_was_altered(shop, old, new, words):
    shop.ok("run", "ecommerce", "--sql", "SELECT 'needle' AS x")
    assert verdict(shop)[0] == "same"
    tamper(shop, old, new)
    said, why = verdict(shop)
    assert said == "tampered" and words in why


# doctor and the home folder

def test_doctor(shop):
    done = shop.ok("doctor")
    for words in ("home", "store", "runner", "engine", "landlock", "seccomp", "sandbox",
                  "dataset ecommerce"):
        assert words in done.stdout
    assert "FAILS" not in done.stdout


class Nonsense(http.server.BaseHTTPRequestHandler):
    """Some other server: with pages of its own, or more than anybody wants to read."""
    def do_GET(self):
        text = {"/page/readyz": b"<html>", "/json/readyz": b'{"checks": []}'}.get(self.path, b"x" * 100000)
        self.send_response(503)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(text)

    def log_message(self, *_):
        pass


def test_doctor_asks_a_server(askcsv, serve):
    server = serve()
    url = f"http://127.0.0.1:{server.port}"
    done = askcsv.ok("doctor", "--server", url)
    assert done.stdout == done.stderr == ""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nonsense) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        at = f"http://127.0.0.1:{other.server_port}"
        for path, words in (("/page", "not as askcsv does"), ("/json", "is not ready (HTTP 503)"), ("/long", "not reached")):
            done = askcsv("doctor", "--server", at + path)
            assert done.returncode == 1 and words in done.stderr, done.stderr
        other.shutdown()
    for word in ("127.0.0.1:8080", "file:///etc/passwd", ""):
        done = askcsv("doctor", "--server", word)
        assert done.returncode == 2 and "no URL" in done.stderr


def test_doctor_says_how_to_fix_it(askcsv):
    done = askcsv.ok("doctor")  # missing datasets do not hinder runs on files
    assert "askcsv datasets generate sensors" in done.stdout
    done = askcsv("doctor", env={"ASKCSV_RUNNER": "/no/such/runner"})
    assert done.returncode == 1 and "FAILS" in done.stdout and "make build" in done.stdout
    (askcsv.home / "file").write_text("")
    done = askcsv("doctor", env={"ASKCSV_HOME": askcsv.home / "file"})
    assert done.returncode == 1 and "ASKCSV_HOME" in done.stdout


def test_a_missing_runner_is_said_and_recorded(askcsv, people):
    done = askcsv("run", people, "--sql", "SELECT 1", env={"ASKCSV_RUNNER": "/no/such/runner"})
    assert done.returncode == 1 and "ASKCSV_RUNNER" in done.stderr
    assert [(c["status"], c["error"]) for c in capsules(askcsv)] == [("failed", "IO_ERROR")]


def test_a_runner_that_cannot_start_fails_the_run(askcsv, people, tmp_path):
    runner = tmp_path / "runner"
    runner.write_text("#!/no/such/shell\n")
    runner.chmod(0o755)
    done = askcsv("run", people, "--sql", "SELECT 1", "--format", "json",
                  env={"ASKCSV_RUNNER": runner})
    assert done.returncode == 1 and json.loads(done.stdout)["status"] == "failed"


def test_where_the_home_is(askcsv, people, tmp_path):
    askcsv.ok("run", people, "--sql", "SELECT 1 AS x",
              env={"ASKCSV_HOME": None, "XDG_DATA_HOME": tmp_path / "data"})
    home = tmp_path / "data/askcsv"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700 and (home / "capsules.db").exists()
    askcsv.ok("run", people, "--sql", "SELECT 1 AS x", env={"ASKCSV_HOME": None,
                                                           "XDG_DATA_HOME": "relative"})
    assert (askcsv.home / ".local/share/askcsv/capsules.db").exists()
    askcsv.ok("datasets", "generate", "support", env={"ASKCSV_HOME": "near"}, cwd=tmp_path)
    askcsv.ok("run", "support", "--sql", "SELECT 1 AS x", env={"ASKCSV_HOME": "near"}, cwd=tmp_path)


def test_a_home_behind_a_symbolic_link(shop, tmp_path):
    (tmp_path / "link").symlink_to(shop.home)
    shop.ok("run", "support", "--sql", "SELECT count(*) AS n FROM tickets",
            env={"ASKCSV_HOME": tmp_path / "link"})


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1, 2]], ids=str)
def test_closed_standard_streams(askcsv, people, closed):
    """No file of ours may land on 0, 1 or 2 and be written to as if it were the terminal."""
    pid = os.fork()
    if pid == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        for fd in closed:
            os.close(fd)
        os.execve(askcsv.path, [str(askcsv.path), "run", str(people), "--sql", "SELECT 1 AS x"],
                  askcsv.env())
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == (1 if 1 in closed else 0)
    assert [c["status"] for c in capsules(askcsv)] == ["succeeded"]
    assert askcsv.ok("capsules", "check").stdout == "intact: 1 capsules\n"


# The man page

def test_man_page_knows_every_option_and_command(askcsv):
    page = (ROOT / "docs/askcsv.1").read_text().replace("\\-", "-")
    for words in COMMANDS:
        assert " ".join(words) in page
        for option in re.findall(r"--[a-z-]+", askcsv.ok(*words, "--help").stdout):
            assert option in page, option
