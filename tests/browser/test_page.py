"""The page in a real browser, on real servers with real runs. What the browser does is in cases.mjs."""
import contextlib
import json
import re
import signal
import socket
import threading

import pytest

from blackbox.conftest import Askcsv, askcsv, generated, server  # noqa: F401
from chromium import browser  # noqa: F401
from programs import ROOT
from scripted_model import ScriptedModel, call, say
from served import Server

FIRST_LOAD_MAX = 300_000  # bytes as they are sent, of all that one answer needs
ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"
REGISTRY = json.loads((ROOT / "datasets" / "registry.json").read_text(encoding="utf-8"))
PROMPTS = [(prompt["id"], dataset["id"], prompt["text"])
           for dataset in REGISTRY["datasets"] for prompt in dataset["prompts"]]
# Which chart each prompt's answer gets; none where the answer is a list of things that happened.
CHARTS = {"ecommerce-1": "bar", "ecommerce-2": "bar", "ecommerce-3": "bar", "ecommerce-5": "bar",
          "support-1": "bar", "support-2": "bar", "support-4": "bar", "sensors-1": "bar",
          "sensors-2": "bar", "sensors-3": "scatter", "sensors-4": "bar", "sensors-5": "bar",
          "support-3": "bar", "support-5": "bar"}

HOSTILE_NAMES = ["__proto__", "constructor", "<img src=x onerror=pwned=1>", "toString"]
TRIPS = {"version": 1, "datasets": [{
    "id": "trips", "name": "<b>Trips</b>", "description": "<script>pwned=1</script>",
    "tables": [{"name": "trips", "file": "trips.csv", "format": "csv", "description": "<svg onload=pwned=1>",
                "columns": [{"name": "id", "type": "INTEGER", "nullable": False},
                            {"name": "price_eur", "type": "DOUBLE", "nullable": False, "unit": "EUR"},
                            {"name": "price_usd", "type": "DOUBLE", "nullable": False, "unit": "USD"},
                            {"name": "note", "type": "VARCHAR", "nullable": False}]}],
    "relationships": [], "prompts": [{"id": "trips-1", "text": "<i>How many trips are there?</i>"}]}]}


@pytest.fixture(scope="module")
def trips(askcsv_path, tmp_path_factory):
    """A dataset whose every text is an attack, and that has two prices."""
    home = tmp_path_factory.mktemp("trips")
    (home / "registry.json").write_text(json.dumps(TRIPS))
    (home / "datasets/trips").mkdir(parents=True)
    (home / "datasets/trips/trips.csv").write_text(
        "id,price_eur,price_usd,note\n1,2.5,3.5,<img src=x onerror=pwned=1>\n2,4.5,5.5,\"</td><script>pwned=1</script>\"\n")
    started = Server(Askcsv(askcsv_path, home), ASKCSV_REGISTRY=home / "registry.json", ASKCSV_LINGER=20)
    yield started
    assert started.end() == 0


