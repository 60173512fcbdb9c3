"""Runs in containers, at a real engine: the same answers as on this machine, the walls, the limits,
and nothing that is left behind."""
import concurrent.futures
import json
import os
import signal
import subprocess
import time
import uuid

import pytest

from daemon import Dockerd, contained_by
from host import wait_until
from programs import ROOT, call, program
from redteam import dangerous_statements
from test_golden import IDS
from test_walls import EXTRA, check_no_harm, localized

COUNT = "SELECT count(*) AS n FROM orders"
# Cheap to begin, endless to end.
ENDLESS = "SELECT count(*) FROM range(100000000000) a, range(100000) b"
RUNS, AT_ONCE = 200, 8


def run_json(askcsv, *arguments, status=0, **env):
    return askcsv.json("run", "ecommerce", *arguments, "--format", "json", status=status, env=env)


def start(askcsv, *arguments, **env):
    """A command that is left to run."""
    return subprocess.Popen([askcsv.path, *map(str, arguments)], env=askcsv.env(**env),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, cwd=askcsv.home)


def start_endless(askcsv, **env):
    """A run that is under way, and its container."""
    before = {c["Id"] for c in askcsv.engine.containers()}
    process = start(askcsv, "run", "ecommerce", "--sql", ENDLESS, **env)
    assert wait_until(lambda: [c for c in askcsv.engine.containers()
                               if c["Id"] not in before and c["State"] == "running"])
    return process, next(c for c in askcsv.engine.containers() if c["Id"] not in before)


def locks(askcsv):
    return sorted(p.name for p in (askcsv.home / "containers").glob("*.lock"))


def error_of(capsule):
    return capsule["error"]["type"], capsule["error"]["message"]


# ---- the same answers ----

CIRCUMSTANCES = {"run_id", "created_at", "started_at", "finished_at", "executor", "timings",
                 "sandbox", "prev_hash", "capsule_hash"}


@pytest.mark.parametrize("name", IDS)
def test_golden(contained, name):
    plan = ROOT / "datasets" / "golden" / f"{name}.plan.json"
    dataset = name.split("-")[0]
    there = contained.json("run", dataset, "--plan", plan, "--format", "json")
    here = contained.json("run", dataset, "--plan", plan, "--format", "json", "--executor", "local")
    assert (there["executor"], here["executor"]) == ("docker", "local")
    assert there["sandbox"]["walls"]["seccomp"] and there["sandbox"]["walls"]["landlock"]
    for capsule in (there, here):
        assert capsule["status"] == "succeeded"
        assert capsule["timings"].keys() == here["timings"].keys()
        for member in CIRCUMSTANCES:
            capsule.pop(member)
    assert there == here and there["result_hash"]
    assert locks(contained) == []


def test_a_question_and_files(contained):
    told = contained.json("ask", "ecommerce", "revenue by month", "--format", "json")
    assert told["status"] == "succeeded" and told["executor"] == "docker"
    (contained.home / "a b.csv").write_text("x,y\n1,2\n3,4\n")
    told = contained.json("run", "a b.csv", "--sql", "SELECT sum(x) AS s FROM a_b", "--format",
                          "json")
    assert told["result"]["rows"] == [[4]]


def test_verify_repeats_where_the_setting_says(contained):
    capsule = run_json(contained, "--sql", COUNT, "--executor", "local")
    assert contained.ok("verify", capsule["run_id"]).stdout == "same\n"
    again = contained.json("capsules", "show", "last", "--format", "json")
    assert again["planner"].startswith("verify") and again["executor"] == "docker"


# ---- before any container ----

def test_what_is_refused_reaches_no_engine(contained, docker):
    since = time.time()
    missing = {"column": "nothing_like_it"}
    plan = {"dataset_id": "ecommerce", "table": "orders", "select": [missing]}
    for arguments, stdin in ((["--sql", "SELECT * FROM read_csv('/etc/passwd')"], None),
                             (["--sql", "SELEC"], None),
                             (["--plan", "-"], json.dumps(plan))):
        done = contained("run", "ecommerce", *arguments, stdin=stdin)
        assert done.returncode == 3, done.stderr
    assert contained("run", "ecommerce", "--sql", COUNT).returncode == 0
    status, events = docker.ask("GET", f"/events?since={since:.9f}&until={time.time():.9f}&filters="
                                "%7B%22event%22%3A%5B%22create%22%5D%7D")
    assert status == 200 and len(events.splitlines()) == 1, events


# ---- the walls ----

