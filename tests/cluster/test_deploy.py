"""The chart in a real cluster: taken by the API server, started, asked, changed, and taken down again."""
import json
import sys

import pytest

from host import wait_until
from programs import ROOT

sys.path.append(str(ROOT / "tests/chart"))
from test_chart import CASES, CHART, TREES  # noqa: E402

GOLDEN = ROOT / "datasets/golden"
IDS = [f"{name}-{n}" for name in ("ecommerce", "support", "sensors") for n in range(1, 7)]
REGISTRY = json.loads((ROOT / "datasets/registry.json").read_text())
PROMPTS = [(d["id"], p["text"]) for d in REGISTRY["datasets"] for p in d["prompts"]]


@pytest.fixture(scope="module")
def dry(cluster):
    with cluster.namespace() as one:
        yield one


@pytest.mark.parametrize("case", [c for c in [*CASES, *TREES] if c != "monitor"])
def test_the_api_server_takes_it(dry, case):
    """Every combination of the chart's own tests; what is monitored wants an operator's kinds."""
    options, files = list(CASES.get(case, [])), []
    while "-f" in options:
        at = options.index("-f")
        files.append(CHART / options[at + 1])
        del options[at:at + 2]
    from yaml import safe_dump_all
    objects = dry.manifests(*options, files=files, values=TREES.get(case))
    done = dry.kubectl("apply", "--dry-run=server", "-f", "-", given=safe_dump_all(objects))
    assert len(done.stdout.splitlines()) == len(objects) and "created" in done.stdout
    assert "unknown field" not in done.stderr


@pytest.mark.parametrize("dataset,prompt", PROMPTS)
def test_prompts_are_answered_by_jobs(served, dataset, prompt):
    answer = served.chat(dataset, prompt)
    assert answer["run"]["status"] == "succeeded", answer
    assert answer["run"]["executor"] == "kubernetes"


@pytest.mark.parametrize("name", IDS)
def test_golden_plans_have_the_same_hash(served, shared_shop, name):
    plan = GOLDEN / f"{name}.plan.json"
    dataset = name.split("-")[0]
    there = served.run(dataset, plan=json.loads(plan.read_text()))
    here = shared_shop.json("run", dataset, "--plan", plan, "--format", "json")
    assert there["status"] == "succeeded" and there["result_hash"] == here["result_hash"]
    assert set(there) >= set(here) - {"owner"}


def test_nothing_is_left(served):
    served.run("support", sql="SELECT count(*) + 1 AS n FROM tickets")
    assert served.is_clean(), served.left()


def test_refused_sql_makes_no_job(served):
    def made():
        return {e["involvedObject"]["name"] for e in served.space.items("events") if e["reason"] == "SuccessfulCreate"
                and e["involvedObject"]["kind"] == "Job"}
    served.run("support", sql="SELECT count(*) + 2 AS n FROM tickets")
    assert wait_until(made, 30)
    before = made()
    capsule = served.run("support", sql="SELECT * FROM read_text('/etc/passwd')")
    assert capsule["status"] == "rejected" and made() == before


def test_keys_are_made_and_listed_inside(served):
    made = served.space.kubectl("exec", "deploy/askcsv", "-c", "askcsv", "--", "askcsv", "keys", "add", "ann", "--scope",
                                "read").stdout.strip()
    status, _ = served.ask("GET", "/v1/datasets", headers={"Authorization": f"Bearer {made}"}, key=False)
    assert status == 200
    assert served.ask("GET", "/v1/datasets", key=False)[0] == 401


def test_probes_and_metrics(served):
    ready = served.json("GET", "/readyz", key=False)
    assert ready["ready"] is True, ready
    status, text = served.ask("GET", "/metrics")
    assert status == 200 and b"askcsv_" in text


def test_the_pods_walls(served):
    """As they run, not as they were written."""
    pod = served.pod()["spec"]
    for container in [*pod["containers"], *pod["initContainers"]]:
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] and security["capabilities"] == {"drop": ["ALL"]}
    name = served.pod()["metadata"]["name"]
    done = served.space.kubectl("exec", name, "-c", "askcsv", "--", "/bin/sh", status=None)
    assert done.returncode != 0 and "no such file" in (done.stdout + done.stderr)


def test_sample_data(space):
    served = space.deploy("data.mode=sample", "home.persistence.enabled=false")
    assert served.run("support", sql="SELECT count(*) AS n FROM tickets")["result"]["rows"] == [[6417]]
    assert served.is_clean()


@pytest.fixture
def volumes(space, cluster, tmp_path_factory):
    """Two folders of this machine as volumes for the chart's claims."""
    names = []
    for claim in ("home", "data"):
        folder = tmp_path_factory.mktemp(claim)
        for one in (folder, folder.parent, folder.parent.parent):
            one.chmod(0o755)
        folder.chmod(0o777)
        name = f"{space.name}-{claim}"
        names.append(name)
        space.apply([{
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": {
                "capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": str(folder)},
                "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": {"namespace": space.name, "name": f"askcsv-{claim}"}}}])
    yield names
    cluster.kubectl("delete", "pv", *names, "--wait=false")


def test_claims_and_an_upgrade(space, volumes):
    """Capsules and keys outlive the pod; the data is generated once and read by Jobs."""
    served = space.deploy("data.mode=claim", "data.claim.generate=true")
    capsule = served.run("support", sql="SELECT count(*) AS n FROM tickets")
    assert capsule["status"] == "succeeded", capsule
    old, key = served.pod()["metadata"]["name"], served.key
    # Helm would keep the Secret by looking it up, which a renderer without a cluster cannot.
    served = space.deploy("data.mode=claim", "config.log_level=debug", "auth.existingSecret=askcsv-key")
    assert served.key == key and served.pod()["metadata"]["name"] != old
    again = served.json("GET", f"/v1/runs/{capsule['run_id']}")
    assert again["capsule_hash"] == capsule["capsule_hash"]


def test_what_is_wrong_shows(space):
    """A setting that is none: the pod says which."""
    space.deploy("data.mode=image", "home.persistence.enabled=false", "config.retention_day=3", wait=False)

    def said():
        for pod in space.items("pods"):
            log = space.kubectl("logs", pod["metadata"]["name"], "-c", "key", status=None).stdout
            if "retention_day" in log:
                return log
        return ""
    assert "retention_days" in wait_until(said, 120)
