"""The server, as its clients see it: real requests, real runs."""
import contextlib
import csv
import gzip
import http.client
import io
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from host import wait_until
from served import COUNT, END_SECONDS, JSON, Reply, Server, problem

ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"
ROOT = Path(__file__).parents[2]
CAPSULE_SCHEMA = json.loads((ROOT / "schemas/capsule.v1.json").read_text())
FINAL = {"succeeded", "failed", "rejected", "timed_out", "cancelled", "abstained"}


def test_capsules_name_files_as_the_registry_does(server):
    reply = server.run()
    assert [table["path"] for table in reply.json()["tables"]] == [
        "orders.csv", "order_items.csv", "inventory.csv"]
    assert str(server.askcsv.home) not in reply.bytes.decode()


def test_health(server):
    reply = server.get("/healthz")
    assert reply.status == 200 and reply.json()["status"] == "ok"
    ready = server.get("/readyz").json()
    assert ready["ready"] and all(check["ok"] for check in ready["checks"].values())


def test_datasets(server):
    listed = server.get("/v1/datasets").json()["datasets"]
    assert [d["id"] for d in listed] == ["ecommerce", "support", "sensors"]
    assert all(d["available"] and d["prompts"] for d in listed)
    assert server.get("/v1/datasets/support").json() == listed[1]
    schema = server.get("/v1/datasets/ecommerce/schema").json()
    assert [t["name"] for t in schema["tables"]] == ["orders", "order_items", "inventory"]
    assert {"from": "order_items.order_id", "to": "orders.order_id"} in schema["relationships"]
    body = problem(server.get("/v1/datasets/ecomerce"), 404, "DATASET_NOT_FOUND")
    assert "ecommerce" in body["detail"]


def test_run_sql(server):
    reply = server.run()
    capsule = reply.json()
    assert reply.status == 201 and capsule["status"] == "succeeded"
    assert reply.headers["Location"] == f"/v1/runs/{capsule['run_id']}"
    assert capsule["result"]["columns"] == ["status", "n"]
    assert server.get(reply.headers["Location"]).json() == capsule
    result = server.get(reply.headers["Location"] + "/result")
    assert result.json() == capsule["result"]
    assert result.headers["X-Result-Hash"] == capsule["result_hash"]
    text = server.get(reply.headers["Location"] + "/result", Accept="text/csv").bytes.decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["status", "n"] and sum(int(row[1]) for row in rows[1:]) == 4018
    problem(server.get(reply.headers["Location"] + "/result", Accept="image/png"), 406,
            "NOT_ACCEPTABLE")


def test_run_plan(server):
    plan = {"dataset_id": "ecommerce", "table": "orders", "select": [{"func": "count", "alias": "n"}]}
    capsule = server.ask("POST", "/v1/runs", {"dataset_id": "ecommerce", "query_type": "plan",
                                              "plan": plan}).json()
    assert capsule["status"] == "succeeded" and capsule["result"]["rows"] == [[4018]]
    assert capsule["plan"] == plan
    again = server.ask("POST", f"/v1/runs/{capsule['run_id']}/rerun")
    assert again.status == 201
    assert again.json()["result_hash"] == capsule["result_hash"]
    assert again.json()["planner"] == f"rerun {capsule['run_id']}"
    wrong = server.ask("POST", "/v1/runs", {"dataset_id": "ecommerce", "query_type": "plan",
                                            "plan": {**plan, "table": "ordres"}}).json()
    assert wrong["status"] == "rejected" and wrong["error"]["pointer"] == "/table"


def test_what_is_refused_is_rejected_with_its_place(server):
    sql = "SELECT * FROM read_csv('/etc/passwd')"
    reply = server.run(sql)
    capsule = reply.json()
    assert reply.status == 201 and capsule["status"] == "rejected"
    assert capsule["error"]["type"] == "SQL_POLICY_VIOLATION" and capsule["error"]["position"] == 15
    body = problem(server.get(f"/v1/runs/{capsule['run_id']}/result"), 422, "SQL_POLICY_VIOLATION")
    assert body["position"] == 15 and body["run_id"] == capsule["run_id"]
    problem(server.ask("POST", "/v1/sql/check", {"dataset_id": "ecommerce", "sql": sql}), 422,
            "SQL_POLICY_VIOLATION")
    assert server.ask("POST", "/v1/sql/check",
                      {"dataset_id": "ecommerce", "sql": COUNT}).json() == {"allowed": True}


def test_slow_runs_time_out(server):
    capsule = server.run(ENDLESS, limits={"timeout_ms": 300}).json()
    assert capsule["status"] == "timed_out"
    problem(server.get(f"/v1/runs/{capsule['run_id']}/result"), 504, "RUNNER_TIMEOUT")


def test_a_run_goes_on_without_its_asker(server):
    reply = server.run(ENDLESS, wait_ms=50)
    assert reply.status == 202
    run_id = reply.json()["run_id"]
    assert reply.headers["Location"] == f"/v1/runs/{run_id}"
    server.await_status(run_id, {"running"})
    problem(server.get(f"/v1/runs/{run_id}/result"), 409, "CONFLICT")
    assert server.ask("POST", f"/v1/runs/{run_id}/cancel").status == 202
    server.await_status(run_id, {"cancelled"})
    problem(server.ask("POST", f"/v1/runs/{run_id}/cancel"), 409, "CONFLICT")