def test_what_a_container_is_like(contained, docker):
    process, container = start_endless(contained)
    try:
        told = docker.inspect(container)
        host, config = told["HostConfig"], told["Config"]
        with open(f"/proc/{told['State']['Pid']}/status") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines())
        with open(f"/proc/{told['State']['Pid']}/net/dev") as file:
            devices = [line.split(":")[0].strip() for line in file.readlines()[2:]]
        root = f"/proc/{told['State']['Pid']}/root"
        with pytest.raises(OSError, match="Read-only"):
            open(f"{root}{contained.home}/datasets/ecommerce/orders.csv", "ab")
        with pytest.raises(OSError, match="Read-only"):
            open(f"{root}/new", "wb")
        mounts = open(f"/proc/{told['State']['Pid']}/mounts").read()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130
    assert host["NetworkMode"] == "none" and host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"]
    assert "no-new-privileges" in host["SecurityOpt"] and not host["Privileged"]
    assert host["PidsLimit"] > 0 and host["CpuQuota"] > 0
    assert host["Memory"] == host["MemorySwap"] > 1 << 30
    assert all(not m["RW"] for m in told["Mounts"]) and len(told["Mounts"]) == 3
    assert config["Env"] in (None, []) or all("ASKCSV" not in e for e in config["Env"])
    assert config["User"] in ("", "65532:65532")
    assert devices == ["lo"]
    assert status["Uid"].split() == ["65532"] * 4 and int(status["CapBnd"], 16) == 0
    assert int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    tmp = next(line for line in mounts.splitlines() if line.split()[1] == "/tmp").split()[3]
    assert {"noexec", "nosuid", "nodev"} <= set(tmp.split(","))


def test_the_profile_refuses_what_the_default_one_allows(contained, docker):
    """The runner's own filter aside: a socket of the container's first process."""
    profile = json.loads((ROOT / "deploy/seccomp/askcsv-runner.json").read_text())
    allowed = {n for group in profile["syscalls"] for n in group["names"]
               if group["action"] == "SCMP_ACT_ALLOW"}
    for name in ("socket", "connect", "ptrace", "mount", "unshare", "setns", "bpf", "keyctl",
                 "io_uring_setup", "userfaultfd", "perf_event_open", "process_vm_readv", "clone3"):
        assert name not in allowed
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    probe = contained.ok("doctor", env={}).stdout
    assert "docker" in probe


@pytest.fixture(scope="module")
def neighbourhood(tmp_path_factory):
    """A dataset, and beside it things that no query may read or change."""
    folder = tmp_path_factory.mktemp("walls")
    (folder / "orders.csv").write_text("order_id,customer_id,total,status,order_date\n"
                                       "1,7,1.50,completed,2026-01-01\n")
    (folder / "order_items.csv").write_text("item_id,order_id,price\n1,1,1.50\n")
    (folder / "inventory.csv").write_text("product_id,stock\n1,5\n")
    (folder / "secret.csv").write_text("a\nthe-secret-of-the-neighbour\n")
    (folder / "canary.txt").write_text("canary-must-not-change")
    return folder


@pytest.fixture
def lenient(tmp_path):
    """A local runner that lets everything pass, so that attacks get to the container."""
    path = tmp_path / "lenient"
    path.write_text(f"#!/bin/sh\nexec '{program('tests/tools/runner_walls')}' --without "
                    "policy,engine \"$@\"\n")
    path.chmod(0o755)
    return path


def attack(contained, folder, lenient, sql, image):
    files = ",".join(str(folder / f"{name}.csv") for name in ("orders", "order_items", "inventory"))
    done = contained("run", files, "--sql", sql, "--format", "json", "--timeout-ms", 4000,
                     "--memory-mb", 256,
                     env={"ASKCSV_DOCKER_IMAGE": f"{image}:0.1.0", "ASKCSV_RUNNER": lenient,
                          "ASKCSV_TEST_SECRET": "the-secret-of-the-neighbour"})
    return json.loads(done.stdout) if done.stdout else {"result": None, "says": done.stderr}


@pytest.mark.parametrize("image", ["askcsv-test-os", "askcsv-test-container"])
def test_red_team(contained, neighbourhood, lenient, image):
    """With policy and engine lock off; and with the runner's own sandbox off, the container alone."""
    statements = [*EXTRA, *dangerous_statements()]
    ran = 0

    def try_one(sql):
        return sql, attack(contained, neighbourhood, lenient, localized(sql, neighbourhood), image)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for sql, capsule in pool.map(try_one, statements):
            check_no_harm(neighbourhood, capsule.get("result") or {}, sql)
            ran += capsule.get("sandbox") is not None
    assert ran > len(statements) // 2  # they did get to the engine
    assert locks(contained) == []


