"""The runner's op "export": what it writes is read back by the same program, and what a result can be
made to look like does no harm, whichever wall is left."""
import base64
import json
import os
import uuid

import pytest

from programs import Runner, call, clean_env, program

# Types, and values as a query has them.
KEPT = [
    ("BIGINT", "9007199254740993"), ("BIGINT", "-5"), ("HUGEINT", "-12345678901234567890123456789"),
    ("UBIGINT", "18446744073709551615"), ("TINYINT", "-128"), ("UINTEGER", "4294967295"),
    ("DECIMAL(10,2)", "-0.05"), ("DECIMAL(38,10)", "1234567890123456789012345678.0123456789"),
    ("DOUBLE", "'NaN'"), ("DOUBLE", "'-Infinity'"), ("DOUBLE", "0.1"), ("DOUBLE", "1e300"),
    ("FLOAT", "0.1"), ("BOOLEAN", "true"), ("DATE", "'2026-01-31'"), ("DATE", "'0044-03-15 (BC)'"),
    ("DATE", "'infinity'"), ("TIMESTAMP", "'2026-01-31 14:05:00.000001'"),
    ("TIMESTAMP", "'-infinity'"), ("TIMESTAMP", "'294246-12-31 23:59:59'"),
    ("TIMESTAMP WITH TIME ZONE", "'2026-01-31 14:05:00+02'"),
    ("TIMESTAMP_NS", "'2026-01-31 14:05:00.123456789'"), ("TIMESTAMP_S", "'2026-01-31 14:05:00'"),
    ("TIMESTAMP_MS", "'2026-01-31 14:05:00.123'"), ("TIME", "'24:00:00'"),
    ("TIME", "'14:05:00.25'"),
    ("INTERVAL", "'-14 months 3 days 0.000001 seconds'"),
    ("VARCHAR", "'Größe \"x\" ''y'' \n\t\\'"), ("VARCHAR", "'😀'"), ("VARCHAR", "''"),
    ("VARCHAR", "repeat('x', 100000)"), ("BLOB", r"'\x00\xFF'"), ("BLOB", "''"),
    ("UUID", "'8f14e45f-ceea-467f-9b3d-9a7e2f0f3b11'"), ("BIT", "'0101'"), ("ENUM('a', 'b''c')", "'b''c'"),
    ("INTEGER[]", "[1, NULL, 3]"), ("VARCHAR[][]", "[['a'], NULL, []]"), ("INTEGER[2]", "[1, 2]"),
    ('STRUCT("a b" INTEGER, "c" HUGEINT[])', "{'a b': 1, 'c': [1, NULL]}"),
    ("MAP(VARCHAR, INTERVAL)", "MAP {'k': INTERVAL '1 day', 'l': NULL}"),
]
# What a type becomes where Parquet, or DuckDB's writer, has no form of its own for it.
BECOMES = {
    "HUGEINT": "DECIMAL(38,0)", "BIT": "VARCHAR", "ENUM('a', 'b''c')": "VARCHAR",
    "INTERVAL": 'STRUCT("months" INTEGER, "days" INTEGER, "micros" BIGINT)',
    "TIMESTAMP_S": "TIMESTAMP", "TIMESTAMP_MS": "TIMESTAMP",
    "INTEGER[2]": "INTEGER[]",
    'STRUCT("a b" INTEGER, "c" HUGEINT[])': 'STRUCT("a b" INTEGER, "c" DECIMAL(38,0)[])',
    "MAP(VARCHAR, INTERVAL)":
        'MAP(VARCHAR, STRUCT("months" INTEGER, "days" INTEGER, "micros" BIGINT))',
}


def request_of(columns, types, rows, **limits):
    request = Runner.request(op="export", dataset="result", **limits)
    request["result"] = {"columns": columns, "types": types,
                         "rows": rows if isinstance(rows, str) else json.dumps(rows)}
    return request


@pytest.fixture
def runner(runner_path):
    return Runner(runner_path)


