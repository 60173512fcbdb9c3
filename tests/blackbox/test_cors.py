"""Pages of other origins: which may use the server, and what their browsers are told."""
import http.client
import json
import shutil
import socket

import pytest

from programs import Askcsv
from served import COUNT, JSON, Reply, Server, problem

PAGE = "https://app.example"
LOCAL = "http://localhost:5173"
V6 = "http://[::1]:3000"
RUN = {"dataset_id": "ecommerce", "query_type": "sql", "sql": COUNT}
CORS = ("Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
        "Access-Control-Max-Age", "Access-Control-Expose-Headers", "Access-Control-Allow-Credentials")


@pytest.fixture(scope="module")
def listed(askcsv_path, generated, tmp_path_factory):
    """A server that two pages may use, and one of an IPv6 address."""
    home = tmp_path_factory.mktemp("cors")
    shutil.copytree(generated, home / "datasets")
    started = Server(Askcsv(askcsv_path, home), "--allowed-origins", f"{PAGE}, {LOCAL},{V6}",
                     ASKCSV_LINGER=20)
    yield started
    assert started.end() == 0


def preflight(server, path, origin, method="POST", **more):
    return server.ask("OPTIONS", path, headers={
        "Origin": origin, "Access-Control-Request-Method": method, **more})


def names(text):
    return {name.strip() for name in text.split(",")}


