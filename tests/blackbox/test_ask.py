"""askcsv ask as a user has it: what is shown, what is kept, and what happens when the planner does not
know. Whether the planner reads questions rightly is for the questions in tests/questions."""
import json
import os
import pty
import select
import sqlite3

import pytest
from jsonschema import Draft202012Validator

from programs import ROOT

SCHEMA = Draft202012Validator(json.loads((ROOT / "schemas/capsule.v1.json").read_text()))
GOLDEN = {"ecommerce": "What are the top 10 products by revenue?",
          "support": "What's our SLA compliance rate by priority level?",
          "sensors": "How many anomalies were detected by location in the last 24 hours?"}
UNKNOWN = "zorkmids per flurb among the gribbly snarfs"
HARMFUL = "\x1b[2J\x1b]0;t\x07 \u202e zorkmids \x9b31m"
PROMPT = "Which one?"


def capsules(askcsv):
    return askcsv.json("capsules", "list", "--limit", 0, "--format", "json")


def last(askcsv):
    capsule = askcsv.json("capsules", "show", "last", "--format", "json")
    assert not list(SCHEMA.iter_errors(capsule))
    return capsule


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("id,name,height\n1,Ann,1.5\n2,Ben,1.75\n3,Zoë,2.25\n")
    return path


def terminal(askcsv, *args, typed=(), **env):
    """Runs askcsv on a terminal; at each prompt it gets the next line of typed, None being the end of
    the input. Its exit status and output."""
    pid, leader = pty.fork()
    if pid == 0:
        os.chdir(askcsv.home)
        os.execve(askcsv.path, [str(askcsv.path), *map(str, args)],
                  {"TERM": "xterm", "NO_COLOR": "1", **askcsv.env(**env)})
    out, answered, typed = b"", 0, list(typed)
    while select.select([leader], [], [], 60)[0]:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # EIO: the other end is closed
            break
        out += chunk
        if out.count(PROMPT.encode()) > answered and typed:
            answered += 1
            line = typed.pop(0)
            os.write(leader, b"\x04" if line is None else line.encode() + b"\n")
    os.close(leader)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status, out.decode("utf-8", "replace").replace("\r\n", "\n")


# A question without an answer

def test_an_abstention_is_said_and_kept(shop):
    done = shop("ask", "ecommerce", UNKNOWN)
    assert done.returncode == 5 and done.stdout.startswith("I don't know: ")
    capsule = last(shop)
    assert capsule["run_id"] in done.stderr and "abstained" in done.stderr
    assert (capsule["status"], capsule["planner"]) == ("abstained", "builtin")
    assert capsule["question"] == UNKNOWN and capsule["as_of"] == "2026-01-31T00:00:00Z"
    assert capsule["abstention"]["message"] in done.stdout
    assert {"describe", "plan", "total"} <= set(capsule["timings"])
    assert [t["name"] for t in capsule["tables"]] == ["orders", "order_items", "inventory"]
    known = shop.json("run", "ecommerce", "--sql", "SELECT 1 AS x", "--format", "json")
    assert capsule["dataset_version"] == known["dataset_version"]


def test_an_abstention_names_words_and_questions(shop):
    done = shop("ask", "ecommerce", UNKNOWN)
    abstention = last(shop)["abstention"]
    assert "zorkmids" in abstention["words"] and "zorkmids" in done.stdout
    assert len(abstention["questions"]) == 3
    examples = done.stdout.split("It can answer, for example:\n")[1]
    assert [line.strip() for line in examples.splitlines()] == abstention["questions"]
    for question in abstention["questions"]:
        assert shop("ask", "ecommerce", question).returncode == 0, question


def test_formats_of_an_abstention(shop):
    done = shop("ask", "ecommerce", UNKNOWN, "--format", "json")
    assert done.returncode == 5 and done.stderr == ""
    assert json.loads(done.stdout) == last(shop)
    done = shop("ask", "ecommerce", UNKNOWN, "--format", "csv")
    assert done.returncode == 5 and done.stdout == "" and "I don't know: " in done.stderr


def test_an_abstention_about_files(askcsv, people):
    done = askcsv("ask", people, UNKNOWN)
    capsule = last(askcsv)
    assert done.returncode == 5 and f"table people is {people}" in done.stderr
    assert (capsule["dataset_id"], capsule["status"]) == ("files", "abstained")
    version = askcsv.json("run", people, "--sql", "SELECT 1 AS x", "--format", "json")
    assert capsule["dataset_version"] == version["dataset_version"]
    assert capsule["tables"][0]["sha256"] == version["tables"][0]["sha256"]