def read_back(runner, folder, response, sql="SELECT * FROM t", **limits):
    assert response["status"] == "success", response["error"]
    path = folder / f"{uuid.uuid4()}.parquet"
    path.write_bytes(base64.b64decode(response["file"], validate=True))
    table = {"name": "t", "path": str(path), "format": "parquet"}
    back = runner(Runner.request(sql, [table], **limits))
    assert back["status"] == "success", back["error"]
    return back


def same(value, back):
    """Text for text but for the numbers that are now DECIMAL, which are written as texts."""
    if isinstance(value, dict) and isinstance(back, dict):
        return set(value) == set(back) and all(same(v, back[k]) for k, v in value.items())
    if isinstance(value, list) and isinstance(back, list):
        return len(value) == len(back) and all(same(a, b) for a, b in zip(value, back))
    return value == back or (isinstance(value, int) and not isinstance(value, bool)
                             and str(value) == back)


@pytest.mark.parametrize("kind,value", KEPT)
def test_a_round_trip_keeps_the_type_and_the_value(runner, tmp_path, kind, value):
    asked = runner(Runner.request(
        f"SELECT * FROM (VALUES (CAST({value} AS {kind})), (NULL), (CAST({value} AS {kind}))) AS v(x)"))
    assert asked["status"] == "success" and asked["types"] == [kind], asked
    made = runner(request_of(asked["columns"], asked["types"], asked["rows"]))
    back = read_back(runner, tmp_path, made)
    assert back["types"] == made["types"] == [BECOMES.get(kind, kind)]
    assert len(back["rows"]) == 3 and back["rows"][1] == [None]
    for row, again in zip(asked["rows"], back["rows"]):
        assert (same(row[0], again[0]) if row[0] is not None else again[0] is None), (row, again)
    assert made["row_count"] == 3 and made["rows"] is None and made["result_hash"] is None


def test_times_with_a_zone_become_text(runner, tmp_path):
    """A query does not give them; a result that is older than that may."""
    made = runner(request_of(["t"], ["TIME WITH TIME ZONE"], [["14:05:00+05:30"]]))
    back = read_back(runner, tmp_path, made)
    assert back["types"] == ["VARCHAR"] and back["rows"] == [["14:05:00+05:30"]]


def test_structs_without_names(runner, tmp_path):
    asked = runner(Runner.request("SELECT row(1, 'x') AS r"))
    back = read_back(runner, tmp_path, runner(request_of(["r"], asked["types"], asked["rows"])))
    assert back["rows"] == [[{"f1": 1, "f2": "x"}]]


def test_a_result_without_rows_keeps_its_columns(runner, tmp_path):
    made = runner(request_of(["n", "text"], ["BIGINT", "VARCHAR"], []))
    back = read_back(runner, tmp_path, made)
    assert made["row_count"] == 0 and back["rows"] == []
    assert back["columns"] == ["n", "text"] and back["types"] == ["BIGINT", "VARCHAR"]


def test_names_are_made_different(runner, tmp_path):
    made = runner(request_of(["a", "A", "", "a"], ["BIGINT"] * 4, [[1, 2, 3, 4]]))
    back = read_back(runner, tmp_path, made)
    assert made["columns"] == back["columns"] == ["a", "A_2", "column_3", "a_3"]
    assert back["rows"] == [[1, 2, 3, 4]]


def test_ten_thousand_rows_in_their_order(runner, tmp_path):
    rows = [[i, f"text {i}", None if i % 7 else [i]] for i in range(10000)]
    made = runner(request_of(["n", "t", "l"], ["BIGINT", "VARCHAR", "BIGINT[]"], rows))
    assert made["row_count"] == 10000
    back = read_back(runner, tmp_path, made, max_rows=10000)
    assert back["rows"] == rows


def test_the_same_result_gives_the_same_bytes(runner):
    request = request_of(["a", "b"], ["DOUBLE", "VARCHAR"], [[i / 7, str(i)] for i in range(5000)])
    assert runner(request)["file"] == runner(request)["file"]


