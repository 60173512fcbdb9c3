"""Kubernetes as tests see it: a namespace of their own in a real cluster, asked by kubectl, with servers
deployed by the chart as Helm would do it.

    cluster = Cluster(kubeconfig)              cluster.load(archive)
    with cluster.namespace() as space:         removed with all that is in it when the block ends
        space.json("get", "pods")              kubectl in it, parsed
        served = space.deploy("data.mode=image", ...)
        served.ask("GET", "/v1/runs")          at the pod's address, with the chart's API key
        served.chat("ecommerce", "revenue by month") -> the answer
"""
import base64
import contextlib
import http.client
import json
import pathlib
import secrets
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.parse

import yaml

from host import wait_until
from postgres import Postgres
from programs import ROOT

sys.path.append(str(ROOT / "tests/chart"))
import render  # noqa: E402  (beside the tests of the chart)

KUBE = ROOT / "tests/cluster/kube"
CHART = ROOT / "deploy/helm/askcsv"
START_SECONDS = 180
# What images made from this checkout are called, so that others' in the same cluster stay theirs.
TAG = f"test-{secrets.token_hex(4)}"


class Cluster:
    def __init__(self, kubeconfig):
        self.kubeconfig = pathlib.Path(kubeconfig)
        self.env = {"KUBE_DIR": str(self.kubeconfig.parent), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

    def kubectl(self, *words, given=None, status=0, seconds=120):
        """Its output; status None: whatever it ends with."""
        done = subprocess.run([KUBE, "kubectl", *map(str, words)], input=given, capture_output=True,
                              text=True, timeout=seconds, check=False, env=self.env)
        assert status is None or done.returncode == status, f"{words}: {done.stdout}{done.stderr}"
        return done

    def json(self, *words, **more):
        return json.loads(self.kubectl(*words, "-o", "json", **more).stdout)

    def connect(self):
        """A connection to the API server as the administrator, for what kubectl would be slow at."""
        told = yaml.safe_load(self.kubeconfig.read_text())
        user, server = told["users"][0]["user"], told["clusters"][0]["cluster"]
        trusting = ssl.create_default_context(
            cadata=base64.b64decode(server["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
            for part in ("client-certificate-data", "client-key-data"):
                pem.write(base64.b64decode(user[part]))
            pem.flush()
            trusting.load_cert_chain(pem.name)
        at = urllib.parse.urlsplit(server["server"])
        return http.client.HTTPSConnection(at.hostname, at.port, timeout=60, context=trusting)

    def load(self, archive):
        subprocess.run([KUBE, "load", archive], check=True, env=self.env, stdin=subprocess.DEVNULL)

    def forget(self, tag):
        """Removes the images of that tag from the node."""
        subprocess.run([KUBE, "forget", tag], check=True, env=self.env, stdin=subprocess.DEVNULL)

    @contextlib.contextmanager
    def namespace(self):
        name = f"ask-{secrets.token_hex(4)}"
        labels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
        self.kubectl("create", "namespace", name)
        self.kubectl("label", "namespace", name, *labels)
        try:
            yield Namespace(self, name)
        finally:
            self.kubectl("delete", "namespace", name, "--wait=false")


class Namespace:
    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name

    def kubectl(self, *words, **more):
        return self.cluster.kubectl("-n", self.name, *words, **more)

    def json(self, *words, **more):
        return self.cluster.json("-n", self.name, *words, **more)

    def items(self, kind, *words):
        return self.json("get", kind, *words)["items"]

    def apply(self, objects):
        self.kubectl("apply", "-f", "-", given=yaml.safe_dump_all(objects))

    def manifests(self, *options, files=(), values=None):
        """The chart's, with the images of this checkout."""
        own = ["image.tag=" + TAG, "runner.image.tag=" + TAG, "image.pullPolicy=Never",
               "runner.image.pullPolicy=Never"]
        return render.manifests(CHART, options=[*own, *options], files=files, values=values,
                                namespace=self.name, kubernetes="1.20.2")

    def deploy(self, *options, files=(), values=None, wait=True, ready=True):
        """ready=False: one that runs is enough, as it waits for what never comes."""
        self.apply(self.manifests(*options, files=files, values=values))
        served = Served(self)
        if wait:
            served.wait(ready)
        return served

    def tell(self):
        """Why it is not as it should be, for the one who reads a test's failure."""
        said = [self.kubectl("get", "pods,jobs,events", "-o", "wide", status=None).stdout]
        for pod in self.items("pods"):
            name = pod["metadata"]["name"]
            said.append(self.kubectl("logs", name, "--all-containers", "--tail=40", status=None).stdout)
        return "\n".join(said)


class Served:
    """The servers of one release named askcsv."""

    def __init__(self, space):
        self.space = space
        self.key = None
        self.state = "Ready"

    def wait(self, ready=True):
        self.state = "Ready" if ready else "Initialized"
        if ready:
            done = self.space.kubectl("rollout", "status", "deploy/askcsv", f"--timeout={START_SECONDS}s",
                                      status=None, seconds=START_SECONDS + 30)
            assert done.returncode == 0, done.stderr + self.space.tell()
        assert wait_until(self.pods, START_SECONDS), self.space.tell()
        secret = self.space.json("get", "secret", "askcsv-key")
        self.key = base64.b64decode(secret["data"]["key"]).decode()

    def pods(self):
        """The ready ones; those that listen, of a deployment that is not to get ready."""
        found = self.space.items("pods", "-l", "app.kubernetes.io/name=askcsv")
        return [p for p in found if "deletionTimestamp" not in p["metadata"] and any(
            c["type"] == self.state and c["status"] == "True" for c in p["status"].get("conditions", []))
            and any(c.get("started") for c in p["status"].get("containerStatuses", []))]

    def pod(self):
        return self.pods()[0]

    def ask(self, method, path, body=None, headers=None, key=True, at=None, seconds=120):
        """(status, body as bytes), of the pod at that address or of any."""
        connection = http.client.HTTPConnection(at or self.pod()["status"]["podIP"], 8080, timeout=seconds)
        with contextlib.closing(connection):
            given = {"Authorization": f"Bearer {self.key}"} if key else {}
            if body is not None:
                given["Content-Type"] = "application/json"
            connection.request(method, path, None if body is None else json.dumps(body),
                               {**given, **(headers or {})})
            reply = connection.getresponse()
            return reply.status, reply.read()

    def json(self, method, path, body=None, status=200, **more):
        got, text = self.ask(method, path, body, **more)
        assert got in (status if isinstance(status, tuple) else (status,)), text
        return json.loads(text)

    def chat(self, dataset, message, **more):
        return self.json("POST", "/v1/chat", {"dataset_id": dataset, "message": message, **more})

    def run(self, dataset, *, status=(201, 202), at=None, **what):
        kind = "sql" if "sql" in what else "plan"
        return self.json("POST", "/v1/runs", {"dataset_id": dataset, "query_type": kind, "wait_ms": 60000, **what},
                         status=status, at=at)

    def left(self):
        """What runs could have left behind."""
        return {kind: [o["metadata"]["name"] for o in self.space.items(kind, "-l", "app.kubernetes.io/managed-by=askcsv")]
                for kind in ("jobs", "pods", "secrets")}

    def is_clean(self):
        """A kubelet takes up to a minute to let go of a pod whose container never started."""
        return wait_until(lambda: not any(self.left().values()), START_SECONDS)


class Database:
    """A PostgreSQL on this machine that pods reach, at their bridge's address: connections are passed on
    to its Unix socket."""

    def __enter__(self):
        self.postgres = Postgres()
        self.listener = socket.create_server((self.bridge(), 0))
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.postgres.end()

    @staticmethod
    def bridge():
        told = subprocess.run(["ip", "-j", "-4", "addr", "show", "kubetest0"], capture_output=True, text=True,
                              check=True).stdout
        return json.loads(told)[0]["addr_info"][0]["local"]

    def address(self):
        host, port = self.listener.getsockname()
        return f"postgresql://askcsv@{host}:{port}/postgres?gssencmode=disable"

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self.postgres.folder / ".s.PGSQL.5432"))
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self.pass_on, args=(one, other), daemon=True).start()

    @staticmethod
    def pass_on(one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
