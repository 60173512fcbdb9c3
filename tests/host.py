"""A host of warm tables (askcsv-runner host) as tests see it: asked for its status, sent calls as a
client sends them, and looked at from outside through /proc.

    host = Host(home)                    whoever started it; the one whose socket is in home/host
    host = start_host(home, runs=2)      a host of the test's own
    host.status() -> dict, or None when no host answers
    host.run(request) -> the response    host.call(request) -> a Call under way
"""
import contextlib
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

from programs import CALL_SECONDS, Runner, clean_env, program

MAGIC = 0x41434831
RUN, STATUS = 1, 2
WAIT_SECONDS = 30


def wait_until(condition, seconds=WAIT_SECONDS):
    """The first true value that condition() gives; its last one when time is up."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.005)
    return value


def state(pid):
    """The state letter of proc_pid_stat(5), or None when there is no such process."""
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return None


def alive(pid):
    return state(pid) not in (None, "Z", "X")


def children(pid):
    """Living ones, in the order in which they were made."""
    found = []
    with contextlib.suppress(OSError):
        found = [int(p) for p in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    return [p for p in found if alive(p)]


def descendants(pid):
    return [p for child in children(pid) for p in (child, *descendants(child))]


def kill(pid, number=signal.SIGKILL):
    """True when there was something to kill."""
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def hosts_of(home):
    """The pids of living hosts that were started for this home, whether they answer or not."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
            if b"host" in words and os.fsencode(home) in words and alive(pid):
                found.append(int(pid))
    return found


def all_gone(pids):
    return wait_until(lambda: not any(alive(pid) for pid in pids))


def connect(path):
    """To a socket in a folder with however long a path."""
    path = pathlib.Path(path)
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        fd = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            fd.connect(f"/proc/self/fd/{folder}/{path.name}")
        except BaseException:
            fd.close()
            raise
        return fd
    finally:
        os.close(folder)


class Call:
    """One call under way; closing it before its answer came cancels it."""

    def __init__(self, sock):
        self.socket = sock
        self.text = b""

    def wait(self, seconds=CALL_SECONDS):
        """The answer as bytes; b"" when the host ended without one."""
        end = time.monotonic() + seconds
        with self.socket:
            while True:
                self.socket.settimeout(max(0.001, end - time.monotonic()))
                try:
                    part = self.socket.recv(1 << 20)
                except ConnectionResetError:
                    return b""
                if not part:
                    return self.text
                self.text += part

    def response(self, seconds=CALL_SECONDS):
        return json.loads(self.wait(seconds))

    def is_over(self):
        """Whether the answer, or a part of it, has come."""
        self.socket.settimeout(0)
        try:
            part = self.socket.recv(1 << 20)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True
        self.text += part
        return True

    def cancel(self):
        self.socket.close()


class Host:
    def __init__(self, home, process=None):
        self.home = pathlib.Path(home)
        self.process = process  # of one that start_host started

    def sockets(self):
        return sorted((self.home / "host").glob("*.sock"))

    def send(self, what, request=b"", data_root="/", client="test", magic=MAGIC):
        """A Call, or None when no host listens."""
        if isinstance(request, dict):
            request = json.dumps(request).encode()
        root, name = os.fsencode(data_root), client.encode()
        head = struct.pack("=5I", magic, what, len(root), len(name), len(request))
        for path in self.sockets():
            try:
                call = Call(connect(path))
            except OSError:
                continue
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                call.socket.sendall(head + root + name + request)
            return call
        return None

    def call(self, request, **more):
        return self.send(RUN, request, **more)

    def run(self, request, **more):
        return self.call(request, **more).response()

    def sql(self, sql, tables=(), *, client="test", **limits):
        return self.run(Runner.request(sql, tables, **limits), client=client)

    def status(self):
        call = self.send(STATUS)
        text = call.wait() if call else b""
        return json.loads(text) if text else None

    # Who is who. None of these asks the host to do anything but to say its status.

    def pid(self):
        return (self.status() or {}).get("pid")

    def warm(self):
        """Its dataset versions, but for the one without tables."""
        return [w for w in (self.status() or {"warm": []})["warm"] if w["key"]]

    def parents(self):
        return [w["parent_pid"] for w in self.warm() if w["parent_pid"]]

    def ready_parents(self):
        """Of those dataset versions that can take runs; empty while one gets ready."""
        warm = self.warm()
        if not all(w["state"] == "ready" for w in warm):
            return []
        return [w["parent_pid"] for w in warm]

    def children(self, idle=None):
        warm = (self.status() or {"warm": []})["warm"]
        return [c["pid"] for w in warm for c in w["children"]
                if c["pid"] and idle in (None, c["idle"])]

    def processes(self):
        """All of them, the host first."""
        pid = self.pid()
        return [pid, *descendants(pid)] if pid else []

    def drafts(self):
        """Snapshots in the making, or left behind."""
        folder = self.home / "snapshots"
        return sorted(folder.glob(".new-*")) if folder.is_dir() else []

    def snapshots(self):
        folder = self.home / "snapshots"
        return sorted(p for p in folder.glob("*") if len(p.name) == 64) if folder.is_dir() else []

    def end(self):
        """Ends it as a signal from outside does, with all that it started."""
        # One that a test's tool started has another command line, but answers.
        hosts = {*hosts_of(self.home), *filter(None, [self.pid()])}
        pids = [p for pid in hosts for p in (pid, *descendants(pid))]
        for pid in hosts:
            kill(pid, signal.SIGTERM)
        if self.process:
            self.process.wait(WAIT_SECONDS)
        assert all_gone(pids), "a process of the host was left behind"


def start_host(home, runner=None, **options):
    """A host in the foreground: runs=2 becomes --runs 2. Its tests end it with host.end()."""
    runner = runner or program("askcsv-runner")
    options.setdefault("linger_ms", 600000)
    words = [w for name, value in options.items()
             for w in (f"--{name.replace('_', '-')}", str(value))]
    process = subprocess.Popen(
        [os.fspath(runner), "host", "--home", os.fspath(home), "--socket", "test.sock", *words,
         "--foreground"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=clean_env(),
        start_new_session=True)
    with process.stdout:
        said = process.stdout.readline()
    assert said == b"ready\n", said
    return Host(home, process)
