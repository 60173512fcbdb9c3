"""Results as Parquet: asked for over HTTP, and read back by askcsv as any other file."""
import contextlib
import json
import sqlite3

import pytest


PARQUET = "application/vnd.apache.parquet"
EVERYTHING = """SELECT * FROM (VALUES
    (9007199254740993, -12345678901234567890123::HUGEINT, -0.05::DECIMAL(10,2), 'NaN'::DOUBLE, true,
     DATE '2026-01-31', TIMESTAMP '2026-01-31 14:05:00.25', TIMESTAMPTZ '2026-01-31 14:05:00+02',
     TIME '14:05:00', INTERVAL '-14 months 3 days', 'Größe ''x'', "y"', [1, NULL], {'a': 1}),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL))
    AS v(i, h, d, f, b, day, moment, zoned, clock, span, text, list, parts) ORDER BY 1 NULLS LAST"""
CHANGED = {"HUGEINT": "DECIMAL(38,0)",
           "INTERVAL": 'STRUCT("months" INTEGER, "days" INTEGER, "micros" BIGINT)'}


def parquet_of(server, sql, **more):
    """The run's capsule, and the reply that is to be a file."""
    capsule = server.run(sql, **more).json()
    assert capsule["status"] == "succeeded", capsule["error"]
    return capsule, server.get(f"/v1/runs/{capsule['run_id']}/result", Accept=PARQUET)


def read_back(shared_shop, tmp_path, reply, sql="SELECT * FROM t"):
    assert reply.status == 200, reply.bytes
    (tmp_path / "t.parquet").write_bytes(reply.bytes)
    done = shared_shop.json("run", tmp_path / "t.parquet", "--sql", sql, "--format", "json",
                            "--max-rows", "10000")
    return done["result"]


def test_every_type(server, shared_shop, tmp_path):
    capsule, reply = parquet_of(server, EVERYTHING)
    back = read_back(shared_shop, tmp_path, reply)
    result = capsule["result"]
    assert back["columns"] == result["columns"]
    assert back["types"] == [CHANGED.get(kind, kind) for kind in result["types"]]
    assert back["rows"] == result["rows"]
    run_id = capsule["run_id"]
    assert reply.headers["Content-Type"] == PARQUET
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{run_id}.parquet"'
    assert reply.headers["X-Result-Hash"] == capsule["result_hash"]
    assert reply.headers["Vary"] == "Accept" and "immutable" in reply.headers["Cache-Control"]
    assert reply.bytes[:4] == reply.bytes[-4:] == b"PAR1" and run_id.encode() in reply.bytes
    assert server.get(f"/v1/runs/{run_id}/result", Accept=PARQUET).bytes == reply.bytes


def test_no_rows(server, shared_shop, tmp_path):
    _, reply = parquet_of(server, "SELECT order_id, status FROM orders WHERE false")
    back = read_back(shared_shop, tmp_path, reply)
    assert back["rows"] == [] and back["columns"] == ["order_id", "status"]


def test_ten_thousand_rows(server, shared_shop, tmp_path):
    capsule, reply = parquet_of(server, "SELECT i, 'text ' || i AS t FROM range(10000) AS r(i) ORDER BY i",
                                limits={"max_rows": 10000})
    assert read_back(shared_shop, tmp_path, reply)["rows"] == capsule["result"]["rows"]
    assert capsule["result"]["row_count"] == 10000


def test_columns_of_one_name(server, shared_shop, tmp_path):
    _, reply = parquet_of(server, "SELECT 1 AS a, 2 AS a, 3 AS A")
    back = read_back(shared_shop, tmp_path, reply)
    assert back["columns"] == ["a", "a_2", "A_3"] and back["rows"] == [[1, 2, 3]]


def test_what_parquet_cannot_hold(server):
    _, reply = parquet_of(server, "SELECT 170141183460469231731687303715884105727::HUGEINT AS h")
    body = reply.json()
    assert reply.status == 422 and body["error"] == "SQL_EXECUTION_ERROR" and "cast" in body["detail"]


def test_more_columns_than_a_file_is_made_of(server):
    _, reply = parquet_of(server, f"SELECT {', '.join(f'{i} AS c{i}' for i in range(4097))}")
    body = reply.json()
    assert reply.status == 422 and body["error"] == "RUNNER_OUTPUT_EXCEEDED" and "csv" in body["detail"]


def test_runs_without_a_result(server):
    refused = server.run("SELECT * FROM read_csv('/etc/passwd')").json()
    reply = server.get(f"/v1/runs/{refused['run_id']}/result", Accept=PARQUET)
    assert reply.status == 422 and reply.json()["error"] == "SQL_POLICY_VIOLATION"
    nothing = "01900000-0000-7000-8000-000000000000"
    assert server.get(f"/v1/runs/{nothing}/result", Accept=PARQUET).status == 404


def test_it_says_what_there_is(server):
    run_id = server.run().json()["run_id"]
    reply = server.get(f"/v1/runs/{run_id}/result", Accept="application/vnd.apache.arrow.stream")
    assert reply.status == 406 and PARQUET in reply.json()["detail"]


def test_another_keys_run(serve, shop):
    server = serve()
    keys = []
    for name in ("ann", "bob"):
        text = shop.ok("keys", "add", name).stdout
        keys.append({"Authorization": "Bearer " + next(w for w in text.split() if w.startswith("ak_"))})
    run_id = server.ask("POST", "/v1/runs", {"dataset_id": "ecommerce", "query_type": "sql",
                                             "sql": "SELECT 1 AS one"}, keys[0]).json()["run_id"]
    path = f"/v1/runs/{run_id}/result"
    assert server.get(path, Accept=PARQUET, **keys[0]).status == 200
    assert server.get(path, Accept=PARQUET, **keys[1]).status == 404


def test_without_a_runner(serve):
    server = serve()
    run_id = server.run().json()["run_id"]
    assert server.end() == 0
    reply = serve(ASKCSV_RUNNER="/nowhere/askcsv-runner").get(f"/v1/runs/{run_id}/result", Accept=PARQUET)
    assert reply.status == 503 and "askcsv-runner" in reply.json()["detail"]


@pytest.mark.parametrize("change", [
    ("$.result.rows[0][1]", '"many"'), ("$.result.rows[0]", "[1]"), ("$.result.rows", "{}"),
    ("$.result.types[1]", '"BIGINT); COPY"'), ("$.result.types", "[]"), ("$.result.columns", "7"),
    ("$.result.types[0]", "null"),
])
def test_a_stored_result_that_is_none(serve, shop, change):
    """Whoever can write to the store gets an error out of it, and no more."""
    server = serve()
    run_id = server.run().json()["run_id"]
    with contextlib.closing(sqlite3.connect(shop.home / "capsules.db")) as store, store:
        store.execute("DROP TRIGGER capsules_update")
        store.execute("UPDATE capsules SET body = json_set(body, ?, json(?)) WHERE run_id = ?",
                      [*change, run_id])
    reply = server.get(f"/v1/runs/{run_id}/result", Accept=PARQUET)
    assert reply.status == 503 and reply.json()["error"] == "STORE_ERROR", reply.bytes
    assert server.get("/healthz").status == 200
    assert json.loads(server.get(f"/v1/runs/{run_id}").bytes)["run_id"] == run_id
