"""Warm pods in a real cluster: a server's runs in pods that were ready before, one run each; what becomes
of them and of the run when something is killed, and nothing that is left behind."""
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import socket
import statistics
import threading
import time

import pytest

from jobs import Space, blackbox, clustered_by, image
import test_docker
from host import wait_until
from programs import ROOT
from redteam import dangerous_statements
from served import Server
from test_docker import CIRCUMSTANCES, ENDLESS
from test_golden import IDS
from test_walls import EXTRA, check_no_harm, localized

askcsv, generated, shop = blackbox.askcsv, blackbox.generated, blackbox.shop
lenient, neighbourhood = test_docker.lenient, test_docker.neighbourhood

POOL = "askcsv.dev/pool"
READY_SECONDS = 150
GONE_SECONDS = 150  # a busy node takes its time, longest with a pod whose container never began
COUNT = "SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY ALL"
MEMORY_HOG = ("SELECT sum(length(x)) FROM (SELECT list(repeat('x', 1000) || a.range) AS x "
              "FROM range(20000000) a)")
TIMED = 15
RED_TEAM_STEP = 6  # every so manieth statement; test_jobs.py has all


@pytest.fixture(scope="session")
def space(runners):
    made = Space(runners, f"ask-warm-{os.getpid()}")
    yield made
    made.end()


class Warm(Server):
    """A server with warm pods."""

    def __init__(self, clustered, warm=1, **env):
        super().__init__(clustered, "--kubernetes-warm", str(warm), ASKCSV_CACHE="false", **env)
        self.space = clustered.space

    def gauge(self, name):
        text = self.get("/metrics").bytes.decode()
        found = re.search(rf"^{re.escape(name)} (\d+)$", text, re.M)
        return int(found.group(1)) if found else 0

    def event(self, event):
        return self.gauge(f'askcsv_warm_pods_total{{event="{event}"}}')

    def ready(self, n=1):
        """Until so many pods are."""
        assert wait_until(lambda: self.gauge("askcsv_warm_pods_ready") == n, READY_SECONDS), \
            (self.said[-5:], [p["status"] for p in self.pods()])

    def pods(self):
        return [p for p in self.space.list("pods") if POOL in p["metadata"]["labels"]]

    def names(self):
        return {p["metadata"]["name"] for p in self.pods()}

    def finish(self, run):
        """The capsule of a run that was asked for."""
        assert run.status in (201, 202), run.json()
        run_id = run.json()["run_id"]
        assert wait_until(lambda: self.status(run_id)["status"] not in ("pending", "running"), 120)
        return self.get(f"/v1/runs/{run_id}").json()

    def answer(self, sql=COUNT, **more):
        return self.finish(self.run(sql, **more))

    def warm_answer(self, sql=COUNT, **more):
        """Of a run that a warm pod has had."""
        self.ready()
        before = self.event("taken")
        capsule = self.answer(sql, **more)
        assert self.event("taken") == before + 1, (capsule, self.said[-3:])
        return capsule


@pytest.fixture
def clustered(shop, space):
    """Whatever the test did, no object of a run and no lock is there afterwards."""
    made = clustered_by(shop, space, image())
    yield made
    assert wait_until(space.is_empty, GONE_SECONDS), space.names()
    assert space.locks(made) == [] and locks(made) == []


def locks(askcsv):
    return sorted(p.name for p in (askcsv.home / "warm-pods").glob("*.lock"))


@pytest.fixture
def warm(clustered):
    servers = []

    def start(n=1, **env):
        servers.append(Warm(clustered, n, **env))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            assert server.end() == 0


@pytest.fixture
def one(warm):
    """A server with a pod that is ready for ecommerce."""
    server = warm()
    assert server.answer()["status"] == "succeeded"
    server.ready()
    return server


