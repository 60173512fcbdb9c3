"""Runs as Jobs in a real cluster: the same answers as on this machine, the walls, the limits, what
may go wrong and how it is named, and nothing that is left behind."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import time
import uuid

import pytest

from jobs import Proxy, Space, blackbox, clustered_by, image, query_of
import test_docker
from host import wait_until
from programs import ROOT, Askcsv
from redteam import dangerous_statements
from test_docker import CIRCUMSTANCES, COUNT, ENDLESS, error_of, run_json, start
from test_golden import IDS
from test_walls import EXTRA, check_no_harm, localized

askcsv, generated, shop, serve = (getattr(blackbox, name) for name in (
    "askcsv", "generated", "shop", "serve"))
lenient, neighbourhood = test_docker.lenient, test_docker.neighbourhood

RUNS, AT_ONCE = 40, 8  # test_faults.py has a hundred, through a server in the cluster
TIMED = 20
MEMORY_HOG = ("SELECT sum(length(x)) FROM (SELECT list(repeat('x', 1000) || a.range) AS x "
              "FROM range(20000000) a)")


@pytest.fixture(scope="session")
def space(runners):
    made = Space(runners)
    yield made
    assert wait_until(made.is_empty, 120), made.names()
    made.end()


@pytest.fixture
def clustered(shop, space):
    """Whatever the test did, no object of a run and no lock is there afterwards."""
    made = clustered_by(shop, space, image())
    yield made
    assert wait_until(lambda: space.is_empty(going=True), 60), space.names()
    assert space.locks(made) == []


@pytest.fixture
def proxy(api):
    made = Proxy(api)
    yield made
    made.end()


def run_sql(clustered, sql, *more, status=0, **env):
    return run_json(clustered, "--sql", sql, *more, status=status, **env)


def start_endless(clustered, *more, **env):
    """A run that is under way, and its pod."""
    before = {p["metadata"]["name"] for p in clustered.space.list("pods")}
    process = start(clustered, "run", "ecommerce", "--sql", ENDLESS, "--timeout-ms", 200000, *more,
                    **env)
    return process, clustered.space.pod(but=before)


def end(process):
    process.send_signal(signal.SIGINT)
    process.communicate()
    return process.returncode


# ---- the same answers ----

@pytest.fixture(scope="module")
def answers(generated, space, tmp_path_factory, askcsv_path):
    """{plan's name: (there, here)}"""
    home = tmp_path_factory.mktemp("golden")
    shutil.copytree(generated, home / "datasets")
    clustered = clustered_by(Askcsv(askcsv_path, home), space, image())

    def run(name):
        arguments = ("run", name.split("-")[0], "--plan",
                     ROOT / "datasets" / "golden" / f"{name}.plan.json", "--format", "json")
        return (clustered.json(*arguments),
                clustered.json(*arguments, "--executor", "local"))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = dict(zip(IDS, pool.map(run, IDS)))
    assert wait_until(lambda: space.is_empty(going=True), 60) and space.locks(clustered) == []
    return found


@pytest.mark.parametrize("name", IDS)
def test_golden(answers, name):
    there, here = map(dict, answers[name])
    assert (there["executor"], here["executor"]) == ("kubernetes", "local")
    assert there["sandbox"]["walls"]["seccomp"] and there["sandbox"]["walls"]["landlock"]
    for capsule in (there, here):
        assert capsule["status"] == "succeeded"
        assert capsule["timings"].keys() == here["timings"].keys()
    for capsule in (there, here):
        for member in CIRCUMSTANCES:
            capsule.pop(member)
    assert there == here and there["result_hash"]


def test_a_question_and_verify(clustered):
    told = clustered.json("ask", "ecommerce", "revenue by month", "--format", "json")
    assert told["status"] == "succeeded" and told["executor"] == "kubernetes"
    assert clustered.ok("verify", told["run_id"]).stdout == "same\n"


# ---- before any Job ----

def test_what_is_refused_makes_no_job(clustered, space):
    since = space.version()
    plan = {"dataset_id": "ecommerce", "table": "orders", "select": [{"column": "nothing_like_it"}]}
    for arguments, stdin in ((["--sql", "SELECT * FROM read_csv('/etc/passwd')"], None),
                             (["--sql", "SELEC"], None),
                             (["--plan", "-"], json.dumps(plan))):
        done = clustered("run", "ecommerce", *arguments, stdin=stdin)
        assert done.returncode == 3, done.stderr
    run_sql(clustered, COUNT, ASKCSV_KUBERNETES_REQUEST="secret")
    for kind in ("jobs", "secrets"):
        added = [e for e in space.happened(kind, since) if e["type"] == "ADDED"]
        assert len([e for e in added if "askcsv-" in e["object"]["metadata"]["name"]]) == 1, kind


# ---- the walls ----

def pid_of(space, pod):
    """Of its first process, on this machine."""
    name = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    tasks = subprocess.run(["ctr", "-a", space.api.folder / "containerd.sock", "-n", "k8s.io",
                            "tasks", "ls"], check=True, capture_output=True, text=True).stdout
    return next(int(line.split()[1]) for line in tasks.splitlines() if line.startswith(name))


def test_what_a_pod_is_like(clustered, space):
    clustered.shape(nodeSelector={"kubernetes.io/os": "linux"})
    space.make("services", {"metadata": {"name": "neighbour"}, "spec": {"ports": [{"port": 1}]}})
    process, pod = start_endless(clustered, ASKCSV_KUBERNETES_REQUEST="secret")
    try:
        job = space.list("jobs")[0]
        secret = space.list("secrets")[0]
        pid = pid_of(space, pod)
        status = dict(line.split(":\t", 1) for line in
                      pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        environment = pathlib.Path(f"/proc/{pid}/environ").read_text()
        mounts = [line.split() for line in
                  pathlib.Path(f"/proc/{pid}/mounts").read_text().splitlines()]
        with pytest.raises(OSError, match="Read-only"):
            open(f"/proc/{pid}/root{clustered.home}/datasets/ecommerce/orders.csv", "ab")
        with pytest.raises(OSError, match="Read-only"):
            open(f"/proc/{pid}/root/new", "wb")
        account = os.path.exists(f"/proc/{pid}/root/var/run/secrets/kubernetes.io")
    finally:
        assert end(process) == 130
        space.delete("services", "neighbour")
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    assert job["spec"]["backoffLimit"] == 0 and job["spec"]["activeDeadlineSeconds"] > 200
    assert job["spec"]["ttlSecondsAfterFinished"] == 300 and spec["restartPolicy"] == "Never"
    assert spec["automountServiceAccountToken"] is False and not account
    assert spec["enableServiceLinks"] is False and "NEIGHBOUR" not in environment
    assert not any(spec.get(k) for k in ("hostNetwork", "hostPID", "hostIPC"))
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert spec["securityContext"] == {"runAsUser": 65532, "runAsGroup": 65532,
                                       "runAsNonRoot": True,
                                       "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "privileged": False, "readOnlyRootFilesystem": True,
        "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"}}
    resources = container["resources"]
    assert resources["limits"] == {"memory": "1664Mi", "cpu": "2"}
    assert resources["requests"] == {"memory": "1664Mi", "cpu": "100m"}
    assert all(m.get("readOnly") for m in container["volumeMounts"] if m["mountPath"] != "/tmp")
    assert container["env"] == [] if "env" in container else True
    assert secret["immutable"] and list(secret["data"]) == ["0"]
    for made in (job, pod, secret):
        labels = made["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "askcsv-runner"
        assert made["metadata"]["name"].startswith("askcsv-" + labels["askcsv.dev/owner"])
    assert status["Uid"].split() == ["65532"] * 4 and int(status["CapBnd"], 16) == 0
    assert int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    data = next(m for m in mounts if m[1] == f"{clustered.home}/datasets")
    assert "ro" in data[3].split(",")


@pytest.mark.parametrize("name, every", [("askcsv-test-os", 3), ("askcsv-test-container", 5)])
def test_red_team(clustered, neighbourhood, lenient, name, every):
    """With policy and engine lock off; and with the runner's own sandbox off, the pod alone."""
    files = [neighbourhood / f"{n}.csv" for n in ("orders", "order_items", "inventory")]
    clustered.shape(mounts=files)
    statements = [*EXTRA, *dangerous_statements()][::every]

    def try_one(sql):
        done = clustered("run", ",".join(map(str, files)), "--sql", localized(sql, neighbourhood),
                         "--format", "json", "--timeout-ms", 4000, "--memory-mb", 128,
                         env={"ASKCSV_KUBERNETES_IMAGE": image(name), "ASKCSV_RUNNER": lenient,
                              "ASKCSV_TEST_SECRET": "the-secret-of-the-neighbour"})
        return sql, json.loads(done.stdout) if done.stdout else {"says": done.stderr}

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        tried = list(pool.map(try_one, statements))
    for sql, capsule in tried:
        check_no_harm(neighbourhood, capsule.get("result") or {}, sql)
    ran = [c for _, c in tried if c.get("sandbox") is not None]
    assert len(ran) > len(statements) // 2, [c.get("error") or c for _, c in tried]


# ---- large requests and answers ----

def test_a_megabyte_of_sql(clustered, space):
    """In two Secrets, which are gone afterwards."""
    since = space.version()
    sql = "SELECT count(*) AS n /* $(ASKCSV) $$ " + "x" * ((1 << 20) - 100) + " */ FROM orders"
    (clustered.home / "q.sql").write_text(sql)
    capsule = run_json(clustered, "--sql-file", clustered.home / "q.sql")
    assert capsule["result"]["rows"] == [[4018]]
    added = [e["object"]["metadata"]["name"] for e in space.happened("secrets", since)
             if e["type"] == "ADDED" and e["object"]["metadata"]["name"].startswith("askcsv-")]
    assert sorted(n[-2:] for n in added) == ["-0", "-1"]


def test_dollars_stay_dollars(clustered):
    sql = "SELECT '$(ASKCSV_REQUEST) $$ $(X) $' AS s, count(*) AS n FROM orders"
    for how in ("env", "secret"):
        rows = run_sql(clustered, sql, ASKCSV_KUBERNETES_REQUEST=how)["result"]["rows"]
        assert rows == [["$(ASKCSV_REQUEST) $$ $(X) $", 4018]]


LARGE = "SELECT repeat('x', 9000) || a.order_id AS s FROM orders a ORDER BY 1 LIMIT 700"



def test_a_large_answer_is_whole(clustered):
    there = run_sql(clustered, LARGE)
    here = run_sql(clustered, LARGE, "--executor", "local")
    assert there["result_hash"] == here["result_hash"] and there["status"] == "succeeded"


@pytest.mark.parametrize("keep", [1 << 30, 4_000_000, -1])
def test_an_answer_that_its_log_has_not_whole_is_refused(clustered, api, proxy, keep):
    """As of a node that keeps less of a log: its start is cut off, or its end."""
    def cut(handler, body):
        if "/log?" not in handler.path:
            return False
        handler.forward(body, change=lambda log: log[:-1000] if keep < 0 else log[keep:])
        return True

    is_lost = keep == 1 << 30
    proxy.rule = cut
    capsule = run_sql(clustered, LARGE, status=1 if is_lost else 6,
                      KUBECONFIG=proxy.kubeconfig(clustered.home))
    kind, message = error_of(capsule)
    assert capsule["result"] is None or not capsule["result"].get("rows")
    assert kind == ("RUNNER_INTERNAL_ERROR" if is_lost else "RUNNER_OUTPUT_EXCEEDED"), message
    assert ("without a response" if is_lost else "containerLogMaxSize") in message


# ---- limits ----

def test_timeout_of_the_runner(clustered):
    capsule = run_sql(clustered, ENDLESS, "--timeout-ms", 500, status=4)
    assert capsule["status"] == "timed_out" and error_of(capsule)[0] == "RUNNER_TIMEOUT"


def test_memory_of_the_engine(clustered):
    sql = "SELECT count(DISTINCT a.range::VARCHAR || 'x') FROM range(50000000) a, " \
          "(SELECT count(*) FROM orders)"
    capsule = run_sql(clustered, sql, "--memory-mb", 64, status=6)
    assert error_of(capsule)[0] == "RUNNER_RESOURCE_EXCEEDED"


def test_memory_of_the_container(clustered, lenient):
    """With the runner's own limits off the kernel ends it, and the answer says so."""
    capsule = run_sql(clustered, MEMORY_HOG + ", (SELECT count(*) FROM orders)", "--memory-mb", 64,
                      status=6, ASKCSV_KUBERNETES_IMAGE=image("askcsv-test-container"),
                      ASKCSV_RUNNER=lenient)
    kind, message = error_of(capsule)
    assert kind == "RUNNER_RESOURCE_EXCEEDED" and "memory" in message, capsule["error"]


def test_deadline_of_the_job(clustered, space):
    process, _ = start_endless(clustered, "--format", "json")
    space.patch("jobs", space.names()["jobs"][0], {"spec": {"activeDeadlineSeconds": 1}})
    capsule = json.loads(process.communicate()[0])
    assert process.returncode == 4 and error_of(capsule)[0] == "RUNNER_TIMEOUT"
    assert "activeDeadlineSeconds" in error_of(capsule)[1]


# ---- what holds a pod up ----

def failed(clustered, status=1, sql=COUNT, **env):
    """(type, message) of a run that fails."""
    return error_of(run_sql(clustered, sql, status=status, **env))


def test_image_that_is_not_there(clustered):
    kind, message = failed(clustered, ASKCSV_KUBERNETES_IMAGE="nothing-like-it:1")
    assert kind == "IO_ERROR" and "nothing-like-it:1 cannot be had" in message, message
    assert "ErrImageNeverPull" in message and "kubernetes_image" in message
    clustered.shape(container={"imagePullPolicy": "Always"})
    kind, message = failed(clustered, ASKCSV_KUBERNETES_IMAGE="127.0.0.1:9/nothing-like-it:1")
    assert kind == "IO_ERROR" and "cannot be had" in message, message
    assert "connection refused" in message, message


def test_quota_on_jobs(clustered, space):
    space.make("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {
        "count/jobs.batch": "0"}}})
    try:
        assert wait_until(lambda: space.get("resourcequotas", "q").get("status", {}).get("hard"))
        kind, message = failed(clustered, status=6)
    finally:
        space.delete("resourcequotas", "q")
    assert kind == "RUNNER_RESOURCE_EXCEEDED" and "quota" in message and "count/jobs" in message


