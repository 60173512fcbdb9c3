"""Load of every kind on one server for so many seconds, and what the server grew by meanwhile."""
import contextlib
import http.client
import json
import random
import threading
import time

from host import Host, wait_until
from served import JSON, Server
from soak import figures_of

CLIENTS = 4
# What a server keeps for a minute (streams that somebody may come back to) is there by then.
SETTLED_SECONDS = 120
SETTLE_SECONDS = 90
SLACK_KB = 8192

QUESTIONS = ["revenue by month", "How many orders were placed in January 2026?", "Hello",
             "What are the top 10 products by revenue?", "How many unicorns are there?"]
SQL = ["SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY ALL",
       "SELECT * FROM orders ORDER BY ALL LIMIT 500", "SELECT nothing FROM orders", "SELEC",
       "SELECT * FROM read_text('/etc/passwd')"]
ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"


def one_of_many(dice, last):
    """(method, path, body) of a request; last is the latest run's id, or None."""
    kind = dice.random()
    if kind < 0.45:
        body = {"dataset_id": "ecommerce", "query_type": "sql", "sql": dice.choice(SQL),
                "cache": dice.random() < 0.7}
        return "POST", "/v1/runs", body
    if kind < 0.70:
        return "POST", "/v1/chat", {"dataset_id": "ecommerce", "message": dice.choice(QUESTIONS)}
    if kind < 0.80:
        body = {"dataset_id": "ecommerce", "message": dice.choice(QUESTIONS)}
        return "POST", "/v1/chat/stream", body
    if kind < 0.82:
        return "POST", "/v1/runs", {"dataset_id": "ecommerce", "query_type": "sql", "sql": ENDLESS,
                                    "limits": {"timeout_ms": 200}, "wait_ms": dice.choice([0, 1000])}
    if kind < 0.83 and last:
        return "POST", f"/v1/runs/{last}/verify", None
    path = dice.choice(["/v1/datasets", "/v1/runs?limit=20", "/v1/threads?limit=20", "/healthz",
                        "/metrics", "/v1/nothing", f"/v1/runs/{last}", f"/v1/runs/{last}/result"])
    return "GET", path, None


class Client(threading.Thread):
    """Asks, one request after the other, until it is over; what it met that may not be is in wrong."""

    def __init__(self, server, seed, over):
        super().__init__(daemon=True)
        self.server, self.dice, self.over = server, random.Random(seed), over
        self.requests, self.last, self.wrong = 0, None, []

    def run(self):
        try:
            while not self.over.is_set():
                with contextlib.closing(self.server.connect()) as connection:
                    for _ in range(self.dice.randrange(1, 200)):
                        self.ask(connection)
                        if self.over.is_set():
                            break
        except Exception as failure:
            self.wrong.append(repr(failure))

    def ask(self, connection):
        method, path, body = one_of_many(self.dice, self.last)
        connection.request(method, path, None if body is None else json.dumps(body), JSON)
        reply = connection.getresponse()
        text = reply.read()
        self.requests += 1
        if reply.status >= 500 and not path.endswith("/result"):
            self.wrong.append((method, path, reply.status, text[:300]))
        if path == "/v1/runs" and reply.status == 201:
            self.last = json.loads(text)["run_id"]


def idle(server):
    """Nothing is asked or run any more."""
    with contextlib.suppress(http.client.HTTPException, OSError):
        runs = server.get("/readyz").json()["runs"]
        return runs == {"waiting": 0, "running": 0}
    return False


def soak_server(askcsv, seconds, marks, tell):
    """Gives the figures at each mark (seconds from the start) and at the end, each as (second, server's,
    host's), the number of requests, and what went wrong. tell(figures) is called with each."""
    server = Server(askcsv, ASKCSV_LINGER=60)
    over = threading.Event()
    clients = [Client(server, n, over) for n in range(CLIENTS)]
    begin = time.monotonic()
    found = []

    def measure(moment):
        host = Host(askcsv.home).pid()
        found.append((moment, figures_of(server.process.pid), figures_of(host) if host else {}))
        tell(found[-1])

    try:
        for client in clients:
            client.start()
        for mark in [*marks, seconds]:
            over.wait(max(0, begin + mark - time.monotonic()))
            measure(mark)
        over.set()
        for client in clients:
            client.join(SETTLE_SECONDS)
        assert wait_until(lambda: idle(server), SETTLE_SECONDS)
        measure(int(time.monotonic() - begin))
    finally:
        over.set()
        status = server.end()
    wrong = [what for client in clients for what in client.wrong]
    if status != 0:
        wrong.append(f"the server ended with {status}")
    return found, sum(client.requests for client in clients), wrong


def grown(found):
    """What is more at the end than at the first mark by which the server had all that it keeps."""
    settled = [figures for figures in found if figures[0] >= SETTLED_SECONDS] or found[:1]
    first, last = settled[0], found[-1]
    more = {}
    for what, before in first[1].items():
        slack = SLACK_KB if what.endswith("_kb") else CLIENTS + 8  # connections; children's sockets
        if last[1][what] - before > slack:
            more[what] = last[1][what] - before
    return more