def test_first_load(browser, server):
    seen = browser("firstLoad", server)
    assert 10_000 < seen["size"] < FIRST_LOAD_MAX
    assert seen["violations"] == [] and seen["inline"] == 0
    policy = seen["headers"]["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "script-src 'self';" in policy and "style-src 'self';" in policy
    assert seen["headers"]["x-content-type-options"] == "nosniff"
    assert not [path for path in seen["paths"] if not re.match(r"/($|assets/|v1/|healthz)", path)]


def test_files_of_the_page(server):
    page = server.get("/")
    assert page.status == 200 and page.headers["Cache-Control"] == "no-cache"
    assert server.get("/", If_None_Match=page.headers["ETag"]).status == 304
    assert server.get("/runs").bytes == server.get("/runs/a...b").bytes == page.bytes
    assert server.get("/runs/anything").bytes == server.get("/threads/x").bytes == page.bytes
    names = re.findall(r'"(/assets/[^"]+)"', page.bytes.decode())
    assert len(names) == 3
    for name in names:
        plain, zipped = server.get(name), server.get(name, Accept_Encoding="gzip")
        assert plain.status == 200 and "immutable" in plain.headers["Cache-Control"]
        assert zipped.headers["Content-Encoding"] == "gzip" and len(zipped.bytes) < len(plain.bytes)
        assert zipped.headers["Vary"] == "Accept-Encoding"
        assert server.get(name, If_None_Match=zipped.headers["ETag"]).status == 304
    assert server.get("/assets/app-OLD.js").status == 404
    assert server.ask("POST", "/", {}).status == 405


@pytest.mark.parametrize("prompt,dataset,text", PROMPTS, ids=[p[0] for p in PROMPTS])
def test_golden_prompts(browser, server, prompt, dataset, text):
    seen = browser("prompt", server, dataset, text)
    result = server.get(f"/v1/runs/{seen['run']}/result").json()
    assert seen["status"] == "succeeded"
    assert seen["columns"] == result["columns"] and seen["rows"] == result["row_count"] > 0
    plain = [cell.replace(",", "") for cell in seen["first"]]
    assert plain == [str(c).lower() if isinstance(c, bool) else str(c) for c in result["rows"][0]]
    assert seen["chart"] == CHARTS.get(prompt)
    assert bool(seen["marks"]) == bool(seen["chart"])
    assert seen["chart"] is None or len(seen["name"]) > 30, "a chart has its text"


def test_states_in_order(browser, askcsv, generated):  # noqa: F811
    (askcsv.home / "datasets").symlink_to(generated)
    server = Server(askcsv, "--workers", "1")
    try:
        busy = server.run(ENDLESS, wait_ms=50).json()["run_id"]
        server.await_status(busy, {"running"})
        seen = browser("states", server, "revenue by category", do={
            "free": lambda: server.ask("POST", f"/v1/runs/{busy}/cancel").status})
    finally:
        server.end(signal.SIGKILL)
    said = seen["seen"]
    places = [said.index(words) for words in said if words.startswith(("Asked", "Waiting", "Running", "Answered"))]
    kinds = [words.split(",")[0].split(".")[0] for words in said]
    assert kinds.index("Asked") < kinds.index("Waiting") < kinds.index("Answered"), said
    assert places == sorted(places) and said[-1] == "Answered. 5 rows"
    assert re.fullmatch(r"\d+ s", seen["elapsed"])


def test_cancel(browser, server):
    assert browser("cancel", server, f"SQL: {ENDLESS}") == "succeeded"


def test_refused_sql_shows_its_place(browser, server):
    sql = "SELECT '☕' AS cup,\n  name FROM read_csv('/etc/passwd')"
    seen = browser("refused", server, sql)
    assert seen["status"] == "rejected" and seen["fault"] == ["read_csv"]
    assert seen["line"] == "underline" and seen["sql"].strip() == sql
    assert "not allowed" in seen["notice"]


def test_hostile_cells_and_columns(browser, server):
    columns = ", ".join(f"'<img src=x onerror=pwned=1>' || i AS \"{name}\"" for name in HOSTILE_NAMES)
    seen = browser("hostile", server, f"SQL: SELECT {columns}, i AS \"valueOf\" FROM range(3) AS r(i)")
    assert seen["columns"] == [*HOSTILE_NAMES, "valueOf"]
    assert seen["cells"] == ["<img src=x onerror=pwned=1>0"] * 4 + ["0"]
    assert (seen["elements"], seen["ran"], seen["proto"], seen["violations"]) == (0, None, 0, [])


def test_hostile_dataset(browser, trips):
    seen = browser("hostile", trips, "SQL: SELECT note, note AS \"__proto__\", price_eur FROM trips ORDER BY id", "trips")
    assert seen["cells"] == ["<img src=x onerror=pwned=1>", "<img src=x onerror=pwned=1>", "2.5"]
    assert (seen["elements"], seen["ran"], seen["proto"], seen["violations"]) == (0, None, 0, [])


def test_choices_are_run(browser, trips):
    seen = browser("choices", trips, "trips", "What is the average price?")
    assert seen["status"] == "abstained" and len(seen["readings"]) == 2
    assert "Which of these" in seen["notice"]
    assert seen["asked"] == seen["readings"][1] and "usd" in seen["asked"] and seen["cells"] == ["4.5"]


def test_narrow(browser, server):
    seen = browser("narrow", server)
    assert seen["wide"] == [] and not seen["drawer"]
    assert seen["labels"][0] == "Aug 2025" and seen["labels"][-1] == "Jan 2026"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe(browser, server, scheme):
    assert browser("axe", server, scheme) == {}


def test_by_keyboard_alone(browser, server):
    seen = browser("keyboard", server)
    assert seen["history"] == "revenue by category\nhighest first" and seen["empty"] == ""
    (up, *rising), (down, *falling), (none, *given) = seen["orders"]
    value = [float(cell.replace(",", "")) for cell in rising]
    assert (up, down, none) == ("ascending", "descending", "none")
    assert value == sorted(value) and falling == rising[::-1] and sorted(given) == sorted(rising)


def test_server_killed_and_back(browser, askcsv, generated):  # noqa: F811
    (askcsv.home / "datasets").symlink_to(generated)
    servers = [Server(askcsv)]

    def kill():
        servers[-1].end(signal.SIGKILL)

    def start():
        servers.append(Server(askcsv, port=servers[0].port))

    try:
        seen = browser("serverGone", servers[0], f"SQL: {ENDLESS}", do={"kill": kill, "start": start})
    finally:
        kill()
    assert "There is no answer" in seen["notice"] or "lost" in seen["notice"], seen
    assert seen["turns"] == 3


def test_what_a_dataset_holds(browser, server):
    seen = browser("schema", server)
    schema = server.get("/v1/datasets/ecommerce/schema").json()
    orders = schema["tables"][0]
    assert seen["tables"][0] == "orders 4,018 rows, 173 kB, 6 columns"
    assert seen["tables"][-1] == "How the tables belong together"
    assert seen["columns"] == [column["name"] for column in orders["columns"]]
    assert "In USD." in seen["price"] and re.fullmatch("[0-9a-f]{64}", seen["version"])
    assert seen["samples"] == [str(c).lower() if isinstance(c, bool) else str(c) for c in orders["sample_rows"][0]]


class Wire:
    """Between browser and server: a way that can be cut while both of them go on."""

    def __init__(self, server):
        self.server, self.pairs = server, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                here, _ = self.listener.accept()
                there = socket.create_connection(("127.0.0.1", self.server.port))
                self.pairs.append((here, there))
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self.pass_on, args=(one, other), daemon=True).start()

    @staticmethod
    def pass_on(one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def cut(self):
        for pair in self.pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def end(self):
        self.listener.close()
        self.cut()


def test_lost_connections_and_reloads_go_on(browser, server):
    wire = Wire(server)
    try:
        seen = browser("resumed", wire, f"SQL: {ENDLESS}", do={"cut": wire.cut})
    finally:
        wire.end()
    (method, _), *later = seen["asked"]
    assert method == "POST" and all(method == "GET" for method, _ in later), "it is asked once"
    assert int(later[0][1]) >= 2, "it goes on behind what it has"
    assert later[-1][1] == "0" and seen["questions"] == 1


def test_threads(browser, server):
    seen = browser("threads", server)
    assert re.fullmatch(r"/threads/[0-9a-f-]{36}", seen["path"]) and seen["home"] == "/"
    assert seen["kept"] == ["revenue by category", "only for Books", "How many unicorns are there?"]
    assert seen["status"] == "succeeded"


def test_a_run_is_shared(browser, server):
    question = "lowest price by category"  # no other test's: an answer of an earlier run had no walls of its own
    seen = browser("share", server, question)
    assert seen["question"] == question and seen["same"] and seen["asks"] == 0
    assert seen["verdict"].startswith("Confirmed.")
    assert seen["how"] == ["Reading", "Plan", "SQL", "Data", "Time", "Limits", "Walls", "Record"]


def test_edited_and_run_again(browser, server):
    plan = {"dataset_id": "ecommerce", "table": "orders", "select": [{"func": "count", "alias": "n"}]}
    seen = browser("edited", server, {
        "refused": "SELECT '☕😀' AS cup,\n  name FROM read_csv('/etc/passwd')",
        "sql": "SELECT category, count(*) AS n FROM order_items GROUP BY ALL ORDER BY n DESC, category LIMIT 1",
        "wrong": json.dumps({**plan, "selec": [], "limit": 0}, indent=1),
        "plan": json.dumps(plan, indent=2)})
    assert seen["violations"] == [] and seen["axe"] == []
    assert seen["label"] == "SQL. Control and Enter runs it, Escape leaves"
    assert any(line.startswith("category") and "order_items, VARCHAR" in line for line in seen["columns"])
    assert {"price", "quantity", "category"} <= set(seen["members"]) and "customer_id" not in seen["members"]
    assert seen["refused"]["places"] == ["read_csv"] and seen["refused"]["said"].startswith("Line 2")
    assert "not allowed" in seen["refused"]["said"]
    assert seen["tab"].startswith("Line") and seen["escape"] == "Run"
    rows = server.get(f"/v1{seen['runs'][1]}/result").json()["rows"]
    assert [cell.replace(",", "") for cell in seen["cells"]] == [str(cell) for cell in rows[0]]
    assert "GROUP BY ALL" in seen["shown"]
    assert seen["compare"] == f"{seen['runs'][0]}...{seen['runs'][1].split('/')[-1]}"
    assert seen["failed"]["places"] == ["nothing"] and "nothing" in seen["failed"]["said"]
    assert seen["planColumns"] == ['"status"']
    assert "closing }" in seen["unfinished"]["said"] and seen["unfinished"]["places"] == ['"']
    assert seen["wrong"]["places"] == ['"selec"', "0"]
    assert "did you mean" in seen["wrong"]["said"] and "1 more fault" in seen["wrong"]["said"]
    assert seen["planned"] == ["4,018"] and seen["closed"] == "Edit the SQL"
    assert seen["moved"][0] == seen["moved"][1] != seen["runs"][1] == seen["back"]


def plan_of(limit, **more):
    return {"dataset_id": "ecommerce", "table": "orders", "select": [{"column": "status"}, {"func": "count", "alias": "n"}],
            "group_by": ["status"], "order_by": [{"expr": "status"}], "limit": limit, **more}


def made(server, **body):
    run = server.ask("POST", "/v1/runs", {"dataset_id": "ecommerce", **body}).json()
    return run["run_id"], run


def test_history_of_runs(browser, askcsv, generated):  # noqa: F811
    (askcsv.home / "datasets").symlink_to(generated)
    server = Server(askcsv)
    try:
        two = [made(server, query_type="plan", plan=plan_of(n))[0] for n in (2, 3)]
        refused = made(server, query_type="sql", sql="SELECT * FROM read_csv('x')")[0]
        sensors = made(server, dataset_id="sensors", query_type="sql", sql="SELECT count(*) AS n FROM sensors")[0]
        for n in range(49):
            made(server, query_type="sql", sql=f"SELECT {n} AS n")
        # The two are on the first page, so that they can be chosen.
        two = [made(server, query_type="plan", plan=plan_of(n))[0] for n in (2, 3)]
        listed = [run["run_id"] for run in server.get("/v1/runs?limit=200").json()["runs"]]
        seen = browser("history", server, two, 2)
    finally:
        server.end(signal.SIGKILL)
    assert seen["pages"] == [50, 55] and seen["older"] == 0 and seen["all"] == listed
    assert seen["rejected"] == seen["again"] == [refused] and seen["search"] == "?status=rejected"
    assert seen["sensors"] == [sensors]
    assert seen["disabled"] and seen["path"] == f"/runs/{two[0]}...{two[1]}", "the older one is the first"
    assert seen["opened"] == f"/runs/{listed[0]}"
    assert seen["axe"] == seen["violations"] == []


@pytest.mark.parametrize("options", [{}, {"colorScheme": "dark"}, {"viewport": {"width": 360, "height": 740}}],
                         ids=["light", "dark", "narrow"])
def test_two_runs_compared(browser, server, options):
    a, first = made(server, query_type="plan", plan=plan_of(2))
    b, second = made(server, query_type="plan", plan=plan_of(5, filters=[{"column": "total", "op": ">", "value": 100}]))
    seen = browser("compare", server, [a, b], options)
    before, after = dict(first["result"]["rows"]), dict(second["result"]["rows"])
    kinds = {row[2]: row[0] for row in seen["rows"]}
    assert kinds == {s: "changed" if s in before else "added" for s in after}
    pairs = [[f"{before[s]:,}", f"{after[s]:,}"] for s in sorted(after) if s in before]
    assert seen["cells"] == pairs and len(pairs) == 2
    assert seen["words"] == f"2 rows changed, {len(after) - 2} added. Rows belong together by status."
    assert {line[0] for line in seen["lines"]} == {"+", "-"}
    assert any('"op": ">"' in line and line[0] == "+" for line in seen["lines"])
    assert any("LIMIT 2" in line and line[0] == "-" for line in seen["lines"])
    assert seen["parts"] == ["Answer", "Plan", "SQL", "Data", "Time"] and "in the same version" in seen["text"]
    assert seen["axe"] == seen["violations"] == [] and seen["wide"] is None


def test_runs_that_compare_to_nothing(browser, server):
    a, _ = made(server, query_type="sql", sql="SELECT '<img src=x onerror=pwned=1>' AS \"<b>\"")
    b, _ = made(server, query_type="sql", sql="SELECT '<img src=x>' AS \"<b>\"")
    c, _ = made(server, query_type="sql", sql="SELECT * FROM read_csv('x')")
    hostile = browser("compare", server, [a, b], {})
    assert {tuple(row) for row in hostile["rows"]} == {
        ("gone", hostile["rows"][0][1], "<img src=x onerror=pwned=1>"), ("added", hostile["rows"][1][1], "<img src=x>")}
    assert hostile["elements"] == 0
    assert browser("compare", server, [a, a], {})["words"] == "The same answer. 1 row."
    refused = browser("compare", server, [a, c], {})
    assert refused["words"] == "Only the first one has an answer." and refused["rows"] == []


def test_data_that_changed_is_said(browser, askcsv_path, tmp_path):
    (tmp_path / "registry.json").write_text(json.dumps(TRIPS))
    file = tmp_path / "datasets/trips/trips.csv"
    file.parent.mkdir(parents=True)
    file.write_text("id,price_eur,price_usd,note\n1,2.5,3.5,a\n2,4.5,5.5,b\n")
    server = Server(Askcsv(askcsv_path, tmp_path), ASKCSV_REGISTRY=tmp_path / "registry.json")
    try:
        sql = "SELECT id, price_eur FROM trips ORDER BY id"
        a, _ = made(server, dataset_id="trips", query_type="sql", sql=sql)
        file.write_text("id,price_eur,price_usd,note\n2,4.75,5.5,b\n3,1,1,c\n")
        b, _ = made(server, dataset_id="trips", query_type="sql", sql=sql)
        seen = browser("compare", server, [a, b], {})
    finally:
        server.end(signal.SIGKILL)
    assert "in two versions" in seen["text"] and "Other content: trips." in seen["text"]
    assert [row[0] for row in seen["rows"]] == ["gone", "changed", "added"]
    assert seen["words"] == "1 row changed, 1 added, 1 gone. Rows belong together by id."
    assert "Plan" not in seen["parts"] and "The same in both." in seen["text"]


def test_key(browser, askcsv, generated):  # noqa: F811
    (askcsv.home / "datasets").symlink_to(generated)
    key = re.search(r"ak_\S+", askcsv.ok("keys", "add", "somebody").stdout).group()
    server = Server(askcsv)
    try:
        seen = browser("key", server, key)
    finally:
        server.end(signal.SIGKILL)
    assert seen["status"] == "succeeded" and not seen["local"] and key not in seen["url"]


def test_files_and_charts(browser, server):
    seen = browser("files", server)
    assert seen["csv"][0] == "csv" and seen["csv"][1].startswith("month,revenue\n2025-08-01,226324.64\n")
    assert seen["json"][0] == "json" and json.loads(seen["json"][1])["row_count"] == 6
    assert seen["svg"][0] == "svg" and seen["svg"][1].startswith("<svg") and "style=" not in seen["svg"][1]
    assert seen["png"][0] == "png" and seen["png"][1].startswith("\x89PNG")
    assert seen["copied"].startswith("month\trevenue\n2025-08-01\t226324.64\n")
    assert seen["bars"] == 6 and seen["hidden"]


def test_long_table(browser, server):
    seen = browser("longTable", server, "SQL: SELECT i * 1000 AS n, CASE WHEN i % 10 = 0 THEN NULL ELSE i // 7 END AS s "
                                        "FROM range(5000) AS r(i) ORDER BY i")
    assert 20 < seen["rows"] < 150 and seen["count"] == "1001"
    assert seen["end"] == ["999,000", "142"] and 0 <= seen["head"] <= 2 and seen["align"] == "right"
    assert seen["first"] == ["994,000", "142"], "equal ones stay in the answer's order"
    assert seen["nulls"] == ["990,000", "null"], "null is last whichever way"
    assert "Only the first 1,000 rows" in seen["note"]


def test_figures_of_a_model(browser, askcsv, generated):  # noqa: F811
    (askcsv.home / "datasets").symlink_to(generated)
    plan = {"dataset_id": "ecommerce", "table": "orders", "select": [{"column": "status"}, {"func": "count", "alias": "n"}],
            "group_by": ["status"], "order_by": [{"expr": "n", "direction": "desc"}]}
    words = "☕ There are 4,018 orders... and 123,457 more."
    with ScriptedModel([]) as model:
        server = Server(askcsv, ASKCSV_OPENAI_BASE_URL=model.base_url("openai"), ASKCSV_OPENAI_MODEL="scripted",
                        ASKCSV_OPENAI_KEY="sk-none")
        try:
            rows = server.ask("POST", "/v1/runs", {"dataset_id": "ecommerce", "query_type": "plan", "plan": plan}).json()
            most = f"{rows['result']['rows'][0][1]:,}"
            words = f"☕ Most orders, {most}, are completed, and 123,457 are not."
            model.steps[:] = [call("execute_query_plan", plan), say(words), say(words)]
            seen = browser("grounded", server, "How many orders have which status?")
        finally:
            server.end(signal.SIGKILL)
        assert not model.faults
    assert seen["status"] == "succeeded" and "built-in planner" in seen["planners"]
    assert seen["found"] == seen["lit"] == most
    assert seen["unsupported"] and seen["unsupported"][0].startswith("123,457")
    assert "not found in the results" in seen["title"]
    assert seen["verdict"].startswith("Confirmed. The record of the answer")
    assert seen["question"] == "How many orders have which status?" and seen["shared"].startswith("☕ Most orders")
