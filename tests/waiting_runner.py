"""Looks like askcsv-runner, or with --without like runner_walls, from outside, but the request gets
to one that was started with --warm and is ready for it: the tests of the runner are tried again so.

    waiting_runner.py BUILD_DIR [--without policy,engine,os] [--data-root DIR] < request > response
"""
import json
import os
import subprocess
import sys

from framed import prepare_of, put, take

NOTHING = {"protocol": 1, "dataset": {"id": "nothing", "tables": []}}


def parsed(text):
    """The request, or None when nobody could get ready for it: so wrong is it, or of such an op."""
    try:
        request = json.loads(text)
        if request.get("op") in ("check", "export") or not prepare_of(request):
            return None
    except (ValueError, RecursionError, AttributeError, KeyError):
        return None
    return request


def served(process, text):
    """The body of the one response."""
    request = parsed(text)
    prepare = {**prepare_of(request), "run_id": request.get("run_id")} if request else NOTHING
    process.stdin.write(put("prepare", prepare))
    process.stdin.flush()
    name, body = take(process.stdout)
    if name == "response":
        return body
    assert name == "ready", name
    try:
        process.stdin.write(put("request", text))
        process.stdin.flush()
    except BrokenPipeError:
        pass  # it did not read on, and says why
    name, body = take(process.stdout)
    assert name == "response", name
    if request and body.get("timings"):
        assert body["timings"]["load"] == 0, "another worker served it than the one that waited"
    return body


def main(build_dir, *args):
    name = "tests/tools/runner_walls" if "--without" in args else "askcsv-runner"
    text = sys.stdin.buffer.read()
    with subprocess.Popen([os.path.join(build_dir, name), "--warm", *args], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        json.dump(served(process, text), sys.stdout)
        process.stdin.close()
        assert process.stdout.read() == b""
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
