"""Problems over HTTP say what happened and not where the server has its files; its log does."""
import json
import shutil

import pytest

from host import wait_until
from programs import Askcsv
from served import COUNT, Server, problem

QUESTION = {"dataset_id": "ecommerce", "message": "How many orders are there?"}


@pytest.fixture
def home(generated, tmp_path):
    """A state folder whose name has a blank in it, as names of people do."""
    folder = tmp_path / "ann lee" / "askcsv home"
    shutil.copytree(generated, folder / "datasets")
    return folder


@pytest.fixture
def start(askcsv_path, home):
    servers = []

    def begin(**env):
        servers.append(Server(Askcsv(askcsv_path, home), **env))
        return servers[-1]

    yield begin
    for server in servers:
        assert server.end() == 0


def everything(server):
    """Requests of every kind that can meet a missing file; (what, reply)."""
    yield "ready", server.get("/readyz")
    yield "datasets", server.get("/v1/datasets")
    yield "dataset", server.get("/v1/datasets/ecommerce")
    yield "list", server.get("/v1/runs")
    yield "threads", server.get("/v1/threads")
    yield "run", server.run()
    yield "check", server.ask("POST", "/v1/sql/check", {"dataset_id": "ecommerce", "sql": COUNT})
    yield "chat", server.ask("POST", "/v1/chat", QUESTION)
    yield "stream", server.ask("POST", "/v1/chat/stream", QUESTION)


def without_capsules(text):
    """They are records: they name files, and keep of a failure all that was said."""
    try:
        body = json.loads(text)
    except ValueError:
        return text  # events
    body.pop("run", None)
    return "" if "capsule_hash" in body else json.dumps(body)


def words_without_paths(replies, *paths):
    """What was said, by request, but for capsules."""
    said = {}
    for what, reply in replies:
        text = without_capsules(reply.bytes.decode())
        said[what] = text
        for path in (*paths, "ann lee", "lee/askcsv", "askcsv home"):
            assert str(path) not in text, (what, text)
    return said


def logged(server, words):
    """The lines with these words; they may come a moment after the reply."""
    return wait_until(lambda: [line for line in server.log() if words in json.dumps(line)])


def test_no_runner(start):
    server = start(ASKCSV_RUNNER="/nowhere/there/askcsv-runner")
    said = words_without_paths(everything(server), "/nowhere", "there/askcsv")
    for what in ("ready", "check", "chat", "stream"):
        assert "set ASKCSV_RUNNER to its path: askcsv-runner: No such file" in said[what], said[what]
    assert {line["event"] for line in logged(server, "/nowhere/there/askcsv-runner")} == {
        "problem", "not.ready"}


def test_a_file_of_a_dataset(start, home):
    server = start()
    run_id = server.run().json()["run_id"]
    path = home / "datasets/ecommerce/orders.csv"
    path.unlink()
    said = words_without_paths([*everything(server),
                                ("verify", server.ask("POST", f"/v1/runs/{run_id}/verify"))])
    for what in ("ready", "datasets", "dataset", "run", "chat", "stream", "verify"):
        assert "(orders.csv is missing); make them: askcsv datasets generate" in said[what], what
    assert logged(server, str(path))
    path.mkdir()
    words_without_paths(everything(server))
    body = problem(server.run(), 503, "IO_ERROR")
    assert wait_until(lambda: [line for line in logged(server, body["request_id"])
                               if line["event"] == "problem" and str(path) in line["message"]])
    path.rmdir()
    path.write_text("another file\n")
    answer = server.ask("POST", "/v1/chat", QUESTION).json()
    assert answer["message"]["text"].startswith("orders.csv is not the file of the dataset's version")
    words_without_paths([("result", server.get(f"/v1/runs/{answer['run_id']}/result"))])


def test_the_store(start, home):
    server = start()
    run_id = server.run().json()["run_id"]
    for path in home.glob("capsules.db*"):
        path.write_bytes(b"x" * path.stat().st_size)
    said = words_without_paths([*everything(server), ("one", server.get(f"/v1/runs/{run_id}"))])
    for what in ("ready", "list", "threads", "run", "chat", "stream", "one"):
        assert "the capsule store capsules.db is damaged" in said[what], said[what]
    assert logged(server, str(home / "capsules.db"))


def test_the_keys(start, home):
    server = start()
    for break_it in ((lambda path: path.write_text("{")), (lambda path: path.chmod(0o666))):
        path = home / "keys.json"
        path.write_text('{"version": 1, "keys": []}')
        path.chmod(0o600)
        break_it(path)
        said = words_without_paths([("list", server.get("/v1/runs"))])
        assert "keys.json" in said["list"] and "503" in said["list"]
    assert logged(server, str(home / "keys.json"))


def test_what_the_caller_sent_comes_back_as_it_was(server):
    body = problem(server.ask("POST", "/v1/sql/check", {
        "dataset_id": "ecommerce", "sql": "SELECT * FROM '/etc/secret/passwd'"}), 422,
        "SQL_POLICY_VIOLATION")
    assert "/etc/secret/passwd" in body["detail"], body
    assert "GET /v1/datasets lists" in server.get("/v1/datasets/no").json()["detail"]
