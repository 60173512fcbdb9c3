"""The API's description: well formed, the same as the routes, and true: every status that it
promises is brought about, and the reply held against it."""
import contextlib
import http.client
import json
import re
import shutil
import signal
import threading

import pytest
from jsonschema import Draft202012Validator

from openapi import Document
from programs import Askcsv, ROOT
from scripted_model import ScriptedModel, status
from served import COUNT, JSON, Reply, Server

SCHEMAS = ROOT / "schemas"
ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"
NO_RUN = "01900000-0000-7000-8000-000000000000"
PLAN = {"dataset_id": "ecommerce", "table": "orders", "select": [{"func": "count", "alias": "n"}]}
CHORES = 2 + 64  # threads and places for what is not a run: CHORE_THREADS, CHORES_WAITING in serve.c
FILE = json.loads((SCHEMAS / "openapi.v1.json").read_text(encoding="utf-8"))
PROMISES = [(method, path, status) for method, path, operation in Document(FILE).operations()
            for status in operation["responses"]]


class Places:
    """Servers in the states that the cases need, each started when it is first asked for."""

    def __init__(self, askcsv_path, generated, folder):
        self.askcsv_path, self.generated, self.folder = askcsv_path, generated, folder
        self.servers = {}
        self.runs = {}
        self.model = None

    def start(self, name, *options, **env):
        home = self.folder / name
        if not home.exists():
            shutil.copytree(self.generated, home / "datasets")
        self.servers[name] = Server(Askcsv(self.askcsv_path, home), *options, **env)
        return self.servers[name]

    def once(self, name, make):
        if name not in self.runs:
            self.runs[name] = make()
        return self.runs[name]

    @property
    def plain(self):
        return self.servers.get("plain") or self.start("plain", ASKCSV_LINGER=20)

    @property
    def hurried(self):
        """Waits for no run."""
        return self.servers.get("hurried") or self.start("hurried", "--wait-ms-max", "0")

    @property
    def full(self):
        """Its only worker has work, and none may wait."""
        if "full" not in self.servers:
            server = self.start("full", "--workers", "1", "--waiting", "0")
            self.runs["before full"] = server.run().json()["run_id"]
            busy = server.run(ENDLESS, wait_ms=50).json()["run_id"]
            server.await_status(busy, {"running"})
        return self.servers["full"]

    @property
    def clogged(self):
        """As many requests as may wait for the threads that do what takes long."""
        if "clogged" in self.servers:
            return self.servers["clogged"]
        # The verification of a run that was cut off takes as long as the run was allowed to.
        server, slow = self.cut_off("clogged")
        self.runs["slow"] = slow

        refused = threading.Semaphore(0)

        def verify():
            with contextlib.suppress(OSError, http.client.HTTPException):
                if server.ask("POST", f"/v1/runs/{slow}/verify").status == 429:
                    refused.release()

        for _ in range(CHORES + 1):
            threading.Thread(target=verify, daemon=True).start()
        assert refused.acquire(timeout=60)
        return server

    @property
    def broken(self):
        """Its capsule store is no database any more."""
        if "broken" not in self.servers:
            server = self.start("broken")
            self.runs["before broken"] = server.run().json()["run_id"]
            for path in (self.folder / "broken").glob("capsules.db*"):
                path.write_bytes(b"x" * path.stat().st_size)
        return self.servers["broken"]

    @property
    def bare(self):
        """No dataset has its files, and there is no runner."""
        if "bare" not in self.servers:
            server = self.start("bare", ASKCSV_RUNNER="/nowhere/askcsv-runner")
            (self.folder / "bare" / "datasets" / "sensors" / "sensors.csv").unlink()
            self.servers["bare"] = server
        return self.servers["bare"]

    @property
    def keyed(self):
        """Somebody has a key, so that everybody needs one."""
        if "keyed" not in self.servers:
            server = self.start("keyed")
            server.askcsv.ok("keys", "add", "somebody")
        return self.servers["keyed"]

    @property
    def busy(self):
        """Its only key has as many requests under way as it may: a stream."""
        if "busy" not in self.servers:
            server = self.start("busy", "--key-requests-max", "1")
            text = server.askcsv.ok("keys", "add", "somebody", "--scope", "admin").stdout
            self.busy_key = {"Authorization": "Bearer " + re.search(r"ak_\S+", text).group()}
            self.stream = server.connect()
            self.stream.request("POST", "/v1/chat/stream", json.dumps(
                {**CHAT, "message": f"SQL: {ENDLESS}"}), {**JSON, **self.busy_key})
            assert self.stream.getresponse().status == 200
        return self.servers["busy"]

    @property
    def keyless(self):
        """Its language model does not take the key."""
        if "keyless" not in self.servers:
            self.model = ScriptedModel([status(401)] * 9).__enter__()
            self.start("keyless", ASKCSV_OPENAI_BASE_URL=self.model.base_url("openai"),
                       ASKCSV_OPENAI_MODEL="some", ASKCSV_OPENAI_KEY="wrong")
        return self.servers["keyless"]

    @property
    def locked(self):
        """The file of the keys cannot be read as one."""
        if "locked" not in self.servers:
            server = self.start("locked")
            server.askcsv.ok("keys", "add", "somebody")
            (self.folder / "locked" / "keys.json").write_text("{")
        return self.servers["locked"]

    @property
    def thread(self):
        return self.once("thread", lambda: post(self.plain, "/v1/chat", CHAT).json()["thread_id"])

    @property
    def done(self):
        """A run of the plain server that succeeded."""
        return self.once("done", lambda: self.plain.run().json()["run_id"])

    @property
    def abstained(self):
        return self.once("abstained", lambda: self.plain.ask("POST", "/v1/chat", {
            "dataset_id": "ecommerce", "message": "How many unicorns are there?"}).json()["run_id"])

    def cut_off(self, name):
        """A server, and a run whose server was the one before it and was killed."""
        server = self.start(name)
        run_id = server.run(ENDLESS, limits={"timeout_ms": 60000}, wait_ms=50).json()["run_id"]
        server.await_status(run_id, {"running"})
        server.end(signal.SIGKILL)
        return self.start(name), run_id

    def end(self):
        if self.model:
            self.model.__exit__()
        for server in self.servers.values():
            if server.process.poll() is None:
                server.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def places(askcsv_path, generated, tmp_path_factory):
    made = Places(askcsv_path, generated, tmp_path_factory.mktemp("places"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def served(places):
    return Document(places.plain.get("/openapi.json").json())


def walk(value, place="#"):
    yield place, value
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from walk(inner, f"{place}/{key}")


def test_what_is_served_is_the_file_with_the_schemas_beside_it(served):
    merged = json.loads(json.dumps(served.root))
    schemas = merged["components"]["schemas"]
    for name in ("Capsule", "QueryPlan"):
        beside = json.loads((SCHEMAS / FILE["components"]["schemas"][name]["$ref"]).read_text())
        text = json.dumps(schemas[name]).replace(f"#/components/schemas/{name}/", "#/")
        assert json.loads(text) == {k: v for k, v in beside.items() if k not in ("$id", "$schema")}
        schemas[name] = FILE["components"]["schemas"][name]
    assert merged == FILE


def test_form(served):
    root = served.root
    assert re.fullmatch(r"3\.1\.\d+", root["openapi"])
    assert root["info"]["title"] and root["info"]["version"]
    assert set(root["info"]["license"]) == {"name", "identifier"}
    assert set(root) == {"openapi", "info", "servers", "tags", "security", "paths", "components"}
    tags = {tag["name"] for tag in root["tags"]}
    ids = [operation["operationId"] for _, _, operation in served.operations()]
    assert len(set(ids)) == len(ids)
    for method, path, operation in served.operations():
        assert path.startswith("/") and operation["summary"] and set(operation["tags"]) <= tags
        assert operation["responses"] and all(re.fullmatch("[1-5][0-9][0-9]", status)
                                              for status in operation["responses"])
        assert "requestBody" not in operation or method != "GET"
        for status in operation["responses"]:
            assert served.response(method, path, status)["description"]


def test_references_resolve_and_every_component_is_used(served):
    used = {"#/components/securitySchemes/key"}
    for place, value in walk(served.root):
        if isinstance(value, dict) and isinstance(value.get("$ref"), str):
            assert served.at(value["$ref"]) is not None, place
            used.add("/".join(value["$ref"].split("/")[:4]))
    assert used == {f"#/components/{kind}/{name}"
                    for kind, named in served.root["components"].items() for name in named}


def test_path_parameters_are_declared(served):
    for method, path, operation in served.operations():
        parameters = served.parameters(operation)
        names = [(p["in"], p["name"]) for p in parameters]
        assert len(set(names)) == len(names)
        assert {p["name"] for p in parameters if p["in"] == "path"} == set(
            re.findall(r"\{(\w+)\}", path)), (method, path)
        for parameter in parameters:
            assert "schema" in parameter and (parameter["in"] != "path" or parameter["required"])


def test_schemas_are_schemas(served):
    schemas = list(served.root["components"]["schemas"].items())
    schemas += [(place, value["schema"]) for place, value in walk(served.root)
                if isinstance(value, dict) and isinstance(value.get("schema"), dict)]
    assert len(schemas) > 60
    for place, schema in schemas:
        with contextlib.suppress(AttributeError):
            Draft202012Validator.check_schema(schema)
        assert isinstance(schema, dict), place


def test_examples_fit(served):
    count = 0
    for place, value in walk(served.root):
        if isinstance(value, dict) and isinstance(value.get("schema"), dict):
            for example in served.examples(value):
                assert not served.faults(value["schema"], example), place
                count += 1
    assert count > 40


def routes_in_c():
    text = (ROOT / "src/server/api.c").read_text(encoding="utf-8")
    table = re.search(r"struct route routes\[\] = \{(.*?)\n\};", text, re.S).group(1)
    # The page and its files are for browsers (tests/browser), and no part of the API.
    return re.findall(r'\{"([A-Z]+)", "([^"]+)", (?!api_page,|api_asset,)\w+, (\w+)\}', table)


def scope_of(document, operation):
    """As the C table has it; without keys none is needed."""
    security = operation.get("security", document.root["security"])
    if not security:
        return "ANYBODY"
    (scope,) = security[0]["key"]
    assert security[1:] == [{}]
    return f"KEY_{scope.upper()}"


def test_its_paths_are_the_servers_routes(served):
    said = [(method, re.sub(r"\{\w+\}", "{}", path), scope_of(served, operation))
            for method, path, operation in served.operations()]
    assert len(set(said)) == len(said)
    assert sorted(said) == sorted(routes_in_c())


def test_its_problems_are_the_servers(served, places):
    text = (ROOT / "src/server/problem.c").read_text(encoding="utf-8")
    rows = re.findall(r'"([a-z-]+)",\s*"([A-Z_]+)",\s*\d', text)
    assert [word for _, word in rows] == served.at("#/components/schemas/Problem/properties/error/enum")
    for name, word in rows:
        reply = places.plain.get(f"/problems/{name}")
        served.check_reply("GET", "/problems/{name}", reply)
        assert reply.json()["error"] == word


# A request for each promise: (method, path, status) -> what makes the reply.

def ordinary(path):
    """The path with something in its braces."""
    return path.replace("{id}", "ecommerce").replace("{name}", "queue-full").replace(
        "{run_id}", NO_RUN).replace("{thread_id}", NO_RUN).replace("{stream_id}", NO_RUN)


def post(server, path, body=None, **headers):
    return server.ask("POST", path, body, {k.replace("_", "-"): v for k, v in headers.items()})


def run_then_result(server, sql, **limits):
    run_id = server.run(sql, limits=limits).json()["run_id"]
    return server.get(f"/v1/runs/{run_id}/result")


def cut_off_result(places):
    server, run_id = places.cut_off("killed")
    return server.get(f"/v1/runs/{run_id}/result")


def cancel_endless(server):
    run_id = server.run(ENDLESS, wait_ms=50).json()["run_id"]
    return post(server, f"/v1/runs/{run_id}/cancel")


def know(places):
    """The reply that says that the client has it already."""
    path = f"/v1/runs/{places.done}"
    return places.plain.get(path, If_None_Match=places.plain.get(path).headers["ETag"])


def in_full(places, path, body=None):
    server = places.full
    return post(server, path.format(run=places.runs["before full"]), body)


def in_broken(places, method, path, body=None):
    server = places.broken
    return server.ask(method, path.format(run=places.runs["before broken"]), body)


SQL_RUN = {"dataset_id": "ecommerce", "query_type": "sql", "sql": COUNT}
CHAT = {"dataset_id": "ecommerce", "message": f"SQL: {COUNT}"}
CHECK = {"dataset_id": "ecommerce", "sql": COUNT}
NO_DATASET = {"dataset_id": "nothing"}

CASES = {
    ("GET", "/healthz", "200"): lambda p: p.plain.get("/healthz"),
    ("GET", "/readyz", "200"): lambda p: p.plain.get("/readyz"),
    ("GET", "/readyz", "429"): lambda p: p.clogged.get("/readyz"),
    ("GET", "/readyz", "503"): lambda p: p.bare.get("/readyz"),
    ("GET", "/problems/{name}", "200"): lambda p: p.plain.get("/problems/queue-full"),
    ("GET", "/problems/{name}", "404"): lambda p: p.plain.get("/problems/nothing"),
    ("GET", "/openapi.json", "200"): lambda p: p.plain.get("/openapi.json"),
    ("GET", "/metrics", "200"): lambda p: p.plain.get("/metrics"),
    ("GET", "/v1/planners", "200"): lambda p: p.plain.get("/v1/planners"),
    ("GET", "/v1/datasets", "200"): lambda p: p.bare.get("/v1/datasets"),
    ("GET", "/v1/datasets/{id}", "200"): lambda p: p.plain.get("/v1/datasets/support"),
    ("GET", "/v1/datasets/{id}", "404"): lambda p: p.plain.get("/v1/datasets/nothing"),
    ("GET", "/v1/datasets/{id}/schema", "200"):
        lambda p: p.plain.get("/v1/datasets/sensors/schema"),
    ("GET", "/v1/datasets/{id}/schema", "404"):
        lambda p: p.plain.get("/v1/datasets/nothing/schema"),
    ("POST", "/v1/runs", "201"): lambda p: p.plain.run(),
    ("POST", "/v1/runs", "202"): lambda p: p.plain.run(ENDLESS, wait_ms=0, limits={"timeout_ms": 500}),
    ("POST", "/v1/runs", "404"): lambda p: p.plain.run(dataset_id="nothing"),
    ("POST", "/v1/runs", "415"): lambda p: post(p.plain, "/v1/runs"),
    ("POST", "/v1/runs", "422"): lambda p: [post(
        p.plain, "/v1/runs", {**SQL_RUN, "sql": f"{COUNT} LIMIT {limit}"}, Idempotency_Key="mine")
        for limit in (1, 2)][1],
    ("POST", "/v1/runs", "429"): lambda p: in_full(p, "/v1/runs", SQL_RUN),
    ("POST", "/v1/runs", "503"): lambda p: in_broken(p, "POST", "/v1/runs", SQL_RUN),
    ("GET", "/v1/runs", "200"): lambda p: (p.done, p.abstained, p.plain.get("/v1/runs?limit=2"))[2],
    ("GET", "/v1/runs", "404"): lambda p: p.plain.get(f"/v1/runs?before={NO_RUN}"),
    ("GET", "/v1/runs", "503"): lambda p: in_broken(p, "GET", "/v1/runs"),
    ("GET", "/v1/runs/{run_id}", "200"): lambda p: p.plain.get(f"/v1/runs/{p.done}"),
    ("GET", "/v1/runs/{run_id}", "304"): know,
    ("GET", "/v1/runs/{run_id}", "404"): lambda p: p.plain.get("/v1/runs/last"),
    ("GET", "/v1/runs/{run_id}", "503"): lambda p: in_broken(p, "GET", "/v1/runs/{run}"),
    ("GET", "/v1/runs/{run_id}/status", "200"): lambda p: p.plain.get(f"/v1/runs/{p.done}/status"),
    ("GET", "/v1/runs/{run_id}/status", "404"): lambda p: p.plain.get(f"/v1/runs/{NO_RUN}/status"),
    ("GET", "/v1/runs/{run_id}/status", "503"):
        lambda p: in_broken(p, "GET", "/v1/runs/{run}/status"),
    ("GET", "/v1/runs/{run_id}/result", "200"): lambda p: p.plain.get(f"/v1/runs/{p.done}/result"),
    ("GET", "/v1/runs/{run_id}/result", "404"): lambda p: p.plain.get(f"/v1/runs/{NO_RUN}/result"),
    ("GET", "/v1/runs/{run_id}/result", "406"):
        lambda p: p.plain.get(f"/v1/runs/{p.done}/result", Accept="image/png"),
    ("GET", "/v1/runs/{run_id}/result", "409"):
        lambda p: p.plain.get(f"/v1/runs/{p.abstained}/result"),
    ("GET", "/v1/runs/{run_id}/result", "422"):
        lambda p: run_then_result(p.plain, "SELECT * FROM read_csv('/etc/passwd')"),
    ("GET", "/v1/runs/{run_id}/result", "502"): cut_off_result,
    ("GET", "/v1/runs/{run_id}/result", "503"):
        lambda p: in_broken(p, "GET", "/v1/runs/{run}/result"),
    ("GET", "/v1/runs/{run_id}/result", "504"):
        lambda p: run_then_result(p.plain, ENDLESS, timeout_ms=300),
    ("POST", "/v1/runs/{run_id}/cancel", "202"): lambda p: cancel_endless(p.plain),
    ("POST", "/v1/runs/{run_id}/cancel", "404"): lambda p: post(p.plain, f"/v1/runs/{NO_RUN}/cancel"),
    ("POST", "/v1/runs/{run_id}/cancel", "409"): lambda p: post(p.plain, f"/v1/runs/{p.done}/cancel"),
    ("POST", "/v1/runs/{run_id}/cancel", "503"):
        lambda p: in_broken(p, "POST", "/v1/runs/{run}/cancel"),
    ("POST", "/v1/runs/{run_id}/verify", "200"): lambda p: post(p.plain, f"/v1/runs/{p.done}/verify"),
    ("POST", "/v1/runs/{run_id}/verify", "404"): lambda p: post(p.plain, f"/v1/runs/{NO_RUN}/verify"),
    ("POST", "/v1/runs/{run_id}/verify", "429"):
        lambda p: post(p.clogged, f"/v1/runs/{p.runs['slow']}/verify"),
    ("POST", "/v1/runs/{run_id}/verify", "503"):
        lambda p: in_broken(p, "POST", "/v1/runs/{run}/verify"),
    ("POST", "/v1/runs/{run_id}/rerun", "201"): lambda p: post(p.plain, f"/v1/runs/{p.done}/rerun"),
    ("POST", "/v1/runs/{run_id}/rerun", "202"):
        lambda p: post(p.hurried, f"/v1/runs/{p.hurried.run().json()['run_id']}/rerun"),
    ("POST", "/v1/runs/{run_id}/rerun", "404"): lambda p: post(p.plain, f"/v1/runs/{NO_RUN}/rerun"),
    ("POST", "/v1/runs/{run_id}/rerun", "409"):
        lambda p: post(p.plain, f"/v1/runs/{p.abstained}/rerun"),
    ("POST", "/v1/runs/{run_id}/rerun", "429"): lambda p: in_full(p, "/v1/runs/{run}/rerun"),
    ("POST", "/v1/runs/{run_id}/rerun", "503"):
        lambda p: in_broken(p, "POST", "/v1/runs/{run}/rerun"),
    ("POST", "/v1/plans/compile", "200"): lambda p: post(p.plain, "/v1/plans/compile", {"plan": PLAN}),
    ("POST", "/v1/plans/compile", "404"):
        lambda p: post(p.plain, "/v1/plans/compile", {"plan": {**PLAN, **NO_DATASET}}),
    ("POST", "/v1/plans/compile", "415"): lambda p: post(p.plain, "/v1/plans/compile"),
    ("POST", "/v1/plans/compile", "422"):
        lambda p: post(p.plain, "/v1/plans/compile", {"plan": {**PLAN, "table": "ordres"}}),
    ("POST", "/v1/sql/check", "200"): lambda p: post(p.plain, "/v1/sql/check", CHECK),
    ("POST", "/v1/sql/check", "404"):
        lambda p: post(p.plain, "/v1/sql/check", {**CHECK, **NO_DATASET}),
    ("POST", "/v1/sql/check", "415"): lambda p: post(p.plain, "/v1/sql/check"),
    ("POST", "/v1/sql/check", "422"):
        lambda p: post(p.plain, "/v1/sql/check", {**CHECK, "sql": "SELECT getenv('HOME')"}),
    ("POST", "/v1/sql/check", "429"): lambda p: post(p.clogged, "/v1/sql/check", CHECK),
    ("POST", "/v1/sql/check", "503"): lambda p: post(p.bare, "/v1/sql/check", CHECK),
    ("POST", "/v1/chat", "200"): lambda p: post(p.plain, "/v1/chat", CHAT),
    ("POST", "/v1/chat", "404"): lambda p: post(p.plain, "/v1/chat", {**CHAT, **NO_DATASET}),
    ("POST", "/v1/chat", "415"): lambda p: post(p.plain, "/v1/chat"),
    ("POST", "/v1/chat", "429"): lambda p: in_full(p, "/v1/chat", CHAT),
    ("POST", "/v1/chat", "502"): lambda p: post(
        p.keyless, "/v1/chat", {**CHAT, "message": "How many orders are there?"}),
    ("POST", "/v1/chat", "503"): lambda p: in_broken(p, "POST", "/v1/chat", CHAT),
    ("POST", "/v1/chat/stream", "200"): lambda p: post(p.plain, "/v1/chat/stream", CHAT),
    ("POST", "/v1/chat/stream", "404"):
        lambda p: post(p.plain, "/v1/chat/stream", {**CHAT, **NO_DATASET}),
    ("POST", "/v1/chat/stream", "415"): lambda p: post(p.plain, "/v1/chat/stream"),
    ("POST", "/v1/chat/stream", "429"): lambda p: in_full(p, "/v1/chat/stream", CHAT),
    ("POST", "/v1/chat/stream", "503"): lambda p: in_broken(p, "POST", "/v1/chat/stream", CHAT),
    ("GET", "/v1/chat/stream/{stream_id}", "200"): lambda p: p.plain.get(
        "/v1/chat/stream/" + post(p.plain, "/v1/chat/stream", CHAT).headers["X-Stream-Id"],
        Last_Event_ID="1"),
    ("GET", "/v1/chat/stream/{stream_id}", "404"): lambda p: p.plain.get(f"/v1/chat/stream/{NO_RUN}"),
    ("GET", "/v1/threads", "200"): lambda p: (p.thread, p.plain.get("/v1/threads?limit=1"))[1],
    ("GET", "/v1/threads", "503"): lambda p: in_broken(p, "GET", "/v1/threads"),
    ("GET", "/v1/threads/{thread_id}", "200"): lambda p: p.plain.get(f"/v1/threads/{p.thread}"),
    ("GET", "/v1/threads/{thread_id}", "404"): lambda p: p.plain.get(f"/v1/threads/{NO_RUN}"),
    ("GET", "/v1/threads/{thread_id}", "503"):
        lambda p: in_broken(p, "GET", f"/v1/threads/{NO_RUN}"),
    ("PATCH", "/v1/threads/{thread_id}", "200"):
        lambda p: p.plain.ask("PATCH", f"/v1/threads/{p.thread}", {"title": "Orders"}),
    ("PATCH", "/v1/threads/{thread_id}", "404"):
        lambda p: p.plain.ask("PATCH", f"/v1/threads/{NO_RUN}", {"title": "Orders"}),
    ("PATCH", "/v1/threads/{thread_id}", "415"):
        lambda p: p.plain.ask("PATCH", f"/v1/threads/{p.thread}"),
    ("PATCH", "/v1/threads/{thread_id}", "503"):
        lambda p: in_broken(p, "PATCH", f"/v1/threads/{NO_RUN}", {"title": "Orders"}),
    ("DELETE", "/v1/threads/{thread_id}", "204"): lambda p: p.plain.ask(
        "DELETE", "/v1/threads/" + post(p.plain, "/v1/chat", CHAT).json()["thread_id"]),
    ("DELETE", "/v1/threads/{thread_id}", "404"):
        lambda p: p.plain.ask("DELETE", f"/v1/threads/{NO_RUN}"),
    ("DELETE", "/v1/threads/{thread_id}", "503"):
        lambda p: in_broken(p, "DELETE", f"/v1/threads/{NO_RUN}"),
    ("GET", "/v1/threads/{thread_id}/messages", "200"):
        lambda p: p.plain.get(f"/v1/threads/{p.thread}/messages"),
    ("GET", "/v1/threads/{thread_id}/messages", "404"):
        lambda p: p.plain.get(f"/v1/threads/{NO_RUN}/messages"),
    ("GET", "/v1/threads/{thread_id}/messages", "503"):
        lambda p: in_broken(p, "GET", f"/v1/threads/{NO_RUN}/messages"),
}

# The same for every path.
ANYWHERE = {
    "400": lambda p, method, path: p.plain.ask(method, path + "?a=%zz"),
    "401": lambda p, method, path: p.keyed.ask(method, path),
    "403": lambda p, method, path: p.plain.ask(method, path, headers={"Host": "elsewhere.example"}),
    "429": lambda p, method, path: p.busy.ask(method, path, headers=p.busy_key),
    "503": lambda p, method, path: p.locked.ask(method, path),
    "413": lambda p, method, path: p.plain.ask(method, path, "x" * 1100000),
    "431": lambda p, method, path: p.plain.ask(method, path, headers={"X-Long": "x" * 20000}),
}

# Promises that no request of a test can call in, and why.
NO_MEMORY = "only when memory is short"
OUT_OF_REACH = {
    **{(method, path, "500"): "only for a fault of ours, or when memory is short"
       for method, path, _ in PROMISES},
    **{(method, path, "503"): NO_MEMORY for method, path in [
        ("GET", "/healthz"), ("GET", "/problems/{name}"), ("GET", "/openapi.json")]},
    ("POST", "/v1/runs", "409"): "only when two requests with one key come at the same moment",
    ("POST", "/v1/sql/check", "502"): "the runner would have to crash within the check's milliseconds",
    ("POST", "/v1/sql/check", "504"): "a check takes milliseconds, and its time limit is not the client's",
}


def case_of(promise):
    method, path, status = promise
    if promise in CASES:
        return CASES[promise]
    if status in ANYWHERE and promise not in OUT_OF_REACH:
        return lambda p: ANYWHERE[status](p, method, ordinary(path))
    return None


def test_every_promise_is_tested_or_has_a_reason():
    assert {p for p in PROMISES if case_of(p) is None} == set(OUT_OF_REACH)
    assert not set(CASES) & set(OUT_OF_REACH) and set(CASES) <= set(PROMISES)


@pytest.mark.parametrize("promise", [p for p in PROMISES if case_of(p)], ids=" ".join)
def test_promise(served, places, promise):
    method, path, status = promise
    reply = case_of(promise)(places)
    assert reply.status == int(status), reply.bytes[:500]
    served.check_reply(method, path, reply)
    if reply.status >= 400 and reply.headers["Content-Type"] == "application/problem+json":
        body = reply.json()
        assert body["status"] == reply.status
        assert body["request_id"] == reply.headers["X-Request-Id"]


def test_answers_without_a_run_and_without_an_answer(served, places):
    for message, status in [("hello", "answered"), ("Thanks!", "answered"), ("How many unicorns are there?", "abstained"),
                            ("SQL: SELECT nothing FROM nowhere", "rejected")]:
        reply = post(places.plain, "/v1/chat", {**CHAT, "message": message})
        served.check_reply("POST", "/v1/chat", reply)
        assert reply.json()["status"] in (status, "failed")


def test_a_scope_that_is_too_small(served, places):
    server = places.keyed
    text = server.askcsv.ok("keys", "add", "reader", "--scope", "read").stdout
    key = re.search(r"ak_\S+", text).group()
    mine = {"Authorization": f"Bearer {key}"}
    reply = server.ask("POST", "/v1/runs", SQL_RUN, mine)
    assert reply.status == 403
    served.check_reply("POST", "/v1/runs", reply)
    assert server.ask("GET", "/v1/runs", None, mine).status == 200


def test_what_a_client_leaves_out_is_within_the_settings_too(places):
    server = places.start("narrow", "--timeout-ms-max", "2000", "--rows-max", "2")
    for reply in (server.run(), post(server, "/v1/chat", CHAT)):
        capsule = reply.json().get("run", reply.json())
        assert capsule["limits"]["timeout_ms"] == 2000 and capsule["limits"]["max_rows"] == 2
        assert capsule["result"]["row_count"] == 2 and capsule["result"]["truncated"]


def test_results_as_csv(served, places):
    reply = places.plain.get(f"/v1/runs/{places.done}/result", Accept="text/csv")
    assert reply.status == 200 and reply.headers["Content-Disposition"]
    served.check_reply("GET", "/v1/runs/{run_id}/result", reply)


PARQUET = "application/vnd.apache.parquet"


def test_results_as_parquet(served, places):
    reply = places.plain.get(f"/v1/runs/{places.done}/result", Accept=PARQUET)
    assert reply.status == 200 and reply.headers["Content-Type"] == PARQUET
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{places.done}.parquet"'
    served.check_reply("GET", "/v1/runs/{run_id}/result", reply)


@pytest.mark.parametrize("accept,kind", [
    ("*/*", "application/json"), ("text/csv", "text/csv"), ("TEXT/CSV; q=1", "text/csv"),
    ("text/*", "text/csv"), ("application/*", "application/json"),
    ("application/json, text/csv;q=0.5", "application/json"),
    ("application/json;q=0.2,text/csv;q=0.25", "text/csv"),
    ("text/html, */*;q=0.1", "application/json"), ("*/*, application/json;q=0", "text/csv"),
    ("", "application/json"), (", ,", None), ("text/html", None), ("*/*;q=0", None),
    (PARQUET, PARQUET), (f"{PARQUET}, */*;q=0.5", PARQUET),
    (f"text/csv;q=0.3, {PARQUET};q=0.2", "text/csv"),
    ("text/csvx", None), ("text/cs", None), ("text", None), (";q=1", None), ("a/b;q", None),
])
def test_the_form_that_the_client_likes(served, places, accept, kind):
    reply = places.plain.get(f"/v1/runs/{places.done}/result", Accept=accept)
    assert reply.status == (200 if kind else 406)
    assert reply.headers["Content-Type"].split(";")[0] == (kind or "application/problem+json")
    served.check_reply("GET", "/v1/runs/{run_id}/result", reply)


@pytest.mark.parametrize("state", ["succeeded", "rejected", "timed_out", "cancelled", "abstained"])
def test_runs_of_every_end(served, places, state):
    """Their capsules, statuses and lines in the list."""
    server = places.plain
    if state == "abstained":
        run_id = places.abstained
    elif state == "cancelled":
        run_id = cancel_endless(server).json()["run_id"]
        server.await_status(run_id, {"cancelled"})
    else:
        sql = {"succeeded": COUNT, "rejected": "SELECT 1; SELECT 2", "timed_out": ENDLESS}[state]
        run_id = server.run(sql, limits={"timeout_ms": 1000}).json()["run_id"]
    for path in ("", "/status"):
        reply = server.get(f"/v1/runs/{run_id}{path}")
        assert reply.json()["status"] == state
        served.check_reply("GET", "/v1/runs/{run_id}" + path, reply)
    listed = server.get(f"/v1/runs?status={state}")
    served.check_reply("GET", "/v1/runs", listed)
    assert run_id in [run["run_id"] for run in listed.json()["runs"]]


@pytest.mark.parametrize("path,body", [
    ("/v1/chat", {**CHAT, "after": 7}), ("/v1/chat", {**CHAT, "thread_id": 7}),
    ("/v1/chat", {"message": "x"}), ("/v1/chat/stream", {**CHAT, "more": 1}),
    ("/v1/plans/compile", {}), ("/v1/plans/compile", {"plan": []}),
    ("/v1/plans/compile", {"plan": {"table": "orders"}}), ("/v1/sql/check", {"sql": COUNT}),
    ("/v1/sql/check", {"dataset_id": "ecommerce"}), ("/v1/sql/check", {**CHECK, "more": 1}),
    ("/v1/runs", {**SQL_RUN, "plan": PLAN}), ("/v1/runs", {**SQL_RUN, "query_type": "plan"}),
    ("/v1/runs", {**SQL_RUN, "limits": {"timeout_ms": 0}}),
    ("/v1/runs", {**SQL_RUN, "limits": {"memory_mb": 63}}),
    ("/v1/runs", {**SQL_RUN, "cache": "no"}), ("/v1/runs", {**SQL_RUN, "limits": {"threads": 2}}),
    ("/v1/runs", {**SQL_RUN, "wait_ms": -1}),
])
def test_bodies_against_the_schema_are_refused(served, places, path, body):
    media = served.root["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    assert served.faults(media["schema"], body)
    reply = post(places.plain, path, body)
    assert reply.status == 400, reply.bytes
    served.check_reply("POST", path, reply)


def test_pages_begin_at_ids_only(places):
    assert places.plain.get("/v1/runs?before=xyz").status == 400


def test_heads_are_gets_without_bodies(places):
    connection = places.plain.connect()
    with contextlib.closing(connection):
        connection.request("HEAD", "/openapi.json")
        head = Reply(connection.getresponse())
    whole = places.plain.get("/openapi.json")
    assert head.status == 200 and not head.bytes
    assert head.headers["Content-Length"] == str(len(whole.bytes))
    assert JSON["Content-Type"] == head.headers["Content-Type"]
