"""Each wall with the other two taken away (tests/tools/runner_walls.c), on the statements of
tests/redteam/refused.sql that would do harm if they were let through: in a process that was started
for each, in warm children of a host (tests/tools/warm_runner.c), and in a process that waited for it
with its walls up (tests/waiting_runner.py)."""
import glob
import json
import os

import pytest

from programs import Runner, call, clean_env, program
from redteam import dangerous_statements

SECRET = "the-secret-of-the-neighbour"
CANARY = "canary-must-not-change"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A dataset, and beside it things that no query may read or change."""
    folder = tmp_path_factory.mktemp("walls")
    (folder / "orders.csv").write_text("order_id,customer_id,total,status,order_date\n"
                                       "1,7,1.50,completed,2026-01-01\n")
    (folder / "order_items.csv").write_text("item_id,order_id,price\n1,1,1.50\n")
    (folder / "inventory.csv").write_text("product_id,stock\n1,5\n")
    (folder / "secret.csv").write_text(f"a\n{SECRET}\n")
    (folder / "canary.txt").write_text(CANARY)
    return folder


@pytest.fixture(autouse=True)
def runner_with_walls(way, request, monkeypatch):
    """What attack() calls: one process per request, or another way with the same walls taken away."""
    if way != "cold":
        other = request.getfixturevalue(f"{way}_runner_path")
        monkeypatch.setattr(request.module, "program", {"tests/tools/runner_walls": other}.get)


def attack(place, sql, without):
    tables = [{"name": name, "path": str(place / f"{name}.csv"), "format": "csv"}
              for name in ("orders", "order_items", "inventory")]
    request = Runner.request(sql, tables, dataset="ecommerce", timeout_ms=4000, memory_mb=256)
    done = call([program("tests/tools/runner_walls"), "--without", without],
                stdin=json.dumps(request).encode(), cwd=place,
                env=clean_env(ASKCSV_TEST_SECRET=SECRET, HOME=place))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listing(folder):
    return sorted(os.listdir(folder))


def check_no_harm(place, response, sql):
    """Whatever the query did, nothing outside was read or changed."""
    text = json.dumps(response.get("rows"))
    assert SECRET not in text, sql
    assert "root:x:0:0" not in text, sql
    assert "PATH=" not in text and "HOSTNAME=" not in text, sql
    assert (place / "canary.txt").read_text() == CANARY, sql
    assert listing(place) == ["canary.txt", "inventory.csv", "order_items.csv", "orders.csv",
                              "secret.csv"], sql
    assert not glob.glob("/tmp/askcsv-redteam*"), sql


def localized(sql, place):
    """The file names in the statements, made those of this test's folder."""
    return sql.replace("/tmp/secret.csv", str(place / "secret.csv")).replace(
        "/tmp/out", str(place / "out"))


STATEMENTS = dangerous_statements()
EXTRA = [
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/tmp/secret.csv', header = false)",
    "SELECT * FROM '/tmp/secret.csv'",
    "SELECT content FROM read_text('/proc/self/environ')",
    "SELECT * FROM glob('/tmp/*')",
    "COPY (SELECT 1) TO '/tmp/out.csv'",
    "COPY orders TO '/tmp/out.parquet' (FORMAT parquet)",
    "EXPORT DATABASE '/tmp/out'",
    "ATTACH '/tmp/out.db' AS other",
    "INSTALL httpfs",
    "LOAD '/tmp/out.so'",
    "SELECT * FROM read_csv('https://127.0.0.1:9/x.csv')",
    "SET temp_directory = '/tmp/out'",
    "SELECT getenv('ASKCSV_TEST_SECRET')",
    "PRAGMA enable_profiling = 'json'",
    "CALL enable_logging(storage = 'file', storage_path = '/tmp/out')",
]


def test_there_is_something_to_try():
    assert len(STATEMENTS) >= 40


@pytest.mark.parametrize("sql", [*EXTRA, *STATEMENTS])
def test_policy_and_engine_off(place, sql):
    """The operating system alone."""
    response = attack(place, localized(sql, place), "policy,engine")
    assert response["sandbox"]["seccomp"]
    check_no_harm(place, response, sql)


@pytest.mark.parametrize("sql", [*EXTRA, *STATEMENTS])
def test_policy_off(place, sql):
    """Engine lock and operating system."""
    response = attack(place, localized(sql, place), "policy")
    check_no_harm(place, response, sql)


@pytest.mark.parametrize("sql", [*EXTRA, *STATEMENTS])
def test_policy_alone(place, sql):
    """Neither engine lock nor sandbox: every one of them is refused before it is bound."""
    response = attack(place, localized(sql, place), "engine,os")
    assert not response["sandbox"]["seccomp"]
    assert response["status"] == "rejected", response
    check_no_harm(place, response, sql)


ENGINE_ALONE = [s for s in EXTRA if "getenv" not in s]


@pytest.mark.parametrize("sql", ENGINE_ALONE)
def test_engine_lock_alone(place, sql):
    """Neither policy nor sandbox: files, network and extensions are shut by the engine itself."""
    response = attack(place, localized(sql, place), "policy,os")
    assert not response["sandbox"]["seccomp"]
    check_no_harm(place, response, sql)


def test_the_statements_do_harm_without_walls(place):
    """The attacks themselves work; otherwise the tests above would show nothing."""
    read = attack(place, localized("SELECT * FROM read_csv('/tmp/secret.csv')", place),
                  "policy,engine,os")
    assert SECRET in json.dumps(read["rows"])
    target = place / "out.csv"
    attack(place, f"COPY (SELECT 1) TO '{target}'", "policy,engine,os")
    assert target.exists()
    target.unlink()