def test_list(server):
    for _ in range(3):
        server.run()
    page = server.get("/v1/runs?limit=2").json()
    assert len(page["runs"]) == 2
    more = server.get(f"/v1/runs?limit=2&before={page['next_before']}").json()
    ids = [run["run_id"] for run in page["runs"] + more["runs"]]
    assert len(set(ids)) == len(ids) and ids == sorted(ids, reverse=True)
    rejected = server.get("/v1/runs?status=rejected&dataset_id=ecommerce").json()["runs"]
    assert all(run["status"] == "rejected" for run in rejected)
    problem(server.get("/v1/runs?status=nonsense"), 400, "INVALID_REQUEST")
    problem(server.get("/v1/runs?limit=0"), 400, "INVALID_REQUEST")


def test_capsules_are_cached(server):
    run_id = server.run().json()["run_id"]
    first = server.get(f"/v1/runs/{run_id}")
    assert "immutable" in first.headers["Cache-Control"]
    again = server.get(f"/v1/runs/{run_id}", If_None_Match=first.headers["ETag"])
    assert again.status == 304 and not again.bytes
    packed = server.get(f"/v1/runs/{run_id}", Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.bytes) == first.bytes


def test_verify(server):
    run_id = server.run().json()["run_id"]
    verdict = server.ask("POST", f"/v1/runs/{run_id}/verify").json()
    assert verdict["verdict"] == "same" and verdict["run_id"] == run_id
    problem(server.ask("POST", "/v1/runs/01900000-0000-7000-8000-000000000000/verify"), 404,
            "RUN_NOT_FOUND")


def test_chat(server):
    def chat(message, **more):
        return server.ask("POST", "/v1/chat",
                          {"dataset_id": "ecommerce", "message": message, **more}).json()

    answer = chat("How many orders were placed in January 2026?")
    assert answer["status"] == "succeeded" and answer["run"]["planner"] == "builtin"
    assert answer["run"]["result"]["row_count"] == 1
    assert "Number of orders" in answer["message"]["text"]
    followed = chat("by status instead", after=answer["run_id"])
    assert followed["run"]["result"]["row_count"] == 3
    unknown = chat("How many unicorns are there?")
    assert unknown["status"] == "abstained" and "unicorns" in unknown["message"]["text"]
    assert chat(f"SQL: {COUNT}")["run"]["query_mode"] == "sql"
    plan = {"dataset_id": "ecommerce", "table": "orders", "select": [{"func": "count", "alias": "n"}]}
    assert chat("PLAN: " + json.dumps(plan))["run"]["plan"] == plan


def test_compile(server):
    plan = {"dataset_id": "ecommerce", "table": "orders", "select": [{"func": "count", "alias": "n"}]}
    assert "count(*)" in server.ask("POST", "/v1/plans/compile", {"plan": plan}).json()["sql"]
    body = problem(server.ask("POST", "/v1/plans/compile",
                              {"plan": {**plan, "select": [{"column": "nothing"}, {"column": "no"}]}}),
                   422, "VALIDATION_ERROR")
    assert len(body["faults"]) == 2


@pytest.mark.parametrize("body,pointer", [
    ({"dataset_id": "ecommerce"}, "/query_type"),
    ({"dataset_id": "ecommerce", "query_type": "sql"}, "/sql"),
    ({"dataset_id": "ecommerce", "query_type": "sql", "sql": 7}, "/sql"),
    ({"dataset_id": "ecommerce", "query_type": "plan", "plan": "x"}, "/plan"),
    ({"query_type": "sql", "sql": "SELECT 1"}, "/dataset_id"),
    ({"dataset_id": "ecommerce", "query_type": "sql", "sql": "SELECT 1", "limits": 5}, "/limits"),
    ({"dataset_id": "ecommerce", "query_type": "sql", "sql": "SELECT 1",
      "limits": {"timeout_ms": -1}}, "/limits/timeout_ms"),
    ({"dataset_id": "ecommerce", "query_type": "sql", "sql": "SELECT 1", "wait_ms": "x"}, "/wait_ms"),
    ({"dataset_id": "ecommerce", "query_type": "sql", "sql": "SELECT 1", "as_of": "soon"}, "/as_of"),
    ({"dataset_id": "ecommerce", "query_type": "sql", "sql": "SELECT 1", "nonsense": 1}, "/nonsense"),
])
def test_bodies_that_are_not_right(server, body, pointer):
    assert problem(server.ask("POST", "/v1/runs", body), 400, "INVALID_REQUEST")["pointer"] == pointer


def test_requests_that_are_not_right(server):
    problem(server.get("/v1/nothing"), 404, "NOT_FOUND")
    reply = server.ask("PUT", "/v1/runs", {})
    problem(reply, 405, "METHOD_NOT_ALLOWED")
    assert reply.headers["Allow"] == "POST, GET"
    problem(server.get("/v1/runs/last"), 404, "RUN_NOT_FOUND")
    problem(server.ask("POST", "/v1/runs", headers={"Content-Type": "text/plain"}), 415,
            "UNSUPPORTED_MEDIA_TYPE")
    connection = server.connect()
    with contextlib.closing(connection):
        connection.request("POST", "/v1/runs", "{", JSON)
        problem(Reply(connection.getresponse()), 400, "INVALID_REQUEST")
    problem(server.run("SELECT '" + "x" * 2_000_000 + "'"), 413, "PAYLOAD_TOO_LARGE")


