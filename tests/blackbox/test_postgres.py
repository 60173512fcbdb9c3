"""One PostgreSQL under several servers and commands: a real cluster, of the tests' own."""
import collections
import contextlib
import http.client
import itertools
import json
import pathlib
import random
import select
import shutil
import signal
import socket
import tempfile
import threading

import pytest

import postgres as pg
from host import wait_until
from programs import Askcsv
from served import COUNT, Server, problem

LEASE_SECONDS = 4
CLIENTS = 6
RUNS_EACH = 12
ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"
SECRET = "hunter2"

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster():
    missing = pg.why_not()
    if missing:
        pytest.skip(missing)
    with pg.Postgres() as started:
        yield started


@pytest.fixture
def schema(cluster):
    """A store of the test's own."""
    name = f"s{next(numbers)}"
    cluster.make_schema(name)
    return name


@pytest.fixture
def store(cluster, schema):
    return cluster.url(schema)


@pytest.fixture
def two(askcsv_path, generated, tmp_path, store):
    """Two servers that have nothing in common but the store: two(*options) -> [server, server]."""
    servers = []

    def start(*options, count=2, **env):
        for _ in range(count):
            home = tmp_path / f"home{len(servers)}"
            home.mkdir()
            shutil.copytree(generated, home / "datasets")
            servers.append(Server(Askcsv(askcsv_path, home), "--store-lease-s", str(LEASE_SECONDS),
                                  *options, ASKCSV_STORE=store, ASKCSV_LINGER=20, **env))
        return servers

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)


def rows(cluster, schema, sql):
    text = cluster.sql(sql, schema)
    return [tuple(line.split("|")) for line in text.splitlines()]


def check_chain(askcsv, store):
    done = askcsv("capsules", "check", env={"ASKCSV_STORE": store})
    assert done.returncode == 0, done.stdout + done.stderr


# ---- commands ----

def test_commands_share_a_store(shop, store):
    env = {"ASKCSV_STORE": store}
    made = shop.json("run", "ecommerce", "--sql", COUNT, "--format", "json", env=env)
    listed = shop.json("capsules", "list", "--format", "json", env=env)
    assert json.dumps(listed).count(made["run_id"]) == 1
    assert shop("verify", made["run_id"], env=env).returncode == 0
    check_chain(shop, store)
    assert not (shop.home / "capsules.db").exists()
    assert "capsules, the chain is intact" in shop("doctor", env=env).stdout


def test_the_file_says_where_the_store_is(shop, store, cluster, schema):
    (shop.home / "config.json").write_text(json.dumps({"store": store}))
    shop.ok("run", "ecommerce", "--sql", COUNT)
    assert rows(cluster, schema, "SELECT count(*) FROM capsules") == [("1",)]
    shop.ok("capsules", "check")


@pytest.mark.parametrize("url", [
    f"postgresql://ann:{SECRET}@127.0.0.1:1/x",
    f"postgresql://ann@127.0.0.1:1/x?password={SECRET}",
    f"postgresql://ann:{SECRET}@[::1/x",
    f"postgresql://ann@127.0.0.1/x?{SECRET}",
    f"postgresql://ann:x/{SECRET}@127.0.0.1/x",
    f"mysql://ann:{SECRET}@127.0.0.1/x",
])
def test_a_bad_url_is_refused_and_not_shown(shop, url):
    env = {"ASKCSV_STORE": url}
    for command in (["run", "ecommerce", "--sql", COUNT], ["capsules", "list"], ["doctor"],
                    ["serve", "--port", "0"], ["config", "show"]):
        done = shop(*command, env=env)
        assert command[0] == "config" or done.returncode != 0, command
        assert SECRET not in done.stdout + done.stderr, command
    assert "store" in shop("capsules", "list", env=env).stderr


# ---- servers ----