def test_the_attacks_would_do_harm_here(contained, neighbourhood, lenient):
    """In a container the secret is not there; the same statement on this machine reads it."""
    sql = f"SELECT * FROM read_csv('{neighbourhood}/secret.csv')"
    capsule = attack(contained, neighbourhood, lenient, sql, "askcsv-test-container")
    assert capsule["error"]["type"] == "SQL_EXECUTION_ERROR", capsule
    naked = call([program("tests/tools/runner_walls"), "--without", "policy,engine,os"],
                 stdin=json.dumps({"protocol": 1, "run_id": str(uuid.uuid4()), "sql": sql,
                                   "dataset": {"id": "x", "version": None, "tables": []},
                                   "as_of": "2026-01-31T00:00:00Z"}).encode())
    assert b"the-secret-of-the-neighbour" in naked.stdout


# ---- limits ----

def test_timeout(contained):
    began = time.monotonic()
    capsule = run_json(contained, "--sql", ENDLESS, "--timeout-ms", 500, status=4)
    assert capsule["status"] == "timed_out" and error_of(capsule)[0] == "RUNNER_TIMEOUT"
    assert time.monotonic() - began < 20


def test_memory_of_the_engine(contained):
    sql = "SELECT count(DISTINCT a.range::VARCHAR || 'x') FROM range(50000000) a"
    capsule = run_json(contained, "--sql", sql, "--memory-mb", 64, status=6)
    assert error_of(capsule)[0] == "RUNNER_RESOURCE_EXCEEDED"


def test_memory_of_the_container(contained, lenient):
    """With the runner's own limits off the kernel ends it, and the answer says so."""
    sql = "SELECT sum(length(x)) FROM (SELECT list(repeat('x', 1000) || a.range) AS x " \
          "FROM range(20000000) a)"
    capsule = run_json(contained, "--sql", sql, "--memory-mb", 64, status=6,
                       ASKCSV_DOCKER_IMAGE="askcsv-test-container:0.1.0", ASKCSV_RUNNER=lenient)
    assert error_of(capsule)[0] == "RUNNER_RESOURCE_EXCEEDED", capsule["error"]


def test_stopped(contained, docker):
    process, _ = start_endless(contained)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 130
    assert docker.containers() == [] and locks(contained) == []


# ---- deaths ----

def test_a_command_that_died_is_cleaned_up_after(contained, docker):
    process, left = start_endless(contained)
    other, living = start_endless(contained)
    process.kill()
    process.communicate()
    assert {c["Id"] for c in docker.containers()} == {left["Id"], living["Id"]}
    run_json(contained, "--sql", COUNT)  # the next one cleans up, and leaves the living alone
    assert [c["Id"] for c in docker.containers()] == [living["Id"]]
    other.send_signal(signal.SIGINT)
    other.communicate()
    assert other.returncode == 130 and locks(contained) == []


def test_what_a_lost_home_left_behind_goes_once_its_time_has_passed(contained, docker, serve):
    def leave(until):
        return docker.call("POST", "/containers/create", {
            "Image": "askcsv-runner:0.1.0",
            "Labels": {"askcsv.owner": "x", "askcsv.until": str(until)}})["Id"]
    old, young = leave(int(time.time()) - 1), leave(int(time.time()) + 600)
    server = serve("--executor", "docker", "--docker-socket", str(docker.socket))
    assert wait_until(lambda: server.log("executor.recover"))
    assert server.log("executor.recover")[0]["removed"] == 1
    assert [c["Id"] for c in docker.containers()] == [young] and old != young
    docker.call("DELETE", f"/containers/{young}")


@pytest.fixture
def own_docker(images, tmp_path_factory, place):
    """A daemon that a test may kill, on a small disk of its own."""
    folder = place / f"own-{uuid.uuid4().hex[:8]}"
    disk = folder / "disk"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", disk], check=True)
    engine = None
    try:
        engine = Dockerd(folder, disk / "data")
        engine.load(images / "askcsv-runner.tar")
        yield engine
    finally:
        if engine:
            engine.end()
        subprocess.run(["umount", "-l", disk], check=True)


def test_the_daemon_is_killed_in_mid_run(shop, own_docker):
    contained = contained_by(shop, own_docker)
    process, _ = start_endless(contained)
    own_docker.kill()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1 and b"went away in the middle of the run" in said, said
    done = contained("run", "ecommerce", "--sql", COUNT)
    assert done.returncode == 1 and "no Docker daemon listens on" in done.stderr
    own_docker.start()
    run_json(contained, "--sql", COUNT)
    assert own_docker.containers() == [] and locks(contained) == []
    assert contained.ok("capsules", "check")


