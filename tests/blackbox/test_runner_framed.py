"""askcsv-runner as a pod has it: the request out of the environment or a folder, the response as a
frame, and --warm, which gets ready before there is a request. test_runner.py and test_walls.py are
tried with --warm besides; what is here is about the frames, the waiting, and the ways to go wrong."""
import hashlib
import io
import json
import os
import re
import select
import signal

import pytest

from framed import Warm, prepare_of, put, take
from host import all_gone, alive, children, wait_until
from programs import ROOT, Runner, call, clean_env

GOLDEN = ROOT / "datasets" / "golden"
IDS = [f"{name}-{n}" for name in ("ecommerce", "support", "sensors") for n in range(1, 7)]
ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"
SUM = "SELECT sum(id) AS s FROM t"


def table(path, name="t", **more):
    return {"name": name, "path": str(path), "format": "csv", **more}


@pytest.fixture
def numbers(tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("id,name,amount\n1,one,1.50\n2,two,2.25\n3,,\n")
    return path


@pytest.fixture
def warm(runner_path):
    """warm(*options): a runner that was started with --warm; all are gone afterwards."""
    started = []

    def start(*args, **env):
        started.append(Warm(runner_path, *args, env=clean_env(**env)))
        return started[-1]

    yield start
    for one in started:
        with one:
            pass


@pytest.fixture(scope="module")
def golden_request(shared_shop):
    """A golden plan's request, as the server makes it but for the names of things."""
    registry = json.loads((ROOT / "datasets" / "registry.json").read_text())["datasets"]

    def request_of(golden):
        dataset = golden.rsplit("-", 1)[0]
        capsule = shared_shop.json("run", dataset, "--plan", GOLDEN / f"{golden}.plan.json",
                                   "--format", "json")
        folder = shared_shop.home / "datasets" / dataset
        known = next(d for d in registry if d["id"] == dataset)
        tables = [table(folder / t["file"], t["name"],
                        sha256=hashlib.sha256((folder / t["file"]).read_bytes()).hexdigest(),
                        columns=[{"name": c["name"], "type": c["type"]} for c in t["columns"]])
                  for t in known["tables"]]
        return Runner.request(capsule["sql"], tables, dataset=dataset, as_of=capsule["as_of"])

    return request_of


def told(response):
    """A response without what differs from one run of the same request to the next."""
    return {key: value for key, value in response.items()
            if key not in ("timings", "exec_time_ms", "peak_memory_mb")}


def only_frame(done):
    """The one frame that a program wrote: its name and body."""
    assert done.returncode == 0, done.stderr
    stream = io.BytesIO(done.stdout)
    frame = take(stream)
    assert stream.read() == b""
    return frame


def write_pieces(folder, text, n):
    """As kubelet mounts them: files in a folder of their own, and links to them."""
    (folder / "..2026_01_31").mkdir(parents=True)
    (folder / "..data").symlink_to("..2026_01_31")
    size = -(-len(text) // n)
    for i in range(n):
        (folder / "..data" / str(i)).write_bytes(text[i * size:(i + 1) * size])
        (folder / str(i)).symlink_to(f"..data/{i}")
    return folder


def error_of(response):
    assert response["status"] != "success", response
    return response["error"]["type"], response["error"]["message"]


# --- the request's ways in, the response's way out -----------------------------------------------

@pytest.mark.parametrize("golden", IDS)
def test_every_way_gives_the_same(runner, runner_path, warm, golden_request, tmp_path, golden):
    request = golden_request(golden)
    text = json.dumps(request).encode()
    plain = runner(request)
    expected = json.loads((GOLDEN / f"{golden}.result.json").read_text())
    assert (plain["columns"], plain["rows"]) == (expected["columns"], expected["rows"])
    pieces = write_pieces(tmp_path / "request", text, 12)
    by_env = call([runner_path, "--request-env", "ASKCSV_REQUEST", "--framed"],
                  env=clean_env(ASKCSV_REQUEST=text.decode()))
    by_dir = call([runner_path, "--request-dir", pieces, "--framed"])
    by_stdin = call([runner_path, "--framed"], stdin=text)
    for done in (by_env, by_dir, by_stdin):
        name, body = only_frame(done)
        assert name == "response"
        assert told(body) == told(plain)
    waiting = warm()
    assert waiting.ready(request)["tables"] == [
        {key: t[key] for key in ("name", "sha256", "bytes")} for t in plain["tables"]]
    response = waiting.send(request)
    assert told(response) == told(plain)
    assert response["timings"]["load"] == 0 < plain["timings"]["load"]
    assert waiting.end() == (0, b"", b"")


def test_the_frame_holds_the_plain_response(runner, numbers):
    request = Runner.request("SELECT name, repeat('ä\n', 3) AS r FROM t", [table(numbers)])
    name, body = only_frame(runner.raw(request, "--framed"))
    assert name == "response" and told(body) == told(runner(request))


def test_requests_in_pieces(runner_path, numbers, tmp_path):
    """Cut anywhere, also inside a character; one piece; ten and more, which are no text to sort."""
    text = json.dumps(Runner.request("SELECT 'ä€😀' AS a FROM t", [table(numbers)]),
                      ensure_ascii=False).encode()
    for n in (1, 2, 11, 150):
        folder = write_pieces(tmp_path / str(n), text, n)
        response = json.loads(call([runner_path, "--request-dir", folder]).stdout)
        assert response["rows"] == [["ä€😀"]] * 3, n


def test_bad_pieces(runner_path, tmp_path):
    text = json.dumps(Runner.request("SELECT 1 AS a")).encode()

    def refused(name, change, *words):
        folder = write_pieces(tmp_path / name, text, 3)
        change(folder)
        _, body = only_frame(call([runner_path, "--request-dir", folder, "--framed"]))
        kind, message = error_of(body)
        assert kind == "INVALID_REQUEST" and body["run_id"] is None
        assert all(word in message for word in words), message

    def replace_by(make):
        def change(folder):
            (folder / "1").unlink()
            make(folder / "1")
        return change

    def empty(folder):
        for i in range(3):
            (folder / str(i)).unlink()

    refused("middle", lambda f: (f / "1").unlink(), "piece 1", "No such file")
    refused("first", lambda f: (f / "0").unlink(), "piece 0", "No such file")
    refused("dangling", lambda f: (f / "..data" / "2").unlink(), "piece 2", "No such file")
    refused("none", empty, "no piece")
    refused("fifo", replace_by(os.mkfifo), "piece 1", "named pipe")
    refused("folder", replace_by(os.mkdir), "piece 1", "directory")
    refused("last", lambda f: (f / "2").unlink(), "JSON")
    refused("large", lambda f: os.truncate(f / "2", 133 << 20), "larger")
    refused("many", lambda f: [(f / str(i)).touch() for i in range(3, 1002)], "1000")
    refused("gone", lambda f: f.rename(f.with_name("else")), "No such file")


def test_a_variable_that_is_missing_or_empty(runner_path):
    argv = [runner_path, "--request-env", "ASKCSV_REQUEST", "--framed"]
    _, body = only_frame(call(argv))
    assert error_of(body)[0] == "INVALID_REQUEST" and "ASKCSV_REQUEST is not set" in error_of(body)[1]
    _, body = only_frame(call(argv, env=clean_env(ASKCSV_REQUEST="")))
    assert error_of(body)[0] == "INVALID_REQUEST" and "empty" in error_of(body)[1]


def test_refusals_are_framed(runner):
    for text in (b"", b"hello", b'{"protocol":2}'):
        name, body = only_frame(runner.raw(text, "--framed"))
        assert name == "response" and body["run_id"] is None
        assert body["error"]["type"] == "INVALID_REQUEST"
    response = only_frame(runner.raw(Runner.request("DROP TABLE t"), "--framed"))[1]
    assert response["status"] == "rejected"


@pytest.mark.parametrize("args", [
    ["--request-env", "A", "--request-dir", "/tmp"],
    ["--warm", "--request-env", "A"],
    ["--warm", "--request-dir", "/tmp"],
    ["--request-env"], ["--warm", "x"],
])
def test_options_that_exclude_each_other(runner_path, args):
    done = call([runner_path, *args], stdin=b"", env=clean_env(A="{}"))
    assert done.returncode == 2 and done.stdout == b"" and b"--request-dir" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the worker")
def test_the_request_leaves_the_environment(runner_path):
    """Neither the runner's environment nor the worker's has it, once there is a worker."""
    request = Runner.request(f"{ENDLESS} AND 'needle-in-the-sql' <> ''", timeout_ms=60000)
    env = clean_env(ASKCSV_REQUEST=json.dumps(request), OTHER="stays")
    with Warm(runner_path, "--request-env", "ASKCSV_REQUEST", mode="--framed", env=env) as cold:
        (worker,) = wait_until(lambda: children(cold.process.pid))
        environ = open(f"/proc/{cold.process.pid}/environ", "rb").read()
        assert b"needle" not in environ and b"OTHER=stays" in environ
        assert wait_until(lambda: b"stays" not in open(f"/proc/{worker}/environ", "rb").read())
        assert b"needle" not in open(f"/proc/{worker}/environ", "rb").read()


# --- a runner that waits ---------------------------------------------------------------------------

@pytest.mark.parametrize("op", ["describe", "values", "check", "export"])
def test_every_op(runner, warm, numbers, op):
    tables = [] if op == "export" else [table(numbers)]
    request = Runner.request(SUM if op == "check" else None, tables, op=op)
    if op == "export":
        request["result"] = {"columns": ["a"], "types": ["BIGINT"], "rows": "[[1],[2]]"}
    waiting = warm()
    waiting.ready(Runner.request(tables=[table(numbers)]))
    response = waiting.send(request)
    assert response["status"] == "success"
    assert told(response) == told(runner(request))
    if op != "check":  # which loads nothing anyway
        assert is_fresh(response) == (op == "export")
    assert waiting.end() == (0, b"", b"")


def test_frames_may_come_in_any_pieces(warm, numbers):
    request = Runner.request(SUM, [table(numbers)])
    both = put("prepare", prepare_of(request)) + put("request", request)
    at_once = warm()
    at_once.write(both)
    assert at_once.take()[0] == "ready" and at_once.take()[1]["rows"] == [[6]]
    bytewise = warm()
    for i in range(len(both)):
        bytewise.write(both[i:i + 1])
    assert bytewise.take()[0] == "ready" and bytewise.take()[1]["rows"] == [[6]]


def test_one_request_only(warm, numbers):
    request = Runner.request(SUM, [table(numbers)])
    waiting = warm()
    waiting.ready(request)
    waiting.write(put("request", request) * 3)
    assert waiting.take()[1]["rows"] == [[6]]
    assert waiting.end() == (0, b"", b"")


def test_a_large_request(runner, warm, numbers):
    """Larger than a pipe, and so fed in turns; and one that is too large."""
    waiting = warm()
    request = Runner.request(SUM + " -- " + 1_000_000 * "x", [table(numbers)])
    waiting.ready(request)
    response = waiting.send(request)
    assert told(response) == told(runner(request)), response["error"]
    assert response["timings"]["load"] == 0
    waiting = warm()
    waiting.ready(request)
    response = waiting.send({**request, "sql": SUM + " -- " + 1_100_000 * "x"})
    assert error_of(response)[0] == "INVALID_REQUEST" and "1048576" in error_of(response)[1]


GOOD = Runner.request("SELECT 1 AS a")
WHOLE = put("prepare", prepare_of(GOOD))


@pytest.mark.parametrize("text, word", [
    (b"", "ended before"),
    (b"hello\n", "begin"),
    (json.dumps(GOOD).encode(), "begin"),
    (WHOLE[:-1], "inside a frame"),
    (WHOLE[:20], "inside a frame"),
    (WHOLE.replace(b"dataset", b"datasat"), "hash"),
    (WHOLE.replace(b"prepare ", b"prepare 0"), "first line"),
    (b"askcsv prepare 4194305 " + 64 * b"0" + b"\n", "4194304"),
    (put("request", GOOD), '"prepare" was expected'),
    (put("prepare", b""), "empty"),
    (put("prepare", b"[]"), "object"),
    (put("prepare", GOOD), "not known"),
    (put("prepare", {"protocol": 2}), "protocol 1"),
    (put("prepare", {"protocol": 1}), "dataset"),
    (put("prepare", {**prepare_of(GOOD), "limits": {"threads": 0}}), "threads"),
    (put("prepare", {**prepare_of(GOOD), "run_id": "x"}), "UUID"),
], ids=lambda it: it if isinstance(it, str) else "frame")
def test_bad_frames_before_it_is_ready(warm, text, word):
    waiting = warm()
    waiting.write(text)
    waiting.process.stdin.close()
    waiting.process.stdin = None
    name, body = waiting.take()
    assert name == "response" and body["run_id"] is None
    kind, message = error_of(body)
    assert kind == "INVALID_REQUEST" and word in message
    assert waiting.end() == (0, b"", b"")


@pytest.mark.parametrize("text, word", [
    (put("request", GOOD)[:-1], "inside a frame"),
    (put("request", GOOD).replace(b"SELECT", b"SELECS"), "hash"),
    (WHOLE, '"request" was expected'),
    (b"\n" + put("request", GOOD), "begin"),
    (put("request", b"{}"), "protocol"),
    (put("request", {**GOOD, "as_of": "now"}), "as_of"),
    (b"askcsv request 999999999 " + 64 * b"0" + b"\n", "larger"),
], ids=lambda it: it if isinstance(it, str) else "frame")
def test_bad_frames_when_it_is_ready(warm, text, word):
    waiting = warm()
    waiting.ready(GOOD)
    (worker,) = children(waiting.process.pid)
    waiting.write(text)
    waiting.process.stdin.close()
    waiting.process.stdin = None
    name, body = waiting.take()
    assert name == "response" and body["run_id"] is None
    kind, message = error_of(body)
    assert kind == "INVALID_REQUEST" and word in message
    assert waiting.end() == (0, b"", b"")
    assert all_gone([worker])


def test_nobody_has_a_request(warm, numbers):
    waiting = warm()
    waiting.ready(Runner.request(tables=[table(numbers)]))
    (worker,) = children(waiting.process.pid)
    waiting.process.stdin.close()
    waiting.process.stdin = None
    assert waiting.end() == (0, b"", b"")
    assert all_gone([worker])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("moment", ["started", "ready", "running"])
def test_signals(warm, numbers, number, moment):
    waiting = warm()
    request = Runner.request(ENDLESS, [table(numbers)], timeout_ms=60000)
    workers = []
    if moment == "started":
        # Its handlers are there when it has opened the engine, and reads.
        assert wait_until(lambda: "0000000000004003" in
                          open(f"/proc/{waiting.process.pid}/status").read().lower())
    else:
        waiting.ready(request)
        workers = children(waiting.process.pid)
        assert len(workers) == 1
    if moment == "running":
        before = fds_of(waiting)
        waiting.write(put("request", request))
        assert wait_until(lambda: fds_of(waiting) < before)
    os.kill(waiting.process.pid, number)
    assert waiting.process.wait(20) != 0
    assert all_gone(workers)
    assert waiting.end()[1] == b""


def test_a_reader_that_goes_away_ends_it(warm, numbers):
    waiting = warm()
    waiting.ready(Runner.request(tables=[table(numbers)]))
    (worker,) = children(waiting.process.pid)
    waiting.process.stdout.close()
    assert waiting.process.wait(20) != 0
    assert all_gone([worker])
    waiting.process.stdout = None


def fds_of(waiting):
    return len(os.listdir(f"/proc/{waiting.process.pid}/fd"))


def status_of(pid):
    return dict(line.split(":\t", 1) for line in open(f"/proc/{pid}/status").read().splitlines()
                if ":\t" in line)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the worker")
def test_all_walls_stand_while_it_waits(warm, numbers):
    waiting = warm(ASKCSV_TEST_SECRET="hunter2-hunter2")
    waiting.ready(Runner.request(tables=[table(numbers)]))
    (worker,) = children(waiting.process.pid)
    status = status_of(worker)
    assert status["Seccomp"] == "2" and int(status["Seccomp_filters"]) >= 2
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    for kind in ("user", "mnt", "pid", "net", "ipc", "uts"):
        assert (os.readlink(f"/proc/{worker}/ns/{kind}")
                != os.readlink(f"/proc/{waiting.process.pid}/ns/{kind}")), kind
    opened = [os.readlink(f"/proc/{worker}/fd/{fd}") for fd in os.listdir(f"/proc/{worker}/fd")]
    assert len(opened) == 4 and all(target.startswith("pipe:") for target in opened), opened
    assert b"hunter2" not in open(f"/proc/{worker}/environ", "rb").read()
    walls = waiting.send(Runner.request(SUM, [table(numbers)]))["sandbox"]
    assert all(walls.values()), walls


# --- a worker that is not the right one -------------------------------------------------------------

def is_fresh(response):
    """Another worker served it than the one that waited."""
    return response["timings"]["load"] > 0


@pytest.mark.parametrize("limits, fresh", [
    ({}, False),
    ({"max_rows": 5, "max_output_bytes": 4096, "timeout_ms": 20000}, False),
    ({"max_rows": 100000, "max_output_bytes": 64 << 20}, False),
    ({"timeout_ms": 40000}, True),
    ({"memory_mb": 2048}, True), ({"memory_mb": 512}, True),
    ({"threads": 2}, True),
])
def test_other_limits(runner, warm, numbers, limits, fresh):
    request = Runner.request(SUM, [table(numbers)], **limits)
    waiting = warm()
    waiting.ready(Runner.request(tables=[table(numbers)]))
    response = waiting.send(request)
    assert told(response) == told(runner(request))
    assert is_fresh(response) == fresh
    assert waiting.end() == (0, b"", b"")


def test_the_limits_of_the_request_hold(warm, numbers):
    waiting = warm()
    waiting.ready(Runner.request(tables=[table(numbers)]))
    response = waiting.send(Runner.request("SELECT repeat('x', 2000) AS s FROM t", [table(numbers)],
                                           max_output_bytes=1024))
    assert error_of(response)[0] == "RUNNER_OUTPUT_EXCEEDED"
    waiting = warm()
    waiting.ready(Runner.request(tables=[table(numbers)]))
    response = waiting.send(Runner.request(ENDLESS, [table(numbers)], timeout_ms=300))
    assert error_of(response)[0] == "RUNNER_TIMEOUT"


def other_tables(numbers, other):
    columns = [{"name": "id", "type": "INTEGER"}, {"name": "name", "type": "VARCHAR"},
               {"name": "amount", "type": "DOUBLE"}]
    right = hashlib.sha256(numbers.read_bytes()).hexdigest()
    return [
        ("the same", [table(numbers, sha256=right)], False),
        ("another file", [table(other)], True),
        ("another name", [table(numbers, "u"), table(other)], True),
        ("one more", [table(numbers), table(other, "u")], True),
        ("none", [], True),
        ("columns", [table(numbers, columns=columns)], True),
        ("another hash", [table(numbers, sha256="0" * 64)], True),
        ("another format", [{**table(numbers), "format": "parquet"}], True),
        ("no such file", [table(numbers.with_name("nothing.csv"))], True),
    ]


@pytest.mark.parametrize("which", range(9))
def test_other_tables(runner, warm, numbers, tmp_path, which):
    other = tmp_path / "other.csv"
    other.write_text("id\n10\n20\n")
    what, tables, fresh = other_tables(numbers, other)[which]
    request = Runner.request(SUM, tables)
    waiting = warm()
    waiting.ready(Runner.request(tables=[table(numbers)]))
    response = waiting.send(request)
    assert fresh or not is_fresh(response), what
    response, plain = told(response), told(runner(request))
    if what == "another hash":  # found while the walls go up: sometimes before they stand
        response.pop("sandbox")
        plain.pop("sandbox")
    assert response == plain, what
    assert waiting.end() == (0, b"", b"")


def test_another_dataset(warm, numbers):
    waiting = warm()
    waiting.ready(Runner.request(tables=[table(numbers)], dataset="one"))
    response = waiting.send(Runner.request("SELECT sum(id) AS s FROM two.t", [table(numbers)],
                                           dataset="two"))
    assert response["rows"] == [[6]] and is_fresh(response)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("how", ["written", "replaced"])
def test_a_file_that_changed_before_the_request(warm, numbers, how, known):
    """The answer is that of the new file, or that it is not the one that was asked for."""
    more = {"sha256": hashlib.sha256(numbers.read_bytes()).hexdigest()} if known else {}
    request = Runner.request(SUM, [table(numbers, **more)])
    waiting = warm()
    waiting.ready(request)
    target = numbers if how == "written" else numbers.with_name("new.csv")
    target.write_text("id,name,amount\n100,one,1.50\n200,two,2.25\n3,,\n")
    target.rename(numbers)
    response = waiting.send(request)
    if known:
        assert error_of(response)[0] == "DATASET_CHANGED"
    else:
        assert response["rows"] == [[303]] and is_fresh(response)


def test_a_file_that_changes_after_the_request(warm, numbers):
    request = Runner.request(SUM, [table(numbers)])
    waiting = warm()
    waiting.ready(request)
    (worker,) = children(waiting.process.pid)
    os.kill(worker, signal.SIGSTOP)
    before = fds_of(waiting)
    waiting.write(put("request", request))
    assert wait_until(lambda: fds_of(waiting) < before)  # the worker's pipe: it has the request
    numbers.write_text(numbers.read_text().replace("two", "tow"))
    os.kill(worker, signal.SIGCONT)
    kind, message = error_of(waiting.take()[1])
    assert kind == "DATASET_CHANGED" and "numbers.csv" in message


def test_a_worker_that_was_killed_while_it_waited(runner, warm, numbers):
    request = Runner.request(SUM, [table(numbers)])
    waiting = warm()
    waiting.ready(request)
    (worker,) = children(waiting.process.pid)
    os.kill(worker, signal.SIGKILL)
    assert wait_until(lambda: not alive(worker))
    response = waiting.send(request)
    assert told(response) == told(runner(request)) and is_fresh(response)
    assert waiting.end() == (0, b"", b"")


def written_by(pid):
    """The pipes that it writes to, beside standard output and standard error."""
    return [fd for fd in os.listdir(f"/proc/{pid}/fd") if int(fd) > 2 and int(
        re.search(r"flags:\s*(\d+)", open(f"/proc/{pid}/fdinfo/{fd}").read())[1], 8) & os.O_WRONLY]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write in the worker's place")
@pytest.mark.parametrize("words", [b"ready\n", b'{"status":"success","rows_bytes":0}\n\n', b"x"])
def test_a_worker_that_talks_while_it_waits(runner, warm, numbers, words):
    """One that was taken over, say: it gets no request."""
    request = Runner.request(SUM, [table(numbers)])
    waiting = warm()
    waiting.ready(request)
    (worker,) = children(waiting.process.pid)
    (fd,) = written_by(worker)
    with open(f"/proc/{worker}/fd/{fd}", "wb") as pipe:
        pipe.write(words)
    response = waiting.send(request)
    assert told(response) == told(runner(request)) and is_fresh(response)
    assert waiting.end() == (0, b"", b"")
    assert all_gone([worker])


def test_a_worker_that_is_killed_in_its_run(warm, numbers):
    request = Runner.request(ENDLESS, [table(numbers)], timeout_ms=60000)
    waiting = warm()
    waiting.ready(request)
    (worker,) = children(waiting.process.pid)
    before = fds_of(waiting)
    waiting.write(put("request", request))
    assert wait_until(lambda: fds_of(waiting) < before)
    os.kill(worker, signal.SIGKILL)
    kind, message = error_of(waiting.take()[1])
    assert kind == "RUNNER_RESOURCE_EXCEEDED" and "killed from outside" in message
    assert waiting.end() == (0, b"", b"")


@pytest.mark.parametrize("change, kind, word", [
    ({"path": "/nowhere/at/all.csv"}, "DATASET_INVALID", "does not exist"),
    ({"sha256": "0" * 64}, "DATASET_CHANGED", "numbers.csv"),
    ({"columns": [{"name": "id", "type": "BIGINT"}]}, "DATASET_INVALID", "numbers.csv"),
    ({"path": "/etc/../etc/passwd"}, "INVALID_REQUEST", "passwd"),
])
def test_tables_that_nothing_can_get_ready_for(warm, numbers, change, kind, word):
    waiting = warm("--data-root", numbers.parent if "passwd" in str(change) else "/")
    request = Runner.request(tables=[table(numbers, **change)] if "path" not in change
                             else [{**table(numbers), **change}])
    waiting.write(put("prepare", {**prepare_of(request), "run_id": request["run_id"]}))
    name, body = waiting.take()
    assert name == "response" and body["run_id"] == request["run_id"]
    assert error_of(body)[0] == kind and word in error_of(body)[1]
    assert waiting.end() == (0, b"", b"")


def test_getting_ready_has_a_deadline(warm, tmp_path):
    path = tmp_path / "large.csv"
    path.write_bytes(b"a,b\n" + b"1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 400_000)
    waiting = warm()
    name, body = waiting.prepare(Runner.request(tables=[table(path)], timeout_ms=1))
    assert name == "response" and body["run_id"] is None
    assert error_of(body)[0] == "RUNNER_TIMEOUT"
    assert waiting.end() == (0, b"", b"")


def test_waiting_has_no_deadline(warm, numbers):
    """The time of a request counts from when it comes."""
    request = Runner.request(SUM, [table(numbers)], timeout_ms=2000)
    waiting = warm()
    waiting.ready(request)
    nothing, _, _ = select.select([waiting.process.stdout, waiting.process.stderr], [], [], 2.2)
    assert not nothing
    response = waiting.send(request)
    assert response["rows"] == [[6]] and not is_fresh(response)