def test_verify_says_that_nothing_ran(shop):
    shop("ask", "support", UNKNOWN)
    done = shop("verify", "last")
    assert done.returncode == 1 and done.stdout == "not repeatable\n"
    assert "abstained" in done.stderr and "nothing ran" in done.stderr
    assert shop.ok("capsules", "check").stdout == "intact: 1 capsules\n"


def test_capsules_show_the_question_and_why(shop):
    shop("ask", "support", UNKNOWN)
    assert UNKNOWN[:30] in shop.ok("capsules", "list").stdout
    shown = shop.ok("capsules", "show", "last").stdout
    assert UNKNOWN in shown and "I don't know: " in shown
    listed = capsules(shop)[0]
    assert (listed["question"], listed["reading"], listed["status"]) == (UNKNOWN, None, "abstained")


# What may be asked, and how

def test_words_and_standard_input_are_the_same_question(shop):
    for args, stdin in [([UNKNOWN], None), (UNKNOWN.split(), None), (["-"], UNKNOWN),
                        (["-"], UNKNOWN + "\r\n"), (["--", *UNKNOWN.split()], None)]:
        assert shop("ask", "ecommerce", *args, stdin=stdin).returncode == 5
        assert last(shop)["question"] == UNKNOWN


@pytest.mark.parametrize("args,stdin", [(["x" * 60000, "x" * 60000], None), (["-"], "x" * 102401)])
def test_a_question_that_is_too_long(shop, args, stdin):
    done = shop("ask", "ecommerce", *args, stdin=stdin)
    assert done.returncode == 2 and "102400 bytes" in done.stderr and capsules(shop) == []


@pytest.mark.parametrize("question", [
    b"", b" \n\t ", b"?", b"\0", b"how\0many orders?", b"how many \xff\xfe orders", b"\xf0\x9f\x98\x80" * 5000,
    b"x" * 102400, b"a " * 51200, b"(" * 3000, b"\"'`;--/* */ DROP TABLE orders", "คำถาม ในใจ 质问".encode(),
    HARMFUL.encode(), b"%s%n%s %x", b"{}[]\\u0000", bytes(range(1, 256)),
], ids=lambda q: repr(q[:16]))
def test_any_bytes_are_a_question(shared_shop, question):
    done = shared_shop("ask", "ecommerce", "-", "--format", "json", stdin=question)
    capsule = json.loads(done.stdout)
    assert not list(SCHEMA.iter_errors(capsule))
    assert (done.returncode, capsule["status"]) in [(5, "abstained"), (3, "rejected"),
                                                    (0, "succeeded")]
    assert "\0" not in capsule["question"]


@pytest.mark.parametrize("args", [[], ["--format", "csv"], ["--format", "json"], ["--explain"]],
                         ids=" ".join)
def test_a_question_does_not_drive_the_terminal(shop, args):
    status, out = terminal(shop, "ask", "ecommerce", HARMFUL, *args)
    assert status in (0, 5) and not set("\x1b\x9b\x07\u202e") & set(out)
    for words in (["capsules", "show", "last"], ["capsules", "list"],
                  ["capsules", "show", "last", "--brief"]):
        status, out = terminal(shop, *words)
        assert status == 0 and not set("\x1b\x9b\x07\u202e") & set(out)


def test_as_of_is_what_the_capsule_says(shop, people):
    shop("ask", "ecommerce", UNKNOWN, "--as-of", "2025-06-01T12:00:00Z")
    assert last(shop)["as_of"] == "2025-06-01T12:00:00Z"
    shop("ask", people, UNKNOWN)
    capsule = last(shop)
    assert capsule["as_of"][:10] == capsule["created_at"][:10] or capsule["as_of"] > "2026"


# Data that cannot be read

def test_a_missing_source_is_no_run(shop):
    done = shop("ask", "nothing.csv", "how many?")
    assert done.returncode == 1 and "DATASET_NOT_FOUND" in done.stderr and capsules(shop) == []
    done = shop("ask", "ecomerce", "how many?")
    assert done.returncode == 1 and "did you mean ecommerce?" in done.stderr


def test_a_file_that_is_no_table_fails_the_run(askcsv, tmp_path):
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1 and nothing of it")
    done = askcsv("ask", path, "how many?")
    capsule = last(askcsv)
    assert done.returncode == 1 and capsule["status"] == "failed" and capsule["question"] == "how many?"
    assert capsule["error"]["type"] in done.stderr


def test_a_changed_dataset_fails_the_run(shop):
    path = shop.home / "datasets/support/tickets.csv"
    path.write_bytes(path.read_bytes().replace(b"Email", b"Emaii", 1))
    done = shop("ask", "support", GOLDEN["support"])
    assert done.returncode == 1 and "DATASET_CHANGED" in done.stderr
    assert last(shop)["status"] == "failed"
    done = shop("verify", "last")
    assert done.stdout == "not repeatable\n" and "before there was a plan" in done.stderr