def test_pages_of_others_may_not_use_it(server):
    problem(server.get("/v1/datasets", Host="attacker.example"), 403, "FORBIDDEN")
    problem(server.ask("POST", "/v1/runs", {"dataset_id": "ecommerce", "query_type": "sql",
                                            "sql": COUNT}, {"Origin": "https://attacker.example"}),
            403, "FORBIDDEN")
    own = server.get("/v1/datasets", Origin=f"http://127.0.0.1:{server.port}")
    assert own.status == 200
    assert "Access-Control-Allow-Origin" not in own.headers
    assert own.headers["X-Content-Type-Options"] == "nosniff"


def test_request_ids(server):
    assert server.get("/healthz", X_Request_Id="abc-1").headers["X-Request-Id"] == "abc-1"
    assert server.get("/healthz", X_Request_Id="no good").headers["X-Request-Id"] != "no good"


def test_forty_clients_at_once(server):
    replies = []

    def client():
        replies.append(server.run(wait_ms=30000))

    threads = [threading.Thread(target=client) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reply.status for reply in replies] == [201] * 40
    assert len({reply.json()["result_hash"] for reply in replies}) == 1


def test_more_than_may_wait(serve):
    server = serve("--workers", "1", "--waiting", "2")
    runs = [server.run(ENDLESS, wait_ms=200).json() for _ in range(3)]
    server.await_status(runs[0]["run_id"], {"running"})
    assert [run["status"] for run in runs[1:]] == ["pending", "pending"]
    assert [server.status(run["run_id"])["queue"]["position"] for run in runs[1:]] == [1, 2]
    refused = server.run(ENDLESS, wait_ms=0)
    problem(refused, 429, "QUEUE_FULL")
    assert int(refused.headers["Retry-After"]) >= 1
    begin = time.monotonic()
    assert server.get("/healthz").status == 200 and time.monotonic() - begin < 5
    # One that waits is stopped: it never runs.
    server.ask("POST", f"/v1/runs/{runs[1]['run_id']}/cancel")
    server.ask("POST", f"/v1/runs/{runs[0]['run_id']}/cancel")
    server.await_status(runs[1]["run_id"], {"cancelled"})
    assert server.get(f"/v1/runs/{runs[1]['run_id']}").json()["started_at"] is None
    server.ask("POST", f"/v1/runs/{runs[2]['run_id']}/cancel")
    server.await_status(runs[2]["run_id"], {"cancelled"})
    assert server.end() == 0


def test_what_waits_is_cancelled_at_once(serve):
    server = serve("--workers", "1")
    ids = [server.run(ENDLESS, wait_ms=0).json()["run_id"] for _ in range(3)]
    server.await_status(ids[0], {"running"})
    assert server.ask("POST", f"/v1/runs/{ids[1]}/cancel").status == 202
    server.await_status(ids[1], {"cancelled"})
    assert server.status(ids[0])["status"] == "running"
    assert server.status(ids[2])["queue"]["position"] == 1


def test_ending_waits_for_nothing_longer_than_ten_seconds(serve, shop):
    """Neither for a run nor for a verification; and who asks on an open connection meanwhile is
    answered."""
    server = serve()
    cut = server.run(ENDLESS, limits={"timeout_ms": 60000}, wait_ms=50).json()["run_id"]
    server.await_status(cut, {"running"})
    server.end(signal.SIGKILL)
    server = serve()
    endless = server.run(ENDLESS, limits={"timeout_ms": 60000}, wait_ms=0).json()["run_id"]
    server.await_status(endless, {"running"})
    connections = [server.connect() for _ in range(2)]
    with contextlib.ExitStack() as stack:
        for connection in connections:
            stack.enter_context(contextlib.closing(connection))
        connections[0].request("POST", f"/v1/runs/{cut}/verify")
        connections[1].request("GET", "/healthz")
        assert Reply(connections[1].getresponse()).status == 200
        wait_until(lambda: len(server.get("/v1/runs?status=running").json()["runs"]) == 2)
        server.process.send_signal(signal.SIGTERM)
        start = time.monotonic()
        order = json.dumps({"dataset_id": "ecommerce", "sql": COUNT, "query_type": "sql"})

        def is_refused():
            connections[1].request("POST", "/v1/runs", order, JSON)
            return Reply(connections[1].getresponse()).status == 429

        assert wait_until(is_refused)
        for method, path, body in [("POST", f"/v1/runs/{cut}/verify", None),
                                   ("GET", "/readyz", None),
                                   ("POST", f"/v1/runs/{endless}/cancel", None)]:
            try:
                connections[1].request(method, path, body, JSON)
                assert Reply(connections[1].getresponse()).status in (202, 429, 503), path
            except (OSError, http.client.HTTPException):
                connections[1].close()  # closed by then, and nobody listens any more
                break
        assert Reply(connections[0].getresponse()).status in (200, 409)
    server.process.wait(timeout=END_SECONDS)
    assert server.process.returncode == 0 and time.monotonic() - start < 20
    said = shop.json("capsules", "list", "--format", "json")
    assert all(run["status"] in FINAL for run in said), said


