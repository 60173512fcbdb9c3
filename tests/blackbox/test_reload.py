"""SIGHUP: what a server takes over from its configuration while it goes on."""
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import termios
import threading

import pytest

from host import wait_until
from programs import Askcsv, ROOT
from scripted_model import ScriptedModel, say
from served import COUNT, END_SECONDS, JSON, Reply, Server, problem

ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"
SECRET = "sk-not-to-be-seen"


def configure(shop, **settings):
    """Writes config.json as an editor does: whole, beside, and then in its place."""
    beside = shop.home / "config.json.new"
    beside.write_text(json.dumps(settings))
    beside.replace(shop.home / "config.json")


def rows(server, n):
    return server.run(limits={"max_rows": n}).status


def test_what_a_reload_takes_over(serve, shop):
    configure(shop, rows_max=5)
    server = serve()
    assert (rows(server, 5), rows(server, 6)) == (201, 400)
    configure(shop, rows_max=6, cache=False, wait_ms_max=0, allowed_hosts="askcsv.example")
    assert server.get("/v1/datasets", Host="askcsv.example").status == 403
    line = server.reload()
    assert line["level"] == "info" and line["ok"] is True and line["datasets"] == 3
    assert line["file"] == str(shop.home / "config.json")
    assert line["changed"] == "allowed_hosts, wait_ms_max, rows_max, cache"
    assert line["needs_restart"] == ""
    assert server.get("/v1/datasets", Host="askcsv.example").status == 200
    assert server.run(ENDLESS, wait_ms=1000, limits={"timeout_ms": 500}).status == 202
    assert rows(server, 6) == 202 and rows(server, 7) == 400
    configure(shop)
    assert server.reload()["changed"] == line["changed"]
    assert rows(server, 10000) == 201
    assert server.reload()["changed"] == ""


def test_the_cache_is_turned_off_and_on(serve, shop):
    server = serve()
    assert [server.run().json()["executor"] for _ in range(2)] == ["local", "cache"]
    configure(shop, cache=False)
    server.reload()
    assert [server.run().json()["executor"] for _ in range(2)] == ["local", "local"]
    configure(shop, cache=True)
    server.reload()
    assert server.run().json()["executor"] == "cache"


def test_what_wants_a_restart_stays_and_is_named(serve, shop):
    server = serve("--waiting", "0", "--workers", "1")
    configure(shop, workers=7, address="127.0.0.2", port=1, openai_key=SECRET, threads=3,
              tls_certificate="/no/c.pem", tls_key="/no/k.pem")
    line = server.reload()
    assert line["level"] == "warn" and line["ok"] is True
    # The flags of its start still win over the file: neither the port nor the workers change.
    assert line["needs_restart"] == "address, threads, tls_certificate, tls_key"
    assert line["changed"] == "openai_key"
    assert server.reload() | {"time": ""} == line | {"time": "", "changed": ""}
    assert server.run().status == 201
    assert SECRET not in "".join(server.said)


@pytest.mark.parametrize("text,why", [
    ('{"rows_max": "many"}', "rows_max"),
    ('{"rows_max": 9, "rows_maxx": 9}', "did you mean"),
    ('{"rows_max": 9, "openai_key": sk-not-to-be-seen}', "config.json"),
    ('{"rows_max": 9, "allowed_origins": "https://a.example/page"}', "allowed_origins"),
    ('{"rows_max": 9, "tls_key": "k.pem"}', "tls_certificate is not"),
    (None, "config.json"),
])
def test_what_is_wrong_changes_nothing(serve, shop, text, why):
    configure(shop, rows_max=5)
    server = serve()
    path = shop.home / "config.json"
    path.unlink()
    if text is None:
        path.mkdir()
    else:
        path.write_text(text)
    line = server.reload()
    assert line["level"] == "error" and line["ok"] is False and why in line["error"]
    assert SECRET not in "".join(server.said)
    assert (rows(server, 5), rows(server, 6)) == (201, 400)
    path.rmdir() if text is None else path.unlink()
    assert server.reload()["changed"] == "rows_max"
    assert rows(server, 6) == 201


def test_the_log_level(serve, shop):
    server = serve()

    def is_logged(name):
        return [line for line in server.log("request") if line["request_id"] == name]

    configure(shop, log_level="error", rows_max=5)
    server.process.send_signal(signal.SIGHUP)
    # The reload's own line is of a level that is not logged any more.
    assert wait_until(lambda: rows(server, 6) == 400)
    assert server.get("/healthz", X_Request_Id="quiet").status == 200
    configure(shop)
    assert server.reload()["changed"] == "rows_max, log_level"
    assert server.get("/healthz", X_Request_Id="loud").status == 200
    assert wait_until(lambda: is_logged("loud"))
    assert not is_logged("quiet")


def bearer(shop, name="ann"):
    text = shop.ok("keys", "add", name).stdout
    return {"Authorization": "Bearer " + re.search(r"ak_\S+", text).group()}