def test_the_file_says_where_it_is_from(runner, tmp_path):
    request = request_of(["i", "q"], ["INTERVAL", "ENUM('it''s')"], [])
    made = runner(request)
    assert made["run_id"] == request["run_id"]
    text = base64.b64decode(made["file"])
    assert request["run_id"].encode() in text and b"""["INTERVAL","ENUM('it''s')"]""" in text


HOSTILE = [
    (["BIGINT"], '[["x"]]', "not a value of type BIGINT"), (["BIGINT"], "[[1,2]]", "row 1"),
    (["BIGINT"], "[[1],[2]", "row 3"), (["BIGINT"], "{}", "array"), (["BIGINT"], "", "array"),
    (["BIGINT"], "[[1]]; DROP TABLE x", "more follows"), (["BIGINT"], "[[" + "[" * 5000, "depth"),
    (["BIGINT"], "[" * 1000000, "row 1"), (["BIGINT"], '[["' + "9" * 1000000 + '"]]', "not a value"),
    (["VARCHAR"], r'[["\u0000"]]', "u0000"), (["VARCHAR"], '[[1e999]]', "overflow"),
    (["BIGINT); COPY t TO '/tmp/x"], "[]", "not the name of a type"), ([""], "[]", "not the name"),
    (["INTEGER" + "[]" * 64], "[]", "nests deeper"), (["STRUCT(" * 5000], "[]", "type"),
    (["DECIMAL(38,38)"], '[["1.0"]]', "not a value"), (["UNION(a INTEGER)"], "[]", "not the name"),
    (["STRUCT(\"a\" INTEGER, \"A\" INTEGER)"], '[[{"a":1,"A":2}]]', "twice"),
    (["STRUCT(\"a\" INTEGER, \"a\" INTEGER)"], "[]", "twice"),
]


@pytest.mark.parametrize("types,rows,said", HOSTILE)
def test_rows_that_are_none(runner, types, rows, said):
    made = runner(request_of(["a"], types, rows))
    assert made["status"] == "error" and "file" not in made
    assert made["error"]["type"] == "INVALID_REQUEST", made["error"]
    assert said in made["error"]["message"]
    assert not made["stderr_trunc"] and not made["stdout_trunc"]


def test_a_number_that_parquet_has_no_place_for(runner):
    made = runner(request_of(["h"], ["HUGEINT"], [["170141183460469231731687303715884105727"]]))
    assert made["error"]["type"] == "SQL_EXECUTION_ERROR" and "cast" in made["error"]["message"]


def test_what_is_too_large(runner):
    rows = [[os.urandom(8).hex()] for _ in range(5000)]
    made = runner(request_of(["a"], ["VARCHAR"], rows, max_output_bytes=20000))
    assert made["error"]["type"] == "RUNNER_OUTPUT_EXCEEDED" and "file" not in made


def test_lists_that_fill_the_memory(runner):
    """Small as text, large in the engine: an end with a clear word, whatever it is."""
    rows = "[[" + json.dumps([[]] * 1500000, separators=(",", ":")) + "]]"
    made = runner(request_of(["a"], ["STRUCT(\"" + "\" HUGEINT, \"".join("abcdefgh") + "\" HUGEINT)[][]"],
                             rows.replace("[]", "[null]"), memory_mb=64))
    assert made["status"] == "error", made["status"]
    assert made["error"]["type"] in ("RUNNER_RESOURCE_EXCEEDED", "INTERNAL_ERROR"), made["error"]


def test_the_deadline_holds(runner):
    rows = [[i, f"{i}" * 20] for i in range(200000)]  # a second of work and more
    made = runner(request_of(["a", "b"], ["BIGINT", "VARCHAR"], rows, timeout_ms=1))
    assert made["status"] == "timeout" and made["error"]["type"] == "RUNNER_TIMEOUT"


@pytest.mark.parametrize("members", [
    {"result": None}, {"result": {}}, {"sql": "SELECT 1"}, {"result": {"columns": [], "types": [], "rows": "[]"}},
    {"result": {"columns": ["a"], "types": ["BIGINT"], "rows": [[1]]}},
    {"result": {"columns": ["a"], "types": [], "rows": "[]"}},
])
def test_requests_that_are_none(runner, members):
    made = runner({**request_of(["a"], ["BIGINT"], "[]"), **members})
    assert made["status"] == "error" and made["error"]["type"] == "INVALID_REQUEST"
    assert made["error"]["pointer"]