class Relay:
    """Carries bytes to the API server, whatever they are, until it cuts all connections."""

    def __init__(self, api):
        self.address = api.address.rsplit(":", 1)
        self.text = api.kubeconfig.read_text().replace(api.address, "127.0.0.1:{port}")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.sockets = []
        threading.Thread(target=self.take, daemon=True).start()

    def kubeconfig(self, folder):
        path = folder / "relay.kubeconfig"
        path.write_text(self.text.replace("{port}", str(self.listener.getsockname()[1])))
        return path

    def take(self):
        with contextlib.suppress(OSError):
            while True:
                near = self.listener.accept()[0]
                far = socket.create_connection((self.address[0], int(self.address[1])))
                self.sockets += [near, far]
                for a, b in ((near, far), (far, near)):
                    threading.Thread(target=self.carry, args=(a, b), daemon=True).start()

    @staticmethod
    def carry(a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
        with contextlib.suppress(OSError):
            b.shutdown(socket.SHUT_WR)

    def cut(self):
        for each in self.sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.sockets.clear()


@pytest.fixture
def relay(api):
    made = Relay(api)
    yield made
    made.listener.close()
    made.cut()


def delete_pod(space, name):
    """At once, as when a node is lost."""
    status, _ = space.api.ask("DELETE", f"{space.path('pods', name)}?gracePeriodSeconds=0")
    assert status in (200, 404)


def error_of(capsule):
    return capsule["error"]["type"], capsule["error"]["message"]


# ---- the same answers ----

def test_golden(warm, clustered):
    server = warm()
    jobs = len(clustered.space.names()["jobs"])
    for begun, dataset in enumerate(sorted({name.split("-")[0] for name in IDS})):
        plans = [json.loads((ROOT / f"datasets/golden/{name}.plan.json").read_text())
                 for name in IDS if name.split("-")[0] == dataset]
        for number, plan in enumerate(plans):
            body = {"dataset_id": plan["dataset_id"], "query_type": "plan", "plan": plan}
            if number > 0:  # one for each dataset so far
                server.ready(begun + 1)
            there = server.finish(server.ask("POST", "/v1/runs", body))
            here = clustered.json("run", dataset, "--plan", "-", "--format", "json", "--executor",
                                  "local", stdin=json.dumps(plan))
            assert (there["executor"], here["executor"]) == ("kubernetes", "local")
            assert there["status"] == "succeeded", there["error"]
            assert there["sandbox"]["walls"]["seccomp"] and there["sandbox"]["walls"]["landlock"]
            assert there["timings"].keys() == here["timings"].keys()
            assert there["result_hash"] and there["result_hash"] == here["result_hash"]
            for member in CIRCUMSTANCES - {"timings"}:
                there.pop(member), here.pop(member)
            assert there["result"] == here["result"] and there["sql"] == here["sql"]
    assert server.event("missed") == 3 and server.event("taken") == len(IDS) - 3
    assert len(clustered.space.names()["jobs"]) == jobs


def test_each_serves_once(one, clustered):
    seen = []
    for _ in range(3):
        one.ready()
        (name,) = one.names()
        assert name not in seen
        seen.append(name)
        assert one.warm_answer()["status"] == "succeeded"
        assert wait_until(lambda: name not in one.names(), GONE_SECONDS)
    assert clustered.space.names()["jobs"] == []


def test_what_a_pod_is_like(one):
    (pod,) = one.pods()
    spec = pod["spec"]
    (container,) = spec["containers"]
    assert container["stdin"] and container["stdinOnce"] and not container.get("tty")
    assert container["args"][0] == "--warm" and spec["restartPolicy"] == "Never"
    assert 1800 < spec["activeDeadlineSeconds"] <= 7200
    walls = container["securityContext"]
    assert walls["readOnlyRootFilesystem"] and walls["runAsNonRoot"]
    assert walls["capabilities"] == {"drop": ["ALL"]} and not walls["allowPrivilegeEscalation"]
    assert spec["automountServiceAccountToken"] is False and not spec.get("hostNetwork")
    assert container["resources"]["limits"]["memory"]
    # No query is in it, nor in the container's environment.
    assert "SELECT" not in json.dumps(pod) and not container.get("env")


def test_refused_sql_takes_no_pod(one):
    before = one.names()
    capsule = one.answer("SELECT * FROM read_csv('/etc/passwd')")
    assert capsule["status"] == "rejected"
    assert one.names() == before and one.event("taken") == 0


def test_other_limits_are_other_pods(one):
    capsule = one.answer(limits={"memory_mb": 300})
    assert capsule["status"] == "succeeded" and one.event("missed") == 2
    one.ready(2)
    memory = sorted(p["spec"]["containers"][0]["resources"]["limits"]["memory"]
                    for p in one.pods())
    assert len(set(memory)) == 2, memory


def test_the_dataset_used_least_goes(warm):
    server = warm(ASKCSV_KUBERNETES_WARM_DATASETS=1)
    server.answer()
    server.ready()
    first = server.names()
    capsule = server.finish(server.ask("POST", "/v1/runs", {
        "dataset_id": "support", "query_type": "sql", "sql": "SELECT count(*) AS n FROM tickets"}))
    assert capsule["status"] == "succeeded"
    assert wait_until(lambda: server.names() and not server.names() & first, GONE_SECONDS)
    server.ready()
    assert len(server.names()) == 1


def test_more_runs_than_pods(one, clustered):
    def ask(number):
        return one.answer(f"SELECT count(*) + {number} AS n FROM orders")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        capsules = list(pool.map(ask, range(4)))
    assert [c["status"] for c in capsules] == ["succeeded"] * 4
    assert [c["result"]["rows"] for c in capsules] == [[[4018 + i]] for i in range(4)]
    assert one.event("taken") + one.event("missed") == 5 and one.event("taken") >= 1


# ---- what may go wrong ----

def test_killed_while_it_waits(one, space):
    (name,) = one.names()
    delete_pod(space, name)
    assert wait_until(lambda: one.names() and name not in one.names(), GONE_SECONDS)
    one.ready()
    assert one.event("failed") == 1
    assert one.warm_answer()["status"] == "succeeded"


def start_endless(server, **more):
    """A run that a warm pod has."""
    server.ready()
    (name,) = server.names()
    before = server.names()
    run_id = server.run(ENDLESS, wait_ms=0, **more).json()["run_id"]
    assert wait_until(lambda: server.gauge("askcsv_warm_pods_ready") == 0
                      or server.names() != before, 30)
    return run_id, name


def test_killed_in_mid_run(one, space):
    run_id, name = start_endless(one)
    delete_pod(space, name)
    one.await_status(run_id, ("failed",))
    kind, message = error_of(one.get(f"/v1/runs/{run_id}").json())
    assert kind == "IO_ERROR" and "pod was deleted" in message and "run it again" in message


def test_connections_cut(warm, clustered, relay):
    """While it waits: another pod. In mid-run: the pod goes on, and its answer is in its log."""
    server = warm(KUBECONFIG=relay.kubeconfig(clustered.home))
    server.answer()
    server.ready()
    before = server.names()
    relay.cut()
    assert wait_until(lambda: server.names() and not server.names() & before, GONE_SECONDS)
    assert server.event("failed") >= 1
    since = clustered.space.version()
    server.ready()
    run = server.run("SELECT count(*) AS n FROM range(2500000000)", wait_ms=0)
    assert wait_until(lambda: server.gauge("askcsv_warm_pods_ready") == 0, 30)
    relay.cut()
    capsule = server.finish(run)
    assert capsule["status"] == "succeeded", capsule["error"]
    assert capsule["result"]["rows"] == [[2500000000]]
    assert server.event("missed") == 1
    assert clustered.space.happened("jobs", since) == []


def test_cancelled(one):
    run_id, name = start_endless(one)
    assert one.ask("POST", f"/v1/runs/{run_id}/cancel").status in (200, 202)
    one.await_status(run_id, ("cancelled",))
    assert wait_until(lambda: name not in one.names(), GONE_SECONDS)


def test_deadline(one):
    capsule = one.warm_answer(ENDLESS, limits={"timeout_ms": 1500})
    assert capsule["status"] == "timed_out" and error_of(capsule)[0] == "RUNNER_TIMEOUT"


def test_memory(one):
    capsule = one.warm_answer(MEMORY_HOG)
    assert error_of(capsule)[0] == "RUNNER_RESOURCE_EXCEEDED"


def test_large_request_and_answer(one):
    sql = "SELECT " + ", ".join(f"'{'x' * 90}{i}' AS c{i}" for i in range(100)) + \
        " FROM order_items LIMIT 500"
    capsule = one.warm_answer(sql)
    assert capsule["status"] == "succeeded", capsule["error"]
    assert capsule["result"]["row_count"] == 500
    long = f"SELECT count(*) AS n FROM orders /* {'y' * 800000} */"
    capsule = one.warm_answer(long)
    assert capsule["status"] == "succeeded", capsule["error"]


def test_an_image_that_is_not_there(warm):
    server = warm(ASKCSV_KUBERNETES_IMAGE="askcsv-test-nowhere:1")
    server.answer()
    assert wait_until(lambda: server.log("executor.warm"), 60)
    said = server.log("executor.warm")[0]["error"]
    assert "warm pod cannot start" in said and "mage" in said
    assert server.event("failed") >= 1


def test_a_server_that_is_killed(one, warm, clustered):
    old = one.names()
    one.end(signal.SIGKILL)
    assert old and locks(clustered)
    again = warm()
    assert wait_until(lambda: not old & again.names(), GONE_SECONDS)
    assert wait_until(lambda: locks(clustered) == [], 30)


def test_a_server_that_ends(warm, clustered):
    server = warm(3)
    server.answer()
    server.ready(3)
    assert server.end() == 0
    assert locks(clustered) == []
    assert wait_until(clustered.space.is_empty, GONE_SECONDS)


def test_none_by_default(clustered, space):
    server = Server(clustered)
    run_id = server.run(wait_ms=0).json()["run_id"]
    server.await_status(run_id, ("succeeded",))
    assert not [p for p in space.list("pods") if POOL in p["metadata"]["labels"]]
    assert server.end() == 0
    assert not (clustered.home / "warm-pods").exists()


# ---- the walls ----

@pytest.mark.parametrize("name", ["askcsv-test-os", "askcsv-test-container"])
def test_red_team(clustered, neighbourhood, lenient, warm, name):
    """With policy and engine lock off; and with the runner's own sandbox off, the pod alone."""
    server = warm(2, ASKCSV_KUBERNETES_IMAGE=image(name), ASKCSV_RUNNER=lenient,
                  ASKCSV_TEST_SECRET="the-secret-of-the-neighbour")
    server.answer()
    statements = [*EXTRA, *dangerous_statements()][::RED_TEAM_STEP]
    ran = 0
    for sql in statements:
        server.ready(2)
        capsule = server.answer(localized(sql, neighbourhood), limits={"timeout_ms": 4000})
        check_no_harm(neighbourhood, capsule.get("result") or {}, sql)
        ran += capsule.get("sandbox") is not None
    assert ran > len(statements) // 2  # they did get to the engine
    assert server.event("taken") >= len(statements) - 2


# ---- how long it takes ----

def test_time(one, clustered, capsys):
    """From run to answer, as a ratio to the local executor's warm tables; printed."""
    local = Server(clustered, ASKCSV_EXECUTOR="local", ASKCSV_CACHE="false")

    def took(server):
        from_s = time.perf_counter()
        reply = server.run(COUNT + f" -- {from_s}", wait_ms=10000)
        assert reply.status == 201, reply.json()
        assert reply.json()["status"] == "succeeded", reply.json()
        return time.perf_counter() - from_s

    for _ in range(3):
        took(local)
    near, far = [], []
    for _ in range(TIMED):  # by turns, as what else the machine does is for both then
        one.ready()
        near.append(took(local))
        far.append(took(one))
    assert one.event("taken") == TIMED
    assert local.end() == 0
    with capsys.disabled():
        for name, of in (("median", statistics.median), ("least", min)):
            print(f"\n{name}: warm pods {of(far) * 1000:.1f} ms, local {of(near) * 1000:.1f} ms, "
                  f"ratio {of(far) / of(near):.2f}")
