"""askcsv serve, started for a test and asked over HTTP."""
import contextlib
import http.client
import json
import re
import signal
import ssl
import subprocess
import threading

from host import wait_until

JSON = {"Content-Type": "application/json"}
COUNT = "SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY ALL"
END_SECONDS = 30


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.bytes = response.read()

    def json(self):
        return json.loads(self.bytes)


def problem(reply, status, error):
    body = reply.json()
    assert reply.status == status, body
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert body["status"] == status and body["error"] == error, body
    assert body["type"].startswith("/problems/") and body["title"] and body["detail"]
    assert body["request_id"] == reply.headers["X-Request-Id"]
    return body


class Server:
    """askcsv serve on a free port, or on one that was free."""

    def __init__(self, askcsv, *options, port=0, **env):
        self.askcsv = askcsv
        self.process = subprocess.Popen(
            [str(askcsv.path), "serve", "--port", str(port), *options], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=askcsv.env(**env))
        self.said = []
        for line in self.process.stderr:
            self.said.append(line.decode())
            found = re.search(r"serving on (https?)://127\.0\.0\.1:(\d+)", self.said[-1])
            if found:
                self.scheme, self.port = found.group(1), int(found.group(2))
                # Its log: a pipe that nobody reads would stop it once it is full.
                self.reader = threading.Thread(target=self.read_log, daemon=True)
                self.reader.start()
                return
        raise AssertionError("the server did not start: " + "".join(self.said))

    def read_log(self):
        for line in self.process.stderr:
            self.said.append(line.decode())

    def log(self, event=None):
        """The lines of its log so far."""
        lines = [json.loads(line) for line in self.said if line.startswith("{")]
        return [line for line in lines if event in (None, line["event"])]

    def connect(self):
        if self.scheme == "https":
            trusting = ssl.create_default_context()
            trusting.check_hostname = False
            trusting.verify_mode = ssl.CERT_NONE
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=trusting)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method, path, body=None, headers=None):
        connection = self.connect()
        with contextlib.closing(connection):
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {**(JSON if body is not None else {}),
                                                    **(headers or {})})
            return Reply(connection.getresponse())

    def get(self, path, **headers):
        return self.ask("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def run(self, sql=COUNT, **more):
        return self.ask("POST", "/v1/runs", {"dataset_id": "ecommerce", "query_type": "sql",
                                             "sql": sql, **more})

    def status(self, run_id):
        return self.get(f"/v1/runs/{run_id}/status").json()

    def await_status(self, run_id, statuses):
        assert wait_until(lambda: self.status(run_id)["status"] in statuses), self.status(run_id)

    def reload(self):
        """What its log says of a reload that is asked for now."""
        before = len(self.log("config.reload"))
        self.process.send_signal(signal.SIGHUP)
        assert wait_until(lambda: len(self.log("config.reload")) > before), self.said
        return self.log("config.reload")[before]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait(timeout=END_SECONDS)
        self.reader.join(END_SECONDS)
        return self.process.returncode
