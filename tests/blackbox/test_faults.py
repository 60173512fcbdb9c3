"""The server when something under it breaks: the disk, the runner, its own life, its record. And what
retention takes away while it serves."""
import contextlib
import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading

import pytest

from host import wait_until
from programs import Askcsv
from scripted_model import ScriptedModel, call, say
from served import COUNT

ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"
FINAL = {"succeeded", "failed", "rejected", "timed_out", "cancelled", "abstained"}
DISK_BYTES = 64 * 1024 * 1024
KILLS = 20
LOADERS = 6


def problem(reply, status, error):
    body = reply.json()
    assert reply.status == status, body
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert body["error"] == error and body["detail"], body
    return body


def checks(server):
    reply = server.get("/readyz")
    body = reply.json()
    assert reply.status == (200 if body["ready"] else 503)
    assert body["ready"] == all(check["ok"] for check in body["checks"].values())
    return body["checks"]


def metric(server, name):
    for line in server.get("/metrics").bytes.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    return None


def tamper(home, sql, *values):
    """As somebody with an editor for databases; how many rows it changed."""
    with contextlib.closing(sqlite3.connect(home / "capsules.db", timeout=30)) as db, db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            db.execute(f'DROP TRIGGER "{trigger}"')
        return db.execute(sql, values).rowcount


# the disk

@pytest.fixture
def small_disk(askcsv_path, generated, tmp_path):
    """A home on a disk of its own."""
    home = tmp_path / "small"
    home.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", home],
                          capture_output=True)
    if done.returncode != 0:
        pytest.skip("this machine lets nobody mount: " + done.stderr.decode().strip())
    try:
        shutil.copytree(generated, home / "datasets")
        yield Askcsv(askcsv_path, home)
    finally:
        subprocess.run(["umount", "--lazy", home], check=True)


