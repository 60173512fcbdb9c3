"""A real cluster as the tests of the executor see it: asked by its API, never by kubectl.

    api = Api(kubeconfig())             the API server, as the one that ASKCSV_TEST_CLUSTER names
    space = Space(api)                  a namespace of the tests' own, until space.end()
    clustered_by(shop, space, image)    the command, its runs as Jobs there; .shape() its pod template
    proxy = Proxy(api)                  in front of the API server: may refuse, stall, cut, lie
"""
import base64
import contextlib
import http.client
import http.server
import importlib.util
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import uuid

from host import wait_until
from programs import ROOT, program

OURS = "app.kubernetes.io%2Fmanaged-by%3Daskcsv"
GROUPS = {"jobs": "/apis/batch/v1", "pods": "/api/v1", "secrets": "/api/v1"}
# Images of the runner: as it is, and for tests of the walls with some of them off.
RUNNER = "askcsv-test-runner"
IMAGES = {RUNNER: None, "askcsv-test-os": "policy,engine", "askcsv-test-container": "policy,engine,os"}
GONE_SECONDS = 60  # a busy node takes its time to let a pod go


def kubeconfig():
    return pathlib.Path(os.environ["ASKCSV_TEST_CLUSTER"])


# The fixtures of the command's own tests.
spec = importlib.util.spec_from_file_location("blackbox_conftest",
                                              ROOT / "tests/blackbox/conftest.py")
blackbox = importlib.util.module_from_spec(spec)
spec.loader.exec_module(blackbox)
sys.path.append(str(ROOT / "tests/docker"))
from daemon import make_images  # noqa: E402  (beside the tests of Docker)


class Api:
    def __init__(self, path):
        """OSError: there is no cluster."""
        self.folder, self.kubeconfig = path.parent, path
        text = self.kubeconfig.read_text()
        self.address = re.search(r'server: "?https://([^"} ]+)', text).group(1)
        self.ca = self.data_of(text, "certificate-authority-data")
        self.context = ssl.create_default_context(cadata=self.ca)
        with tempfile.NamedTemporaryFile("w") as pem:
            pem.write(self.data_of(text, "client-certificate-data"))
            pem.write(self.data_of(text, "client-key-data"))
            pem.flush()
            self.context.load_cert_chain(pem.name)
        status, _ = self.ask("GET", "/readyz")
        assert status == 200

    @staticmethod
    def data_of(text, member):
        return base64.b64decode(re.search(member + r": ([\w+/=]+)", text).group(1)).decode()

    def connect(self, timeout=60):
        return http.client.HTTPSConnection(self.address, timeout=timeout, context=self.context)

    def ask(self, method, path, body=None, content="application/json"):
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": content})
            reply = connection.getresponse()
            return reply.status, reply.read()

    def call(self, method, path, body=None, content="application/json"):
        status, reply = self.ask(method, path, body, content)
        assert 200 <= status < 300, (method, path, status, reply)
        return json.loads(reply)

    def kubeconfig_for(self, path, user, **cluster):
        """A kubeconfig in JSON, which is YAML: its user is these members."""
        cluster = cluster or {"server": f"https://{self.address}",
                              "certificate-authority-data": base64.b64encode(
                                  self.ca.encode()).decode()}
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "it", "cluster": cluster}],
            "users": [{"name": "it", "user": user}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}]}))
        return path


class Space:
    """A namespace."""

    def __init__(self, api, name=None):
        self.api = api
        self.name = name or f"ask-jobs-{uuid.uuid4().hex[:8]}"
        api.call("POST", "/api/v1/namespaces", {"metadata": {"name": self.name}})
        assert wait_until(lambda: api.ask(  # without it there can be no pod
            "GET", f"/api/v1/namespaces/{self.name}/serviceaccounts/default")[0] == 200)

    def end(self):
        self.api.call("DELETE", f"/api/v1/namespaces/{self.name}")

    def path(self, kind, name="", group=None):
        return f"{group or GROUPS.get(kind, '/api/v1')}/namespaces/{self.name}/{kind}" + (
            f"/{name}" if name else "")

    def list(self, kind):
        """Those that askcsv made."""
        return self.api.call("GET", f"{self.path(kind)}?labelSelector={OURS}")["items"]

    def names(self):
        return {kind: sorted(o["metadata"]["name"] for o in self.list(kind)) for kind in GROUPS}

    def make(self, kind, body, group=None):
        return self.api.call("POST", self.path(kind, group=group), body)

    def delete(self, kind, name, group=None):
        return self.api.call("DELETE", self.path(kind, name, group) +
                             "?propagationPolicy=Background")

    def patch(self, kind, name, body):
        return self.api.call("PATCH", self.path(kind, name), body, "application/merge-patch+json")

    def get(self, kind, name):
        return self.api.call("GET", self.path(kind, name))

    def is_empty(self, going=False):
        """Of what askcsv made; going: but for what was deleted and takes its time."""
        return not any(self.names().values()) or going and not any(
            "deletionTimestamp" not in o["metadata"] for kind in GROUPS for o in self.list(kind))

    def pod(self, ready=lambda pod: pod["status"].get("phase") == "Running", but=()):
        """A pod for which that is true, once there is one."""
        def find():
            return next((p for p in self.list("pods")
                         if p["metadata"]["name"] not in but and ready(p)
                         and "deletionTimestamp" not in p["metadata"]), None)
        found = wait_until(find, GONE_SECONDS)
        assert found, [p.get("status") for p in self.list("pods")]
        return found

    def version(self):
        """Where a watch begins that is to see all that happens from now on."""
        return self.api.call("GET", f"{self.path('jobs')}?limit=1")["metadata"]["resourceVersion"]

    def happened(self, kind, since):
        """The events of a watch from that version on."""
        status, text = self.api.ask("GET", f"{self.path(kind)}?watch=1&timeoutSeconds=1&"
                                           f"resourceVersion={since}")
        assert status == 200
        return [json.loads(line) for line in text.splitlines()]

    def locks(self, askcsv):
        return sorted(p.name for p in (askcsv.home / "jobs").glob("*.lock"))


