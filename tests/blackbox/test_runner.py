"""askcsv-runner as a program: one request in, one response out. What holds for every response is
tried again with a warm child of a host (tests/tools/warm_runner.c) and with a runner that was ready
before its request (tests/waiting_runner.py)."""
import hashlib
import json
import os
import resource
import signal
import subprocess
import time

import pytest

from programs import Runner, clean_env


@pytest.fixture
def runner(way, request, runner_path):
    if way == "cold":
        return Runner(runner_path)
    if request.node.get_closest_marker("cold_only"):
        pytest.skip("about the process that is started for one request")
    return Runner(request.getfixturevalue(f"{way}_runner_path"))


def table(path, name="t", **more):
    return {"name": name, "path": str(path), "format": "csv", **more}


@pytest.fixture
def numbers(tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("id,name,amount\n1,one,1.50\n2,two,2.25\n3,,\n")
    return path


def run(runner, sql, *tables, args=(), **limits):
    return runner(Runner.request(sql, tables, **limits), *args)


def error_of(response):
    assert response["status"] != "success", response
    return response["error"]["type"], response["error"]["message"]


# --- the protocol -----------------------------------------------------------------------------

def test_response_has_every_member(runner, numbers):
    response = run(runner, "SELECT id, name, amount FROM t ORDER BY id, name, amount",
                   table(numbers))
    assert response["protocol"] == 1
    assert response["status"] == "success"
    assert response["columns"] == ["id", "name", "amount"]
    assert response["types"] == ["BIGINT", "VARCHAR", "DECIMAL(18,2)"]
    assert response["rows"] == [[1, "one", "1.50"], [2, "two", "2.25"], [3, None, None]]
    assert (response["row_count"], response["truncated"], response["ordered"]) == (3, False, True)
    assert response["error"] is None
    assert response["engine"]["name"] == "duckdb"
    assert set(response["timings"]) == {"load", "check", "query"}
    assert response["exec_time_ms"] > 0
    assert response["peak_memory_mb"] > 0
    assert response["stdout_trunc"] == response["stderr_trunc"] == ""
    (described,) = response["tables"]
    assert described["sha256"] == hashlib.sha256(numbers.read_bytes()).hexdigest()
    assert described["bytes"] == numbers.stat().st_size
    assert described["rows"] == 3
    assert [c["name"] for c in described["columns"]] == ["id", "name", "amount"]


def test_walls_are_reported(runner):
    walls = run(runner, "SELECT 1 AS one")["sandbox"]
    assert walls["seccomp"] and walls["no_new_privs"] and walls["no_capabilities"]
    assert walls["rlimits"]
    assert walls["landlock"] or walls["mount_namespace"]


def test_result_hash_is_the_documented_one(runner, numbers):
    def digest(data):
        return hashlib.sha256(data).digest()

    def canonical(value):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode()

    response = run(runner, "SELECT id, name FROM t", table(numbers))
    head = canonical({"columns": ["id", "name"], "ordered": False, "types": ["BIGINT", "VARCHAR"]})
    rows = sorted(digest(canonical(row)) for row in response["rows"])
    assert response["result_hash"] == hashlib.sha256(head + b"\n" + b"".join(rows)).hexdigest()
    backwards = run(runner, "SELECT id, name FROM (SELECT * FROM t ORDER BY id DESC)",
                    table(numbers))
    assert backwards["rows"] == response["rows"][::-1]
    assert backwards["result_hash"] == response["result_hash"]
    large = run(runner, "SELECT 1e17::DOUBLE AS v, {'b': 1, 'a': 2} AS s")
    head = canonical({"columns": ["v", "s"], "ordered": False,
                      "types": ["DOUBLE", 'STRUCT("b" INTEGER, "a" INTEGER)']})
    row = digest(b'[100000000000000000,{"a":2,"b":1}]')
    assert large["result_hash"] == hashlib.sha256(head + b"\n" + row).hexdigest()
    ordered = run(runner, "SELECT id, name FROM t ORDER BY id, name", table(numbers))
    turned = run(runner, "SELECT id, name FROM t ORDER BY id DESC, name", table(numbers))
    assert ordered["ordered"] and turned["ordered"]
    assert ordered["result_hash"] != turned["result_hash"]


@pytest.mark.parametrize("request_text, word", [
    (b"", "empty"),
    (b"hello", "JSON"),
    (b"[]", "object"),
    (b"{}", "protocol"),
    (b'{"protocol":2}', "protocol"),
    (b"\xff\xfe{", "UTF-8"),
    (b'{"protocol":1,"protocol":1}', "duplicate"),
    (b"[" * 100000, "nests"),
    pytest.param(b" " * (133 << 20), "larger", id="larger than an export may be"),
])
def test_bad_requests_are_answered(runner, request_text, word):
    done = runner.raw(request_text)
    assert done.returncode == 0
    response = json.loads(done.stdout)
    assert response["run_id"] is None and response["status"] == "error"
    assert response["error"]["type"] == "INVALID_REQUEST"
    assert word in response["error"]["message"]


def test_unknown_member_is_named(runner):
    response = runner({**Runner.request("SELECT 1"), "timeout": 5})
    assert response["error"]["type"] == "INVALID_REQUEST"
    assert "timeout" in response["error"]["message"] + response["error"]["pointer"]


# --- values -----------------------------------------------------------------------------------

@pytest.mark.parametrize("expression, type_name, value", [
    ("true", "BOOLEAN", True),
    ("NULL", "INTEGER", None),
    ("9007199254740991::BIGINT", "BIGINT", 9007199254740991),
    ("9007199254740992::BIGINT", "BIGINT", "9007199254740992"),
    ("(-9223372036854775808)::BIGINT", "BIGINT", "-9223372036854775808"),
    ("18446744073709551615::UBIGINT", "UBIGINT", "18446744073709551615"),
    ("170141183460469231731687303715884105727::HUGEINT", "HUGEINT",
     "170141183460469231731687303715884105727"),
    ("340282366920938463463374607431768211455::UHUGEINT", "UHUGEINT",
     "340282366920938463463374607431768211455"),
    ("12.30::DECIMAL(10,2)", "DECIMAL(10,2)", "12.30"),
    ("(-0.05)::DECIMAL(4,2)", "DECIMAL(4,2)", "-0.05"),
    ("99999999999999999999999999999999999999::DECIMAL(38,0)", "DECIMAL(38,0)", "9" * 38),
    ("0.1::DOUBLE", "DOUBLE", 0.1),
    ("0.1::FLOAT", "FLOAT", 0.1),
    ("1e-320::DOUBLE", "DOUBLE", 1e-320),
    ("1e17::DOUBLE", "DOUBLE", 1e17),
    ("(-1e20)::DOUBLE", "DOUBLE", -1e20),
    ("9007199254740993::DOUBLE", "DOUBLE", 9007199254740992.0),
    ("1e300::DOUBLE", "DOUBLE", 1e300),
    ("'NaN'::DOUBLE", "DOUBLE", "NaN"),
    ("'inf'::FLOAT", "FLOAT", "Infinity"),
    ("'-inf'::DOUBLE", "DOUBLE", "-Infinity"),
    ("DATE '2026-01-31'", "DATE", "2026-01-31"),
    ("DATE 'infinity'", "DATE", "infinity"),
    ("DATE '0044-03-15 (BC)'", "DATE", "0044-03-15 (BC)"),
    ("TIME '14:05:00.25'", "TIME", "14:05:00.25"),
    ("TIMESTAMP '2026-01-31 14:05:00'", "TIMESTAMP", "2026-01-31 14:05:00"),
    ("TIMESTAMP '1969-12-31 23:59:59.000001'", "TIMESTAMP", "1969-12-31 23:59:59.000001"),
    ("TIMESTAMP_NS '2026-01-31 14:05:00.123456789'", "TIMESTAMP_NS",
     "2026-01-31 14:05:00.123456789"),
    ("TIMESTAMPTZ '2026-01-31 14:05:00+02'", "TIMESTAMP WITH TIME ZONE", "2026-01-31 12:05:00+00"),
    ("INTERVAL '14 months 3 days 2 hours'", "INTERVAL",
     {"months": 14, "days": 3, "micros": 7200000000}),
    ("'\\xAA\\x00'::BLOB", "BLOB", "qgA="),
    ("'0101'::BIT", "BIT", "0101"),
    ("'12345678-1234-1234-1234-123456789abc'::UUID", "UUID",
     "12345678-1234-1234-1234-123456789abc"),
    ("'b'::ENUM('a', 'b')", "ENUM('a', 'b')", "b"),
    ("[1, NULL, 3]", "INTEGER[]", [1, None, 3]),
    ("[[1.5], []]", "DECIMAL(2,1)[][]", [["1.5"], []]),
    ("array_value(1, 2)", "INTEGER[2]", [1, 2]),
    ("{'b': 1, 'a': 'x'}", 'STRUCT("b" INTEGER, "a" VARCHAR)', {"b": 1, "a": "x"}),
    ("row(1, 'x', 3)", 'STRUCT("" INTEGER, "" VARCHAR, "" INTEGER)', [1, "x", 3]),
    ("MAP {1: 'x', 2: NULL}", "MAP(INTEGER, VARCHAR)", [[1, "x"], [2, None]]),
    ("'quote \" back \\ tab ' || chr(9) || ' \\u0000 é 😀'", "VARCHAR",
     'quote " back \\ tab \t \\u0000 é 😀'),
])
def test_value_forms(runner, expression, type_name, value):
    response = run(runner, f"SELECT {expression} AS v")
    assert response["status"] == "success", response["error"]
    assert response["types"] == [type_name]
    assert response["rows"] == [[value]]
    assert type(response["rows"][0][0]) is type(value)


def test_nul_in_a_value(runner):
    for sql in ("SELECT chr(0) AS v", "SELECT '\\' || chr(0) AS v", "SELECT ['a', chr(0)] AS v"):
        kind, message = error_of(run(runner, sql))
        assert kind == "SQL_EXECUTION_ERROR" and "U+0000" in message


def test_type_without_a_form_says_to_cast(runner):
    kind, message = error_of(run(runner, "SELECT 1::BIGNUM AS v"))
    assert kind in ("SQL_EXECUTION_ERROR", "SQL_POLICY_VIOLATION")
    assert "VARCHAR" in message or "BIGNUM" in message.upper()


def test_clock_is_as_of(runner):
    sql = ("SELECT now() AS a, current_date AS b, current_timestamp AS c, today() AS d, "
           "get_current_timestamp() AS e, transaction_timestamp() AS f, age(DATE '2026-01-01') AS g,"
           " current_localtimestamp() AS h")
    first = run(runner, sql)
    assert first["status"] == "success", first["error"]
    moment = "2026-01-31 00:00:00+00"
    assert first["rows"] == [[moment, "2026-01-31", moment, "2026-01-31", moment, moment,
                              {"months": 0, "days": 30, "micros": 0}, "2026-01-31 00:00:00"]]


@pytest.mark.parametrize("expression, value", [
    ("now()", "2026-01-31 00:00:00+00"),
    ("NOW()", "2026-01-31 00:00:00+00"),
    ('"Now"()', "2026-01-31 00:00:00+00"),
    ("current_timestamp", "2026-01-31 00:00:00+00"),
    ("get_current_timestamp()", "2026-01-31 00:00:00+00"),
    ("transaction_timestamp()", "2026-01-31 00:00:00+00"),
    ("current_date", "2026-01-31"),
    ("CURRENT_DATE", "2026-01-31"),
    ("today()", "2026-01-31"),
    ("current_time", "00:00:00"),
    ("localtime", "00:00:00"),
    ("localtimestamp", "2026-01-31 00:00:00"),
    ("age(TIMESTAMP '2026-01-30')", {"months": 0, "days": 1, "micros": 0}),
    ("ago(INTERVAL 1 DAY)", "2026-01-30 00:00:00+00"),
    ("date_part('year', current_date)", 2026),
    ("(SELECT max(d) FROM (SELECT current_date AS d))", "2026-01-31"),
    ("list_transform([1], lambda x: current_date)[1]", "2026-01-31"),
    ("CASE WHEN true THEN today() END", "2026-01-31"),
])
def test_each_way_to_ask_the_time_alone(runner, expression, value):
    """The clock is only set for a query that asks; each must be seen to ask by itself."""
    response = run(runner, f"SELECT {expression} AS v")
    assert response["status"] == "success", response["error"]
    assert response["rows"] == [[value]]


@pytest.mark.parametrize("sql", [
    "SELECT ('12:00:00+00' AT TIME ZONE INTERVAL '0 hours') AT TIME ZONE 'America/New_York' AS t",
    "SELECT timezone('America/New_York', timezone(INTERVAL '1 hour', '12:00:00')) AS t",
])
def test_no_time_of_day_meets_a_named_zone(runner, sql):
    """The zone's offset would be that of the real day."""
    assert run(runner, sql)["status"] != "success"


def test_moments_meet_named_zones(runner):
    sql = ("SELECT TIMESTAMP '2026-07-01 12:00:00' AT TIME ZONE 'America/New_York' AS a, "
           "TIMESTAMPTZ '2026-07-01 12:00:00+00' AT TIME ZONE 'Europe/Berlin' AS b")
    assert run(runner, sql)["rows"] == [["2026-07-01 16:00:00+00", "2026-07-01 14:00:00"]]


@pytest.mark.parametrize("type_name", ["VARCHAR COLLATE NOCASE", "TIMETZ", "TIME WITH TIME ZONE"])
def test_types_whose_answers_would_not_repeat(runner, numbers, type_name):
    columns = [{"name": n, "type": type_name} for n in ("id", "name", "amount")]
    kind, message = error_of(run(runner, "SELECT 1 AS x", table(numbers, columns=columns)))
    assert kind in ("DATASET_INVALID", "INVALID_REQUEST"), message


def test_a_column_called_user_does_not_open_the_engine(runner, tmp_path):
    path = tmp_path / "u.csv"
    path.write_text("user\nann\n")
    assert run(runner, "SELECT t.user AS u FROM t", table(path))["rows"] == [["ann"]]
    assert run(runner, "SELECT user AS u FROM range(1)", table(path))["status"] == "rejected"


def test_where_and_order_see_the_clock(runner, numbers):
    sql = "SELECT id FROM t WHERE DATE '2026-01-31' = current_date ORDER BY now(), id"
    assert run(runner, sql, table(numbers))["rows"] == [[1], [2], [3]]
    sql = "WITH c AS (SELECT today() AS d) SELECT count(*) AS n FROM t, c WHERE d = '2026-01-31'"
    assert run(runner, sql, table(numbers))["rows"] == [[3]]


# --- limits -----------------------------------------------------------------------------------

ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"


def test_max_rows_truncates(runner):
    response = run(runner, "SELECT range AS n FROM range(5000) ORDER BY n", max_rows=7)
    assert response["truncated"] and response["row_count"] == 7
    assert [row[0] for row in response["rows"]] == list(range(7))
    exact = run(runner, "SELECT range AS n FROM range(7) ORDER BY n", max_rows=7)
    assert exact["row_count"] == 7 and not exact["truncated"]
    nothing = run(runner, "SELECT range AS n FROM range(7)", max_rows=0)
    assert nothing["rows"] == [] and nothing["truncated"]


def test_output_is_bounded(runner):
    kind, message = error_of(run(runner, "SELECT repeat('x', 1000) AS s FROM range(100000)",
                                 max_rows=100000, max_output_bytes=1 << 20))
    assert kind == "RUNNER_OUTPUT_EXCEEDED" and "1048576 bytes" in message


def test_one_large_cell_is_bounded(runner):
    kind, _ = error_of(run(runner, "SELECT repeat('x', 400000000) AS s"))
    assert kind in ("RUNNER_OUTPUT_EXCEEDED", "RUNNER_RESOURCE_EXCEEDED")


@pytest.mark.parametrize("sql", [
    "SELECT list(range) AS l FROM range(300000000)",
    "SELECT string_agg(repeat('x', 1000), '') AS s FROM range(10000000)",
    "SELECT len(repeat('x', 4000000000)) AS n",
    "WITH RECURSIVE r AS (SELECT 'x' AS s UNION ALL SELECT s || s FROM r) SELECT len(s) AS n FROM r",
])
def test_memory_is_bounded(runner, sql):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    response = run(runner, sql, memory_mb=128, timeout_ms=20000)
    kind, message = error_of(response)
    assert kind in ("RUNNER_RESOURCE_EXCEEDED", "SQL_EXECUTION_ERROR"), message
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert max(peak, before) < 900 * 1024
    assert response["peak_memory_mb"] < 700


def processes_of(session):
    """Every process of the session that still runs, zombies of others' making left out."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(pid))
    return found


def children_of(pid):
    try:
        return [int(c) for c in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    except OSError:
        return []


def start(runner, sql, **limits):
    process = subprocess.Popen([runner.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=clean_env(), start_new_session=True)
    process.stdin.write(json.dumps(Runner.request(sql, **limits)).encode())
    process.stdin.close()
    process.stdin = None  # or communicate() would flush it
    return process


def wait_for_worker(process, seconds=20):
    """The worker's pid, as soon as it burns time: then it is inside the query."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for child in children_of(process.pid):
            try:
                fields = open(f"/proc/{child}/stat").read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[11]) + int(fields[12]) > 15:
                return child
        select_nothing(0.01)
    raise AssertionError("no worker was seen at work")