def test_limits_of_keys(serve, shop):
    configure(shop, key_rate=1, key_burst=2, key_runs_max=1)
    server = serve()
    ann = bearer(shop)

    def statuses():
        return [server.ask("GET", "/v1/datasets", headers=ann).status for _ in range(3)]

    assert statuses() == [200, 200, 429]
    configure(shop, key_rate=0, key_runs_max=1)
    assert server.reload()["changed"] == "key_rate, key_burst"
    assert statuses() == [200, 200, 200]

    def order():
        return server.ask("POST", "/v1/runs", {"dataset_id": "ecommerce", "query_type": "sql",
                                               "sql": ENDLESS, "wait_ms": 0}, ann)

    assert order().status == 202
    problem(order(), 429, "QUEUE_FULL")
    configure(shop, key_rate=0, key_runs_max=2)
    server.reload()
    assert order().status == 202
    problem(order(), 429, "QUEUE_FULL")
    configure(shop, key_rate=0, key_requests_max=1, key_runs_max=3)
    server.reload()
    waiting = server.connect()
    with contextlib.closing(waiting):
        waiting.request("POST", "/v1/runs", json.dumps({
            "dataset_id": "ecommerce", "query_type": "sql", "sql": ENDLESS}), {**JSON, **ann})
        assert wait_until(lambda: statuses() == [429, 429, 429])


def test_the_registry(serve, shop, tmp_path):
    registry = json.loads((ROOT / "datasets/registry.json").read_text())
    path = tmp_path / "registry.json"
    path.write_text(json.dumps(registry))
    server = serve("--workers", "2", ASKCSV_REGISTRY=path)
    busy = server.run(ENDLESS, wait_ms=0).json()["run_id"]
    server.await_status(busy, {"running"})
    (first,) = [d for d in registry["datasets"] if d["id"] == "ecommerce"]
    others = [d for d in registry["datasets"] if d["id"] != "ecommerce"]
    shutil.copytree(shop.home / "datasets" / "ecommerce", shop.home / "datasets" / "shop")
    path.write_text(json.dumps({**registry, "datasets": [*others, {**first, "id": "shop"}]}))
    assert server.reload()["datasets"] == 3
    listed = server.get("/v1/datasets").json()["datasets"]
    assert [(d["id"], d["available"]) for d in listed] == [
        ("support", True), ("sensors", True), ("shop", True)]
    problem(server.run(), 404, "DATASET_NOT_FOUND")
    answered = server.ask("POST", "/v1/runs", {"dataset_id": "shop", "query_type": "sql",
                                               "sql": COUNT})
    assert answered.json()["status"] == "succeeded"
    # The run that was under way goes on with what it began with.
    assert server.status(busy)["status"] == "running"
    assert server.ask("POST", f"/v1/runs/{busy}/cancel").status == 202
    server.await_status(busy, {"cancelled"})
    assert server.get(f"/v1/runs/{busy}").json()["dataset_id"] == "ecommerce"
    assert [run["dataset_id"] for run in server.log("run")][-1] == "ecommerce"
    path.write_text('{"version": 1}')
    line = server.reload()
    assert line["ok"] is False and "registry" in line["error"]
    assert len(server.get("/v1/datasets").json()["datasets"]) == 3


def test_no_request_fails_meanwhile(serve, shop, tmp_path):
    """Half of the clients' requests come before a reload and half behind it, and each sees one of the
    two configurations, never a mixture: rows_max and timeout_ms_max change together."""
    registry = json.loads((ROOT / "datasets/registry.json").read_text())
    path = tmp_path / "registry.json"
    path.write_text(json.dumps(registry))
    configure(shop, rows_max=10, timeout_ms_max=1000)
    server = serve("--waiting", "1000", ASKCSV_REGISTRY=path, ASKCSV_LINGER=20)
    over = threading.Event()
    wrong, answered = [], []

    def ask(number):
        connection = server.connect()
        with contextlib.closing(connection):
            while not over.is_set():
                limits = ({"max_rows": 20, "timeout_ms": 1000}, {"max_rows": 10, "timeout_ms": 2000})
                body = {"dataset_id": "ecommerce", "query_type": "sql", "sql": COUNT,
                        "limits": limits[number % 2]}
                chat = number % 4 == 3
                if chat:
                    body = {"dataset_id": "ecommerce", "message": "How many orders are there?"}
                connection.request("POST", "/v1/chat" if chat else "/v1/runs", json.dumps(body), JSON)
                reply = Reply(connection.getresponse())
                good = {200} if chat else {201, 400}
                if reply.status not in good or (reply.status < 300 and not chat and
                                                reply.json()["status"] != "succeeded"):
                    wrong.append((reply.status, reply.bytes))
                answered.append(reply.status)

    def guarded(number):
        try:
            ask(number)
        except Exception as failure:  # a connection that was cut off, say
            wrong.append(failure)

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for n in range(20):
        several = n % 2 == 0
        configure(shop, rows_max=20 if several else 10, timeout_ms_max=1000 if several else 2000,
                  cache=several, key_rate=n + 1, log_level="info")
        path.write_text(json.dumps({**registry, "datasets": registry["datasets"][:1 if several else 3]}))
        assert server.reload()["ok"] is True
        seen = len(answered)
        assert wait_until(lambda seen=seen: len(answered) > seen + 8 or wrong)
    over.set()
    for thread in threads:
        thread.join(60)
    assert not wrong, wrong[:3]
    assert {200, 201, 400} == set(answered)
    assert server.end() == 0