def test_ending_waits_for_what_is_under_way(serve):
    server = serve()
    replies = []
    slow = "SELECT count(*) AS n FROM orders, range(2000) AS r(x) WHERE (order_id * x) % 7 = 3"
    thread = threading.Thread(target=lambda: replies.append(server.run(slow, wait_ms=30000)))
    thread.start()
    assert wait_until(lambda: server.get("/v1/runs?status=running").json()["runs"])
    assert server.end() == 0
    thread.join()
    assert replies[0].json()["status"] == "succeeded"


def test_where_it_may_listen(shop):
    for words, said in [(("--address", "example.com"), "address"),
                        (("--port", "70000"), "port")]:
        done = shop("serve", *words)
        assert done.returncode != 0 and said in done.stderr, done.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = shop("serve", "--port", taken.getsockname()[1])
        assert done.returncode == 1 and "another program listens there" in done.stderr


def test_the_server_links_no_engine(askcsv_path):
    linked = subprocess.run(["ldd", askcsv_path], capture_output=True, text=True, check=True).stdout
    assert "libmicrohttpd" in linked and "duckdb" not in linked


def test_requests_in_pieces_and_in_a_row(server):
    """One connection: two requests at once, then one byte by byte."""
    request = (f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n").encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        raw.sendall(request * 2)
        for byte in request:
            raw.sendall(bytes([byte]))
        text = b""
        while text.count(b'"status":"ok"') < 3:
            part = raw.recv(65536)
            assert part, text
            text += part


def test_a_client_that_closes_its_half_together_with_its_request(server):
    """Its connection ends with the answer, and not with the idle timeout of 30 seconds."""
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as answer:
                assert answer.read().startswith(b"HTTP/1.1 200 OK")


def test_nothing_is_left_behind(serve, shop):
    server = serve(ASKCSV_LINGER=0)
    assert server.run().json()["status"] == "succeeded"
    pid = server.process.pid
    assert len(os.listdir(f"/proc/{pid}/fd")) < 60
    assert server.end() == 0
    from host import hosts_of
    assert wait_until(lambda: not hosts_of(shop.home))


def test_children_are_counted(serve):
    server = serve()

    def gauges():
        text = server.get("/metrics").bytes.decode()
        return {name: int(float(value)) for name, value in
                re.findall(r"^askcsv_host_(\w+) (\S+)$", text, re.M)}

    assert gauges() == {"parents": 0, "children": 0, "children_idle": 0}
    run_id = server.run(ENDLESS, wait_ms=0).json()["run_id"]
    assert wait_until(lambda: gauges()["children"] > gauges()["children_idle"])
    assert gauges()["parents"] == 1
    server.ask("POST", f"/v1/runs/{run_id}/cancel")
    assert wait_until(lambda: gauges()["children"] == gauges()["children_idle"])


def test_what_is_logged_and_counted(serve):
    server = serve()
    secret = "SELECT 'do not log me' AS x"
    run_id = server.run(secret).json()["run_id"]
    server.run("SELECT * FROM nowhere")
    server.get("/v1/nothing", Authorization="Bearer ak_secret")
    server.ask("POST", "/v1/chat", {"dataset_id": "support", "message": "do not log this either"})
    text = server.get("/metrics").bytes.decode()
    assert 'askcsv_runs_total{status="succeeded",executor="local"} 1' in text
    assert 'askcsv_http_requests_total{route="/v1/runs",method="POST",status="201"} 2' in text
    assert server.end() == 0
    (request,) = [line for line in server.log("request") if line["route"] == "/v1/runs/{}"] or [None]
    assert request is None
    runs = {line["run_id"]: line for line in server.log("run")}
    assert runs[run_id]["status"] == "succeeded" and runs[run_id]["took_us"] > 0
    said = "".join(server.said)
    assert "do not log" not in said and "ak_secret" not in said
    assert [line["status"] for line in server.log("request")].count(404) == 1


# --- chat and threads ---------------------------------------------------------------------------

def chat(server, message, dataset_id="ecommerce", **more):
    return server.ask("POST", "/v1/chat", {"dataset_id": dataset_id, "message": message, **more})


def events(reply):
    """[(id, name, data)] of an event stream."""
    found = []
    for block in reply.bytes.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def test_a_thread(server):
    first = chat(server, "revenue by category").json()
    thread = first["thread_id"]
    again = chat(server, "by month instead", thread_id=thread).json()
    assert again["run"]["result"]["columns"][0] == "month"
    assert chat(server, "Thanks!", thread_id=thread).json()["run"] is None
    listed = server.get("/v1/threads?limit=1").json()
    assert listed["threads"][0]["thread_id"] == thread
    assert listed["threads"][0]["title"] == "revenue by category"
    messages = server.get(f"/v1/threads/{thread}/messages").json()["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"] * 3
    assert messages[1]["run_ids"] == [first["run_id"]]
    assert server.get(f"/v1/threads/{thread}/messages?after=4").json()["messages"] == messages[4:]
    renamed = server.ask("PATCH", f"/v1/threads/{thread}", {"title": "Money"})
    assert renamed.json()["title"] == "Money"
    assert server.ask("DELETE", f"/v1/threads/{thread}").status == 204
    problem(server.get(f"/v1/threads/{thread}"), 404, "THREAD_NOT_FOUND")
    problem(chat(server, "again", thread_id=thread), 404, "THREAD_NOT_FOUND")
    assert server.get(f"/v1/runs/{first['run_id']}").status == 200


def test_pages_of_threads(server):
    for n in range(3):
        chat(server, f"hello")
    ids, path = [], "/v1/threads?limit=2"
    while path:
        page = server.get(path).json()
        ids += [t["thread_id"] for t in page["threads"]]
        path = page["next_before"] and f"/v1/threads?limit=2&before={page['next_before']}"
    assert len(ids) == len(set(ids)) >= 3
    problem(server.get("/v1/threads?before=nonsense"), 400, "INVALID_REQUEST")


def test_greetings_and_questions_about_the_tables_run_nothing(server):
    before = len(server.get("/v1/runs?limit=200").json()["runs"])
    for message, part in [("Hello!", "plain words"), ("Which tables are there?", "order_items"),
                          ("describe the dataset", "customer_id")]:
        answer = chat(server, message).json()
        assert answer["run"] is None and answer["status"] == "answered"
        assert part in answer["message"]["text"]
    assert len(server.get("/v1/runs?limit=200").json()["runs"]) == before


def test_stream(server):
    reply = server.ask("POST", "/v1/chat/stream",
                       {"dataset_id": "ecommerce", "message": "revenue by month"})
    assert reply.status == 200 and reply.headers["Content-Type"].startswith("text/event-stream")
    told = events(reply)
    assert [name for _, name, _ in told] == ["run.pending", "plan", "sql", "run.running", "result",
                                             "message.delta", "message", "done"]
    assert [number for number, _, _ in told] == list(range(1, 9))
    data = {name: content for _, name, content in told}
    assert data["result"]["row_count"] == 6 and data["done"]["status"] == "succeeded"
    capsule = server.get(f"/v1/runs/{data['run.pending']['run_id']}").json()
    assert capsule["plan"] == data["plan"]["plan"] and capsule["sql"] == data["sql"]["sql"]
    # A client that lost the connection behind the fifth event.
    again = server.get(f"/v1/chat/stream/{reply.headers['X-Stream-Id']}", Last_Event_ID="5")
    assert events(again) == told[5:]
    problem(server.get("/v1/chat/stream/01900000-0000-7000-8000-000000000000"), 404, "NOT_FOUND")
    greeted = server.ask("POST", "/v1/chat/stream", {"dataset_id": "ecommerce", "message": "hi"})
    assert [name for _, name, _ in events(greeted)] == ["message.delta", "message", "done"]


def test_only_so_many_ended_streams_are_kept(server):
    """A greeting, that nothing is run for."""
    ids = [server.ask("POST", "/v1/chat/stream", {"dataset_id": "ecommerce", "message": "hello"})
           .headers["X-Stream-Id"] for _ in range(502)]
    problem(server.get(f"/v1/chat/stream/{ids[0]}"), 404, "NOT_FOUND")
    assert b"event: done" in server.get(f"/v1/chat/stream/{ids[-500]}").bytes
    assert b"event: done" in server.get(f"/v1/chat/stream/{ids[-1]}").bytes


def test_a_stream_that_has_ended_holds_no_descriptor(serve):
    """Its events are kept for a minute, for a client that comes back; its run's connections are not."""
    server = serve(ASKCSV_LINGER=20)

    def descriptors():
        return len(os.listdir(f"/proc/{server.process.pid}/fd"))

    def stream():
        reply = server.ask("POST", "/v1/chat/stream", {"dataset_id": "ecommerce",
                                                       "message": f"SQL: {COUNT}"})
        assert reply.status == 200 and b"event: done" in reply.bytes

    stream()
    assert wait_until(lambda: server.get("/readyz").json()["runs"]["running"] == 0)
    before = descriptors()
    for _ in range(20):
        stream()
    assert wait_until(lambda: descriptors() <= before + 5), (before, descriptors())


def test_a_stream_that_nobody_follows_is_stopped(server):
    connection = server.connect()
    connection.request("POST", "/v1/chat/stream",
                       json.dumps({"dataset_id": "ecommerce", "message": f"SQL: {ENDLESS}"}), JSON)
    response = connection.getresponse()
    text = b""
    while b"run.running" not in text:
        text += response.read1(65536)
    run_id = re.search(rb'"run_id":"([^"]+)', text).group(1).decode()
    connection.sock.close()
    connection.close()
    server.await_status(run_id, {"cancelled"})


# --- keys ---------------------------------------------------------------------------------------

def make_key(shop, name, scope):
    return shop.ok("keys", "add", name, "--scope", scope).stdout.strip().splitlines()[0]


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_keys(serve, shop):
    server = serve()
    assert server.run().status == 201  # nobody needs one yet
    read, ann, bob, admin = (make_key(shop, n, s) for n, s in
                             [("r", "read"), ("ann", "run"), ("bob", "run"), ("root", "admin")])
    refused = server.get("/v1/datasets")
    problem(refused, 401, "UNAUTHORIZED")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    problem(server.get("/v1/datasets", Authorization="Bearer ak_" + "x" * 43), 401, "UNAUTHORIZED")
    assert server.get("/healthz").status == 200
    assert server.get("/v1/datasets", **bearer(read)).status == 200
    body = {"dataset_id": "ecommerce", "query_type": "sql", "sql": COUNT}
    problem(server.ask("POST", "/v1/runs", body, bearer(read)), 403, "FORBIDDEN")
    problem(server.get("/metrics", **bearer(ann)), 403, "FORBIDDEN")
    assert server.get("/metrics", **bearer(admin)).status == 200
    run_id = server.ask("POST", "/v1/runs", body, bearer(ann)).json()["run_id"]
    assert server.get(f"/v1/runs/{run_id}", **bearer(ann)).status == 200
    assert server.get(f"/v1/runs/{run_id}", **bearer(admin)).status == 200
    for path in ("", "/status", "/result"):
        problem(server.get(f"/v1/runs/{run_id}{path}", **bearer(bob)), 404, "RUN_NOT_FOUND")
    for path in ("/cancel", "/verify", "/rerun"):
        problem(server.ask("POST", f"/v1/runs/{run_id}{path}", headers=bearer(bob)), 404,
                "RUN_NOT_FOUND")
    assert [r["run_id"] for r in server.get("/v1/runs", **bearer(ann)).json()["runs"]] == [run_id]
    assert server.get("/v1/runs", **bearer(bob)).json()["runs"] == []
    assert len(server.get("/v1/runs", **bearer(admin)).json()["runs"]) == 2
    rerun_id = server.ask("POST", f"/v1/runs/{run_id}/verify", headers=bearer(ann)).json()["rerun_id"]
    assert server.get(f"/v1/runs/{rerun_id}", **bearer(ann)).status == 200
    problem(server.get(f"/v1/runs/{rerun_id}", **bearer(bob)), 404, "RUN_NOT_FOUND")
    talk = {"dataset_id": "ecommerce", "message": "revenue by month"}
    thread = server.ask("POST", "/v1/chat", talk, bearer(ann)).json()["thread_id"]
    problem(server.get(f"/v1/threads/{thread}", **bearer(bob)), 404, "THREAD_NOT_FOUND")
    problem(server.ask("POST", "/v1/chat", {**talk, "after": run_id}, bearer(bob)), 404,
            "RUN_NOT_FOUND")
    problem(server.ask("POST", "/v1/chat", {**talk, "thread_id": thread}, bearer(bob)), 404,
            "THREAD_NOT_FOUND")
    assert server.get("/v1/threads", **bearer(bob)).json()["threads"] == []
    ids = {k["name"]: k["id"] for k in json.loads((shop.home / "keys.json").read_text())["keys"]}
    shop.ok("keys", "revoke", ids["ann"])
    problem(server.get(f"/v1/runs/{run_id}", **bearer(ann)), 401, "UNAUTHORIZED")
    assert server.end() == 0
    said = "".join(server.said)
    assert not any(key in said for key in (read, ann, bob, admin))


def test_the_same_sql_again_is_answered_by_the_cache(serve, shop):
    server = serve()
    first, second = (server.run().json() for _ in range(2))
    assert first["executor"] == "local" and "cached_from" not in first
    assert second["executor"] == "cache" and second["cached_from"] == first["run_id"]
    assert second["status"] == "succeeded" and second["run_id"] != first["run_id"]
    for member in ("result", "result_hash", "dataset_version", "tables", "engine", "sql"):
        assert second[member] == first[member], member
    assert second["sandbox"] is None and set(second["timings"]) == {"total"}
    Draft202012Validator(CAPSULE_SCHEMA).validate(second)
    assert server.get(f"/v1/runs/{second['run_id']}").json() == second
    # A third one names the run that computed it, not the one that copied it.
    assert server.run().json()["cached_from"] == first["run_id"]
    verdict = server.ask("POST", f"/v1/runs/{second['run_id']}/verify").json()
    assert verdict["verdict"] == "same"
    assert server.get(f"/v1/runs/{verdict['rerun_id']}").json()["executor"] == "local"
    again = server.ask("POST", f"/v1/runs/{second['run_id']}/rerun").json()
    assert again["executor"] == "local" and again["result_hash"] == first["result_hash"]
    for other in ({"cache": False}, {"limits": {"max_rows": 7}}, {"as_of": "2026-01-01T00:00:00Z"},
                  {"sql": COUNT + " LIMIT 1"}):
        assert server.run(**other).json()["executor"] == "local", other
    problem(server.run(cache="no"), 400, "INVALID_REQUEST")
    assert b'askcsv_runs_total{status="succeeded",executor="cache"} 2' in server.get("/metrics").bytes
    assert server.end() == 0
    shop.ok("capsules", "check")


def test_what_fails_is_not_cached(serve, shop):
    server = serve()
    for _ in range(2):
        body = server.run(sql="SELECT error('no') FROM orders").json()
        assert body["executor"] == "local" and body["status"] != "succeeded"
    off = serve("--cache", "false")
    assert [off.run().json()["executor"] for _ in range(2)] == ["local"] * 2


def test_a_changed_answer_is_not_served_again(serve, shop):
    """What was altered in the store must not be sealed anew as an answer."""
    server = serve()
    first = server.run().json()
    with contextlib.closing(sqlite3.connect(shop.home / "capsules.db")) as store, store:
        triggers = store.execute("SELECT sql FROM sqlite_master WHERE name='capsules_update'").fetchone()
        store.execute("DROP TRIGGER capsules_update")
        store.execute("UPDATE capsules SET body = json_set(body, '$.result.rows[0][1]', 666)"
                      " WHERE run_id = ?", [first["run_id"]])
        store.execute(triggers[0])
    second = server.run().json()
    assert second["executor"] == "local" and second["result"] == first["result"]
    assert server.run().json()["cached_from"] == second["run_id"]


def test_keys_do_not_share_answers(serve, shop):
    """Else how long an answer takes would tell what others ask."""
    ann, bob = make_key(shop, "ann", "run"), make_key(shop, "bob", "run")
    server = serve()
    body = {"dataset_id": "ecommerce", "query_type": "sql", "sql": COUNT}
    found = [server.ask("POST", "/v1/runs", body, bearer(key)).json()["executor"]
             for key in (ann, bob, ann)]
    assert found == ["local", "local", "cache"]


# --- a request that is to be done once -------------------------------------------------------------

def once(server, key, sql=COUNT, headers=None, **more):
    return server.ask("POST", "/v1/runs", {"dataset_id": "ecommerce", "query_type": "sql",
                                           "sql": sql, **more},
                      {"Idempotency-Key": key, **(headers or {})})


def test_the_same_request_makes_one_run(serve):
    server = serve()
    first = once(server, "a b~!")
    assert first.status == 201 and "Idempotency-Replayed" not in first.headers
    again = once(server, "a b~!")
    assert again.status == 201 and again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json() and again.headers["Location"] == first.headers["Location"]
    problem(once(server, "a b~!", COUNT + " LIMIT 1"), 422, "IDEMPOTENCY_MISMATCH")
    assert once(server, "another").json()["run_id"] != first.json()["run_id"]
    waiting = once(server, "slow", ENDLESS, wait_ms=0)
    reply = once(server, "slow", ENDLESS, wait_ms=0)
    assert waiting.status == reply.status == 202
    assert reply.json()["run_id"] == waiting.json()["run_id"] and "queue" in reply.json()
    for key in ("", "x" * 256, "tab\t", "caf\u00e9"):
        problem(once(server, key), 400, "INVALID_REQUEST")
    # One that was refused made no run, and may be sent again.
    problem(once(server, "late", dataset_id="nothing"), 404, "DATASET_NOT_FOUND")
    assert once(server, "late").status == 201
    server.end(signal.SIGKILL)
    server = serve()
    assert once(server, "a b~!").json() == first.json()
    assert once(server, "slow", ENDLESS, wait_ms=0).json()["status"] == "failed"


def test_the_same_request_at_the_same_moment(serve):
    server = serve()
    for number in range(5):
        replies = []
        threads = [threading.Thread(target=lambda: replies.append(once(server, f"k{number}")))
                   for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {reply.status for reply in replies} <= {201, 202, 409}
        for reply in replies:
            if reply.status == 409:
                problem(reply, 409, "REQUEST_REPEATED")
        assert len({reply.json()["run_id"] for reply in replies if reply.status != 409}) == 1
    assert len(server.get("/v1/runs?limit=200").json()["runs"]) == 5


def test_keys_of_two_askers_do_not_meet(serve, shop):
    ann, bob = make_key(shop, "ann", "run"), make_key(shop, "bob", "run")
    server = serve()
    ids = [once(server, "k", headers=bearer(key)).json()["run_id"] for key in (ann, bob, ann)]
    assert ids[0] == ids[2] != ids[1]


def test_runs_of_a_time(server):
    first, second = server.run().json(), server.run().json()
    cut = second["created_at"]
    assert cut > first["created_at"]

    def listed(query):
        return [run["run_id"] for run in server.get(f"/v1/runs?limit=200&{query}").json()["runs"]]

    since, until = listed(f"since={cut}"), listed(f"until={cut}")
    assert second["run_id"] in since and first["run_id"] not in since
    assert first["run_id"] in until and second["run_id"] not in until
    assert listed(f"since={cut}&until={cut}") == []
    assert first["run_id"] in listed(f"since={cut[:10]}") and listed("until=2026-01-31T00:00:00Z") == []
    for wrong in ("yesterday", "2026-01-31T00:00:00.1Z", "2026-01-31T00:00:00.-12Z",
                  "2026-01-31T00:00:00.123456Z", "2026-01-31T00:00:00.123Zx"):
        problem(server.get(f"/v1/runs?since={wrong}"), 400, "INVALID_REQUEST")


def later(reply, error):
    said = problem(reply, 429, error)
    assert int(reply.headers["Retry-After"]) >= 1
    return said


def test_one_key_may_not_ask_too_often(serve, shop):
    ann, bob = make_key(shop, "ann", "run"), make_key(shop, "bob", "run")
    server = serve("--key-rate", "1", "--key-burst", "3")
    replies = [server.get("/v1/datasets", **bearer(ann)) for _ in range(5)]
    assert [reply.status for reply in replies[:3]] == [200] * 3
    assert "key_rate" in later(replies[4], "TOO_MANY_REQUESTS")["detail"]
    assert server.get("/v1/datasets", **bearer(bob)).status == 200
    assert server.get("/healthz", **bearer(ann)).status == 200
    wait_until(lambda: server.get("/v1/datasets", **bearer(ann)).status == 200)


def test_one_key_may_not_hold_every_place(serve, shop):
    ann, bob = make_key(shop, "ann", "run"), make_key(shop, "bob", "run")
    server = serve("--key-runs-max", "3", "--key-requests-max", "3", "--key-rate", "0", "--workers", "4")
    slow = {"dataset_id": "ecommerce", "query_type": "sql", "sql": ENDLESS, "wait_ms": 0}
    ids = [server.ask("POST", "/v1/runs", slow, bearer(ann)).json()["run_id"] for _ in range(3)]
    said = later(server.ask("POST", "/v1/runs", slow, bearer(ann)), "QUEUE_FULL")
    assert "key_runs_max" in said["detail"]
    other = server.ask("POST", "/v1/runs", {**slow, "sql": COUNT, "wait_ms": 20000}, bearer(bob))
    assert other.status == 201 and other.json()["status"] == "succeeded"
    for run_id in ids:
        assert server.ask("POST", f"/v1/runs/{run_id}/cancel", headers=bearer(ann)).status == 202
    wait_until(lambda: all(
        server.get(f"/v1/runs/{run_id}/status", **bearer(ann)).json()["status"] == "cancelled"
        for run_id in ids))
    with contextlib.ExitStack() as stack:
        for path in ("/v1/runs", "/v1/runs", "/v1/chat/stream"):
            connection = stack.enter_context(contextlib.closing(server.connect()))
            body = {**slow, "wait_ms": 30000} if path == "/v1/runs" else {
                "dataset_id": "ecommerce", "message": f"SQL: {ENDLESS}"}
            connection.request("POST", path, json.dumps(body), {**JSON, **bearer(ann)})
        wait_until(lambda: server.get("/v1/datasets", **bearer(ann)).status == 429)
        said = later(server.get("/v1/datasets", **bearer(ann)), "TOO_MANY_REQUESTS")
        assert "key_requests_max" in said["detail"]
    wait_until(lambda: server.get("/v1/datasets", **bearer(ann)).status == 200)


def test_beyond_this_machine(serve, shop):
    done = shop("serve", "--address", "0.0.0.0", "--port", "0")
    assert done.returncode == 2 and "keys add" in done.stderr
    make_key(shop, "ann", "run")
    process = subprocess.Popen([str(shop.path), "serve", "--address", "0.0.0.0", "--port", "0"],
                               stderr=subprocess.PIPE, env=shop.env())
    try:
        line = process.stderr.readline().decode()
        port = int(line.rsplit(":", 1)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/v1/datasets")
        problem(Reply(connection.getresponse()), 401, "UNAUTHORIZED")
    finally:
        process.terminate()
        process.wait(END_SECONDS)


def test_a_proxy_that_says_who_asks(serve):
    server = serve("--trust-user-header", "X-User")
    problem(server.get("/v1/runs"), 401, "UNAUTHORIZED")
    body = {"dataset_id": "ecommerce", "query_type": "sql", "sql": COUNT}
    run_id = server.ask("POST", "/v1/runs", body, {"X-User": "ann"}).json()["run_id"]
    assert server.get(f"/v1/runs/{run_id}", X_User="ann").status == 200
    problem(server.get(f"/v1/runs/{run_id}", X_User="bob"), 404, "RUN_NOT_FOUND")


def test_a_chat_that_nobody_waits_for_is_stopped(server):
    connection = server.connect()
    connection.request("POST", "/v1/chat",
                       json.dumps({"dataset_id": "ecommerce", "message": f"SQL: {ENDLESS}"}), JSON)

    def running():
        return server.get("/v1/runs?status=running").json()["runs"]

    assert wait_until(running)
    run_id = running()[0]["run_id"]
    connection.sock.close()
    server.await_status(run_id, {"cancelled"})


def test_make_run_ends_by_serving(askcsv):
    """tools/demo with the real program: three answers, then the server."""
    process = subprocess.Popen([ROOT / "tools/demo", askcsv.path], stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.PIPE, env=askcsv.env(ASKCSV_PORT="0"))
    try:
        port = next(int(found.group(1)) for found in (
            re.search(r"serving on http://127\.0\.0\.1:(\d+)", line) for line in process.stderr)
            if found)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/v1/chat", json.dumps(
            {"dataset_id": "sensors", "message": "How many sensors are there?"}), JSON)
        answer = Reply(connection.getresponse())
        assert answer.status == 200 and answer.json()["run_id"]
        connection.close()
    finally:
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=END_SECONDS)
    assert process.returncode == 0
    assert out.count("status          succeeded") == 3 and "\nsame\n" in out
