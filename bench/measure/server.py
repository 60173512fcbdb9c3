"""The server under load: the golden questions' SQL as POST /v1/runs, against the warm executor alone
that it stands on, which is asked before and after; and what the server holds meanwhile."""
import contextlib
import json
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

from measure import machine
from measure.golden import through_way
from measure.ways import Failed, rows_of, same_rows, summary
from measure.world import note

CLIENTS = 32
LOAD_S = 30
STREAMS = 1000
ENDLESS = "SQL: SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"
SCRIPT = pathlib.Path(__file__).with_name("server.lua")
WAIT_S = 60


class Server:
    """askcsv serve on a free port of this machine. Every run is one: none is answered from an earlier
    one's result."""

    def __init__(self, world):
        self.process = subprocess.Popen(
            [world.askcsv, "serve", "--port", "0"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**world.warm_env, "ASKCSV_CACHE": "false"})
        self.port = None
        for line in self.process.stderr:
            found = re.search(rb"serving on http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found[1])
                break
        if self.port is None:
            raise Failed("the server did not start")
        self.log = open(world.folder / "server.log", "wb")
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()

    def _read_log(self):
        shutil.copyfileobj(self.process.stderr, self.log)

    def connect(self, method, path, body=None):
        """A connection that has sent its request."""
        connection = socket.create_connection(("127.0.0.1", self.port), WAIT_S)
        text = "" if body is None else json.dumps(body)
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                           f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
                           f"{text}".encode())
        return connection

    def ask(self, method, path, body=None):
        with contextlib.closing(self.connect(method, path, body)) as connection:
            text = b"".join(iter(lambda: connection.recv(65536), b""))
        return json.loads(text.split(b"\r\n\r\n", 1)[1])

    def memory_mb(self):
        """Resident memory, and of it what is the process's own."""
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        kb = {name: int(re.search(rf"^{name}: +(\d+)", text, re.M)[1])
              for name in ("Rss", "Private_Dirty")}
        return {"rss": round(kb["Rss"] / 1024, 1), "private": round(kb["Private_Dirty"] / 1024, 1)}

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(WAIT_S)
        self.log.close()


def body_of(question):
    return {"dataset_id": question["dataset"], "query_type": "sql", "sql": question["sql"],
            "wait_ms": 60000}


def check_answers(server, way, questions):
    """The server's rows against the executor's; both are warm then."""
    for job, question in enumerate(questions):
        note(f"{question['name']}: server")
        answer = server.ask("POST", "/v1/runs", body_of(question))
        if not same_rows(rows_of(way.show_patiently(job)), rows_of(answer)):
            raise Failed(f"{question['name']}: the server answers otherwise than the executor")


def load(world, server, questions, seconds):
    """wrk, as its script counts."""
    file = world.folder / "bodies"
    file.write_text("".join(json.dumps(body_of(q)) + "\n" for q in questions))
    done = world.output(["wrk", "--threads", 2, "--connections", CLIENTS, "--duration",
                         f"{seconds}s", "--timeout", "60s", "--script", SCRIPT,
                         f"http://127.0.0.1:{server.port}", "--", file])
    counted = json.loads(done.decode().strip().splitlines()[-1])
    counted["per_second"] = round(counted["requests"] / counted["wall_us"] * 1e6, 2)
    return counted


def executor_alone(way, questions, seconds):
    answer = way.run(range(len(questions)), CLIENTS, ms=seconds * 1000)
    return {"wall_us": answer["wall_us"], "us": [us for _, us, _ in answer["samples"]]}


def open_streams(server):
    """That many clients follow one answer that does not come."""
    first = server.connect("POST", "/v1/chat/stream", {"dataset_id": "ecommerce",
                                                       "message": ENDLESS})
    head = first.recv(65536).decode()
    found = re.search(r"^X-Stream-Id: (\S+)", head, re.M | re.I)
    if not found:
        raise Failed(f"no event stream: {head[:200]}")
    streams = [first]
    for _ in range(STREAMS - 1):
        streams.append(server.connect("GET", f"/v1/chat/stream/{found[1]}"))
    for stream in streams[1:]:
        if b" 200 " not in stream.recv(4096).split(b"\r\n", 1)[0]:
            raise Failed("an event stream was refused")
    return streams


def idle_streams(server):
    """The memory of a server that has done nothing yet, without and with the streams."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = server.memory_mb()
    streams = open_streams(server)
    time.sleep(2)  # idle: events that all of them got are sent
    after = server.memory_mb()
    for stream in streams:
        stream.close()
    return {"streams": STREAMS, "before": before, "with": after,
            "mb": round(after["rss"] - before["rss"], 1)}


def measure_all(world, questions, server, way):
    check_answers(server, way, questions)
    note("the executor alone")
    alone = [executor_alone(way, questions, LOAD_S // 2)]
    before = server.memory_mb()
    note("the server")
    served = load(world, server, questions, LOAD_S)
    after = server.memory_mb()
    note("the executor alone")
    alone.append(executor_alone(way, questions, LOAD_S // 2))
    samples = [us for part in alone for us in part["us"]]
    rate = len(samples) / sum(part["wall_us"] for part in alone) * 1e6
    return {"clients": CLIENTS, "seconds": LOAD_S,
            "executor": {"per_second": round(rate, 2), "ms": summary(samples),
                         "failed": way.failed, "error": way.error},
            "server": served, "ratio": round(served["per_second"] / rate, 3),
            "failed": served["wrong"] + served["broken"],
            "memory": {"before": before, "after": after}}


def measure(world, questions):
    if not shutil.which("wrk"):
        print("server: skipped: wrk is not installed (Debian: apt-get install wrk)")
        return {"skipped": "wrk is not installed"}
    way = through_way(world, questions)
    server = None
    try:
        server = Server(world)
        result = measure_all(world, questions, server, way)
        server.close()
        server = Server(world)
        note("idle event streams")
        result["idle"] = idle_streams(server)
    finally:
        if server:
            server.close()
        way.close()
        machine.stop_runners()
    note("")
    show(result)
    return result


def show(result):
    served, alone = result["server"], result["executor"]
    print(f"\n{f'golden SQL, {CLIENTS} clients':<34}{'a second':>10}{'p50':>9}{'p95':>9}{'p99':>9}"
          f"{'max':>9}")
    for name, entry, ms in (("askcsv, warm host", alone, alone["ms"]),
                            ("POST /v1/runs", served, served)):
        print(f"{name:<34}{entry['per_second']:>10.1f}" + "".join(
            f"{ms[part]:>9.1f}" for part in ("p50", "p95", "p99", "max")))
    if result["failed"]:
        print(f"  {result['failed']} of {served['requests']} failed: {served['first']}")
    print("memory of the server, MB: {before[rss]} before, {after[rss]} after".format(
        **result["memory"]) + f"; {STREAMS} idle event streams: {result['idle']['mb']} more")
