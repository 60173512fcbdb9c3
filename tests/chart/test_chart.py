"""The chart deploy/helm/askcsv: for all that values can choose, what comes out is whole and harmless.
Rendered by Helm where it is installed, else by render.py."""
import base64
import functools
import itertools
import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml

from programs import ROOT
from render import Failure, manifests, render

CHART = ROOT / "deploy/helm/askcsv"
STORE = "store.existingSecret=askcsv-store"

# Profiles and features by name, as options of Helm.
CASES = {
    "default": [],
    "local": ["executor=local"],
    "k3s": ["-f", "values-k3s.yaml"],
    "managed": ["-f", "values-managed.yaml"],
    "image": ["data.mode=image"],
    "image by digest": ["data.mode=image", "image.digest=sha256:" + "a" * 64, "runner.image.digest=sha256:" + "b" * 64],
    "claim": ["data.mode=claim", "data.claim.subPath=v1"],
    "claim, generated": ["data.mode=claim", "data.claim.generate=true", "data.claim.subPath=v1"],
    "claim of the user's": ["data.mode=claim", "data.claim.existingClaim=tables"],
    "init": ["data.mode=init", "data.init.image=fetch:1", "data.init.args={a,b}"],
    "warm": ["runner.warm.pods=2"],
    "store by url": ["store.url=postgresql://a:b@db/askcsv", "replicas=3"],
    "store by secret": [STORE, "replicas=3", "autoscaling.enabled=true"],
    "no volume": ["home.persistence.enabled=false"],
    "home of the user's": ["home.persistence.existingClaim=home"],
    "providers": ["providers.openai.model=m", "providers.openai.key=sk-secret", "providers.anthropic.model=n",
                  "providers.anthropic.key=sk-other", "providers.openai.baseUrl=https://models.example/v1"],
    "providers by secret": ["providers.existingSecret=keys", "providers.openai.model=m"],
    "key by secret": ["auth.existingSecret=mykey", "auth.secretKey=token", "auth.scope=run"],
    "ingress": ["ingress.enabled=true", "ingress.hosts={a.example.com,b.example.com}", "ingress.tlsSecret=cert",
                "ingress.className=nginx"],
    "monitor": ["serviceMonitor.enabled=true"],
    "no policies": ["networkPolicy.enabled=false", "podDisruptionBudget.enabled=false", "serviceAccount.create=false"],
    "placed": ["runner.runtimeClassName=gvisor", "runner.nodeSelector.pool=runs", "runner.priorityClassName=low",
               "nodeSelector.pool=web", "runner.request=secret", "priorityClassName=high"],
    "named": ["fullnameOverride=a-very-long-name-that-is-longer-than-what-forty-letters-hold"],
    "registry by name": ["data.registryConfigMap=tables"],
    "settings": ["config.retention_days=90", "config.log_level=debug", "allowedHosts={a.example}"],
}
TREES = {
    "registry": {"data": {"registry": '{"version": 1, "datasets": []}\n', "mode": "image"}},
    "lists": {"imagePullSecrets": [{"name": "pull"}], "tolerations": [{"key": "a", "operator": "Exists"}],
              "runner": {"tolerations": [{"key": "b", "operator": "Exists"}], "env": [{"name": "A", "value": "b"}],
                         "resources": {"limits": {"ephemeral-storage": "1Gi"}}, "labels": {"team": "data"},
                         "affinity": {"nodeAffinity": {}}},
              "extraEnv": [{"name": "ASKCSV_LINGER", "value": "30"}], "affinity": {"nodeAffinity": {}},
              "extraVolumes": [{"name": "ca", "secret": {"secretName": "ca"}}],
              "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}], "podLabels": {"team": "data"},
              "podAnnotations": {"a": "b"}, "service": {"annotations": {"a": "b"}},
              "networkPolicy": {"from": [{"podSelector": {}}], "extraEgress": [{"ports": [{"port": 3128}]}],
                                "runnerEgress": [{"ports": [{"port": 443}]}],
                                "apiServer": {"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]}},
              "data": {"mode": "init", "init": {"image": "fetch:1", "env": [{"name": "A", "value": "b"}],
                                                "command": ["fetch"], "resources": {"limits": {"cpu": "1"}},
                                                "envFrom": [{"secretRef": {"name": "s3"}}]}}},
}
VERSIONS = ["1.20.2", "1.30.0"]


def objects(*options, version=VERSIONS[0], values=None, name="askcsv"):
    return made(options, version, json.dumps(values), name)


@functools.cache
def made(options, version, values, name):
    """Once for each; nobody changes it."""
    options, files = list(options), []
    while "-f" in options:
        at = options.index("-f")
        files.append(CHART / options[at + 1])
        del options[at:at + 2]
    return manifests(CHART, files=files, options=options, values=json.loads(values), name=name,
                     namespace="asking", kubernetes=version)


@pytest.fixture(params=[*CASES, *TREES])
def case(request):
    return request.param


@pytest.fixture(params=VERSIONS)
def rendered(request, case):
    return objects(*CASES.get(case, []), values=TREES.get(case), version=request.param)


def of_kind(rendered, kind):
    return [one for one in rendered if one["kind"] == kind]


def named(rendered, kind, name):
    one, = [o for o in of_kind(rendered, kind) if o["metadata"]["name"] == name]
    return one


def server(rendered):
    one, = of_kind(rendered, "Deployment")
    return one["spec"]["template"]


def config_map(rendered):
    return next(c for c in of_kind(rendered, "ConfigMap") if "config.json" in c["data"])


def runner_pod(rendered):
    text = config_map(rendered)["data"].get("runner-pod.json")
    return json.loads(text) if text else None


def settings(rendered):
    return json.loads(config_map(rendered)["data"]["config.json"])


def containers(spec):
    return [*spec.get("initContainers", []), *spec["containers"]]


def role_rules(rendered):
    return {(group, resource): set(rule["verbs"]) for role in of_kind(rendered, "Role")
            for rule in role["rules"] for group in rule["apiGroups"] for resource in rule["resources"]}


# ---- whole ----

KINDS = {"ConfigMap": "v1", "Secret": "v1", "Service": "v1", "ServiceAccount": "v1", "PersistentVolumeClaim": "v1",
         "Deployment": "apps/v1", "Role": "rbac.authorization.k8s.io/v1", "Ingress": "networking.k8s.io/v1",
         "RoleBinding": "rbac.authorization.k8s.io/v1", "NetworkPolicy": "networking.k8s.io/v1",
         "ServiceMonitor": "monitoring.coreos.com/v1"}
BY_VERSION = {"PodDisruptionBudget": ("policy/v1beta1", "policy/v1"),
              "HorizontalPodAutoscaler": ("autoscaling/v2beta2", "autoscaling/v2")}


@pytest.mark.parametrize("version", VERSIONS)
def test_kinds_names_and_labels(case, version):
    rendered = objects(*CASES.get(case, []), values=TREES.get(case), version=version)
    ids = [(o["kind"], o["metadata"]["name"]) for o in rendered]
    assert len(ids) == len(set(ids))
    for one in rendered:
        wanted = KINDS.get(one["kind"]) or BY_VERSION[one["kind"]][VERSIONS.index(version)]
        assert one["apiVersion"] == wanted
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", one["metadata"]["name"])
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "Helm" and labels["app.kubernetes.io/version"] == "0.1.0"
        assert all(isinstance(v, str) for v in labels.values())
        assert one["metadata"].get("namespace", "asking") == "asking"


def test_selectors_find_the_server(rendered):
    labels = server(rendered)["metadata"]["labels"]
    selectors = [of_kind(rendered, "Deployment")[0]["spec"]["selector"]["matchLabels"],
                 of_kind(rendered, "Service")[0]["spec"]["selector"],
                 *[b["spec"]["selector"]["matchLabels"] for b in of_kind(rendered, "PodDisruptionBudget")]]
    for selector in selectors:
        assert selector and selector.items() <= labels.items()


def check_volumes(spec):
    volumes = [v["name"] for v in spec.get("volumes", [])]
    mounts = [m["name"] for c in containers(spec) for m in c.get("volumeMounts", [])]
    assert len(volumes) == len(set(volumes)) and set(mounts) == set(volumes)
    for container in containers(spec):
        paths = [m["mountPath"] for m in container.get("volumeMounts", [])]
        assert len(paths) == len(set(paths))


def test_volumes_are_there_and_used(rendered):
    check_volumes(server(rendered)["spec"])
    if runner_pod(rendered):
        check_volumes(runner_pod(rendered)["spec"])


def test_what_is_named_is_there(rendered):
    """Secrets, ConfigMaps, claims and the account: made by the chart, or the user's by name."""
    theirs = {"askcsv-store", "tables", "home", "keys", "mykey", "ca", "s3", "pull"}
    known = {(o["kind"], o["metadata"]["name"]) for o in rendered}
    spec = server(rendered)["spec"]
    wanted = set()
    for volume in spec["volumes"] + (runner_pod(rendered) or {"spec": {}})["spec"].get("volumes", []):
        wanted |= {(kind, volume[key][name]) for kind, key, name in [
            ("Secret", "secret", "secretName"), ("ConfigMap", "configMap", "name"),
            ("PersistentVolumeClaim", "persistentVolumeClaim", "claimName")] if key in volume}
    for container in containers(spec):
        for variable in container.get("env", []):
            if "secretKeyRef" in variable.get("valueFrom", {}):
                wanted.add(("Secret", variable["valueFrom"]["secretKeyRef"]["name"]))
    assert {name for kind, name in wanted if (kind, name) not in known} <= theirs
    # And nothing is made that nobody uses.
    made = {one for one in known if one[0] in ("Secret", "ConfigMap", "PersistentVolumeClaim")}
    assert made <= wanted
    account = spec["serviceAccountName"]
    assert account == "default" or ("ServiceAccount", account) in known


def test_server_and_runner_see_the_same_data(rendered):
    pod = runner_pod(rendered)
    if not pod:
        return
    place = "/var/lib/askcsv/datasets"

    def seen(spec, name):
        container = next(c for c in spec["containers"] if c["name"] == name)
        mount = next((m for m in container.get("volumeMounts", []) if m["mountPath"] == place), None)
        volume = mount and next(v for v in spec["volumes"] if v["name"] == mount["name"])
        return mount, volume
    of_server, of_runner = seen(server(rendered)["spec"], "askcsv"), seen(pod["spec"], "runner")
    assert of_server == of_runner and (of_server[0] is None or of_server[0]["readOnly"] is True)
    env = {e["name"]: e.get("value") for e in containers(server(rendered)["spec"])[-1]["env"]}
    assert env["ASKCSV_DATASETS"] == place and not place.startswith(env["ASKCSV_HOME"])


def test_settings_are_the_servers(askcsv, rendered, tmp_path):
    """The real command reads what the chart has written."""
    known = json.loads(askcsv.ok("config", "file").stdout)
    given = settings(rendered)
    assert given["port"] == 8080 and given["address"] == "0.0.0.0"
    if "kubernetes_warm" not in known:
        given = {k: v for k, v in given.items() if not k.startswith("kubernetes_warm")}
    file = tmp_path / "config.json"
    file.write_text(json.dumps(given))
    container = containers(server(rendered)["spec"])[-1]
    env = {e["name"]: e["value"].replace("$(POD_IP)", "10.0.0.7") for e in container["env"] if "value" in e}
    shown = askcsv.json("config", "show", "--format", "json", env={**env, "ASKCSV_HOME": askcsv.home, "ASKCSV_CONFIG": file})
    values = {s["name"]: s["value"] for s in shown["settings"]}
    assert all(str(values[k]) == str(v) for k, v in given.items())
    assert values["allowed_hosts"].split(",")[0] == "10.0.0.7"


# ---- harmless ----

FORBIDDEN = {"hostNetwork", "hostPID", "hostIPC", "hostPath", "hostPort", "hostAliases", "add", "procMount", "sysctls"}


def keys_in(tree):
    if isinstance(tree, dict):
        return set(tree) | set().union(*map(keys_in, tree.values())) if tree else set()
    return set().union(*map(keys_in, tree)) if isinstance(tree, list) and tree else set()


def check_container(container):
    security = container["securityContext"]
    assert security["privileged"] is False and security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True and security["runAsNonRoot"] is True
    assert security["runAsUser"] == security["runAsGroup"] == 65532
    assert security["capabilities"] == {"drop": ["ALL"]} and security["seccompProfile"] == {"type": "RuntimeDefault"}


def test_nothing_is_privileged(rendered):
    for one in rendered:
        assert not keys_in(one) & FORBIDDEN
    spec = server(rendered)["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["seccompProfile"]
    for container in containers(spec):
        check_container(container)
    pod = runner_pod(rendered)
    if pod:
        assert not keys_in(pod) & FORBIDDEN
        for container in pod["spec"].get("initContainers", []):
            check_container(container)
        assert "serviceAccountName" not in pod["spec"]


def test_the_token_is_for_the_executor_alone(case, rendered):
    wanted = "executor=local" not in CASES.get(case, [])
    assert server(rendered)["spec"]["automountServiceAccountToken"] is wanted
    for account in of_kind(rendered, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    assert bool(of_kind(rendered, "Role")) == bool(of_kind(rendered, "RoleBinding")) == wanted


COLD = {("batch", "jobs"): {"create", "get", "list", "delete"}, ("", "pods"): {"get", "list", "watch"},
        ("", "pods/log"): {"get"}, ("", "secrets"): {"create", "delete"}, ("", "events"): {"list"}}
WARM = {**COLD, ("", "pods"): {"get", "list", "watch", "create", "delete"}, ("", "pods/attach"): {"get", "create"}}


@pytest.mark.parametrize("options,rules", [([], COLD), (["runner.warm.pods=1"], WARM), (["executor=local"], {}),
                                           (["executor=local", "runner.warm.pods=1"], {}), (["rbac.create=false"], {})])
def test_role(options, rules):
    rendered = objects(*options)
    assert role_rules(rendered) == rules
    assert not of_kind(rendered, "ClusterRole") and not of_kind(rendered, "ClusterRoleBinding")
    for role in of_kind(rendered, "Role"):
        assert all("*" not in part for rule in role["rules"] for part in rule.values())
    for binding in of_kind(rendered, "RoleBinding"):
        assert binding["roleRef"]["kind"] == "Role" and binding["roleRef"]["name"] == "askcsv"
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "askcsv", "namespace": "asking"}]


def test_the_documented_role_is_the_role():
    """The table in docs/DEPLOY.md, whose verbs before "with warm runners" are those without."""
    text = (ROOT / "docs/DEPLOY.md").read_text().split("### What it may do in the cluster")[1].split("###")[0]
    cold, warm = {}, {}
    for resource, verbs, note in re.findall(r"^\| `([a-z/]+)` \| ([a-z, ]+) \| (.*) \|$", text, re.M):
        more = re.search(r"with warm runners also ([a-z, ]+)", note)
        one = set(verbs.split(", "))
        key = ("batch" if resource == "jobs" else "", resource)
        warm[key] = one | (set(more[1].split(", ")) if more else set())
        if "with warm runners only" not in note:
            cold[key] = one
    assert (cold, warm) == (COLD, WARM)


def ports_out(rendered):
    rules = named(rendered, "NetworkPolicy", "askcsv")["spec"]["egress"]
    return sorted({p["port"] for rule in rules for p in rule["ports"]})


@pytest.mark.parametrize("options,ports", [
    ([], [53, 443, 6443]), (["executor=local"], [53]), (["executor=local", "networkPolicy.dns=false"], []),
    (["executor=local", STORE], [53, 5432]),
    (["executor=local", "providers.openai.model=m", "networkPolicy.providers.port=8443"], [53, 8443]),
])
def test_the_server_reaches_what_values_turn_on(options, ports):
    assert ports_out(objects(*options)) == ports


def test_runners_reach_nobody():
    policy = named(objects(), "NetworkPolicy", "askcsv-runner")["spec"]
    assert policy == {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "askcsv-runner"}},
                      "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []}
    assert len(of_kind(objects("executor=local"), "NetworkPolicy")) == 1
    assert not of_kind(objects("networkPolicy.enabled=false"), "NetworkPolicy")


def test_peers_are_taken_over():
    rendered = objects(values=TREES["lists"])
    spec = named(rendered, "NetworkPolicy", "askcsv")["spec"]
    assert spec["ingress"] == [{"ports": [{"port": 8080, "protocol": "TCP"}], "from": [{"podSelector": {}}]}]
    assert {"ports": [{"port": 3128}]} in spec["egress"]
    assert [{"ipBlock": {"cidr": "10.0.0.1/32"}}] in [rule.get("to") for rule in spec["egress"]]
    assert named(rendered, "NetworkPolicy", "askcsv-runner")["spec"]["egress"] == [{"ports": [{"port": 443}]}]


def test_secrets_are_in_secrets_alone():
    rendered = objects(*CASES["providers"], "store.url=postgresql://a:hush@db/askcsv")
    key = named(rendered, "Secret", "askcsv-key")["data"]["key"]
    for one in rendered:
        text = json.dumps(one)
        for secret in ("sk-secret", "sk-other", "hush", base64.b64decode(key).decode()):
            assert secret not in text
            assert one["kind"] == "Secret" or base64.b64encode(secret.encode()).decode() not in text
    data = named(rendered, "Secret", "askcsv-providers")["data"]
    assert base64.b64decode(data["openai-key"]) == b"sk-secret" and set(data) == {"openai-key", "anthropic-key"}
    assert base64.b64decode(named(rendered, "Secret", "askcsv-store")["data"]["url"]) == b"postgresql://a:hush@db/askcsv"


# ---- what values choose ----

def test_pod_template_of_runs():
    pod = runner_pod(objects(values=TREES["lists"]))
    container, = pod["spec"]["containers"]
    assert pod["metadata"]["labels"] == {"app.kubernetes.io/instance": "askcsv", "team": "data"}
    assert container["name"] == "runner" and container["env"] == [{"name": "A", "value": "b"}]
    assert container["resources"] == {"limits": {"ephemeral-storage": "1Gi"}}
    assert pod["spec"]["tolerations"] == [{"key": "b", "operator": "Exists"}] and "image" not in container
    assert pod["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    assert pod["spec"]["affinity"] == {"nodeAffinity": {}}
    placed = objects(*CASES["placed"])
    spec = runner_pod(placed)["spec"]
    assert (spec["runtimeClassName"], spec["nodeSelector"], spec["priorityClassName"]) == ("gvisor", {"pool": "runs"}, "low")
    assert settings(placed)["kubernetes_request"] == "secret"


def test_images():
    rendered = objects(*CASES["image by digest"])
    assert {c["image"] for c in containers(server(rendered)["spec"])} == {"askcsv@sha256:" + "a" * 64}
    assert settings(rendered)["kubernetes_image"] == "askcsv-runner@sha256:" + "b" * 64
    rendered = objects("image.repository=r.example/askcsv", "image.tag=v2")
    assert {c["image"] for c in containers(server(rendered)["spec"])} == {"r.example/askcsv:v2"}


def test_the_version_is_the_projects():
    told = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]
    assert told["appVersion"] == told["version"] == version


def test_strategy_and_replicas():
    def spec(*options):
        return of_kind(objects(*options), "Deployment")[0]["spec"]
    assert spec()["strategy"] == {"type": "Recreate"} and spec()["replicas"] == 1
    assert spec(STORE, "replicas=3")["strategy"] == {"type": "RollingUpdate"}
    assert "replicas" not in spec(STORE, "autoscaling.enabled=true")


def test_a_change_of_settings_starts_servers_anew():
    def sums(*options):
        return server(objects(*options))["metadata"]["annotations"]
    assert sums() == sums()
    for option, key in (("config.retention_days=3", "config"), ("runner.ttlSeconds=7", "config"),
                        ("providers.openai.model=m", "providers"), ("store.url=postgresql://db/a", "store")):
        assert sums(option)[f"checksum/{key}"] != sums()[f"checksum/{key}"], option


def test_ingress():
    ingress, = of_kind(objects(*CASES["ingress"]), "Ingress")
    assert ingress["spec"]["tls"] == [{"secretName": "cert", "hosts": ["a.example.com", "b.example.com"]}]
    assert [r["host"] for r in ingress["spec"]["rules"]] == ["a.example.com", "b.example.com"]
    env = {e["name"]: e.get("value") for e in server(objects(*CASES["ingress"]))["spec"]["containers"][0]["env"]}
    assert env["ASKCSV_ALLOWED_HOSTS"] == ("$(POD_IP),askcsv,askcsv.asking,askcsv.asking.svc,"
                                           "askcsv.asking.svc.cluster.local,a.example.com,b.example.com")


@pytest.mark.parametrize("name,full", [("askcsv", "askcsv"), ("prod", "prod-askcsv"), ("my-askcsv", "my-askcsv")])
def test_names(name, full):
    assert of_kind(objects(name=name), "Deployment")[0]["metadata"]["name"] == full


@pytest.mark.parametrize("options,words", [
    (["replicas=2"], "several servers need a store"), (["autoscaling.enabled=true"], "several servers need a store"),
    (["data.mode=init"], "data.init.image"), (["data.mode=s3"], "data.mode|data/mode"), (["ingress.enabled=true"], "ingress.hosts"),
    (["serviceMonitor.enabled=true", "auth.scope=read"], "auth.scope"), (["executor=docker"], "executor"),
    (["replica=2"], "replica"), (["runner.warm.pods=-1"], "pods"), (["store.url=mysql://db"], "url"),
    (["config.openai_key=sk"], "openai_key|config"), (["config.kubernetes_image=x"], "kubernetes_image|config"),
    (["config.port=1"], "port"), (["image.pullPolicy=Sometimes"], "pullPolicy"), (["auth.name="], "auth"),
    (["ingress.hosts={http://a}"], "ingress"), (["home.persistence.size=much"], "size"),
    (["service.port=0"], "port"), (["runner.request=file"], "request"), (["allowedHosts={a b}"], "allowedHosts"),
])
def test_values_that_are_refused(options, words):
    with pytest.raises(Failure, match=words):
        objects(*options)


def properties(schema, path=""):
    for name, one in schema.get("properties", {}).items():
        yield f"{path}{name}"
        yield from properties(one, f"{path}{name}.")


def leaves(values, path=""):
    for name, one in values.items():
        yield f"{path}{name}"
        if isinstance(one, dict):
            yield from leaves(one, f"{path}{name}.")


def test_every_value_is_in_the_schema_and_has_a_default():
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    free = ("resources.", "global")
    wanted = {p for p in leaves(values) if not p.startswith(free)}
    assert wanted == {p for p in properties(schema) if not p.startswith(free)}


def test_notes():
    def notes(*options, **values):
        return render(CHART, options=options, namespace="asking", **values)["NOTES.txt"]
    assert "port-forward svc/askcsv 8080:80" in notes() and "-n asking" in notes()
    assert "https://a.example.com/" in notes(*CASES["ingress"])
    assert "CAPSULES ARE NOT KEPT" in notes("home.persistence.enabled=false")
    assert "CAPSULES ARE NOT KEPT" not in notes(STORE, "home.persistence.enabled=false")
    assert "get secret mykey -o jsonpath='{.data.token}'" in notes(*CASES["key by secret"])
    for options, one in itertools.product(CASES.values(), ("<no value>", "map[")):
        if "-f" not in options:
            assert one not in notes(*options)


# ---- and it runs ----

def test_its_containers_commands(askcsv, generated, tmp_path):
    """What the pod's containers do, one after the other, by the real program with the chart's words."""
    rendered = objects("executor=local")
    spec = server(rendered)["spec"]
    secret = named(rendered, "Secret", "askcsv-key")["data"]["key"]
    places = {"/home/askcsv": askcsv.home, "/etc/askcsv": tmp_path / "etc", "/run/secrets/askcsv-key": tmp_path / "key",
              "/var/lib/askcsv/datasets": tmp_path / "datasets"}
    for place in places.values():
        place.mkdir(exist_ok=True)
    (places["/etc/askcsv"] / "config.json").write_text(json.dumps({**settings(rendered), "address": "127.0.0.1", "port": 0}))
    key = base64.b64decode(secret).decode()
    (places["/run/secrets/askcsv-key"] / "key").write_text(key)

    def placed(text):
        for inside, place in places.items():
            text = text.replace(inside, str(place))
        return text

    def start(container):
        env = {e["name"]: placed(e["value"]).replace("$(POD_IP)", "10.0.0.7") for e in container["env"] if "value" in e}
        return subprocess.Popen([askcsv.path, *map(placed, container["args"])], env={**askcsv.env(), **env},
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for again in range(2):  # as at a restart of the pod
        for container in spec["initContainers"]:
            process = start(container)
            out, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            assert key not in out + err
    assert (places["/var/lib/askcsv/datasets"] / "support/tickets.csv").read_bytes() == (generated / "support/tickets.csv").read_bytes()
    process = start(spec["containers"][0])
    try:
        at = re.search(r"http://\S+", process.stderr.readline())[0]

        def status(path, *headers):
            words = [w for h in headers for w in ("-H", h)]
            return subprocess.run(["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", *words, at + path],
                                  capture_output=True, text=True, check=True).stdout
        bearer = f"Authorization: Bearer {key}"
        probe = spec["containers"][0]["readinessProbe"]["httpGet"]
        headers = [f"{h['name']}: {h['value']}" for h in probe["httpHeaders"]]
        assert status(probe["path"], *headers) == "200"
        assert status("/v1/datasets") == "401" and status("/v1/datasets", bearer) == "200"
        assert status("/metrics", bearer, "Host: 10.0.0.7:8080") == "200"
        assert status("/v1/datasets", bearer, "Host: askcsv.asking.svc") == "200"
        assert status("/v1/datasets", bearer, "Host: other.example") == "403"
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_no_file_of_the_chart_is_left_out():
    assert pathlib.Path(CHART, "templates/NOTES.txt").exists()
    known = set(render(CHART)) | {"_helpers.tpl"}
    assert {p.name for p in (CHART / "templates").iterdir()} == known