def image(name=RUNNER):
    return f"{name}:0.1.0"


def load_image(folder, archive):
    subprocess.run(["ctr", "-a", folder / "containerd.sock", "-n", "k8s.io", "images", "import",
                    archive], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def load_runners(api, out):
    """All of IMAGES, made in the folder out."""
    for name, without in IMAGES.items():
        words = ["--argument=--without", "--argument", without] if without else []
        runner = "tests/tools/runner_walls" if without else "askcsv-runner"
        make_images(out, "--program", program(runner), "--name", name, *words)
        load_image(api.folder, out / f"{name}.tar")


def template_of(mounts, container=None, more_volumes=(), **spec):
    """A pod template by which these folders and files of this machine are where they are."""
    volumes = [{"name": f"v{i}", "hostPath": {"path": str(path)}} for i, path in enumerate(mounts)]
    return {"spec": {"volumes": [*volumes, *more_volumes], "containers": [{
        "name": "runner", "imagePullPolicy": "Never",
        "volumeMounts": [{"name": f"v{i}", "mountPath": str(path)}
                         for i, path in enumerate(mounts)], **(container or {})}], **spec}}


def clustered_by(shop, space, image):
    """The same command with all its runs in the cluster."""
    class Clustered(type(shop)):
        def env(self, **more):
            return super().env(**{"ASKCSV_EXECUTOR": "kubernetes", "ASKCSV_LINGER": 20,
                                  "KUBECONFIG": space.api.kubeconfig,
                                  "ASKCSV_KUBERNETES_NAMESPACE": space.name,
                                  "ASKCSV_KUBERNETES_TEMPLATE": self.template,
                                  "ASKCSV_KUBERNETES_IMAGE": image, **more})

        def shape(self, mounts=None, container=None, **spec):
            """Another pod template than the usual one."""
            mounts = [self.home / "datasets"] if mounts is None else mounts
            self.template.write_text(json.dumps(template_of(mounts, container, **spec)))

    # As a volume is for a pod whose user is another.
    subprocess.run(["chmod", "-R", "a+rX", shop.home / "datasets"], check=True)
    clustered = Clustered(shop.path, shop.home)
    clustered.space, clustered.image = space, image
    clustered.template = shop.home / "template.yaml"
    clustered.shape()
    return clustered


# ---- an API server that does not always do what it should ----

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def reply(self, status, body):
        data = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def carry(self):
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy.calls.append((self.command, self.path))
        if proxy.rule and proxy.rule(self, body) is True:
            return
        self.forward(body)

    def forward(self, body, cut_after=None, change=None):
        """As it is; the reply only so far, or changed."""
        with contextlib.closing(self.server.proxy.api.connect(3600)) as backend:
            headers = {k: v for k, v in self.headers.items()
                       if k.lower() in ("content-type", "user-agent")}
            backend.request(self.command, self.path, body, headers)
            reply = backend.getresponse()
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.headers.get("Content-Type", "text/plain"))
            if change:
                data = change(reply.read())
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            sent = 0
            while data := reply.read1(65536):
                if cut_after is not None:
                    data = data[:cut_after - sent]
                    sent += len(data)
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if data else b"")
                self.wfile.flush()
                self.server.proxy.events += data.count(b"\n") if "watch=1" in self.path else 0
                if cut_after is not None and sent >= cut_after:
                    self.drop()
                    return
            self.wfile.write(b"0\r\n\r\n")

    def drop(self):
        """As when somebody pulls the plug."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   b"\1\0\0\0\0\0\0\0")  # a reset
        self.connection.shutdown(socket.SHUT_RDWR)

    def stall(self):
        """Says nothing until the proxy is ended."""
        self.server.proxy.ended.wait()
        self.close_connection = True

    do_GET = do_POST = do_DELETE = do_PATCH = carry


class Listener(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def process_request(self, request, client_address):
        self.proxy.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.proxy.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_):
        pass  # a connection that was cut


class Proxy:
    """rule(handler, body) is called for each call; True: it has done all there is to do."""

    def __init__(self, api):
        self.api, self.rule, self.calls = api, None, []
        self.events = 0  # of watches, that were passed on
        self.open, self.port, self.listener = set(), 0, None
        self.ended = threading.Event()
        self.start()

    def start(self):
        self.listener = Listener(("127.0.0.1", self.port), Handler)
        self.listener.proxy = self
        self.port = self.listener.server_address[1]
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()

    def cut(self):
        """All connections; new ones are taken."""
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self):
        """Nobody listens any more, as while an API server is replaced."""
        self.listener.shutdown()
        self.listener.server_close()
        self.listener = None
        self.cut()

    def end(self):
        self.ended.set()
        if self.listener:
            self.stop()

    def kubeconfig(self, folder):
        return self.api.kubeconfig_for(folder / "proxy.kubeconfig", {},
                                       server=f"http://127.0.0.1:{self.port}")

    def watches(self):
        return [p for m, p in self.calls if m == "GET" and "watch=1" in p]


def query_of(path):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
