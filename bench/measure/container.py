"""The runner in a container of its own for every run: an image out of the runner and the libraries
that it needs, and a Docker daemon, ours if none is running."""
import io
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile
import time

from measure.ways import Failed

IMAGE = "askcsv-bench"
START_S = 60


class Docker:
    """Raises Failed with the reason when there is no Docker here. A daemon that this starts has its
    data, its state and its socket in the folder, and no network."""

    def __init__(self, world):
        self.world = world
        self.daemon = None
        self.env = dict(os.environ)
        self.folder = world.folder / "docker"
        if not shutil.which("docker"):
            raise Failed("no Docker")
        if not self._answers():
            self._start_daemon()
        try:
            self._import_image()
        except (subprocess.CalledProcessError, OSError) as error:
            self.close()
            raise Failed(f"the image could not be made ({error})") from None

    def _docker(self, *words, **how):
        return subprocess.run(["docker", *words], env=self.env, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how).stdout

    def _answers(self):
        try:
            self._docker("version", timeout=20)
            return True
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return False

    def _start_daemon(self):
        path = shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not path:
            raise Failed("no Docker daemon is running, and dockerd is not installed")
        if os.geteuid() != 0:
            raise Failed("no Docker daemon is running, and only root can start one")
        self.folder.mkdir()
        socket = f"unix://{self.folder}/socket"
        self.env["DOCKER_HOST"] = socket
        self.daemon = subprocess.Popen(
            [path, "--host", socket, "--data-root", self.folder / "data",
             "--exec-root", self.folder / "exec", "--pidfile", self.folder / "pid",
             "--bridge", "none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"],
            stdin=subprocess.DEVNULL, stdout=open(self.folder / "log", "ab"),
            stderr=subprocess.STDOUT)
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.daemon.poll() is None:
            if self._answers():
                return
            time.sleep(0.2)
        last = (self.folder / "log").read_text(errors="replace").strip().splitlines()[-1:]
        self.close()
        raise Failed(f"dockerd did not start: {last[0][:300] if last else 'it said nothing'}")

    def _import_image(self):
        """At the same places as here, so that the loader finds the libraries the same way."""
        runner = self.world.runner.resolve()
        libraries = [word for line in self.world.output(["ldd", runner]).decode().splitlines()
                     for word in line.split() if word.startswith("/")]
        text = io.BytesIO()
        with tarfile.open(fileobj=text, mode="w") as tar:
            tar.add(runner, arcname="askcsv-runner")
            for path in libraries:
                tar.add(pathlib.Path(path).resolve(), arcname=path.lstrip("/"))
        self._docker("import", "--change", 'ENTRYPOINT ["/askcsv-runner"]', "-", IMAGE,
                     input=text.getvalue())

    def argv(self, folder):
        """The command that runs one request, with this folder to read from."""
        return ["docker", "run", "--rm", "--interactive", "--network", "none", "--read-only",
                "--cap-drop", "ALL", "--volume", f"{folder}:{folder}:ro", IMAGE,
                "--data-root", str(folder)]

    def close(self):
        if self.daemon is None:
            subprocess.run(["docker", "rmi", "--force", IMAGE], env=self.env, check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return
        self.daemon.send_signal(signal.SIGTERM)
        try:
            self.daemon.wait(30)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
        for line in reversed(pathlib.Path("/proc/self/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False)
