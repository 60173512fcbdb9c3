"""Where the programs under test are and how they are started, for every Python test.

The programs under test are the real ones in $ASKCSV_BUILD_DIR (default: build). Nothing here
imitates any part of them.
"""
import json
import os
import pathlib
import signal
import subprocess
import uuid

import pytest

# A shell's background job starts with SIGINT ignored, nohup(1) with SIGHUP, and what is ignored stays
# so in every child; the programs under test honour that, and their tests would wait in vain.
for _number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)

ROOT = pathlib.Path(__file__).resolve().parent.parent
AS_OF = "2026-01-31T00:00:00Z"
# More than any one call needs; a program that hangs fails its test instead of the whole run.
CALL_SECONDS = 120


def build_dir():
    return (ROOT / os.environ.get("ASKCSV_BUILD_DIR", "build")).resolve()


def program(name):
    path = build_dir() / name
    if not path.is_file():
        pytest.exit(f"{path} is missing: run `make build` first, or set ASKCSV_BUILD_DIR", 2)
    return path


def clean_env(**more):
    """An environment that does not depend on who runs the tests. Sanitizer options pass."""
    keep = ("PATH", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS")
    env = {k: os.environ[k] for k in keep if k in os.environ}
    env.setdefault("PATH", "/usr/bin:/bin")
    # A host that goes on after its test would be the next one's load; who tests warmth asks for it.
    env["ASKCSV_LINGER"] = "0"
    env.update({k: str(v) for k, v in more.items()})
    return env


def call(argv, *, stdin=None, env=None, cwd=None, timeout=CALL_SECONDS):
    """Runs argv in a session of its own; returns status, stdout and stderr as bytes.

    A call that outlives its timeout is killed with its whole process group and raises.
    """
    process = subprocess.Popen(
        [os.fspath(a) for a in argv],
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=env if env is not None else clean_env(), cwd=cwd, start_new_session=True)
    try:
        out, err = process.communicate(stdin, timeout)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    # Whatever the test expects of the program, it does not expect this.
    for finding in (b"Sanitizer: ", b"runtime error: "):
        assert finding not in out + err, (out + err).decode("utf-8", "replace")
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


class Runner:
    """askcsv-runner: runner(request) sends a dict (as JSON) or bytes and gives the response."""

    def __init__(self, path):
        self.path = path

    def raw(self, request, *args, env=None, timeout=CALL_SECONDS):
        if isinstance(request, (dict, list)):
            request = json.dumps(request).encode()
        return call([self.path, *args], stdin=request, env=env, timeout=timeout)

    def __call__(self, request, *args, env=None, timeout=CALL_SECONDS):
        done = self.raw(request, *args, env=env, timeout=timeout)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return json.loads(done.stdout)

    @staticmethod
    def request(sql=None, tables=(), *, op="run", dataset="test", as_of=AS_OF, **limits):
        """A whole request; tables are dicts of name, path, format, columns?, sha256?."""
        defaults = {"timeout_ms": 30000, "max_rows": 1000, "max_output_bytes": 8 << 20,
                    "memory_mb": 1024, "threads": 1}
        request = {"protocol": 1, "run_id": str(uuid.uuid4()), "op": op,
                   "dataset": {"id": dataset, "version": None, "tables": list(tables)},
                   "as_of": as_of, "limits": {**defaults, **limits}}
        if sql is not None:
            request["sql"] = sql
        return request


class Askcsv:
    def __init__(self, path, home):
        self.path = path
        self.home = home

    def env(self, **more):
        """The command's environment; a value of None removes the variable."""
        env = clean_env(ASKCSV_HOME=self.home, HOME=self.home, LC_ALL="C.UTF-8", TZ="UTC")
        env.update({k: str(v) for k, v in more.items() if v is not None})
        return {k: v for k, v in env.items() if more.get(k, "") is not None}

    def __call__(self, *args, stdin=None, env=None, cwd=None, timeout=CALL_SECONDS):
        """Runs `askcsv ARGS`; stdout and stderr come back as text, the status is not judged."""
        if isinstance(stdin, str):
            stdin = stdin.encode()
        done = call([self.path, *map(str, args)], stdin=stdin, env=self.env(**(env or {})),
                    cwd=cwd or self.home, timeout=timeout)
        done.stdout = done.stdout.decode("utf-8", "replace")
        done.stderr = done.stderr.decode("utf-8", "replace")
        return done

    def ok(self, *args, **kwargs):
        """As a call, but the command must succeed."""
        done = self(*args, **kwargs)
        assert done.returncode == 0, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *args, status=0, **kwargs):
        """Runs `askcsv ARGS`, wants that exit status, and parses stdout."""
        done = self(*args, **kwargs)
        assert done.returncode == status, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)
