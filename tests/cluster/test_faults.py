"""What goes wrong in a cluster, by servers that run there: it has its right name in the capsule, and
nothing is left behind."""
import concurrent.futures
import itertools

import pytest

import postgres
from cluster import Database
from host import wait_until

ENDLESS = "SELECT count(*) FROM range(100000000000) a, range(100000) b"
HUNGRY = "SELECT count(DISTINCT a.range * 1000003 + b.range) FROM range(20000) a, range(20000) b"
IMAGE = ["data.mode=image", "home.persistence.enabled=false"]
RUNS, AT_ONCE = 100, 8
counter = itertools.count(10)


def fresh():
    """SQL that no earlier run has the answer to."""
    return f"SELECT count(*) + {next(counter)} AS n FROM tickets"


def failed(served, kind, **what):
    capsule = served.run("support", **what)
    assert capsule["status"] in ("failed", "timed_out"), capsule
    assert capsule["error"]["type"] == kind, capsule["error"]
    assert served.is_clean(), served.left()
    return capsule["error"]["message"]


def test_memory(served):
    failed(served, "RUNNER_RESOURCE_EXCEEDED", sql=HUNGRY, limits={"memory_mb": 64, "timeout_ms": 60000})


def test_deadline(served):
    failed(served, "RUNNER_TIMEOUT", sql=ENDLESS, limits={"timeout_ms": 1000})


@pytest.mark.parametrize("options,kind,words", [
    (["runner.image.repository=no-such-runner"], "IO_ERROR", "image"),
    (["runner.nodeSelector.pool=nowhere", "runner.startSeconds=3"], "IO_ERROR", "nodeSelector"),
], ids=["image", "node"])
def test_pods_that_cannot_start(space, options, kind, words):
    served = space.deploy(*IMAGE, *options, ready=False)
    assert words in failed(served, kind, sql=fresh())


def test_quota(space):
    served = space.deploy(*IMAGE, "runner.startSeconds=10")
    space.apply([{"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "one"},
                  "spec": {"hard": {"pods": "1"}}}])
    assert "quota" in failed(served, "RUNNER_RESOURCE_EXCEEDED", sql=fresh())
    space.kubectl("delete", "resourcequota", "one")
    assert served.run("support", sql=fresh())["status"] == "succeeded"


def test_a_run_is_stopped(served):
    begun = served.run("support", sql=ENDLESS, wait_ms=0, limits={"timeout_ms": 60000})
    path = f"/v1/runs/{begun['run_id']}"
    assert wait_until(lambda: served.left()["pods"], 30)
    served.json("POST", f"{path}/cancel", status=(200, 202))
    assert wait_until(lambda: served.json("GET", path)["status"] == "cancelled", 30)
    assert served.is_clean(), served.left()


def test_many_at_once(served):
    def one(n):
        capsule = served.run("support", sql=f"SELECT count(*) * 0 + {n} AS n FROM tickets")
        return capsule["status"], capsule["result"]["rows"]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(one, range(1000, 1000 + RUNS)))
    assert answers == [("succeeded", [[n]]) for n in range(1000, 1000 + RUNS)]
    assert served.is_clean(), served.left()


@pytest.fixture
def database():
    if postgres.why_not():
        pytest.skip(postgres.why_not())
    with Database() as one:
        yield one


def test_two_servers_and_one_dies(space, database):
    """On one PostgreSQL: what one has, the other has; a run that was under way at a server that dies is
    recorded as failed by the other, its Job goes, and the chain is whole."""
    served = space.deploy("data.mode=image", "replicas=2", f"store.url={database.address()}",
                          "config.store_lease_s=3", "config.key_rate=0")
    assert wait_until(lambda: len(served.pods()) == 2, 60)
    first, second = served.pods()
    one, other = first["status"]["podIP"], second["status"]["podIP"]
    capsule = served.run("support", sql=fresh(), at=one)
    assert served.json("GET", f"/v1/runs/{capsule['run_id']}", at=other) == capsule
    begun = served.run("support", sql=ENDLESS, wait_ms=0, limits={"timeout_ms": 60000}, at=one)
    path = f"/v1/runs/{begun['run_id']}"
    assert wait_until(lambda: served.left()["pods"], 30)
    space.kubectl("delete", "pod", first["metadata"]["name"], "--grace-period=0", "--force")
    assert wait_until(lambda: served.json("GET", path, at=other)["status"] == "failed", 60)
    after = served.run("support", sql=fresh(), at=other)
    assert after["status"] == "succeeded", (after, space.tell())
    assert served.is_clean(), served.left()
    done = space.kubectl("exec", second["metadata"]["name"], "-c", "askcsv", "--", "askcsv", "capsules", "check")
    assert "intact" in done.stdout + done.stderr
