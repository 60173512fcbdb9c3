"""Frames (docs/PROTOCOL.md), written anew: askcsv-runner --framed and --warm as their caller has them."""
import hashlib
import json
import os
import re
import signal
import subprocess

HEAD = re.compile(rb"askcsv ([a-z]{1,15}) (0|[1-9][0-9]*) ([0-9a-f]{64})\n")


def put(name, body):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return b"askcsv %s %d %s\n%s\n" % (name.encode(), len(body),
                                       hashlib.sha256(body).hexdigest().encode(), body)


def take(stream):
    """The next frame of a file object as (name, body), or None at its end."""
    line = stream.readline()
    if not line:
        return None
    head = HEAD.fullmatch(line)
    assert head, line
    body = stream.read(int(head[2]))
    assert stream.read(1) == b"\n" and b"\n" not in body
    assert hashlib.sha256(body).hexdigest().encode() == head[3]
    return head[1].decode(), json.loads(body)


def prepare_of(request):
    """What askcsv-runner --warm needs to get ready for that request."""
    return {key: request[key] for key in ("protocol", "dataset", "limits")}


class Warm:
    """One askcsv-runner --warm. prepare() and send() give the frame that comes back."""

    def __init__(self, path, *args, env=None, mode="--warm"):
        self.process = subprocess.Popen(
            [os.fspath(path), mode, *map(str, args)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, env=env)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def take(self):
        return take(self.process.stdout)

    def prepare(self, request):
        self.write(put("prepare", prepare_of(request)))
        return self.take()

    def ready(self, request):
        """As prepare, but it must succeed."""
        name, body = self.prepare(request)
        assert name == "ready", body
        return body

    def send(self, request):
        """Sends the request; gives the response."""
        self.write(put("request", request))
        name, body = self.take()
        assert name == "response"
        return body

    def end(self):
        """Nothing more to come: (exit status, what else it said on stdout, and on stderr)."""
        out, err = self.process.communicate(timeout=60)
        for finding in (b"Sanitizer: ", b"runtime error: "):
            assert finding not in out + err, (out + err).decode("utf-8", "replace")
        return self.process.returncode, out, err