def test_a_host_does_not_take_it(own_warm_runner_path):
    made = Runner(own_warm_runner_path)(request_of(["a"], ["BIGINT"], "[[1]]"))
    assert made["error"]["type"] == "INVALID_REQUEST" and "own" in made["error"]["message"]


# Each wall by itself. There is no SQL that the policy could refuse; what is hostile is in names, types
# and values, of which none reaches a statement.

NAMES = ["'); COPY (SELECT 1) TO '/tmp/askcsv-export-escape", "\"; ATTACH '/tmp/askcsv-export-escape'; --",
         "/etc/passwd", "../../x", "a" * 60000, "%s%n", "{}", "$1"]
WITHOUT = ["policy,engine", "policy,os", "engine,os", "policy", "engine", "os"]


@pytest.mark.parametrize("without", WITHOUT)
@pytest.mark.parametrize("types,rows", [
    (["VARCHAR"] * len(NAMES), [NAMES]),
    (["'); COPY (SELECT 1) TO '/tmp/askcsv-export-escape"] * len(NAMES), [NAMES]),
    (["ENUM('''); COPY (SELECT 1) TO ''/tmp/askcsv-export-escape')"] * len(NAMES), [NAMES]),
    (["STRUCT(\"); COPY (SELECT 1) TO '/tmp/askcsv-export-escape\" VARCHAR)"] * len(NAMES), []),
])
def test_hostile_names_and_types_with_fewer_walls(runner, tmp_path, without, types, rows):
    done = call([program("tests/tools/runner_walls"), "--without", without],
                stdin=json.dumps(request_of(NAMES, types, rows)).encode(), cwd=tmp_path,
                env=clean_env(HOME=tmp_path))
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert not os.path.exists("/tmp/askcsv-export-escape") and not os.listdir(tmp_path)
    assert made["sandbox"]["seccomp"] == ("os" not in without)
    if types[0].startswith("'"):
        assert made["error"]["type"] == "INVALID_REQUEST"
        return
    back = read_back(runner, tmp_path, made, max_output_bytes=1 << 20)
    assert [row for row in back["rows"]] == [NAMES] * len(rows)
    assert len(set(back["columns"])) == len(NAMES)


@pytest.mark.parametrize("missing,standing", [
    ("namespaces", ["landlock", "seccomp"]), ("landlock", ["mount_namespace", "seccomp"])])
def test_machines_that_give_fewer_walls(runner, runner_path, tmp_path, missing, standing):
    done = call([program("tests/tools/fewer_walls"), missing, runner_path],
                stdin=json.dumps(request_of(["a"], ["VARCHAR"], [["x"]])).encode())
    made = json.loads(done.stdout)
    assert all(made["sandbox"][wall] for wall in standing) and not made["sandbox"].get(missing)
    assert read_back(runner, tmp_path, made)["rows"] == [["x"]]


@pytest.mark.parametrize("missing", ["seccomp", "namespaces,landlock"])
def test_machines_that_give_too_few(runner_path, missing):
    done = call([program("tests/tools/fewer_walls"), missing, runner_path],
                stdin=json.dumps(request_of(["a"], ["VARCHAR"], [["x"]])).encode())
    made = json.loads(done.stdout)
    assert made["error"]["type"] == "SANDBOX_UNAVAILABLE" and "file" not in made


def test_what_the_sandbox_leaves_outside(runner, tmp_path):
    """The file is nowhere but in the response."""
    before = set(os.listdir("/tmp"))
    made = runner(request_of(["a"], ["VARCHAR"], [["x"]]), env=clean_env(TMPDIR=tmp_path, HOME=tmp_path))
    assert made["status"] == "success" and not os.listdir(tmp_path)
    assert not {name for name in set(os.listdir("/tmp")) - before if "result" in name}