def select_nothing(seconds):
    import select
    select.select([], [], [], seconds)


def gone(pid, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        select_nothing(0.01)
    return False


def test_timeout_is_kept(runner):
    start_time = time.monotonic()
    response = run(runner, ENDLESS, timeout_ms=700)
    took = time.monotonic() - start_time
    assert response["status"] == "timeout"
    assert response["error"]["type"] == "RUNNER_TIMEOUT"
    assert took < 10  # 0.7 s and 0.25 s of grace on a quiet machine


def test_timeout_holds_where_the_engine_does_not_listen(runner):
    """Planning this one goes on for long after duckdb_interrupt; the kill is what counts."""
    chain = "+".join(["1"] * 240)
    sql = f"SELECT {chain} AS n FROM range(100000000) AS r(x) GROUP BY x % {chain}"
    response = run(runner, sql, timeout_ms=500)
    assert response["status"] in ("timeout", "rejected"), response["error"]


@pytest.mark.cold_only
@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_runner_and_worker(runner, signal_number):
    process = start(runner, ENDLESS, timeout_ms=60000)
    worker = wait_for_worker(process)
    process.send_signal(signal_number)
    process.communicate(timeout=20)
    assert process.returncode != 0
    assert gone(worker)


@pytest.mark.cold_only
def test_killing_the_runner_ends_the_worker(runner):
    process = start(runner, ENDLESS, timeout_ms=60000)
    worker = wait_for_worker(process)
    process.kill()
    process.communicate(timeout=20)
    assert gone(worker)


@pytest.mark.cold_only
def test_a_reader_that_goes_away_ends_both(runner):
    process = start(runner, ENDLESS, timeout_ms=60000)
    worker = wait_for_worker(process)
    process.stdout.close()
    assert process.wait(timeout=20) != 0
    process.stderr.close()
    assert gone(worker)


@pytest.mark.cold_only
def test_a_killed_worker_is_a_failed_run(runner):
    process = start(runner, ENDLESS, timeout_ms=60000)
    worker = wait_for_worker(process)
    os.kill(worker, signal.SIGKILL)
    response = json.loads(process.communicate(timeout=20)[0])
    assert response["error"]["type"] == "RUNNER_RESOURCE_EXCEEDED"
    assert "killed from outside" in response["error"]["message"]


@pytest.mark.cold_only
def test_secrets_in_the_environment_do_not_reach_the_worker(runner):
    env = clean_env(ASKCSV_TEST_SECRET="hunter2-hunter2")
    process = subprocess.Popen([runner.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=env, start_new_session=True)
    process.stdin.write(json.dumps(Runner.request(ENDLESS, timeout_ms=60000)).encode())
    process.stdin.close()
    process.stdin = None  # or communicate() would flush it
    worker = wait_for_worker(process)
    try:
        assert b"hunter2" not in open(f"/proc/{worker}/environ", "rb").read()
    except PermissionError:
        pass  # an ordinary user may not even look: the worker is not dumpable
    process.kill()
    process.communicate()
    assert gone(worker)


@pytest.mark.cold_only
def test_descriptors_of_the_caller_are_not_inherited(runner, numbers):
    with open(numbers, "rb") as mine:
        os.set_inheritable(mine.fileno(), True)
        process = subprocess.Popen([runner.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   pass_fds=[mine.fileno()], env=clean_env(),
                                   start_new_session=True)
        process.stdin.write(json.dumps(Runner.request(ENDLESS, timeout_ms=60000)).encode())
        process.stdin.close()
        process.stdin = None  # or communicate() would flush it
        worker = wait_for_worker(process)
        try:
            targets = {os.readlink(f"/proc/{worker}/fd/{fd}")
                       for fd in os.listdir(f"/proc/{worker}/fd")}
            assert all(t.startswith("pipe:") for t in targets), targets
        except PermissionError:
            pass
        process.kill()
        process.communicate()
    assert gone(worker)


# --- the dataset's files ----------------------------------------------------------------------

def test_version_is_checked(runner, numbers):
    right = hashlib.sha256(numbers.read_bytes()).hexdigest()
    assert run(runner, "SELECT 1 AS x FROM t", table(numbers, sha256=right))["status"] == "success"
    numbers.write_text(numbers.read_text().replace("two", "tow"))
    kind, message = error_of(run(runner, "SELECT 1 AS x FROM t", table(numbers, sha256=right)))
    assert kind == "DATASET_CHANGED" and "numbers.csv" in message


def test_a_change_that_breaks_the_file_is_still_a_change(runner, numbers):
    right = hashlib.sha256(numbers.read_bytes()).hexdigest()
    numbers.write_bytes(b"\xff\xfe\x00")
    kind, _ = error_of(run(runner, "SELECT 1 AS x FROM t", table(numbers, sha256=right)))
    assert kind == "DATASET_CHANGED"


@pytest.mark.cold_only
def test_a_file_that_changes_while_it_is_read(runner, tmp_path):
    path = tmp_path / "large.csv"
    line = b"1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
    path.write_bytes(b"a,b\n" + line * 1_500_000)
    process = subprocess.Popen([runner.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=clean_env(), start_new_session=True)
    request = Runner.request("SELECT count(*) AS n FROM t", [table(path)])
    process.stdin.write(json.dumps(request).encode())
    process.stdin.close()
    process.stdin = None  # or communicate() would flush it
    end = time.monotonic() + 20
    while not children_of(process.pid) and process.poll() is None and time.monotonic() < end:
        pass
    os.utime(path)
    response = json.loads(process.communicate(timeout=60)[0])
    assert response["error"] is not None, "the runner was done before the file changed"
    assert response["error"]["type"] == "DATASET_CHANGED"
    assert "while it was read" in response["error"]["message"]


def test_paths_stay_below_the_data_root(runner, tmp_path, numbers):
    inside = tmp_path / "root"
    inside.mkdir()
    good = inside / "good.csv"
    good.write_text("a\n1\n")
    args = ("--data-root", str(inside))
    sql = "SELECT * FROM t"
    assert run(runner, sql, table(good), args=args)["rows"] == [[1]]
    (inside / "link.csv").symlink_to(numbers)
    (inside / "inner.csv").symlink_to(good)
    os.mkfifo(inside / "pipe.csv")
    (inside / "folder.csv").mkdir()
    for path, word in [
        (numbers, "outside the data root"),
        (f"{inside}/../numbers.csv", "outside the data root"),
        (inside / "link.csv", "symbolic link"),
        (inside / "inner.csv", "symbolic link"),
        (inside / "pipe.csv", "not a regular file"),
        (inside / "folder.csv", "not a regular file"),
        (inside, "outside the data root"),
        (f"{inside}x/good.csv", "outside the data root"),
        ("good.csv", "absolute"),
    ]:
        kind, message = error_of(run(runner, sql, table(path), args=args))
        assert kind == "INVALID_REQUEST", (path, message)
        assert word in message, (path, message)
    kind, message = error_of(run(runner, sql, table(inside / "none.csv"), args=args))
    assert kind == "DATASET_INVALID" and "does not exist" in message


def test_names_with_glob_characters_and_quotes(runner, tmp_path):
    for name in ["a*.csv", "a?[b].csv", "it's \"quoted\" $1.csv", "päth 😀.csv", "a\nb.csv"]:
        path = tmp_path / name
        path.write_text("a\n7\n")
        assert run(runner, "SELECT * FROM t", table(path))["rows"] == [[7]], name


COLUMNS = [{"name": "id", "type": "INTEGER"}, {"name": "name", "type": "VARCHAR"},
           {"name": "amount", "type": "DECIMAL(10,2)"}, {"name": "day", "type": "DATE"}]


@pytest.mark.parametrize("line, words", [
    ("x,a,1.00,2026-01-31", ["line 3", "column id", '"x"', "INTEGER"]),
    ("1,a,1.0.0,2026-01-31", ["line 3", "column amount", '"1.0.0"']),
    ("1,a,1.00,2026-02-30", ["line 3", "column day", '"2026-02-30"']),
    ("1,a,1.00", ["line 3", "fields"]),
    ("1,a,1.00,2026-01-31,extra", ["line 3", "fields"]),
    ("99999999999,a,1.00,2026-01-31", ["line 3", "column id"]),
])
def test_a_value_that_does_not_fit_is_named(runner, tmp_path, line, words):
    path = tmp_path / "typed.csv"
    path.write_text(f"id,name,amount,day\n1,a,1.00,2026-01-31\n{line}\n2,b,2.00,2026-01-31\n")
    kind, message = error_of(run(runner, "SELECT * FROM t", table(path, columns=COLUMNS)))
    assert kind == "DATASET_INVALID"
    for word in ["typed.csv", *words]:
        assert word in message, message
    assert "/data/" not in message and "read_csv" not in message


def test_registry_types_and_nulls(runner, tmp_path):
    path = tmp_path / "typed.csv"
    path.write_text('id,name,amount,day\n1,"a,""b""\nc",1.5,2026-01-31\n2,,,\n')
    response = run(runner, "SELECT * FROM t ORDER BY ALL", table(path, columns=COLUMNS))
    assert response["types"] == ["INTEGER", "VARCHAR", "DECIMAL(10,2)", "DATE"]
    assert response["rows"] == [[1, 'a,"b"\nc', "1.50", "2026-01-31"], [2, None, None, None]]


def sniffed(runner, tmp_path, data, name="sniffed.csv"):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return run(runner, "SELECT * FROM t", table(path))


@pytest.mark.parametrize("data, columns, rows", [
    ("a;b\n1;x\n2;y\n", ["a", "b"], [[1, "x"], [2, "y"]]),
    ("a\tb\n1\tx\n2\ty\n", ["a", "b"], [[1, "x"], [2, "y"]]),
    ("a|b\n1|x\n2|y\n", ["a", "b"], [[1, "x"], [2, "y"]]),
    ("a,b\r\n1,x\r\n2,y\r\n", ["a", "b"], [[1, "x"], [2, "y"]]),
    ("\ufeffa,b\n1,x\n2,y\n", ["a", "b"], [[1, "x"], [2, "y"]]),
    ("a,b\n1,x\n2,y", ["a", "b"], [[1, "x"], [2, "y"]]),
    ('"a ""q""",b\n1,x\n2,y\n', ['a "q"', "b"], [[1, "x"], [2, "y"]]),
    ("update,drop table,é😀\n1,2,3\n", ["update", "drop table", "é😀"], [[1, 2, 3]]),
    ("a,b\n", ["a", "b"], []),
    ("day,at\n2026-01-31,2026-01-31 10:00:00\n", ["day", "at"],
     [["2026-01-31", "2026-01-31 10:00:00"]]),
])
def test_sniffed_csv(runner, tmp_path, data, columns, rows):
    response = sniffed(runner, tmp_path, data)
    assert response["status"] == "success", response["error"]
    assert response["columns"] == columns
    assert response["rows"] == rows


def test_duplicate_and_empty_headers_get_names(runner, tmp_path):
    response = sniffed(runner, tmp_path, "a,A,,a,\n1,2,3,4,5\n6,7,8,9,10\n")
    assert response["status"] == "success", response["error"]
    lower = [c.lower() for c in response["columns"]]
    assert len(set(lower)) == 5 and all(lower)
    assert response["rows"][0] == [1, 2, 3, 4, 5]


def test_late_value_of_another_type(runner, tmp_path):
    """The sample says integer; line 30,002 says otherwise."""
    data = "n\n" + "".join(f"{i}\n" for i in range(30000)) + "many\n"
    response = sniffed(runner, tmp_path, data)
    assert response["status"] == "success", response["error"]
    assert response["types"] == ["VARCHAR"]
    assert response["tables"][0]["rows"] == 30001


@pytest.mark.parametrize("data, word", [
    (b"", "empty"),
    ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
    (b"a,b\n1,\xff\xfe\n2,y\n", "UTF-8"),
    (b"a,b\n1,2\n3,4\n5\n6,7\n", "line 4"),
    (b"a,b\n1,2\n3,4,5\n6,7\n", "line 3"),
])
def test_unreadable_csv(runner, tmp_path, data, word):
    response = sniffed(runner, tmp_path, data)
    kind, message = error_of(response)
    assert kind == "DATASET_INVALID", message
    assert word in message and "sniffed.csv" in message, message


def test_a_gigantic_line(runner, tmp_path):
    """1 GB without a line end."""
    path = tmp_path / "line.csv"
    with open(path, "wb") as f:
        f.write(b"a,b\n1,2\n")
        for _ in range(1024):
            f.write(b"x" * (1 << 20))
    response = run(runner, "SELECT * FROM t", table(path), timeout_ms=60000)
    path.unlink()
    kind, message = error_of(response)
    assert kind in ("DATASET_INVALID", "RUNNER_RESOURCE_EXCEEDED"), message
    assert response["peak_memory_mb"] < 1700


def test_a_file_with_nul_bytes(runner, tmp_path):
    kind, message = error_of(sniffed(runner, tmp_path, b"a,b\n1,x\0y\n"))
    assert kind == "DATASET_INVALID" and "NUL byte at offset 7" in message


# Each of these once lost lines or altered values without a word.
@pytest.mark.parametrize("data, words", [
    ("a,b\n" + "1,2\n" * 100 + "1,2,3\n", ["line 102", "fields"]),
    ("a,b\n1,2,3\n4,5,6\n", ["line 2", "fields"]),
    ("a,b,c\n1,2\n3,4\n5,6,7\n", ["line 2", "fields"]),
    ("\na,b\n1,2\n", ["first line is empty"]),
    ('"a,b\n1,2\n', ["quote in the header"]),
])
def test_lines_are_never_dropped(runner, tmp_path, data, words):
    kind, message = error_of(sniffed(runner, tmp_path, data))
    assert kind == "DATASET_INVALID"
    for word in ["sniffed.csv", *words]:
        assert word in message, message


@pytest.mark.parametrize("data, types, last", [
    ("id,price\n" + "1,10\n" * 30000 + "1,10.5\n", ["BIGINT", "DECIMAL(18,1)"], [1, "10.5"]),
    ("a\n" + "123\n" * 30000 + "00123\n", ["VARCHAR"], ["00123"]),
    ("a\n1\n1_000\n", ["VARCHAR"], ["1_000"]),
    ("a\n0x10\n", ["VARCHAR"], ["0x10"]),
    ("a\n1\nyes\n", ["VARCHAR"], ["yes"]),
    ("f\nyes\nno\n", ["VARCHAR"], ["no"]),
    ("2020,2021\n1,2\n", ["BIGINT", "BIGINT"], [1, 2]),
    ("a\n1\n12345678901234567891\n", ["HUGEINT"], ["12345678901234567891"]),
    ("a\n" + "9" * 40 + "\n", ["VARCHAR"], ["9" * 40]),
    ("a\n1.5\n1234567890123456.78\n", ["DECIMAL(18,2)"], ["1234567890123456.78"]),
    ("a\n1E5\n", ["VARCHAR"], ["1E5"]),
    ("a\n1.5e3\n2\n", ["DOUBLE"], [2]),
    ("a\n1e999\n", ["VARCHAR"], ["1e999"]),
    ("a\n03/04/24\n", ["VARCHAR"], ["03/04/24"]),
    ("a\n2026-01-31\n2026-02-30\n", ["VARCHAR"], ["2026-02-30"]),
    ("a\n13:45:00\n13:45:00+02:00\n", ["VARCHAR"], ["13:45:00+02:00"]),
    ("a\n2026-01-31 10:00\n2026-01-31T11:00:01.5\n", ["TIMESTAMP"], ["2026-01-31 11:00:01.5"]),
    ("a\ntrue\nFALSE\n", ["BOOLEAN"], [False]),
    ("comment\ngreat\nslow; but ok\nbad, too\n", ["VARCHAR"], ["bad, too"]),
    ('\ufeff"a b",c\n1,2\n', ["BIGINT", "BIGINT"], [1, 2]),
])
def test_types_lose_nothing(runner, tmp_path, data, types, last):
    path = tmp_path / "lossless.csv"
    path.write_text(data)
    response = run(runner, "SELECT * FROM t", table(path), max_rows=100000)
    assert response["status"] == "success", response["error"]
    assert response["types"] == types
    assert response["rows"][-1] == last
    assert response["row_count"] == data.count("\n") - 1


def test_not_parquet(runner, tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 this is not parquet PAR1")
    response = runner(Runner.request("SELECT * FROM t",
                                     [{"name": "t", "path": str(path), "format": "parquet"}]))
    kind, message = error_of(response)
    assert kind == "DATASET_INVALID" and "t.parquet" in message


# --- check and describe -----------------------------------------------------------------------

def test_check_opens_no_file(runner):
    tables = [table("/nowhere/at/all.csv")]
    assert runner(Runner.request("SELECT * FROM t", tables, op="check"))["status"] == "success"
    refused = runner(Runner.request("SELECT * FROM elsewhere", tables, op="check"))
    assert refused["status"] == "rejected"
    assert refused["error"]["type"] == "SQL_POLICY_VIOLATION"
    assert refused["error"]["position"] == 15


def test_describe(runner, numbers):
    request = Runner.request(None, [table(numbers)], op="describe")
    del request["as_of"]  # there is nothing to count from
    response = runner(request)
    assert response["status"] == "success" and response["rows"] is None
    (described,) = response["tables"]
    assert [(c["name"], c["type"]) for c in described["columns"]] == [
        ("id", "BIGINT"), ("name", "VARCHAR"), ("amount", "DECIMAL(18,2)")]


def test_tables_by_dataset_name(runner, numbers):
    sql = "SELECT count(*) AS n FROM test.t JOIN t AS other USING (id)"
    assert run(runner, sql, table(numbers))["rows"] == [[3]]


def test_execution_error_has_a_position(runner, numbers):
    response = run(runner, "SELECT /* é */ nome FROM t", table(numbers))
    assert response["status"] == "error"
    assert response["error"]["type"] == "SQL_EXECUTION_ERROR"
    assert response["error"]["position"] == 16
    assert "nome" in response["error"]["message"]


def test_syntax_error_is_a_rejection(runner, numbers):
    response = run(runner, "SELEC id FROM t", table(numbers))
    assert response["status"] == "rejected"
    assert response["error"]["type"] in ("VALIDATION_ERROR", "SQL_POLICY_VIOLATION")


@pytest.mark.cold_only
def test_probe(runner):
    done = runner.raw(b"", "--probe")
    assert done.returncode == 0
    probe = json.loads(done.stdout)
    assert probe["verdict"] == "ok" and probe["walls"]["seccomp"]
    assert probe["engine"]["version"].startswith("v")


@pytest.mark.cold_only
def test_usage(runner):
    assert runner.raw(b"", "--help").returncode == 0
    assert runner.raw(b"", "--version").stdout.startswith(b"askcsv-runner ")
    assert runner.raw(b"", "--nonsense").returncode == 2
    assert runner.raw(b"", "extra").returncode == 2
    assert runner.raw(b"{}", "--data-root", "/nowhere").returncode == 2