@pytest.mark.parametrize("hard", [{"pods": "0"}, {"limits.memory": "64Mi"}])
def test_quota_on_pods(clustered, space, hard):
    space.make("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    try:
        assert wait_until(lambda: space.get("resourcequotas", "q").get("status", {}).get("hard"))
        kind, message = failed(clustered, status=6, ASKCSV_KUBERNETES_START_S=5)
    finally:
        space.delete("resourcequotas", "q")
    assert kind == "RUNNER_RESOURCE_EXCEEDED" and "quota" in message, message
    assert next(iter(hard)) in message


def test_no_room(clustered):
    kind, message = error_of(run_sql(clustered, COUNT, "--memory-mb", 1000000, status=6,
                                     ASKCSV_KUBERNETES_START_S=3))
    assert kind == "RUNNER_RESOURCE_EXCEEDED" and "Insufficient memory" in message, message


def test_node_that_ends_the_pod(clustered):
    """It uses more of the node's disk than it may, and its kubelet evicts it."""
    clustered.shape(
        container={"resources": {"limits": {"ephemeral-storage": "10Mi"}}},
        initContainers=[{"name": "fill", "image": image(), "imagePullPolicy": "Never",
                         "command": ["/usr/bin/dd", "if=/dev/zero", "of=/disk/x", "bs=1M",
                                     "count=50"],
                         "resources": {"limits": {"ephemeral-storage": "10Mi"}},
                         "volumeMounts": [{"name": "usr", "mountPath": "/usr", "readOnly": True},
                                          {"name": "disk", "mountPath": "/disk"}]}],
        more_volumes=[{"name": "disk", "emptyDir": {}},
                      {"name": "usr", "hostPath": {"path": "/usr"}}])
    capsule = run_sql(clustered, ENDLESS, "--timeout-ms", 60000, status=6)
    kind, message = error_of(capsule)
    assert kind == "RUNNER_RESOURCE_EXCEEDED" and "Evicted" in message, message


def test_no_node_that_fits(clustered):
    began = time.monotonic()
    clustered.shape(nodeSelector={"no-node": "has-this"})
    kind, message = failed(clustered, ASKCSV_KUBERNETES_START_S=3)
    assert kind == "IO_ERROR" and "Unschedulable" in message, message
    assert "kubernetes_template" in message and "memory-mb" not in message
    assert 3 <= time.monotonic() - began < 30


def test_volumes_that_are_not_there(clustered):
    clustered.shape(volumes=[{"name": "v0", "persistentVolumeClaim": {"claimName": "nothing"}}])
    kind, message = failed(clustered, ASKCSV_KUBERNETES_START_S=3)
    assert kind == "IO_ERROR" and '"nothing" not found' in message, message
    clustered.shape(volumes=[{"name": "v0", "hostPath": {"path": "/nothing", "type": "Directory"}}])
    kind, message = failed(clustered, status=4, ASKCSV_KUBERNETES_START_S=4)
    assert kind == "RUNNER_TIMEOUT" and "kubernetes_start_s" in message, message
    assert "FailedMount" in message


def test_init_container_that_fails(clustered):
    clustered.shape(initContainers=[{"name": "fetch", "image": image(), "imagePullPolicy": "Never",
                                     "args": ["--no-such-option"]}])
    kind, message = failed(clustered)
    assert kind == "IO_ERROR" and "init container fetch failed" in message, message


def test_data_that_is_not_there(clustered):
    clustered.shape(mounts=[])
    kind, message = failed(clustered)
    assert kind == "IO_ERROR" and "No such file or directory" in message, message
    assert "kubernetes_template" in message


@pytest.mark.parametrize("text, said", [
    ("spec: {hostNetwork: true}", "hostNetwork"), ("spec: [", "line 2"), ("", "empty"),
    ("spec: {containers: [{name: other}]}", "named runner"),
    ("spec: {containers: [{name: runner, volumeMounts: [1]}]}", "volumeMounts")])
def test_templates_that_are_none(clustered, text, said):
    clustered.template.write_text(text)
    done = clustered("run", "ecommerce", "--sql", COUNT)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert "template.yaml" in done.stderr and "kubernetes_template" in done.stderr


# ---- who we are ----

def test_kubeconfigs_that_do_not_work(clustered, api, space):
    folder = clustered.home
    missing = folder / "missing"
    done = clustered("run", "ecommerce", "--sql", COUNT, env={"KUBECONFIG": missing})
    assert done.returncode == 2 and "kubernetes_config" in done.stderr, done.stderr
    for user, said in (({"token": "not-a-token"}, "does not know who we are"), ({}, "anonymous")):
        config = api.kubeconfig_for(folder / "config", user)
        done = clustered("run", "ecommerce", "--sql", COUNT, env={"KUBECONFIG": config})
        assert done.returncode == 1 and said in done.stderr, done.stderr
    config = api.kubeconfig_for(folder / "config", {}, server=f"https://{api.address}")
    done = clustered("run", "ecommerce", "--sql", COUNT, env={"KUBECONFIG": config})
    assert done.returncode == 1 and "is not trusted" in done.stderr, done.stderr
    assert space.locks(clustered) == []


ROLE = [{"apiGroups": ["batch"], "resources": ["jobs"],
         "verbs": ["create", "get", "list", "delete"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "delete"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]}]


def test_rights(clustered, api, space):
    """A service account without any, and with just the role that docs/DEPLOY.md has."""
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    space.make("serviceaccounts", {"metadata": {"name": "runs"}})
    token = space.make("serviceaccounts/runs/token", {"spec": {"expirationSeconds": 3600}},
                       )["status"]["token"]
    config = api.kubeconfig_for(clustered.home / "config", {"token": token})
    kind, message = failed(clustered, KUBECONFIG=config)
    assert kind == "IO_ERROR" and "cannot create resource" in message and "jobs" in message, message
    assert "docs/DEPLOY.md" in message and token not in message
    assert space.locks(clustered) == []
    space.make("roles", {"metadata": {"name": "runs"}, "rules": [
        {**rule, "verbs": [v for v in rule["verbs"] if v != "watch"]} for rule in ROLE]}, rbac)
    space.make("rolebindings", {"metadata": {"name": "runs"}, "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "runs"},
        "subjects": [{"kind": "ServiceAccount", "name": "runs", "namespace": space.name}]}, rbac)
    (clustered.home / "token").write_text(token + "\n")
    config = api.kubeconfig_for(clustered.home / "config", {"tokenFile": "token"})
    assert wait_until(lambda: "refused to be watched" in clustered(
        "run", "ecommerce", "--sql", COUNT, env={"KUBECONFIG": config}).stderr, 20)
    api.call("PUT", space.path("roles", "runs", rbac), {"metadata": {"name": "runs"},
                                                       "rules": ROLE})
    for how in ("env", "secret"):
        assert wait_until(lambda: clustered("run", "ecommerce", "--sql", COUNT, env={
            "KUBECONFIG": config, "ASKCSV_KUBERNETES_REQUEST": how}).returncode == 0, 20)
    process, _ = start_endless(clustered, KUBECONFIG=config)
    assert end(process) == 130


# ---- an API server that is away ----

def test_server_that_is_away(clustered, proxy):
    config = proxy.kubeconfig(clustered.home)
    proxy.stop()
    began = time.monotonic()
    kind, message = failed(clustered, KUBECONFIG=config)
    assert kind == "IO_ERROR" and "is not reached (making a Job)" in message, message
    assert time.monotonic() - began < 60
    assert len(clustered.space.locks(clustered)) == 0  # nothing was ever sent
    proxy.start()
    run_sql(clustered, COUNT, KUBECONFIG=config)


def test_server_that_says_nothing(clustered, proxy):
    proxy.rule = lambda handler, body: handler.command == "POST" and (handler.stall() or True)
    kind, message = failed(clustered, KUBECONFIG=proxy.kubeconfig(clustered.home))
    assert kind == "IO_ERROR" and "is not reached" in message, message
    proxy.rule = None
    assert clustered.space.locks(clustered)  # it may still be carried out, and is looked for
    forget(clustered)


def forget(clustered):
    """As when the time is over within which such a call may still be carried out."""
    for lock in (clustered.home / "jobs").glob("*.lock"):
        os.utime(lock, (0, 0))
    run_sql(clustered, COUNT)


def test_connections_that_break(clustered, proxy):
    """In mid-run, while the log is listened to."""
    process = start(clustered, "run", "ecommerce", "--sql", ENDLESS, "--timeout-ms", 4000,
                    "--format", "json", KUBECONFIG=proxy.kubeconfig(clustered.home))
    assert wait_until(lambda: logs_of(proxy))
    proxy.cut()
    assert wait_until(lambda: len(logs_of(proxy)) > 1)
    proxy.stop()
    proxy.start()
    out, _ = process.communicate()
    assert process.returncode == 4 and error_of(json.loads(out))[0] == "RUNNER_TIMEOUT", out
    assert "ended by itself" not in out.decode() and "pod" not in error_of(json.loads(out))[1]


def logs_of(proxy):
    return [p for m, p in proxy.calls if "/log?" in p]


def start_waiting(clustered, proxy, start_s):
    """A run whose pod no node takes, and which is known to be so."""
    clustered.shape(nodeSelector={"no-node": "has-this"})
    process = start(clustered, "run", "ecommerce", "--sql", COUNT, "--format", "json",
                    KUBECONFIG=proxy.kubeconfig(clustered.home), ASKCSV_KUBERNETES_START_S=start_s)
    clustered.space.pod(lambda pod: pod["status"].get("conditions"))
    assert wait_until(lambda: proxy.events)
    return process


def check_waited(process):
    out, _ = process.communicate()
    kind, message = error_of(json.loads(out))
    assert process.returncode == 1 and kind == "IO_ERROR" and "Unschedulable" in message, message


def test_a_watch_that_breaks(clustered, proxy):
    """It goes on where it was."""
    process = start_waiting(clustered, proxy, 5)
    for count in (1, 2):
        proxy.cut()
        assert wait_until(lambda: len(proxy.watches()) > count)
    check_waited(process)
    assert "resourceVersion" in query_of(proxy.watches()[-1])


def test_a_server_that_stays_away_in_mid_run(clustered, proxy):
    config = proxy.kubeconfig(clustered.home)
    process = start(clustered, "run", "ecommerce", "--sql", ENDLESS, "--timeout-ms", 2000,
                    "--format", "json", KUBECONFIG=config)
    clustered.space.pod()
    proxy.stop()
    out, _ = process.communicate()
    kind, message = error_of(json.loads(out))
    assert process.returncode == 1 and kind == "IO_ERROR" and "lost sight" in message, message
    assert len(clustered.space.locks(clustered)) == 1
    run_sql(clustered, COUNT)  # what could not be removed then is removed now


GONE = {"kind": "Status", "code": 410, "reason": "Expired"}


@pytest.mark.parametrize("status, body", [(410, GONE), (200, {"type": "ERROR", "object": GONE})])
def test_a_watch_whose_past_is_forgotten(clustered, proxy, status, body):
    """As after a compaction: what is there is looked at anew."""
    told = []

    def gone(handler, _):
        if "watch=1" not in handler.path or "resourceVersion=" not in handler.path or told:
            return False
        told.append(handler.path)
        handler.reply(status, body)
        return True

    process = start_waiting(clustered, proxy, 5)
    proxy.rule = gone
    proxy.cut()
    check_waited(process)
    assert told and "resourceVersion=" not in proxy.watches()[-1]


def test_a_watch_that_falls_silent(clustered, proxy):
    """Open, and nothing comes any more: as behind a firewall that forgot the connection."""
    def silent(handler, body):
        first = len(proxy.watches()) == 1 and "watch=1" in handler.path
        return first and (handler.stall() or True)
    proxy.rule = silent
    began = time.monotonic()
    capsule = run_sql(clustered, COUNT, KUBECONFIG=proxy.kubeconfig(clustered.home))
    assert capsule["result"]["rows"] == [[4018]] and time.monotonic() - began < 60


def test_a_server_with_too_much_to_do(clustered, proxy):
    """429 and 503 pass; a Job that was made although its answer was lost is not made twice."""
    seen = []

    def busy(handler, body):
        seen.append(handler.command)
        if len(seen) < 3:
            handler.reply(429 if len(seen) == 1 else 503, {"kind": "Status", "message": "busy"})
            return True
        if handler.command == "POST" and seen.count("POST") < 5:
            handler.server.proxy.api.call("POST", handler.path, json.loads(body))
            seen.extend(["POST"] * 5)
            handler.drop()
            return True
        return False

    proxy.rule = busy
    since = clustered.space.version()
    capsule = run_sql(clustered, COUNT, KUBECONFIG=proxy.kubeconfig(clustered.home))
    assert capsule["result"]["rows"] == [[4018]]
    added = [e for e in clustered.space.happened("jobs", since) if e["type"] == "ADDED"]
    assert len(added) == 1


def test_a_log_that_breaks_off(clustered, proxy):
    seen = []

    def cut(handler, body):
        if "/log?" not in handler.path or seen:
            return False
        seen.append(handler.path)
        handler.forward(body, cut_after=100000)
        return True

    proxy.rule = cut
    capsule = run_sql(clustered, LARGE, KUBECONFIG=proxy.kubeconfig(clustered.home))
    assert capsule["status"] == "succeeded" and seen


# ---- deaths and deletions ----

@pytest.mark.parametrize("kind", ["pods", "jobs"])
def test_deleted_by_hand(clustered, space, kind):
    process, pod = start_endless(clustered, "--format", "json")
    owner = pod["metadata"]["labels"]["askcsv.dev/owner"]
    space.delete(kind, pod["metadata"]["name"] if kind == "pods" else f"askcsv-{owner}")
    capsule = json.loads(process.communicate()[0])
    what, message = error_of(capsule)
    assert process.returncode == 1 and what == "IO_ERROR", capsule["error"]
    assert f"the run's {'Job' if kind == 'jobs' else 'pod'} was deleted" in message, message


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped(clustered, space, number):
    process, _ = start_endless(clustered, ASKCSV_KUBERNETES_REQUEST="secret")
    assert space.names()["secrets"]
    process.send_signal(number)
    process.communicate()
    assert process.returncode == 130
    assert space.names()["secrets"] == space.names()["jobs"] == []


def test_a_command_that_died_is_cleaned_up_after(clustered, space):
    process, left = start_endless(clustered, ASKCSV_KUBERNETES_REQUEST="secret")
    other, living = start_endless(clustered)
    process.kill()
    process.communicate()
    assert len(space.names()["jobs"]) == 2
    run_sql(clustered, COUNT)  # the next one cleans up, and leaves the living alone
    owner = living["metadata"]["labels"]["askcsv.dev/owner"]
    assert space.names()["jobs"] == [f"askcsv-{owner}"] and space.names()["secrets"] == []
    assert left["metadata"]["labels"]["askcsv.dev/owner"] != owner
    assert end(other) == 130


# ---- doctor ----

def test_doctor(clustered):
    told = clustered.ok("doctor").stdout
    assert "ok       kubernetes" in told and clustered.space.name in told, told
    done = clustered("doctor", env={"ASKCSV_KUBERNETES_IMAGE": "nothing-like-it:1"})
    assert done.returncode == 1 and "FAILS    kubernetes" in done.stdout, done.stdout
    assert "nothing-like-it:1 cannot be had" in done.stdout


# ---- a server ----

def serve_there(serve, clustered, *options, **env):
    return serve("--executor", "kubernetes", "--cache", "false", *options, on=clustered, **env)


def test_many_runs_at_once(clustered, serve, space):
    server = serve_there(serve, clustered, "--workers", str(AT_ONCE), "--key-rate", "0",
                         "--key-runs-max", "0")
    assert server.get("/readyz").json()["checks"]["runner"]["ok"]

    def one(i):
        return server.run(f"SELECT count(*) + {i} AS n FROM orders", wait_ms=60000,
                          limits={"timeout_ms": 60000, "memory_mb": 128}).json()

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        capsules = list(pool.map(one, range(RUNS)))
    wrong = [c for c in capsules if c.get("status") != "succeeded"]
    assert not wrong, wrong[:3]
    assert [c["result"]["rows"] for c in capsules] == [[[4018 + i]] for i in range(RUNS)]
    assert all(c["executor"] == "kubernetes" for c in capsules)
    assert space.names()["jobs"] == [] and space.locks(clustered) == []
    text = server.get("/metrics").bytes.decode()
    assert f'askcsv_runs_total{{status="succeeded",executor="kubernetes"}} {RUNS}' in text


def test_cancel_by_http(clustered, serve, space):
    server = serve_there(serve, clustered)
    run_id = server.run(ENDLESS, wait_ms=0, limits={"timeout_ms": 50000}).json()["run_id"]
    space.pod()
    assert server.ask("POST", f"/v1/runs/{run_id}/cancel").status in (200, 202)
    server.await_status(run_id, ("cancelled",))
    assert wait_until(lambda: not space.names()["jobs"])


def test_a_server_that_dies_in_mid_run(clustered, serve, space):
    server = serve_there(serve, clustered)
    run_id = server.run(ENDLESS, wait_ms=0, limits={"timeout_ms": 50000}).json()["run_id"]
    space.pod()
    server.end(signal.SIGKILL)
    assert len(space.names()["jobs"]) == 1
    again = serve_there(serve, clustered)
    assert again.status(run_id)["status"] == "failed"
    assert wait_until(lambda: not space.names()["jobs"])
    assert again.log("executor.recover")[0]["removed"] == 1
    assert again.end() == 0


def test_readiness(clustered, serve, proxy):
    server = serve_there(serve, clustered, KUBECONFIG=proxy.kubeconfig(clustered.home))
    assert server.get("/readyz").status == 200
    proxy.stop()
    assert wait_until(lambda: server.get("/readyz").status == 503)
    detail = server.get("/readyz").json()["checks"]["runner"]["detail"]
    assert "is not reached" in detail, detail
    proxy.start()
    assert wait_until(lambda: server.get("/readyz").status == 200)


# ---- how long it takes ----

def bare_job(space, spec):
    """Seconds from asking for a Job until the watch says that its pod has ended."""
    name = f"bare-{uuid.uuid4().hex[:8]}"
    job = {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {
        "metadata": {"labels": {"bare": name}}, "spec": spec}}}
    began = time.monotonic()
    space.make("jobs", job)
    with contextlib.closing(space.api.connect()) as connection:
        connection.request("GET", f"{space.path('pods')}?watch=1&labelSelector=bare%3D{name}")
        for line in connection.getresponse():
            if json.loads(line)["object"]["status"].get("phase") in ("Succeeded", "Failed"):
                break
    took = time.monotonic() - began
    assert json.loads(line)["object"]["status"]["phase"] == "Succeeded"
    space.delete("jobs", name)
    return took


def test_time_of_a_run(clustered, serve, space, capsys):
    """Printed, not judged: a machine that others use too has no steady times."""
    process, pod = start_endless(clustered)
    spec = space.list("jobs")[0]["spec"]["template"]["spec"]
    assert end(process) == 130
    spec["containers"][0] |= {"args": ["--version"], "env": []}
    server = serve_there(serve, clustered, "--key-rate", "0")
    server.run(COUNT, wait_ms=60000)  # its own start is no part of it
    bare, runs = [], []
    for i in range(TIMED):
        bare.append(bare_job(space, spec))
        began = time.monotonic()
        capsule = server.run(f"SELECT count(*) + {i} AS n FROM orders", wait_ms=60000).json()
        runs.append(time.monotonic() - began)
        assert capsule["status"] == "succeeded"
    medians = statistics.median(bare), statistics.median(runs)
    with capsys.disabled():
        print(f"\nrun to answer {medians[1]:.2f} s, a bare Job {medians[0]:.2f} s: "
              f"ratio {medians[1] / medians[0]:.2f} (medians of {TIMED})")