def test_runs_threads_and_lists_are_shared(two, store):
    one, other = two()
    made = one.run(wait_ms=20000).json()
    assert made["status"] == "succeeded"
    assert other.get(f"/v1/runs/{made['run_id']}").json() == made
    listed = other.get("/v1/runs").json()["runs"]
    assert [line["run_id"] for line in listed] == [made["run_id"]]
    said = one.ask("POST", "/v1/chat", {"dataset_id": "ecommerce", "message": "revenue by month"})
    thread = said.json()["thread_id"]
    assert len(other.get(f"/v1/threads/{thread}/messages").json()["messages"]) == 2
    assert one.end() == 0 and other.end() == 0
    check_chain(one.askcsv, store)


def test_a_request_is_done_once_whoever_is_asked(two, cluster, schema):
    servers = two()
    replies = []
    gate = threading.Barrier(8)

    def ask(server):
        gate.wait()
        body = {"dataset_id": "ecommerce", "query_type": "sql", "sql": COUNT, "wait_ms": 20000}
        for _ in range(20):
            reply = server.ask("POST", "/v1/runs", body, {"Idempotency-Key": "the one"})
            replies.append(reply)
            if reply.status == 201:
                return

    threads = [threading.Thread(target=ask, args=(servers[i % 2],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {reply.json()["run_id"] for reply in replies if reply.status in (201, 202)} \
        == {row[0] for row in rows(cluster, schema, "SELECT run_id FROM capsules")}
    assert {reply.status for reply in replies} <= {201, 202, 409}
    assert rows(cluster, schema, "SELECT count(*) FROM capsules") == [("1",)]


def test_a_run_of_another_server_is_cancelled(two):
    one, other = two()
    run = one.run(ENDLESS, wait_ms=0, limits={"timeout_ms": 60000}).json()
    one.await_status(run["run_id"], {"running"})
    assert other.ask("POST", f"/v1/runs/{run['run_id']}/cancel").status == 202
    other.await_status(run["run_id"], {"cancelled"})
    problem(other.ask("POST", f"/v1/runs/{run['run_id']}/cancel"), 409, "CONFLICT")


class Load:
    """Clients that each order runs of two servers by turns, and ask again, with the same key, until
    they know what became of each."""

    def __init__(self, servers):
        self.servers = servers
        self.runs = {}  # by key: what was acknowledged
        self.refused = collections.Counter()
        self.half = threading.Semaphore(0)
        self.threads = [threading.Thread(target=self.work, args=(n,)) for n in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def work(self, number):
        luck = random.Random(number)
        for i in range(RUNS_EACH):
            key = f"{number}-{i}"
            body = {"dataset_id": "ecommerce", "query_type": "sql", "cache": False,
                    "sql": f"SELECT {number} AS a, {i} AS b, count(*) AS n FROM orders",
                    "wait_ms": luck.choice([0, 20000])}
            wait_until(lambda: self.order(luck.choice(self.servers), key, body), 60)
            self.half.release()

    def order(self, server, key, body):
        try:
            reply = server.ask("POST", "/v1/runs", body, {"Idempotency-Key": key})
        except (OSError, http.client.HTTPException):
            return False
        if reply.status in (201, 202):
            self.runs.setdefault(key, set()).add(reply.json()["run_id"])
            return True
        self.refused[reply.status, reply.json()["error"]] += 1
        return False

    def await_half(self):
        for _ in range(CLIENTS * RUNS_EACH // 3):
            self.half.acquire()

    def end(self):
        for thread in self.threads:
            thread.join()


def check_all_recorded(load, cluster, schema, askcsv, store):
    """Every order has one run, every run has ended, and the chain holds them all."""
    total = CLIENTS * RUNS_EACH
    assert len(load.runs) == total
    assert all(len(runs) == 1 for runs in load.runs.values()), load.runs
    assert wait_until(lambda: rows(cluster, schema, "SELECT count(*) FROM capsules WHERE seq IS NULL")
                      == [("0",)], 60)
    stored = rows(cluster, schema, "SELECT run_id, status, body::json->>'sql' FROM capsules")
    acknowledged = {next(iter(runs)) for runs in load.runs.values()}
    assert acknowledged <= {row[0] for row in stored}
    # Nothing was done twice.
    twice = [row for row in collections.Counter(row[2] for row in stored if row[1] == "succeeded").items()
             if row[1] > 1]
    assert not twice
    check_chain(askcsv, store)
    return stored


def test_one_of_two_servers_is_killed(two, cluster, schema, store):
    one, other = two("--workers", "2")
    load = Load([one, other])
    load.await_half()
    one.process.kill()
    load.end()
    assert other.end() == 0 or True
    survivor = two(count=1)[-1]
    stored = check_all_recorded(load, cluster, schema, survivor.askcsv, store)
    assert len(stored) == CLIENTS * RUNS_EACH
    assert {row[1] for row in stored} <= {"succeeded", "failed"}
    assert not rows(cluster, schema, "SELECT id FROM owners WHERE condemned")


def test_what_a_dead_server_left_is_recorded_by_the_other(two, cluster, schema, store):
    one, other = two()
    run = one.run(ENDLESS, wait_ms=0, limits={"timeout_ms": 60000}).json()
    one.await_status(run["run_id"], {"running"})
    one.process.kill()
    other.await_status(run["run_id"], {"failed"})
    body = other.get(f"/v1/runs/{run['run_id']}").json()
    assert body["error"]["type"] == "RUNNER_INTERNAL_ERROR"
    assert "ended before it finished" in body["error"]["message"]
    assert [line["recorded_as_failed"] for line in other.log("runs.abandoned")] == [1]
    check_chain(other.askcsv, store)


def test_what_waited_at_a_dead_server_is_run_by_the_other(two, cluster, schema, store):
    """Acknowledged, and not begun: whoever asks for it later has its answer."""
    one, other = two("--workers", "1")
    endless = one.run(ENDLESS, wait_ms=0, limits={"timeout_ms": 60000}).json()["run_id"]
    one.await_status(endless, {"running"})
    waiting = [one.run(f"SELECT {i} AS i, count(*) AS n FROM orders", wait_ms=0).json()["run_id"]
               for i in range(5)]
    plan = {"dataset_id": "ecommerce", "table": "orders", "select": [{"func": "count", "alias": "n"}]}
    waiting.append(one.ask("POST", "/v1/runs", {"dataset_id": "ecommerce", "query_type": "plan",
                                                "plan": plan, "wait_ms": 0}).json()["run_id"])
    before = {run: one.get(f"/v1/runs/{run}").json() for run in waiting}
    assert {body["status"] for body in before.values()} == {"pending"}
    one.process.kill()
    for run in waiting:
        other.await_status(run, {"succeeded"})
        body = other.get(f"/v1/runs/{run}").json()
        assert [body[name] for name in ("created_at", "plan", "as_of", "limits", "planner")] \
            == [before[run][name] for name in ("created_at", "plan", "as_of", "limits", "planner")]
    other.await_status(endless, {"failed"})
    assert sum(line["runs"] for line in other.log("runs.taken_over")) == len(waiting)
    assert rows(cluster, schema, "SELECT count(*), count(seq) FROM capsules") == [("7", "7")]
    check_chain(other.askcsv, store)


def test_a_server_that_was_held_up_is_not_mixed_up(two, cluster, schema, store):
    """Taken for dead while it was only stopped: its run stays what others recorded, and it goes on."""
    one, other = two()
    run = one.run(ENDLESS, wait_ms=0, limits={"timeout_ms": 20000}).json()
    one.await_status(run["run_id"], {"running"})
    one.process.send_signal(signal.SIGSTOP)
    other.await_status(run["run_id"], {"failed"})
    one.process.send_signal(signal.SIGCONT)
    assert wait_until(lambda: one.run(wait_ms=20000).status == 201)
    assert one.status(run["run_id"])["status"] == "failed"
    check_chain(other.askcsv, store)
    assert rows(cluster, schema, "SELECT status, count(*) FROM capsules WHERE status <> 'succeeded' "
                                 "GROUP BY 1") == [("failed", "1")]


def test_postgresql_is_restarted_under_load(two, cluster, schema, store):
    """As if the power failed; what was acknowledged is there, and what was not is done once."""
    servers = two("--workers", "2")
    load = Load(servers)
    load.await_half()
    cluster.stop(signal.SIGQUIT)
    assert wait_until(lambda: servers[0].get("/readyz").status == 503)
    failed = problem(servers[0].run(wait_ms=0), 503, "STORE_ERROR")
    assert str(cluster.folder) not in json.dumps(failed)
    cluster.start()
    load.end()
    assert set(load.refused) <= {(503, "STORE_ERROR"), (409, "REQUEST_REPEATED"), (503, "QUEUE_FULL")}
    check_all_recorded(load, cluster, schema, servers[0].askcsv, store)
    assert wait_until(lambda: all(server.get("/readyz").status == 200 for server in servers))
    assert [server.end() for server in servers] == [0, 0]


def test_connections_are_cut_under_load(two, cluster, schema, store):
    servers = two("--workers", "2")
    load = Load(servers)
    for _ in range(10):
        for _ in range(CLIENTS * RUNS_EACH // 12):
            load.half.acquire()
        cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name "
                    "= 'askcsv'")
    load.end()
    check_all_recorded(load, cluster, schema, servers[0].askcsv, store)


# ---- keys and limits ----

def test_keys_are_shared(two, store, cluster, schema):
    one, other = two()
    askcsv = one.askcsv
    env = {"ASKCSV_STORE": store}
    key = askcsv.ok("keys", "add", "ann", "--scope", "run", env=env).stdout.strip()
    assert not (askcsv.home / "keys.json").exists()
    assert key not in cluster.sql("SELECT body FROM documents", schema)
    listed = other.askcsv.json("keys", "list", "--format", "json", env=env)
    key_id = (listed["keys"] if isinstance(listed, dict) else listed)[0]["id"]
    bearer = {"Authorization": f"Bearer {key}"}
    for server in (one, other):  # with a first key, nobody is served without one
        assert wait_until(lambda s=server: s.get("/v1/runs").status == 401)
        assert server.ask("GET", "/v1/runs", headers=bearer).status == 200
    other.askcsv.ok("keys", "revoke", key_id, env=env)
    for server in (one, other):
        assert wait_until(lambda s=server: s.ask("GET", "/v1/runs", headers=bearer).status == 401)


def test_keys_that_are_added_at_once(shop, store):
    env = {"ASKCSV_STORE": store}
    threads = [threading.Thread(target=shop.ok, args=("keys", "add", f"k{i}"), kwargs={"env": env})
               for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listed = shop.json("keys", "list", "--format", "json", env=env)
    names = {key["name"] for key in (listed["keys"] if isinstance(listed, dict) else listed)}
    assert names == {f"k{i}" for i in range(6)}


def test_limits_are_shared(two, cluster, schema):
    """A bucket that was emptied at one server is empty at the other, once it has told of its own."""
    one, other = two("--trust-user-header", "X-User", "--key-rate", "1", "--key-burst", "60")

    def may(server):
        return server.get("/v1/runs", X_User="ann").status == 200

    def owed():
        found = cluster.sql("SELECT extract(epoch FROM full_at - now()) FROM buckets", schema)
        return float(found or 0)

    while may(one):
        pass
    assert wait_until(lambda: owed() > 55)
    before = owed()
    assert may(other)  # which does not know yet
    assert wait_until(lambda: owed() > before or not may(other))
    passed = 0
    while may(other):
        passed += 1
    assert passed < 30  # of the 59 that its own bucket had
    assert not one.log("store.failed") + other.log("store.failed")


# ---- connections that break when it matters most ----

class Cutter:
    """Between askcsv and PostgreSQL. A commit that it is to cut is either not let through, or it is
    and its answer is not; both look the same to askcsv. The fence is a real PostgreSQL's."""

    def __init__(self, cluster, folder):
        self.target = str(cluster.folder / ".s.PGSQL.5432")
        self.folder = folder
        self.plan = collections.deque()  # of what is done with coming commits: None, "before", "after"
        self.cuts = collections.Counter()
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(folder / ".s.PGSQL.5432"))
        self.server.listen(50)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.server.accept()
                there = socket.socket(socket.AF_UNIX)
                there.connect(self.target)
                threading.Thread(target=self.carry, args=(client, there), daemon=True).start()

    def carry(self, client, there):
        """One connection, both ways, on one thread. A commit is a message of its own."""
        with contextlib.suppress(OSError), client, there:
            while True:
                for ready in select.select([client, there], [], [])[0]:
                    data = ready.recv(1 << 20)
                    if not data:
                        return
                    if ready is there:
                        client.sendall(data)
                        continue
                    how = None
                    if data[:1] == b"Q" and data[5:] == b"COMMIT\0" and self.plan:
                        how = self.plan.popleft()
                    self.cuts[how] += 1
                    if how == "before":
                        return
                    there.sendall(data)
                    if how == "after":
                        there.recv(1 << 20)  # it was done
                        return

    def url(self, cluster, schema):
        return cluster.url(schema, host=str(self.folder))

    def end(self):
        self.server.close()


@pytest.fixture
def cutter(cluster):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="askcsv-cut-"))
    started = Cutter(cluster, folder)
    yield started
    started.end()
    shutil.rmtree(folder)


def open_runs(cluster, schema):
    return int(cluster.sql("SELECT count(*) FROM capsules WHERE seq IS NULL", schema))


@pytest.mark.parametrize("commit", range(3))
def test_an_answer_to_a_commit_is_lost(shop, cluster, schema, cutter, commit):
    """The insert's, an update's or the seal's: it was done, so the run goes on as if nothing were."""
    shop.ok("capsules", "list", env={"ASKCSV_STORE": cluster.url(schema)})  # makes the tables
    cutter.plan.extend([None] * commit + ["after"])
    made = shop.json("run", "ecommerce", "--sql", COUNT, "--format", "json",
                     env={"ASKCSV_STORE": cutter.url(cluster, schema)})
    assert cutter.cuts["after"] == 1
    assert made["status"] == "succeeded"
    assert rows(cluster, schema, "SELECT run_id, status FROM capsules") == [(made["run_id"],
                                                                             "succeeded")]
    check_chain(shop, cluster.url(schema))


def test_a_commit_is_lost(shop, cluster, schema, cutter):
    """The first one: the run is not begun, nothing is there, and the message says so."""
    shop.ok("capsules", "list", env={"ASKCSV_STORE": cluster.url(schema)})
    cutter.plan.append("before")
    env = {"ASKCSV_STORE": cutter.url(cluster, schema)}
    done = shop("run", "ecommerce", "--sql", COUNT, env=env)
    assert done.returncode == 1 and "was lost" in done.stderr, done.stderr
    assert rows(cluster, schema, "SELECT count(*) FROM capsules") == [("0",)]
    shop.ok("run", "ecommerce", "--sql", COUNT, env=env)


def test_commits_are_cut_under_load(askcsv_path, generated, tmp_path, cluster, schema, cutter):
    luck = random.Random(7)
    url = cutter.url(cluster, schema)
    servers = []
    try:
        for i in range(2):
            home = tmp_path / f"home{i}"
            home.mkdir()
            shutil.copytree(generated, home / "datasets")
            servers.append(Server(Askcsv(askcsv_path, home), "--workers", "2", ASKCSV_STORE=url,
                                  ASKCSV_LINGER=20))
        cutter.plan.extend(luck.choice([None, None, "before", "after"]) for _ in range(100))
        load = Load(servers)
        load.end()
        assert cutter.cuts["before"] > 5 and cutter.cuts["after"] > 5
        stored = check_all_recorded(load, cluster, schema, servers[0].askcsv, cluster.url(schema))
        assert len(stored) == CLIENTS * RUNS_EACH
        assert [server.end() for server in servers] == [0, 0]
    finally:
        for server in servers:
            if server.process.poll() is None:
                server.end(signal.SIGKILL)