def test_no_space_left(shop, own_docker):
    contained = contained_by(shop, own_docker)
    run_json(contained, "--sql", COUNT)
    filler = own_docker.data.parent / "filler"
    with open(filler, "wb") as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
    done = contained("run", "ecommerce", "--sql", COUNT)
    assert done.returncode == 1 and "out of disk space" in done.stderr, done.stderr
    filler.unlink()
    run_json(contained, "--sql", COUNT)
    assert own_docker.containers() == []


# ---- settings ----

def test_image_missing(contained, serve, docker):
    done = contained("run", "ecommerce", "--sql", COUNT, env={"ASKCSV_DOCKER_IMAGE": "nothing:1"})
    assert done.returncode == 1 and "has no image nothing:1" in done.stderr
    assert "make images" in done.stderr and locks(contained) == []
    server = serve("--executor", "docker", "--docker-socket", str(docker.socket), "--docker-image",
                   "nothing:1")
    ready = server.get("/readyz")
    assert ready.status == 503
    assert "has no image nothing:1" in ready.json()["checks"]["runner"]["detail"]


def test_image_of_another_version(serve, docker):
    docker.call("POST", "/commit?container=" + docker.call("POST", "/containers/create", {
        "Image": "askcsv-runner:0.1.0"})["Id"] + "&repo=other&tag=1",
        {"Labels": {"org.opencontainers.image.version": "9.9.9"}})
    for container in docker.call("GET", "/containers/json?all=1"):
        docker.call("DELETE", f"/containers/{container['Id']}")
    server = serve("--executor", "docker", "--docker-socket", str(docker.socket), "--docker-image",
                   "other:1")
    detail = server.get("/readyz").json()["checks"]["runner"]["detail"]
    docker.call("DELETE", "/images/other:1")
    assert "askcsv-runner 9.9.9" in detail


def test_a_file_that_only_its_owner_may_read(contained):
    path = contained.home / "private.csv"
    path.write_text("a\n1\n")
    path.chmod(0o600)
    done = contained.json("run", path, "--sql", "SELECT a FROM private", "--format", "json")
    assert done["result"]["rows"] == [[1]]


def test_the_daemon_has_the_home_elsewhere(contained, tmp_path):
    """As for a server in a container, whose paths are not the daemon's."""
    elsewhere = tmp_path / "elsewhere"
    (contained.home / "datasets").rename(elsewhere)
    (contained.home / "datasets").mkdir()
    subprocess.run(["mount", "--bind", elsewhere, contained.home / "datasets"], check=True)
    try:
        os.makedirs(tmp_path / "theirs")
        (tmp_path / "theirs/datasets").symlink_to(elsewhere)
        capsule = run_json(contained, "--sql", COUNT, ASKCSV_DOCKER_HOME=tmp_path / "theirs")
        assert capsule["result"]["rows"] == [[4018]]
        done = contained("run", "ecommerce", "--sql", COUNT,
                         env={"ASKCSV_DOCKER_HOME": tmp_path / "nowhere"})
        assert done.returncode == 1 and "nowhere" in done.stderr
    finally:
        subprocess.run(["umount", contained.home / "datasets"], check=True)


# ---- a server ----

def test_many_runs_at_once(contained, serve, docker):
    server = serve("--executor", "docker", "--docker-socket", str(docker.socket), "--workers",
                   str(AT_ONCE), "--cache", "false", "--key-rate", "0", "--key-runs-max", "0",
                   ASKCSV_LINGER=20)
    assert server.get("/readyz").json()["checks"]["runner"]["ok"]

    def one(i):
        return server.run(f"SELECT count(*) + {i} AS n FROM orders",
                          wait_ms=60000, limits={"timeout_ms": 60000}).json()

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        capsules = list(pool.map(one, range(RUNS)))
    wrong = [c for c in capsules if c.get("status") != "succeeded"]
    assert not wrong, wrong[:3]
    assert [c["result"]["rows"] for c in capsules] == [[[4018 + i]] for i in range(RUNS)]
    assert all(c["executor"] == "docker" for c in capsules)
    assert docker.containers() == [] and locks(contained) == []
    text = server.get("/metrics").bytes.decode()
    assert f'askcsv_runs_total{{status="succeeded",executor="docker"}} {RUNS}' in text


def test_schema_and_questions_of_a_server(serve, docker):
    server = serve("--executor", "docker", "--docker-socket", str(docker.socket))
    schema = server.get("/v1/datasets/ecommerce/schema").json()
    assert all(t["sample_rows"] for t in schema["tables"]), schema
    told = server.ask("POST", "/v1/chat", {"dataset_id": "ecommerce",
                                           "message": "How many orders are there?"})
    assert told.status in (200, 201), told.bytes
    checked = server.ask("POST", "/v1/sql/check", {"dataset_id": "ecommerce", "sql": COUNT})
    assert checked.json() == {"allowed": True}
