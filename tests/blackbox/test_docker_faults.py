"""What a Docker daemon may do wrong, by a scripted one: runs end with a clear error, in time, and
leave no lock behind but where a container may be. Real daemons: tests/docker."""
import contextlib
import json
import os
import socket
import struct
import tempfile
import threading
import time

import pytest

from host import wait_until

COUNT = "SELECT count(*) AS n FROM orders"
IMAGE = {"Config": {"Labels": {"org.opencontainers.image.version": "0.1.0"}}}
SILENCE = object()


def reply(status, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n").encode() + data


def piece(stream, data):
    return struct.pack(">BxxxI", stream, len(data)) + data


UPGRADE = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
GOOD = {"create": reply(201, {"Id": "ab"}), "attach": UPGRADE, "start": reply(204, b""),
        "wait": reply(200, {"StatusCode": 0}), "delete": reply(204, b""),
        "json": reply(200, {"State": {"OOMKilled": False}})}
# One that did not say whether it made a container may still make it.
GONE = {"delete": reply(404, {"message": "No such container"})}


class Daemon:
    """Answers each call by its last word, as the script says."""

    def __init__(self, path, **script):
        self.path, self.script, self.calls = path, {**GOOD, **script}, []
        self.open = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(65536)
            if not part:
                return
            head += part
        method, path = head.split()[:2]
        what = path.decode().partition("?")[0].rsplit("/", 1)[1]
        what = "delete" if method == b"DELETE" else what
        self.calls.append(what)
        answer = self.script.get(what, reply(404, {"message": "page not found"}))
        if answer is SILENCE:
            self.open.append(connection)
            return
        with connection, contextlib.suppress(OSError):
            connection.sendall(answer)
            if what != "attach" or not answer.startswith(UPGRADE):
                return
            # The request, to its end; then what the script says that the container says.
            while connection.recv(65536):
                pass
            said = self.script.get("stream", b"")
            step = 7 if len(said) < 100000 else 65537  # heads and pieces do not come whole
            for at in range(0, len(said), step):
                connection.sendall(said[at:at + step])

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # who is in accept() would keep it
        self.listener.close()
        for connection in self.open:
            connection.close()


@pytest.fixture
def daemon():
    """Starts one: daemon(create=..., stream=...). Its path is short enough for a socket's."""
    started = []
    with tempfile.TemporaryDirectory(prefix="askcsv-d-") as folder:
        def start(**script):
            started.append(Daemon(os.path.join(folder, f"{len(started)}.sock"), **script))
            return started[-1]

        yield start
        for one in started:
            one.close()


def run(shop, daemon, *more, status=1, **env):
    """The error of a run there; whether a lock was left."""
    path = daemon if isinstance(daemon, str) else daemon.path
    done = shop("run", "ecommerce", "--sql", COUNT, "--executor", "docker", *more,
                env={"ASKCSV_DOCKER_SOCKET": path, "ASKCSV_DOCKER_TIMEOUT_S": 2, **env})
    assert done.returncode == status, done.stderr
    left = list((shop.home / "containers").glob("*.lock"))
    return done.stderr, len(left)


@pytest.mark.parametrize("script, words, left", [
    ({"create": reply(404, {"message": "No such image: askcsv-runner:0.1.0"})},
     "has no image askcsv-runner:0.1.0", 0),
    ({"create": reply(500, {"message": "mkdir /x: no space left on device"})},
     "is out of disk space (making a container)", 0),
    ({"create": reply(500, b"<html>")}, "refused (making a container, status 500): it does not say", 0),
    ({"create": reply(201, b"[" * 100000)}, "ended without a response", 0),
    ({"create": b"SSH-2.0-OpenSSH\r\n", **GONE}, "making a container", 1),
    ({"create": b"", **GONE}, "making a container", 1),
    ({"create": SILENCE, **GONE}, "did not answer within 2000 ms (making a container)", 1),
    ({"create": SILENCE}, "did not answer within 2000 ms (making a container)", 0),
    ({"attach": SILENCE}, "did not answer in time", 0),
    ({"attach": b""}, "it ended the connection", 0),
    ({"attach": b"HTTP/1.1 " + b"x" * 100000}, "did not give the container's streams", 0),
    ({"attach": reply(409, {"message": "it is\nbroken"})}, "status 409): it is", 0),
    ({"start": reply(500, {"message": "OCI runtime create failed"})}, "OCI runtime create failed", 0),
    ({"start": SILENCE}, "did not answer within 2000 ms (starting", 0),
    ({"start": reply(500, {"message": "no space left on device"}), "delete": reply(500, b"")},
     "out of disk space", 1),
    ({}, "the runner's container ended without a response", 0),
    ({"stream": piece(2, b"cannot open\nlibduckdb"), "wait": reply(200, {"StatusCode": 127})},
     "ended with exit status 127: cannot open libduckdb", 0),
    ({"stream": piece(1, b"{}"), "wait": reply(200, {"StatusCode": 137}),
      "json": reply(200, {"State": {"OOMKilled": True}})}, "RUNNER_RESOURCE_EXCEEDED", 0),
    ({"stream": piece(1, b"not JSON")}, "reading the runner's response", 0),
    ({"stream": piece(1, b"{}") + b"\x07xxxxxxxxxxx"}, "not in the pieces", 0),
    ({"stream": b"\x01\x00\x00\x00\xff\xff\xff\xff" + b"x" * 1000}, "reading the runner's response", 0),
    ({"stream": piece(1, b"x" * (30 << 20))}, "response is larger than", 0),
    ({"wait": b""}, "went away in the middle of the run", 0),
    ({"delete": b"", "stream": piece(1, b"{}")}, "response is not what the protocol says", 1),
])
def test_what_the_daemon_does_wrong(shop, daemon, script, words, left):
    statuses = {"RUNNER_RESOURCE_EXCEEDED": 6}
    began = time.monotonic()
    said, locks = run(shop, daemon(**script), status=statuses.get(words, 1))
    assert words in said, said
    assert locks == left
    assert time.monotonic() - began < 30


def test_there_is_none(shop, daemon, tmp_path):
    said, locks = run(shop, str(tmp_path / "nothing.sock"))
    assert f"no Docker daemon listens on {tmp_path}/nothing.sock: start it" in said and locks == 0
    dead = daemon()
    dead.close()
    said, _ = run(shop, dead)
    assert "no Docker daemon listens on" in said
    said, _ = run(shop, "relative.sock", status=2)
    assert "it wants the absolute path" in said
    said, _ = run(shop, "/" + "x" * 200, status=2)
    assert "of at most 107 bytes" in said
    for image in ("a b", "a?b", "x" * 500):
        said, _ = run(shop, dead, status=2, ASKCSV_DOCKER_IMAGE=image)
        assert "it wants an image's name" in said


def test_no_container_for_what_is_refused(shop, daemon):
    here = daemon()
    done = shop("run", "ecommerce", "--sql", "SELECT * FROM read_csv('/etc/passwd')", "--executor",
                "docker", env={"ASKCSV_DOCKER_SOCKET": here.path})
    assert done.returncode == 3 and "SQL_POLICY_VIOLATION" in done.stderr
    assert here.calls == []


def test_what_could_not_be_removed_is_removed_by_the_next(shop, daemon):
    bad = daemon(delete=reply(500, {"message": "device or resource busy"}))
    _, left = run(shop, bad)
    assert left == 1
    good = daemon()
    _, left = run(shop, good)
    assert left == 0
    assert good.calls == ["delete", "create", "attach", "start", "wait", "json", "delete"]


def test_readyz(serve, daemon, tmp_path):
    for script, words in (({"json": reply(200, IMAGE)}, None),
                          ({"json": reply(404, {"message": "No such image"})}, "has no image"),
                          ({"json": SILENCE}, "did not answer within"),
                          ({"json": reply(500, {"message": "bad"})}, "refused")):
        here = daemon(**script)
        server = serve("--executor", "docker", "--docker-socket", here.path)
        ready = server.get("/readyz")
        check = ready.json()["checks"]["runner"]
        assert (ready.status, check["ok"]) == ((200, True) if words is None else (503, False))
        assert words is None or words in check["detail"], check
    server = serve("--executor", "docker", "--docker-socket", str(tmp_path / "none"))
    assert wait_until(lambda: server.log("executor.recover"))
    assert "no Docker daemon listens on" in server.get("/readyz").json()["checks"]["runner"]["detail"]


def test_the_file_and_the_environment_choose(shop, tmp_path):
    (shop.home / "config.json").write_text(json.dumps(
        {"executor": "docker", "docker_socket": str(tmp_path / "none")}))
    done = shop("run", "ecommerce", "--sql", COUNT)
    assert done.returncode == 1 and "no Docker daemon listens on" in done.stderr
    shop.ok("run", "ecommerce", "--sql", COUNT, "--executor", "local")
    shop.ok("run", "ecommerce", "--sql", COUNT, env={"ASKCSV_EXECUTOR": "local"})
    done = shop("run", "ecommerce", "--sql", COUNT, "--executor", "moon")
    assert done.returncode == 2 and "local, docker" in done.stderr