def fill(home):
    """Takes what there is of the disk."""
    with open(home / "ballast", "ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return home / "ballast"


def test_full_disk(serve, small_disk):
    server = serve(on=small_disk)
    kept = [server.run(f"SELECT {i} AS x").json() for i in range(3)]
    assert {run["status"] for run in kept} == {"succeeded"}
    assert checks(server)["store"]["ok"]
    late = server.run(ENDLESS, limits={"timeout_ms": 1500}, wait_ms=0).json()["run_id"]
    server.await_status(late, {"running"})
    ballast = fill(small_disk.home)
    # The write-ahead log may have some room left within itself.
    refused = wait_until(lambda: (reply := server.run()).status == 503 and reply)
    body = problem(refused, 503, "STORE_ERROR")
    assert "full" in body["detail"] and "free some space" in body["detail"]
    assert refused.headers["Retry-After"]
    store = checks(server)["store"]
    assert not store["ok"] and "full" in store["detail"]
    asked = {"dataset_id": "ecommerce", "message": "how many orders are there"}
    problem(server.ask("POST", "/v1/chat", asked), 503, "STORE_ERROR")
    assert server.get("/healthz").status == 200
    assert server.get(f"/v1/runs/{kept[0]['run_id']}").json() == kept[0]
    # A run that ends meanwhile is told of, and is not over until that is on the disk.
    assert wait_until(lambda: any(line.get("run_id") == late for line in server.log("run")))
    assert server.status(late)["status"] == "running"
    ballast.unlink()
    assert wait_until(lambda: checks(server)["store"]["ok"])
    server.await_status(late, {"timed_out"})
    assert server.run().status == 201
    assert server.ask("POST", "/v1/chat", asked).status == 200
    for run in kept:
        assert server.get(f"/v1/runs/{run['run_id']}").json() == run
    assert server.end() == 0
    assert "intact" in small_disk.ok("capsules", "check").stdout


def test_an_answer_that_ends_while_the_disk_is_full(serve, small_disk):
    asked = {"dataset_id": "ecommerce", "message": "Tell me about these tables."}
    words = "They are about a shop. " * 200
    with ScriptedModel([]) as model:
        server = serve(on=small_disk, ASKCSV_OPENAI_BASE_URL=model.base_url("openai"),
                       ASKCSV_OPENAI_MODEL="scripted", ASKCSV_OPENAI_KEY="sk-none-0123456789")
        ballast = None

        def answer(_body):
            nonlocal ballast
            ballast = fill(small_disk.home)
            assert wait_until(lambda: not checks(server)["store"]["ok"])
            return say(words)
        model.steps.append(answer)
        problem(server.ask("POST", "/v1/chat", asked), 503, "STORE_ERROR")
        assert not model.faults, model.faults
        (line,) = server.log("answer")
        assert line["outcome"] == "STORE_ERROR"
        assert server.status(line["answer_id"])["status"] == "running"
        ballast.unlink()
        server.await_status(line["answer_id"], {"succeeded"})
        capsule = server.get(f"/v1/runs/{line['answer_id']}").json()
        assert capsule["kind"] == "answer" and words.strip() in capsule["answer"]["text"]
        model.steps.append(say("Again: about a shop."))
        assert server.ask("POST", "/v1/chat", asked).status == 200
        assert server.end() == 0
    assert "intact" in small_disk.ok("capsules", "check").stdout


def test_a_models_run_that_ends_while_the_disk_is_full(serve, small_disk):
    """The model is not told that it still runs, nor anything else: the answer ends there."""
    asked = {"dataset_id": "ecommerce", "message": "Count something long."}
    replies = []
    with ScriptedModel([call("execute_sql", {"dataset_id": "ecommerce", "sql": ENDLESS})]) as model:
        server = serve(on=small_disk, ASKCSV_OPENAI_BASE_URL=model.base_url("openai"),
                       ASKCSV_OPENAI_MODEL="scripted", ASKCSV_OPENAI_KEY="sk-none-0123456789")
        assert server.run().status == 201  # the tables are there
        asker = threading.Thread(
            target=lambda: replies.append(server.ask("POST", "/v1/chat", asked)))
        asker.start()
        (run,) = wait_until(lambda: server.get("/v1/runs?status=running").json()["runs"])
        ballast = fill(small_disk.home)
        assert wait_until(lambda: not checks(server)["store"]["ok"])
        server.ask("POST", f"/v1/runs/{run['run_id']}/cancel")
        asker.join()
        problem(replies[0], 503, "STORE_ERROR")
        assert len(model.requests) == 1 and not model.faults
        ballast.unlink()
        server.await_status(run["run_id"], {"cancelled"})
        assert server.end() == 0
    assert "intact" in small_disk.ok("capsules", "check").stdout


def test_nothing_acknowledged_is_lost_while_the_disk_is_full_and_free_by_turns(serve, small_disk):
    server = serve("--workers", "2", on=small_disk)
    acknowledged, statuses = set(), set()
    stop = threading.Event()

    def load(number):
        n = 0
        while not stop.is_set():
            n += 1
            reply = server.run(f"SELECT {number} AS a, {n} AS b", wait_ms=n % 2 * 1000)
            statuses.add(reply.status)
            if reply.status in (201, 202):
                acknowledged.add(reply.json()["run_id"])

    threads = [threading.Thread(target=load, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        before = len(acknowledged)
        assert wait_until(lambda before=before: len(acknowledged) > before + 10)
        ballast = fill(small_disk.home)
        assert wait_until(lambda: not checks(server)["store"]["ok"] and 503 in statuses)
        ballast.unlink()
    stop.set()
    for thread in threads:
        thread.join()
    assert statuses <= {201, 202, 429, 503}
    for run_id in acknowledged:
        server.await_status(run_id, FINAL)
    assert server.end() == 0
    assert "intact" in small_disk.ok("capsules", "check").stdout


# the runner

@pytest.mark.parametrize("fault,said", [
    ("missing", "No such file"), ("not executable", "Permission denied"),
    ("no program", "Exec format error")])
def test_no_runner(serve, shop, askcsv_path, fault, said):
    """Who asks is told what is wrong, and the run's capsule also where."""
    runner = shop.home / "runner"
    shutil.copy(askcsv_path.parent / "askcsv-runner", runner)
    server = serve(ASKCSV_RUNNER=runner)
    assert server.run().json()["status"] == "succeeded" and checks(server)["runner"]["ok"]
    aside = runner.rename(shop.home / "aside")
    if fault != "missing":
        shutil.copy(aside, runner)
        runner.chmod(0o644)
    if fault == "no program":
        runner.write_bytes(b"\x7fELF")
        runner.chmod(0o755)
    found = checks(server)["runner"]
    assert not found["ok"] and said in found["detail"]
    reply = server.run("SELECT 5 AS five")
    capsule = reply.json()
    assert reply.status == 201 and capsule["status"] == "failed"
    assert capsule["error"]["type"] == "IO_ERROR" and said in capsule["error"]["message"]
    assert str(runner) in capsule["error"]["message"]
    if fault != "no program":
        assert "ASKCSV_RUNNER" in capsule["error"]["message"]
    problem(server.get(f"/v1/runs/{capsule['run_id']}/result"), 503, "IO_ERROR")
    body = problem(server.ask("POST", "/v1/sql/check", {"dataset_id": "ecommerce", "sql": COUNT}),
                   503, "IO_ERROR")
    assert said in body["detail"] and str(shop.home) not in body["detail"]
    # A run that the cache can answer needs no runner.
    assert server.run().json()["executor"] == "cache"
    runner.unlink(missing_ok=True)
    aside.rename(runner)
    assert checks(server)["runner"]["ok"]
    assert server.run("SELECT 6 AS six").json()["status"] == "succeeded"
    assert server.end() == 0
    shop.ok("capsules", "check")


# the server's life

def load_until_killed(server, acknowledged, enough):
    """Asks from several threads until so many runs more were acknowledged; then kill -9, amid it."""
    stop = threading.Event()
    reached = threading.Event()
    goal = len(acknowledged) + enough

    def load(number):
        n = 0
        while not stop.is_set():
            n += 1
            sql = COUNT if n % 3 else f"SELECT {number} AS a, {n} AS b, {goal} AS c"
            with contextlib.suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
                reply = server.run(sql, wait_ms=(0, 0, 20, 5000)[n % 4])
                if reply.status in (201, 202):
                    acknowledged[reply.json()["run_id"]] = reply.json()
            if len(acknowledged) >= goal:
                reached.set()

    threads = [threading.Thread(target=load, args=(i,)) for i in range(LOADERS)]
    for thread in threads:
        thread.start()
    assert reached.wait(60)
    server.end(signal.SIGKILL)
    stop.set()
    for thread in threads:
        thread.join()


def check_acknowledged(server, acknowledged):
    """Each has ended; and who was told of an end, was told what is in the record."""
    for run_id, told in acknowledged.items():
        found = server.get(f"/v1/runs/{run_id}").json()
        assert found["status"] in FINAL, run_id
        if told["status"] in FINAL:
            assert found == told
        elif found["status"] == "failed":
            assert "ended before it finished" in found["error"]["message"]


def test_what_was_acknowledged_is_found_after_each_of_twenty_kills(serve, shop):
    acknowledged = {}
    for i in range(KILLS):
        server = serve("--workers", "2")
        load_until_killed(server, acknowledged, 5 + i * 7 % 30)
        with contextlib.closing(sqlite3.connect(shop.home / "capsules.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    server = serve()
    check_acknowledged(server, acknowledged)
    assert server.end() == 0
    assert "intact" in shop.ok("capsules", "check").stdout


# the record

@pytest.mark.parametrize("body", ["", "x", '{"capsule":1', "[]", "null", "{}", '{"a":1,"a":2}'])
def test_a_capsule_that_cannot_be_read_is_a_verdict(serve, shop, body):
    server = serve()
    ids = [server.run(f"SELECT {i} AS x").json()["run_id"] for i in range(3)]
    assert server.ask("POST", f"/v1/runs/{ids[1]}/verify").json()["verdict"] == "same"
    assert tamper(shop.home, "UPDATE capsules SET body = ? WHERE run_id = ?", body, ids[1]) == 1
    reply = server.ask("POST", f"/v1/runs/{ids[1]}/verify")
    assert reply.status == 200, reply.bytes
    verdict = reply.json()
    assert verdict["verdict"] == "tampered" and verdict["run_id"] == ids[1]
    assert "altered" in verdict["message"] and ids[1] in verdict["message"]
    assert verdict["rerun_id"] is None
    problem(server.get(f"/v1/runs/{ids[1]}"), 503, "STORE_ERROR")
    problem(server.ask("POST", "/v1/runs/01a216fc-0000-7000-8000-000000000000/verify"), 404,
            "RUN_NOT_FOUND")
    assert server.end() == 0
    done = shop("verify", ids[1])
    assert done.returncode == 1 and done.stdout == "tampered\n"
    assert "altered" in done.stderr and ids[1] in done.stderr


def test_the_newest_capsule_cannot_be_read(shop):
    shop.ok("run", "support", "--sql", "SELECT 1 AS x")
    assert tamper(shop.home, "UPDATE capsules SET body = 'x'") == 1
    done = shop("verify", "last")
    assert done.returncode == 1 and done.stdout == "tampered\n" and "altered" in done.stderr


def test_who_may_not_see_a_run_has_no_verdict_on_it(serve, shop):
    server = serve("--trust-user-header", "X-User")

    def verify(run_id, user):
        return server.ask("POST", f"/v1/runs/{run_id}/verify", headers={"X-User": user})

    run_id = server.ask("POST", "/v1/runs", {"dataset_id": "ecommerce", "query_type": "sql",
                                             "sql": COUNT}, {"X-User": "ann"}).json()["run_id"]
    assert tamper(shop.home, "UPDATE capsules SET body = 'x' WHERE run_id = ?", run_id) == 1
    problem(verify(run_id, "eve"), 404, "RUN_NOT_FOUND")
    assert verify(run_id, "ann").json()["verdict"] == "tampered"


# retention

def test_retention_while_the_server_serves(serve, shop):
    server = serve()
    ids = [server.run(f"SELECT {i} AS x").json()["run_id"] for i in range(6)]
    assert server.end() == 0
    server = serve("--retention-count", "2")
    assert wait_until(lambda: metric(server, "askcsv_capsules_removed_total") == 4)
    lines = server.log("retention")
    assert [line["removed"] for line in lines] == [4]
    record = server.get(f"/v1/runs/{lines[0]['capsule']}").json()
    assert record["kind"] == "retention" and record["removed"]["total"] == 4
    assert record["rule"] == {"days": None, "count": 2}
    problem(server.get(f"/v1/runs/{record['run_id']}/result"), 409, "CONFLICT")
    verdict = server.ask("POST", f"/v1/runs/{record['run_id']}/verify").json()
    assert verdict["verdict"] == "not repeatable" and "hashes hold" in verdict["message"]
    listed = server.get("/v1/runs").json()["runs"]
    assert [run["run_id"] for run in listed] == ids[:3:-1]
    assert "retention" in problem(server.get(f"/v1/runs/{ids[0]}"), 404, "RUN_NOT_FOUND")["detail"]
    # The first one that is left is verified against what retention says was before it.
    assert server.ask("POST", f"/v1/runs/{ids[4]}/verify").json()["verdict"] == "same"
    assert metric(server, "askcsv_retention_failures_total") == 0
    assert server.end() == 0
    assert "4 before them were removed" in shop.ok("capsules", "check").stdout
    assert tamper(shop.home, "DELETE FROM capsules WHERE run_id = ?", ids[4]) == 1
    done = shop("capsules", "check")
    assert done.returncode == 1 and done.stdout == "missing\n"


def test_the_cache_and_idempotency_keys_live_with_it(serve, shop):
    server = serve()
    key = {"Idempotency-Key": "once"}
    order = {"dataset_id": "ecommerce", "query_type": "sql", "sql": COUNT}
    first = server.ask("POST", "/v1/runs", order, key).json()
    assert server.run().json()["cached_from"] == first["run_id"]
    assert server.ask("POST", "/v1/runs", order, key).json()["run_id"] == first["run_id"]
    server.run("SELECT 1 AS x")
    assert shop.ok("capsules", "prune", "--count", 1).stdout == "removed: 2 capsules\n"
    again = server.run().json()
    assert again["status"] == "succeeded" and again["executor"] == "local"
    assert again["result_hash"] == first["result_hash"]
    anew = server.ask("POST", "/v1/runs", order, key)
    assert anew.status == 201 and "Idempotency-Replayed" not in anew.headers
    assert anew.json()["run_id"] != first["run_id"]
    assert anew.json()["cached_from"] == again["run_id"]


def test_retention_says_when_it_cannot(serve, shop):
    server = serve()
    ids = [server.run(f"SELECT {i} AS x").json()["run_id"] for i in range(3)]
    assert server.end() == 0
    tamper(shop.home, "UPDATE capsules SET body = replace(body, 'SELECT', 'select') "
           "WHERE run_id = ?", ids[0])
    server = serve("--retention-count", "1")
    assert wait_until(lambda: metric(server, "askcsv_retention_failures_total") == 1)
    line = server.log("retention.failed")[0]
    assert line["level"] == "error" and line["error"] == "STORE_ERROR"
    assert "altered" in line["message"] and ids[0] in line["message"]
    assert len(server.get("/v1/runs").json()["runs"]) == 3
    assert os.path.exists(shop.home / "capsules.db")


def test_requests_do_not_wait_for_a_sweep(serve, shop):
    """Many capsules go, in several batches; requests are answered between them, and each batch holds
    the store for a short while only."""
    server = serve()
    threads = [threading.Thread(target=lambda: [server.run() for _ in range(75)])
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.end() == 0
    server = serve("--retention-count", "10")
    assert server.run().status == 201
    assert wait_until(lambda: server.run().status == 201 and
                      metric(server, "askcsv_capsules_removed_total") >= 290)
    lines = server.log("retention")
    assert len(lines) >= 3 and all(line["removed"] <= 100 for line in lines)
    assert server.end() == 0
    assert "intact" in shop.ok("capsules", "check").stdout
