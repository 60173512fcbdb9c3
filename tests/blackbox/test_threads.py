"""Queries over tables that are read from their snapshot (here all of them, by --copy-mb 0) take all
cores when nobody else needs them, and only when the answer cannot depend on it."""
import json
import os
import shlex

import pytest

from host import Host, start_host, wait_until
from programs import Runner, call, clean_env, program
from redteam import statements

CORES = os.cpu_count()
ROWS = 260_000  # more than two of the engine's row groups, which threads share out
FEW = "(SELECT id AS other_id, f AS g FROM t WHERE id < 400) AS b"
EXACT = f"SELECT count(*) AS n, sum(id) AS s FROM t AS a JOIN {FEW} ON a.x + b.other_id > a.id % 700"
FLOATING = f"SELECT count(*) AS n, sum(f * g) AS s FROM t AS a JOIN {FEW} ON a.x + b.other_id > a.id % 700"
SAME = [
    "SELECT count(*) AS n, sum(price) AS p, avg(price) AS a, min(word) AS w, median(x) AS m FROM t",
    "SELECT word, count(*) AS n, sum(price * x) AS s FROM t GROUP BY word ORDER BY word",
    "SELECT x, sum(price) AS s, avg(price) AS a FROM t GROUP BY x ORDER BY s DESC, x LIMIT 20",
    "SELECT id, word FROM t WHERE x = 7 ORDER BY word, id LIMIT 50",
    "SELECT count(DISTINCT x) AS d, min(f) AS low, max(f) AS high FROM t WHERE f > 1.5",
    "SELECT sum(f) AS s, avg(f) AS a FROM t",
    "SELECT first(word) AS w FROM t",
]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    path = tmp_path_factory.mktemp("threads") / "t.csv"
    with open(path, "w") as file:
        file.write("id,x,price,f,word\n")
        for i in range(ROWS):
            file.write(f"{i},{i * 7919 % 1000},{i % 977}.{i % 90 + 10},{i % 1013 / 7:e},w{i % 61}\n")
    return [{"name": "t", "path": str(path), "format": "csv"}]


@pytest.fixture(scope="module")
def host(tables, tmp_path_factory):
    host = start_host(tmp_path_factory.mktemp("home"), copy_mb=0)
    yield host
    host.end()


def threads(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


def most_threads(host, call):
    """That any child had until the call was over; and its response."""
    most = 0
    pids = []
    while not call.is_over():
        pids = pids or host.children(idle=False)
        most = max([most, *map(threads, pids)])
    return most, call.response()


def request(sql, tables, **limits):
    return Runner.request(sql, tables, timeout_ms=60000, **limits)


@pytest.mark.skipif(CORES < 2, reason="there is one core")
def test_an_exact_answer_takes_the_idle_cores(host, tables):
    host.run(request("SELECT count(*) AS n FROM t", tables))
    most, response = most_threads(host, host.call(request(EXACT, tables)))
    assert response["status"] == "success", response
    assert most == min(CORES, 16)


def test_a_floating_sum_keeps_to_one_thread(host, tables):
    host.run(request("SELECT count(*) AS n FROM t", tables))
    most, response = most_threads(host, host.call(request(FLOATING, tables)))
    assert response["status"] == "success", response
    assert most == 1


def test_a_second_run_keeps_to_one_thread(host, tables):
    host.run(request("SELECT count(*) AS n FROM t", tables))
    first = host.call(request(FLOATING.replace("400", "4000"), tables))
    assert wait_until(lambda: host.children(idle=False))
    most, response = most_threads(host, host.call(request(EXACT, tables)))
    first.cancel()
    assert response["status"] == "success", response
    assert most == 1


@pytest.mark.skipif(CORES < 2, reason="there is one core")
def test_who_asks_for_threads_gets_them(host, tables):
    most, response = most_threads(host, host.call(request(FLOATING, tables, threads=2)))
    assert response["status"] == "success", response
    assert most == 2


@pytest.mark.parametrize("sql", SAME)
def test_the_answer_is_the_same(host, tables, sql):
    alone = Runner(program("askcsv-runner")).raw(request(sql, tables, threads=1))
    alone = json.loads(alone.stdout)
    for _ in range(3):
        warm = host.run(request(sql, tables))
        assert warm["status"] == "success", warm
        assert (warm["rows"], warm["types"]) == (alone["rows"], alone["types"])
        assert warm["result_hash"] == alone["result_hash"]


def test_little_memory_is_enough_for_what_the_parent_holds(host, tables):
    """What was read ahead is not taken off the run's own memory, nor dropped."""
    response = host.run(request("SELECT sum(id) AS s, max(word) AS w FROM t", tables, memory_mb=64))
    assert response["status"] == "success", response


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory):
    """Warm runners without the policy: of a table in memory, and of one in a file."""
    folder = tmp_path_factory.mktemp("unguarded")
    found = {}
    for name, copy_mb in (("memory", "32"), ("file", "0")):
        (folder / name).mkdir()
        words = [program("tests/tools/warm_runner"), "--home", folder / name, "--copy-mb", copy_mb,
                 "--without", "policy"]
        script = folder / f"{name}.sh"
        script.write_text(f"#!/bin/sh\nexec {shlex.join(map(str, words))} \"$@\"\n")
        script.chmod(0o755)
        found[name] = script
    yield found
    for name in found:
        Host(folder / name / "policy").end()


# storage_info knows tables, and a table in a file is seen as a view.
SETTINGS = [sql for _, _, sql in statements("refused.sql") if "storage_info" not in sql and
            sql.lstrip().upper().startswith(("SET ", "RESET ", "PRAGMA ", "CALL "))]


def said(runner, sql, tables):
    done = call([runner], stdin=json.dumps(Runner.request(sql, tables)).encode(), env=clean_env())
    assert done.returncode == 0, done.stderr
    response = json.loads(done.stdout)
    return response["status"], response["error"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "orders.csv"
    path.write_text("order_id,total\n1,1.50\n")
    return [{"name": "orders", "path": str(path), "format": "csv"}]


@pytest.mark.parametrize("sql", SETTINGS)
def test_the_engine_is_locked_before_the_query(unguarded, small, sql):
    """Later than elsewhere, and as firmly: without the policy these meet the same engine."""
    assert said(unguarded["file"], sql, small) == said(unguarded["memory"], sql, small)


@pytest.mark.parametrize("sql", ["SET threads = 4", "SET memory_limit = '100GB'",
                                 "SET lock_configuration = false"])
def test_a_setting_cannot_be_changed(unguarded, small, sql):
    status, error = said(unguarded["file"], sql, small)
    assert status == "error"
    assert "locked" in error["message"]