# Going on from a run

PLAN = {"dataset_id": "ecommerce", "table": "orders", "select": [{"func": "count", "alias": "n"}]}


def test_after_goes_on_from_a_plan(shop):
    shop.ok("run", "ecommerce", "--plan", "-", stdin=json.dumps(PLAN))
    run_id = last(shop)["run_id"]
    shop.ok("verify", "last")  # whose run "last" passes over
    for run in ("last", run_id, run_id[:13]):
        assert shop("ask", "ecommerce", "--after", run, UNKNOWN).returncode == 5
        if run == "last":
            done = shop("ask", "ecommerce", "--after", "last", UNKNOWN)
            assert done.returncode == 2 and "abstained" in done.stderr


def test_after_what_has_no_plan_of_this_data(shop, people, tmp_path):
    done = shop("ask", "ecommerce", "--after", "last", "only for Books")
    assert done.returncode == 1 and "RUN_NOT_FOUND" in done.stderr
    shop.ok("run", "ecommerce", "--sql", "SELECT 1 AS x")
    done = shop("ask", "ecommerce", "--after", "last", "only for Books")
    assert done.returncode == 2 and "no plan" in done.stderr
    shop.ok("run", "ecommerce", "--plan", "-", stdin=json.dumps(PLAN))
    done = shop("ask", "support", "--after", "last", "only for Email")
    assert done.returncode == 2 and "about ecommerce, not about support" in done.stderr
    about_people = {**PLAN, "dataset_id": "files", "table": "people"}
    shop.ok("run", people, "--plan", "-", stdin=json.dumps(about_people))
    other = tmp_path / "other/people.csv"
    other.parent.mkdir()
    other.write_bytes(people.read_bytes())
    done = shop("ask", other, "--after", "last", "and Ben?")
    assert done.returncode == 2 and "other files" in done.stderr
    assert shop("ask", people, "--after", "last", UNKNOWN).returncode == 5
    assert "abstained" == last(shop)["status"]


def test_a_plan_that_no_longer_fits_is_not_gone_on_from(askcsv, people):
    plan = {**PLAN, "dataset_id": "files", "table": "people", "select": [{"column": "height"}]}
    askcsv.ok("run", people, "--plan", "-", stdin=json.dumps({**plan, "limit": 3}))
    people.write_text("id,size\n1,2\n")
    done = askcsv("ask", people, "--after", "last", "and Ben?")
    assert done.returncode == 3 and "to go on from" in done.stderr and "height" in done.stderr
    assert last(askcsv)["status"] == "rejected"


# A question with an answer

@pytest.mark.parametrize("dataset", GOLDEN)
def test_golden_question(shop, dataset):
    done = shop.ok("ask", dataset, GOLDEN[dataset])
    capsule = last(shop)
    sentence = capsule["reading"]["sentence"]
    lines = done.stdout.splitlines()
    assert lines[0] == sentence and "to repeat and compare" in done.stderr
    assert [line for line in lines if line.startswith("Assumed: ")] == [
        f"Assumed: {text}" for text in capsule["reading"]["assumptions"]]
    assert (capsule["question"], capsule["planner"]) == (GOLDEN[dataset], "builtin")
    assert capsule["query_mode"] == "plan" and isinstance(capsule["plan"], dict)
    assert {"describe", "plan", "load", "query", "total"} <= set(capsule["timings"])
    golden = ROOT / f"datasets/golden/{dataset}-1.plan.json"
    answer = shop.ok("run", dataset, "--plan", golden, "--format", "csv").stdout
    assert shop.ok("ask", dataset, GOLDEN[dataset], "--format", "csv").stdout == answer
    assert shop.ok("verify", capsule["run_id"]).stdout == "same\n"
    listed = next(c for c in capsules(shop) if c["run_id"] == capsule["run_id"])
    assert listed["reading"]["sentence"] == sentence
    assert f"read as         {sentence}\n" in shop.ok("capsules", "show", capsule["run_id"]).stdout
    assert "read as" in shop.ok("capsules", "list").stdout


def test_explain_shows_plan_and_sql(shop):
    done = shop.ok("ask", "ecommerce", GOLDEN["ecommerce"], "--explain")
    capsule = last(shop)
    plan = done.stdout[done.stdout.index("{"):done.stdout.index("\nSELECT")]
    assert json.loads(plan) == capsule["plan"] and capsule["sql"] in done.stdout
    assert all(len(line) <= 100 for line in plan.splitlines())
    done = shop.ok("ask", "ecommerce", GOLDEN["ecommerce"], "--explain", "--format", "csv")
    assert "SELECT" not in done.stdout and capsule["sql"] in done.stderr
    assert capsule["reading"]["sentence"] in done.stderr


