"""Container engines as tests see them: started in a folder of the test's own, asked by their API.

    daemon = Dockerd(folder)        a dockerd, and with it a containerd, of nobody else's
    service = Podman(folder)        podman's service for the same API
    daemon = Engine(socket)         one that is there already
    daemon.call("GET", "/info")     -> the parsed reply; daemon.load(archive)
    contained_by(shop, daemon)      the command, with its runs there
"""
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import urllib.parse

from host import alive, wait_until
from programs import ROOT, build_dir

START_SECONDS = 60
LABEL = "askcsv.owner"


def make_images(out, *arguments):
    subprocess.run([ROOT / "tools/images", build_dir(), out, *arguments], check=True,
                   stdin=subprocess.DEVNULL)


def contained_by(shop, engine):
    """The same command with all its runs at the engine; .engine is that."""
    class Contained(type(shop)):
        def env(self, **more):
            return super().env(**{"ASKCSV_EXECUTOR": "docker", "ASKCSV_LINGER": 20,
                                  "ASKCSV_DOCKER_SOCKET": engine.socket, **more})

    contained = Contained(shop.path, shop.home)
    contained.engine = engine
    return contained


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("docker", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Engine:
    def __init__(self, path):
        self.socket = path

    def ask(self, method, path, body=None, content="application/json"):
        """The status and the reply's bytes."""
        with contextlib.closing(Connection(self.socket, 120)) as connection:
            connection.request(method, path, body, {"Content-Type": content})
            reply = connection.getresponse()
            return reply.status, reply.read()

    def call(self, method, path, body=None):
        status, reply = self.ask(method, path, None if body is None else json.dumps(body))
        assert 200 <= status < 300, (method, path, status, reply)
        return json.loads(reply) if reply.startswith((b"{", b"[")) else reply

    def answers(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/_ping")[0] == 200
        return False

    def load(self, archive):
        with open(archive, "rb") as file:
            status, reply = self.ask("POST", "/images/load?quiet=1", file, "application/x-tar")
        assert status == 200 and b"error" not in reply.lower(), reply

    def containers(self, of=LABEL):
        """Those of askcsv, whatever they do."""
        filters = urllib.parse.quote(json.dumps({"label": [of]}))
        return self.call("GET", f"/containers/json?all=1&filters={filters}")

    def inspect(self, container):
        return self.call("GET", f"/containers/{container['Id']}/json")

    def things(self):
        """All that a run could leave behind."""
        volumes = self.call("GET", "/volumes")["Volumes"] or []
        return {"containers": sorted(c["Id"] for c in self.call("GET", "/containers/json?all=1")),
                "volumes": sorted(v["Name"] for v in volumes),
                "networks": sorted(n["Name"] for n in self.call("GET", "/networks")),
                "images": sorted(i["Id"] for i in self.call("GET", "/images/json"))}


class Unavailable(Exception):
    """This machine lets no such daemon run."""


class Started(Engine):
    """One that the tests started and end, by its pid."""

    def __init__(self, folder, name, argv, **env):
        super().__init__(folder / "engine.sock")
        self.folder, self.argv, self.name = folder, [str(a) for a in argv], name
        self.environment = {**os.environ, **env}
        self.process = None
        self.start()

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "pid").unlink()
        log = open(self.folder / "log", "ab")
        with log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.environment,
                                            start_new_session=True)
        assert wait_until(lambda: self.answers() or self.process.poll() is not None, START_SECONDS)
        if self.process.poll() is not None:
            raise Unavailable(f"{self.name} ended: {self.log()[-2000:]}")

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def kill(self):
        """As a machine that dies does it: the daemon is not asked."""
        self.process.kill()
        self.process.wait()

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()


class Dockerd(Started):
    """No bridge and no firewall rules: nothing on this machine but its folder is touched."""

    def __init__(self, folder, data=None):
        self.data = data or folder / "data"
        super().__init__(folder, "dockerd", [
            "dockerd", "--host", f"unix://{folder}/engine.sock", "--data-root", self.data,
            "--exec-root", folder / "exec", "--pidfile", folder / "pid", "--bridge", "none",
            "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"])

    def containerd(self):
        """The pid of its containerd; None when it has ended."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.folder / "exec/containerd/containerd.pid").read_text())
            # An old file may name a process of somebody else's by now.
            words = open(f"/proc/{pid}/cmdline", "rb").read()
            return pid if alive(pid) and b"containerd" in words else None
        return None

    def kill(self):
        """A containerd that nobody reaps would be taken for a living one at the next start."""
        super().kill()
        assert wait_until(lambda: not self.containerd())
        (self.folder / "exec/containerd/containerd.pid").unlink(missing_ok=True)

    def end(self):
        super().end()
        pid = self.containerd()
        if pid:
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not alive(pid), 10)
        # After a daemon that was killed and not started again its containers would go on.
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                words = open(f"/proc/{pid}/cmdline", "rb").read()
                if b"containerd-shim" in words and os.fsencode(self.folder) in words:
                    os.kill(int(pid), signal.SIGKILL)


class Podman(Started):
    def __init__(self, folder):
        # Podman raises limits for containers, which needs a right that a container has not.
        limits = '[containers]\ndefault_ulimits=["nofile=1024:1024","nproc=4096:4096"]\n'
        (folder / "containers.conf").write_text(limits)
        super().__init__(folder, "podman", [
            "podman", "--root", folder / "root", "--runroot", folder / "run", "--tmpdir",
            folder / "tmp", "--cgroup-manager", "cgroupfs", "--events-backend", "file",
            *(["--runtime", "runc"] if os.path.exists("/usr/sbin/runc") else []), "system",
            "service", "--time=0", f"unix://{folder}/engine.sock"],
            CONTAINERS_CONF=str(folder / "containers.conf"))

    def end(self):
        """It mounts its storage over itself, and leaves it so."""
        super().end()
        subprocess.run(["umount", self.folder / "root/overlay"], check=False,
                       stderr=subprocess.DEVNULL)