@pytest.mark.parametrize("origin", [PAGE, LOCAL, V6])
def test_a_listed_page_may_ask(listed, origin):
    asked = preflight(listed, "/v1/runs", origin, **{
        "Access-Control-Request-Headers": "authorization,content-type"})
    assert asked.status == 204 and not asked.bytes
    assert asked.headers["Access-Control-Allow-Origin"] == origin
    assert names(asked.headers["Access-Control-Allow-Methods"]) == {"GET", "POST"}
    assert names(asked.headers["Access-Control-Allow-Headers"]) >= {
        "Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "If-None-Match"}
    assert int(asked.headers["Access-Control-Max-Age"]) > 0
    assert asked.headers["Vary"] == "Origin"
    done = listed.ask("POST", "/v1/runs", RUN, {"Origin": origin})
    assert done.status == 201 and done.headers["Access-Control-Allow-Origin"] == origin
    assert names(done.headers["Access-Control-Expose-Headers"]) >= {
        "ETag", "X-Request-Id", "Retry-After", "X-Stream-Id", "Location"}
    assert "Access-Control-Allow-Credentials" not in done.headers
    assert "Access-Control-Allow-Methods" not in done.headers


def test_what_the_page_reads_is_of_its_origin_for_caches_too(listed):
    run_id = listed.ask("POST", "/v1/runs", RUN).json()["run_id"]
    for path in (f"/v1/runs/{run_id}", f"/v1/runs/{run_id}/result", "/v1/datasets", "/healthz"):
        for headers in ({}, {"Origin": PAGE}):
            reply = listed.ask("GET", path, headers={**headers, "Accept-Encoding": "gzip"})
            vary = names(",".join(reply.headers.get_all("Vary")))
            assert "Origin" in vary, path
            assert ("Accept" in vary) == path.endswith("/result"), vary
            assert ("Access-Control-Allow-Origin" in reply.headers) == bool(headers)


def test_errors_can_be_read_as_well(listed):
    for reply in (listed.get("/v1/nothing", Origin=PAGE),
                  listed.get("/v1/datasets/ecomerce", Origin=PAGE),
                  listed.ask("POST", "/v1/runs", {"dataset_id": "ecommerce"}, {"Origin": PAGE}),
                  listed.ask("DELETE", "/v1/runs", headers={"Origin": PAGE}),
                  listed.ask("POST", "/v1/runs", {**RUN, "sql": "x" * 2_000_000}, {"Origin": PAGE}),
                  listed.get("/v1/datasets?" + "x" * 20000, Origin=PAGE)):
        assert reply.status in (400, 404, 405, 413, 431), reply.status
        assert reply.headers["Access-Control-Allow-Origin"] == PAGE


def test_events_can_be_followed(listed):
    reply = listed.ask("POST", "/v1/chat/stream", {
        "dataset_id": "ecommerce", "message": "How many orders are there?"}, {"Origin": PAGE})
    assert reply.status == 200 and reply.headers["Access-Control-Allow-Origin"] == PAGE
    assert reply.headers["X-Stream-Id"] and b"event: done" in reply.bytes


@pytest.mark.parametrize("origin", [
    "https://attacker.example",
    "null",
    "*",
    "",
    "https://app.example.attacker.example",  # ours at its beginning
    "https://attackerapp.example",  # at its end
    "https://app.exampl",
    "https://sub.app.example",
    "https://APP.example",  # browsers write lower case, and the comparison is exact
    "HTTPS://app.example",
    "http://app.example",
    "https://app.example:443",
    "https://app.example:8443",
    "https://app.example/",
    "https://app.example@attacker.example",
    "https://app.example.",
    "http://localhost",
    "http://localhost:5174",
    "http://localhost:51730",
    "http://127.0.0.1:5173",
    "https://localhost:5173",
    "http://[::1]",
    f"{PAGE} {LOCAL}",  # several, as RFC 6454 would let them be
    f"{PAGE}, {LOCAL}",
    f"{LOCAL},{PAGE}",
    "app.example",
    "file://",
])
def test_others_may_not(listed, origin):
    for reply in (preflight(listed, "/v1/runs", origin),
                  listed.ask("POST", "/v1/runs", RUN, {"Origin": origin}),
                  listed.get("/v1/datasets", Origin=origin)):
        problem(reply, 403, "FORBIDDEN")
        assert not [name for name in CORS if name in reply.headers]
        assert reply.headers["Vary"] == "Origin"


def test_two_origins_in_two_lines(listed):
    for first, second in ((PAGE, "https://attacker.example"), ("https://attacker.example", PAGE)):
        with socket.create_connection(("127.0.0.1", listed.port), timeout=60) as connection:
            connection.sendall((f"GET /v1/datasets HTTP/1.1\r\nHost: localhost\r\nOrigin: {first}\r\n"
                                f"Origin: {second}\r\nConnection: close\r\n\r\n").encode())
            response = http.client.HTTPResponse(connection)
            response.begin()
            reply = Reply(response)
        assert reply.status == 400 and not [name for name in CORS if name in reply.headers]


def test_what_a_page_may_not_send(listed):
    """Whoever could set it would choose who asks (trust_user_header)."""
    asked = preflight(listed, "/v1/runs", PAGE, **{"Access-Control-Request-Headers": "x-user"})
    assert "x-user" not in asked.headers["Access-Control-Allow-Headers"].lower()
    assert "*" not in "".join(asked.headers.values())


def test_the_name_in_host_counts_for_listed_pages_too(listed):
    refused = listed.get("/v1/datasets", Origin=PAGE, Host="attacker.example")
    problem(refused, 403, "FORBIDDEN")
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_preflights_of_every_kind_of_path(listed):
    def methods(path):
        return names(preflight(listed, path, PAGE, "GET").headers["Access-Control-Allow-Methods"])

    assert methods("/v1/threads/01900000-0000-7000-8000-000000000000") == {"GET", "PATCH", "DELETE"}
    assert methods("/v1/chat") == {"POST"}
    assert methods("/openapi.json") == {"GET"}
    problem(preflight(listed, "/v1/nothing", PAGE), 404, "NOT_FOUND")


def test_keys_are_needed_of_pages_as_of_anybody(listed):
    """A preflight has none, as browsers do not send it along."""
    listed.askcsv.ok("keys", "add", "ann")
    try:
        assert preflight(listed, "/v1/runs", PAGE).status == 204
        refused = listed.ask("POST", "/v1/runs", RUN, {"Origin": PAGE})
        problem(refused, 401, "UNAUTHORIZED")
        assert refused.headers["Access-Control-Allow-Origin"] == PAGE
    finally:
        (listed.askcsv.home / "keys.json").unlink()


def test_off_by_default(server):
    problem(preflight(server, "/v1/runs", PAGE), 403, "FORBIDDEN")
    own = f"http://127.0.0.1:{server.port}"
    for headers in ({}, {"Origin": own}, {"Origin": own, "Access-Control-Request-Method": "POST"}):
        asked = server.ask("OPTIONS", "/v1/runs", headers=headers)
        assert asked.status == 204 and names(asked.headers["Allow"]) == {"GET", "POST", "OPTIONS"}
        assert not [name for name in (*CORS, "Vary") if name in asked.headers]
    problem(server.ask("OPTIONS", "/v1/nothing"), 404, "NOT_FOUND")


def test_a_reload_lists_and_strikes_pages(serve, shop):
    server = serve()
    assert preflight(server, "/v1/runs", PAGE).status == 403
    (shop.home / "config.json").write_text(json.dumps({"allowed_origins": PAGE}))
    assert server.reload()["changed"] == "allowed_origins"
    assert preflight(server, "/v1/runs", PAGE).status == 204
    assert server.ask("POST", "/v1/runs", RUN, {**JSON, "Origin": PAGE}).status == 201
    (shop.home / "config.json").write_text("{}")
    server.reload()
    assert preflight(server, "/v1/runs", PAGE).status == 403