def test_limits_count_for_questions(shop):
    done = shop.ok("ask", "ecommerce", GOLDEN["ecommerce"], "--max-rows", 3, "--format", "json")
    capsule = json.loads(done.stdout)
    assert capsule["result"]["row_count"] == 3 and capsule["result"]["truncated"]
    assert capsule["limits"]["max_rows"] == 3


def test_follow_up(shop):
    shop.ok("ask", "ecommerce", GOLDEN["ecommerce"])
    before = last(shop)
    shop.ok("ask", "ecommerce", "--after", "last", "only for Books")
    after = last(shop)
    assert after["plan"] != before["plan"] and after["question"] == "only for Books"
    assert "Books" in after["reading"]["sentence"]
    assert shop.ok("verify", "last").stdout == "same\n"


# Choices

@pytest.fixture
def ambiguous(shop, tmp_path):
    """A question with two readings that differ: there are two prices."""
    path = tmp_path / "trips.csv"
    path.write_text("id,price_eur,price_usd\n1,2.5,3.5\n2,4.5,5.5\n3,6.5,7.5\n")
    words = [path, "What is the average price?"]
    assert shop("ask", *words, "--format", "json").returncode == 5
    abstention = last(shop)["abstention"]
    assert abstention["reason"] == "ambiguous" and len(abstention["choices"]) == 2
    return words


def test_choices_are_listed(shop, ambiguous):
    done = shop("ask", *ambiguous)
    choices = last(shop)["abstention"]["choices"]
    assert done.returncode == 5 and PROMPT not in done.stdout
    for number, choice in enumerate(choices, 1):
        assert f"  {number}. {choice['reading']}\n" in done.stdout


def test_a_choice_is_a_run_of_its_own(shop, ambiguous):
    status, out = terminal(shop, "ask", *ambiguous, typed=["0", "7777", "no", " 2 "])
    picked, abstained = (shop.json("capsules", "show", c["run_id"], "--format", "json")
                         for c in capsules(shop)[:2])
    assert status == 0 and out.count(PROMPT) == 4 and "1 row, " in out
    choice = abstained["abstention"]["choices"][1]
    assert abstained["status"] == "abstained" and picked["status"] == "succeeded"
    assert picked["plan"] == choice["plan"] and picked["reading"]["sentence"] == choice["reading"]
    for member in ("question", "planner", "as_of", "dataset_version", "limits"):
        assert picked[member] == abstained[member]
    assert picked["result"]["rows"] in ([["4.50"]], [["5.50"]])
    assert shop.ok("verify", "last").stdout == "same\n"


@pytest.mark.parametrize("typed", ["", " ", None], ids=repr)
def test_no_choice(shop, ambiguous, typed):
    n = len(capsules(shop))
    status, out = terminal(shop, "ask", *ambiguous, typed=[typed])
    assert status == 5 and out.count(PROMPT) == 1 and len(capsules(shop)) == n + 1


def test_only_a_terminal_is_asked(shop, ambiguous):
    for args in (["--format", "csv"], ["--format", "json"]):
        status, out = terminal(shop, "ask", *ambiguous, *args)
        assert status == 5 and PROMPT not in out


# One command, one host

def test_the_host_outlives_the_first_of_two_calls(askcsv, people, runner_path):
    """With ASKCSV_LINGER=0, too: the tables are read once."""
    runner = askcsv.home / "runner"
    runner.write_text(f"#!/bin/sh\necho \"$1\" >>{askcsv.home}/log\nexec {runner_path} \"$@\"\n")
    runner.chmod(0o755)
    plan = {**PLAN, "dataset_id": "files", "table": "people"}
    askcsv.ok("run", people, "--plan", "-", stdin=json.dumps(plan), env={"ASKCSV_RUNNER": runner})
    assert (askcsv.home / "log").read_text().split() == ["host"]


# Killed

def test_a_question_that_was_cut_off_is_not_lost(shop):
    """Its capsule is there before anything is looked at; whoever comes next seals it."""
    runner = shop.home / "runner"
    runner.write_text("#!/bin/sh\n[ \"$1\" != host ] || exit 1\ncat >/dev/null\nkill -9 $PPID\n")
    runner.chmod(0o755)
    assert shop("ask", "ecommerce", "how many orders?", env={"ASKCSV_RUNNER": runner}).returncode < 0
    with sqlite3.connect(shop.home / "capsules.db") as db:
        bodies = [body for (body,) in db.execute("SELECT body FROM capsules").fetchall()]
    db.close()
    assert len(bodies) == 1 and "how many orders?" in bodies[0]
    shop.ok("capsules", "check")
    assert last(shop)["status"] == "failed"