def test_retention(serve, shop):
    server = serve()
    ids = [server.run(f"SELECT {i} AS x").json()["run_id"] for i in range(3)]
    configure(shop, retention_count=1)
    assert server.reload()["changed"] == "retention_count"
    assert wait_until(lambda: server.get(f"/v1/runs/{ids[1]}").status == 404)
    assert server.get(f"/v1/runs/{ids[2]}").status == 200


def test_the_language_model(serve, shop):
    def ask():
        return server.ask("POST", "/v1/chat", {"dataset_id": "ecommerce", "message": "Good day?"}).json()

    def setting(model, name):
        return {"planner": "openai", "openai_base_url": model.base_url("openai"),
                "openai_model": name, "openai_key": f"{SECRET}-{name}"}

    with ScriptedModel([say("Of the first.")]) as first, ScriptedModel([say("Of the second.")]) as second:
        configure(shop, **setting(first, "one"))
        server = serve()
        assert "Of the first." in ask()["message"]["text"]
        configure(shop, **setting(second, "two"))
        line = server.reload()
        assert line["changed"] == "openai_base_url, openai_model, openai_key"
        assert "Of the second." in ask()["message"]["text"]
        assert (len(first.requests), len(second.requests)) == (1, 1)
        (request,) = second.requests
        assert request.body["model"] == "two"
        assert request.headers["Authorization"] == f"Bearer {SECRET}-two"
    assert SECRET not in "".join(server.said)


# --- TLS ----------------------------------------------------------------------------------------

def make_certificate(folder, name):
    """Gives (certificate, key) as bytes."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", key,
                    "-out", certificate], check=True, capture_output=True)
    return certificate.read_bytes(), key.read_bytes()


def shown(server):
    """The certificate that a new connection is shown, PEM."""
    return ssl.get_server_certificate(("127.0.0.1", server.port)).strip()


def test_a_renewed_certificate(serve, tmp_path):
    old, new = make_certificate(tmp_path, "old"), make_certificate(tmp_path, "new")
    certificate, key = tmp_path / "tls.pem", tmp_path / "tls.key"

    def put(pair):
        certificate.write_bytes(pair[0])
        key.write_bytes(pair[1])

    put(old)
    server = serve("--tls-certificate", str(certificate), "--tls-key", str(key))
    assert shown(server) == old[0].decode().strip()
    kept = server.connect()
    kept.request("GET", "/healthz")
    assert kept.getresponse().read()
    put(new)
    assert shown(server) == old[0].decode().strip()
    assert server.reload()["changed"] == ""
    assert shown(server) == new[0].decode().strip()
    # Who is connected stays so.
    kept.request("GET", "/healthz")
    assert json.loads(kept.getresponse().read())["status"] == "ok"
    for broken in ((new[0], old[1]), (b"nothing", new[1]), (new[0], b"")):
        put(broken)
        line = server.reload()
        assert line["ok"] is False and "pair" in line["error"], line
        assert shown(server) == new[0].decode().strip()
    certificate.unlink()
    line = server.reload()
    assert line["ok"] is False and "tls.pem" in line["error"]
    put(old)
    later = server.connect()
    later.request("GET", "/healthz")
    assert later.getresponse().read()
    assert server.reload()["ok"] and server.reload()["ok"]
    assert shown(server) == old[0].decode().strip()
    for connection in (kept, later):
        connection.request("GET", "/healthz")
        assert json.loads(connection.getresponse().read())["status"] == "ok"
        connection.close()
    assert server.get("/healthz").status == 200
    assert server.end() == 0


# --- terminals ----------------------------------------------------------------------------------

def test_a_server_under_nohup_reloads(shop, tmp_path):
    script = tmp_path / "ignoring"
    script.write_text(f'#!/bin/sh\ntrap "" HUP\nexec "{shop.path}" "$@"\n')
    script.chmod(0o755)
    server = Server(Askcsv(script, shop.home))
    try:
        assert server.reload()["ok"] is True
    finally:
        assert server.end() == 0


def test_a_terminal_that_is_closed_takes_its_server_with_it(shop):
    keyboard, terminal = os.openpty()

    def take_terminal():
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

    process = subprocess.Popen([shop.path, "serve", "--port", "0"], stdin=terminal,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=shop.env(),
                               start_new_session=True, preexec_fn=take_terminal)
    try:
        os.close(terminal)
        assert any(b"serving on" in line for line in process.stderr)
        process.send_signal(signal.SIGHUP)  # of the user's
        assert any(b"config.reload" in line for line in process.stderr)
        os.close(keyboard)
        assert process.wait(END_SECONDS) == 0
    finally:
        process.kill()
        process.communicate()
