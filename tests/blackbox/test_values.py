"""The value index, as the runner gives it: counted by one that runs once, and kept by a host with
the snapshot. Both must say the same, to the byte."""
import hashlib
import json
import shutil

import pytest

from host import start_host
from programs import Runner

COLUMN_MAX, DATASET_MAX, TEXT_MAX = 50_000, 200_000, 200  # dataset/values.h


def table(path, name="t", **more):
    return {"name": name, "path": str(path), "format": "csv", **more}


def request(tables, **limits):
    return Runner.request(None, tables, op="values", **limits)


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    host = start_host(tmp_path_factory.mktemp("values") / "home", spares=1)
    yield host
    host.end()


@pytest.fixture
def ask(runner, host):
    """The tables' members of the index, after every way of getting it gave the same bytes."""
    def both(tables, **limits):
        given = []
        for serve in (runner, host.run, host.run):
            response = serve(request(tables, **limits))
            assert response["status"] == "success", response["error"]
            assert response["rows"] is None and len(response["tables"]) == len(tables)
            given.append(json.dumps(response["values"]))
        assert given[0] == given[1] == given[2]
        return json.loads(given[0])["tables"]
    return both


def write(path, header, rows):
    path.write_text(header + "\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return table(path)


def columns(index):
    return {column["name"]: column for column in index["columns"]}


# --- what it says -----------------------------------------------------------------------------

def test_each_kind_of_column(ask, tmp_path):
    (index,) = ask([write(tmp_path / "t.csv", "id,big,price,day,moment,time,yes,name,rate", [
        "3,123456789012345678901234567890,12.50,2026-01-31,2026-01-31 10:00:00,10:00:00,true,b,1.5e3",
        "1,2,0.05,2024-02-29,2024-02-29T23:59:59.5,24:00:00,false,a,-2.5e-7",
        "3,,,,,,,,"])])
    assert (index["name"], index["rows"]) == ("t", 3)
    assert [list(c.values())[1:] for c in index["columns"]] == [
        [0, 2, "1", "3"],
        [1, 2, "2", "123456789012345678901234567890"],
        [1, 2, "0.05", "12.50"],
        [1, 2, "2024-02-29", "2026-01-31"],
        [1, 2, "2024-02-29 23:59:59.5", "2026-01-31 10:00:00"],
        [1, 2, "10:00:00", "24:00:00"],
        [1, 2],
        [1, 2, "a", "b", ["a", "b"], True],
        [1, 2, "-2.5e-07", "1500.0"]]
    assert list(index["columns"][7]) == ["name", "nulls", "distinct", "min", "max", "values",
                                         "complete"]


def test_given_types(ask, tmp_path):
    file = write(tmp_path / "t.csv", "a,b,c,d", ["1,0.0,x,1", "2,-0.0,y,2", "2,,z,3"])
    file["columns"] = [{"name": "a", "type": "VARCHAR"}, {"name": "b", "type": "DOUBLE"},
                       {"name": "c", "type": "varchar(20)"}, {"name": "d", "type": "HUGEINT"}]
    (index,) = ask([file])
    by_name = columns(index)
    assert by_name["a"]["values"] == ["1", "2"] and by_name["c"]["values"] == ["x", "y", "z"]
    # Zero and minus zero are equal; which of them is the smallest must not be chance.
    assert by_name["b"] == {"name": "b", "nulls": 1, "distinct": 1, "min": "0.0", "max": "0.0"}
    assert "values" not in by_name["d"]


def test_texts_of_all_kinds(ask, tmp_path):
    long, longer = "y" * TEXT_MAX, "x" * (TEXT_MAX + 1)
    (index,) = ask([write(tmp_path / "t.csv", "a,b,c", [
        f'"say ""yes""\\n",ä,{long}', f'"two\nlines",Z,{longer}', "tab\t\x01\x7f,é,m", "日本,z,m"])])
    by_name = columns(index)
    assert by_name["a"]["values"] == ['say "yes"\\n', "tab\t\x01\x7f", "two\nlines", "日本"]
    assert by_name["b"]["values"] == ["Z", "z", "ä", "é"]  # by bytes, not as people sort
    assert (by_name["b"]["min"], by_name["b"]["max"]) == ("Z", "é")
    assert by_name["c"]["values"] == ["m", long] and by_name["c"]["complete"] is False
    assert by_name["c"]["distinct"] == 3
    assert (by_name["c"]["min"], by_name["c"]["max"]) == ("m", long)


def test_an_end_that_is_too_long_is_left_out(ask, tmp_path):
    (index,) = ask([write(tmp_path / "t.csv", "a", ["b", "a" * 201, "c" * 5000])])
    assert index["columns"][0] == {"name": "a", "nulls": 0, "distinct": 3, "values": ["b"],
                                   "complete": False}


def test_names_that_mean_something_in_sql(ask, tmp_path):
    names = ["i", "n", "v", "t", "rowid", "count", "select", 'a""b', "x'y", "main.t", "*", "é"]
    (index,) = ask([write(tmp_path / "t.csv", ",".join(f'"{name}"' for name in names),
                          [",".join(f"v{i}" for i in range(len(names)))])])
    assert [c["name"] for c in index["columns"]] == [n.replace('""', '"') for n in names]
    assert [c["values"] for c in index["columns"]] == [[f"v{i}"] for i in range(len(names))]


def test_several_tables_and_none(ask, tmp_path):
    a = write(tmp_path / "a.csv", "x,y", ["1,p", "2,q"])
    b = {**write(tmp_path / "b.csv", "z", []), "name": "select"}
    c = {**write(tmp_path / "c.csv", "w", ["", ""]), "name": "c"}
    first, second, third = ask([{**a, "name": "a"}, b, c])
    assert (first["name"], second["name"], third["name"]) == ("a", "select", "c")
    assert second["rows"] == 0
    assert second["columns"] == [{"name": "z", "nulls": 0, "distinct": 0, "values": [],
                                  "complete": True}]
    assert third["rows"] == 2 and third["columns"][0]["nulls"] == 2
    assert ask([]) == []


def test_many_columns(ask, tmp_path):
    wide = [f"c{i}" for i in range(300)]
    (index,) = ask([write(tmp_path / "t.csv", ",".join(wide), [
        ",".join(f"v{i % 7}" if i % 2 else str(i + row) for i in range(300)) for row in range(20)])])
    assert [c["name"] for c in index["columns"]] == wide
    for i, column in enumerate(index["columns"]):
        if i % 2:
            assert column["values"] == [f"v{i % 7}"] and column["complete"]
        else:
            assert (column["min"], column["max"]) == (str(i), str(i + 19))
            assert column["distinct"] == 20


# --- what does not fit ------------------------------------------------------------------------

def test_the_most_frequent_stay(ask, tmp_path):
    often = [f"often {i}" for i in range(1000)]
    once = [f"a{i:06}" for i in range(COLUMN_MAX)]
    (index,) = ask([write(tmp_path / "t.csv", "a,b", [f"{t},{i % 3}" for i, t in
                                                      enumerate(often + once + often)])])
    column = columns(index)["a"]
    assert column["distinct"] == COLUMN_MAX + 1000 and column["complete"] is False
    assert column["values"] == sorted(once[:COLUMN_MAX - 1000] + often)


def test_large_columns_share_what_small_ones_leave(ask, tmp_path):
    (index,) = ask([write(tmp_path / "t.csv", "a,b,c,d,e,f,few", [
        ",".join([*(f"{c}{i:05}" for c in "abcdef"), f"f{i % 9}"]) for i in range(45_000)])])
    by_name = columns(index)
    kept = {len(by_name[c]["values"]) for c in "abcdef"}
    assert len(kept) == 1 and not any(by_name[c]["complete"] for c in "abcdef")
    assert DATASET_MAX * 0.99 < 6 * kept.pop() + 9 <= DATASET_MAX
    assert by_name["few"]["complete"] and len(by_name["few"]["values"]) == 9
    assert all(by_name[c]["distinct"] == 45_000 for c in "abcdef")


def test_a_large_table_is_counted_sparingly(ask, tmp_path):
    """More than a million rows: texts that are nearly all different are not counted, and those
    that only look so in one place are."""
    rows = 1_000_100
    path = tmp_path / "t.csv"
    with open(path, "w") as f:
        f.write("id,key,order,town,name\n")
        for i in range(rows):
            mixed = i * 2654435761 % 1_000_003
            f.write(f"{i},k{mixed},o{i // 3},t{i // 500},n{mixed % 40_000}\n")
    (index,) = ask([table(path)], timeout_ms=100_000)
    by_name = columns(index)
    assert by_name["id"] == {"name": "id", "nulls": 0, "distinct": -1, "min": "0",
                             "max": str(rows - 1)}
    assert by_name["key"] == {"name": "key", "nulls": 0, "distinct": -1, "min": "k0",
                              "max": "k999999", "values": [], "complete": False}
    assert by_name["order"]["distinct"] == -1 and by_name["order"]["values"] == []
    assert by_name["town"]["distinct"] == 2001 and by_name["town"]["complete"]
    assert by_name["name"]["distinct"] == 40_000 and by_name["name"]["complete"]


def test_with_too_little_memory_it_says_less(runner, tmp_path):
    """And the tables can still be used; somewhere between enough for all and for nothing."""
    path = tmp_path / "t.csv"
    said = set()
    for rows in range(160_000, 250_000, 10_000):
        with open(path, "w") as f:
            f.write("a,b\n")
            for i in range(rows):
                f.write(f"{i % 5},{hashlib.sha512(b'%d' % i).hexdigest()}\n")
        response = runner(request([table(path)], memory_mb=64))
        if response["status"] != "success":
            assert response["error"]["type"] == "RUNNER_RESOURCE_EXCEEDED"
            said.add("nothing")
            break
        (index,) = response["values"]["tables"]
        a, b = index["columns"]
        assert (a["distinct"], a["min"], a["max"]) == (5, "0", "4") and b["nulls"] == 0
        said.add("less" if b["distinct"] == -1 else "all")
        if b["distinct"] == -1:
            assert b["values"] == [] and "min" not in b
    assert "less" in said, said


# --- the request ------------------------------------------------------------------------------

@pytest.fixture(params=["runner", "host"], name="serve")
def serve_by(request, runner, host):
    return runner if request.param == "runner" else host.run


@pytest.fixture
def numbers(tmp_path):
    return write(tmp_path / "numbers.csv", "a,b", ["1,one", "2,two"])


def test_only_who_asks_gets_it(serve, numbers):
    for op in ("describe", "run"):
        sql = "SELECT a FROM t ORDER BY a" if op == "run" else None
        response = serve(Runner.request(sql, [numbers], op=op))
        assert response["status"] == "success" and "values" not in response
    response = serve({**request([numbers]), "sql": "SELECT 1"})
    assert response["error"]["type"] == "INVALID_REQUEST" and "values" not in response


def test_failures_have_none(serve, numbers, tmp_path):
    for tables in ([table(tmp_path / "missing.csv")], [{**numbers, "sha256": 64 * "0"}],
                   [write(tmp_path / "torn.csv", "a,b", ["1"])]):
        response = serve(request(tables))
        assert response["status"] == "error" and "values" not in response


def test_the_limits_of_rows_do_not_count(serve, numbers):
    response = serve(request([numbers], max_rows=0, max_output_bytes=1024))
    assert len(response["values"]["tables"][0]["columns"]) == 2


def test_deadline(serve, tmp_path):
    path = write(tmp_path / "t.csv", "a", (f"text {i}" for i in range(1_500_000)))
    response = serve(request([path], timeout_ms=1))
    assert response["status"] == "timeout" and "values" not in response
    assert serve(request([path]))["status"] == "success"


def test_a_call_that_is_cancelled(host, tmp_path):
    path = write(tmp_path / "t.csv", "a", (f"text {i}" for i in range(300_000)))
    host.call(request([path])).cancel()
    assert host.run(request([path]))["status"] == "success"
    host.call(request([path])).cancel()
    assert host.run(request([path]))["status"] == "success"


# --- what is kept -----------------------------------------------------------------------------

def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def test_it_is_kept_beside_the_tables(tmp_path, numbers):
    host = start_host(tmp_path / "home", spares=0)
    try:
        response = host.run(Runner.request("SELECT a FROM t ORDER BY a", [numbers]))
        assert response["status"] == "success"
        (folder,) = host.snapshots()
        kept = (folder / "values.json").read_bytes()
        assert manifest_of(folder)["values"] == {"bytes": len(kept),
                                                 "sha256": hashlib.sha256(kept).hexdigest()}
        assert host.run(request([numbers]))["values"] == json.loads(kept)
        shutil.rmtree(folder)  # what a host has in hand stays in its hand
        assert host.run(request([numbers]))["values"] == json.loads(kept)
    finally:
        host.end()


@pytest.mark.parametrize("forged", [
    b"", b"[]", b"null", b"{} ", b'{}},"status":"success"', b'{"tables":[]},"rows":[[1]]',
    b'{"tables":[]}}\n{"protocol":1}', b'{"tables":["}', b"\xff" * 100])
def test_bytes_that_are_no_index_do_not_become_a_response(tmp_path, numbers, forged):
    """Whoever can write a snapshot and its manifest can put another index there, as they can put
    other tables there; but not another response."""
    home = tmp_path / "home"
    first = start_host(home, spares=0)
    host = first
    try:
        assert host.run(request([numbers]))["status"] == "success"
        (folder,) = host.snapshots()
        first.end()
        (folder / "values.json").chmod(0o600)
        (folder / "values.json").write_bytes(forged)
        manifest = manifest_of(folder)
        manifest["values"] = {"bytes": len(forged), "sha256": hashlib.sha256(forged).hexdigest()}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        host = start_host(home, spares=0)
        response = host.run(request([numbers]))
        assert response["status"] == "error" and "values" not in response
        assert response["error"]["type"] == "RUNNER_INTERNAL_ERROR"
        assert "value index" in response["error"]["message"]
        run = host.run(Runner.request("SELECT a FROM t ORDER BY a", [numbers]))
        assert run["rows"] == [[1], [2]]
    finally:
        host.end()
