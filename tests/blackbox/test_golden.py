"""The eighteen golden questions: each plan runs, equals its committed answer, and that answer is
confirmed by SQL written separately and run by another engine (SQLite) on the same CSV files."""
import csv
import json
import sqlite3
from decimal import Decimal

import pytest

from programs import ROOT

GOLDEN = ROOT / "datasets" / "golden"
IDS = [f"{name}-{n}" for name in ("ecommerce", "support", "sensors") for n in range(1, 7)]

# The reference time is 2026-01-31 00:00:00; "last N" is from N before it to it, both included.
# Money and measures are loaded as whole numbers of their smallest unit (cents, hundredths).
SQL = {
    "ecommerce-1": """
        SELECT i.product_id, p.name, sum(i.price * i.quantity) / 100.0 AS revenue
        FROM order_items i JOIN inventory p ON p.product_id = i.product_id
        GROUP BY 1, 2 ORDER BY sum(i.price * i.quantity) DESC, 1 LIMIT 10""",
    "ecommerce-2": """
        WITH pairs AS (SELECT DISTINCT i.category, o.order_id, o.returned = 'true' AS back
                       FROM order_items i, orders o WHERE o.order_id = i.order_id)
        SELECT category, count(*), sum(back), round(100.0 * sum(back) / count(*), 2) AS rate
        FROM pairs GROUP BY category ORDER BY rate DESC, category""",
    "ecommerce-3": """
        SELECT category, round(sum(discount) * 1.0 / count(*), 2) AS average, count(*)
        FROM order_items WHERE discount <> 0 GROUP BY category ORDER BY average DESC, category""",
    "ecommerce-4": """
        SELECT product_id, name, stock FROM inventory
        WHERE category = 'Electronics' AND stock BETWEEN 0 AND 19 ORDER BY stock, product_id
        LIMIT 200""",
    "ecommerce-5": """
        SELECT customer_id, sum(total) / 100.0, count(*), round(sum(total) / 100.0 / count(*), 2)
        FROM orders WHERE status = 'completed'
        GROUP BY customer_id ORDER BY sum(total) DESC, customer_id LIMIT 20""",
    "ecommerce-6": """
        SELECT order_id, customer_id, order_date, total / 100.0 FROM orders
        WHERE status = 'returned' AND total > 10000
          AND order_date >= '2026-01-01' AND order_date <= '2026-01-31'
        ORDER BY total DESC, order_id""",
    "support-1": """
        SELECT priority, count(*), sum(sla_met = 'true'),
               round(100.0 * sum(sla_met = 'true') / count(*), 2)
        FROM tickets WHERE status <> 'Open' GROUP BY priority
        ORDER BY instr('Critical High Medium Low', priority)""",
    "support-2": """
        SELECT category, round(avg(csat_score), 2) AS score, count(csat_score),
               round(100.0 * count(csat_score) / count(*), 2)
        FROM tickets GROUP BY category ORDER BY score DESC, category""",
    "support-3": """
        SELECT ticket_id, created_at, category, priority,
               round((strftime('%s', '2026-01-31 00:00:00')
                      - strftime('%s', created_at)) / 3600.0, 2)
        FROM tickets WHERE priority = 'Critical' AND status = 'Open'
        ORDER BY created_at, ticket_id LIMIT 20""",
    "support-4": """
        SELECT category, round(avg(resolution_time_hours) / 100.0, 2) AS hours,
               min(resolution_time_hours) / 100.0, max(resolution_time_hours) / 100.0, count(*)
        FROM tickets WHERE resolved_at IS NOT NULL GROUP BY category ORDER BY hours DESC, category""",
    "support-5": """
        SELECT ticket_id, created_at, resolved_at, category, priority,
               resolution_time_hours / 100.0 FROM tickets
        WHERE sla_met = 'false' AND created_at >= '2026-01-24 00:00:00'
        ORDER BY resolution_time_hours DESC, ticket_id""",
    "support-6": """
        SELECT ticket_id, category, priority, csat_score, resolved_at FROM tickets
        WHERE csat_score <= 2 AND resolved_at >= '2026-01-01 00:00:00'
        ORDER BY csat_score, resolved_at DESC, ticket_id""",
    "sensors-1": """
        SELECT location, count(*) AS n, count(DISTINCT sensor_id) FROM sensors
        WHERE anomaly_flag = 'true' AND "timestamp" >= '2026-01-30 00:00:00'
        GROUP BY location ORDER BY n DESC, location""",
    "sensors-2": """
        SELECT zone, round(avg(temperature_c) / 100, 2) AS t, round(avg(humidity_pct) / 100, 2),
               round(avg(pressure_hpa) / 100, 2), count(*)
        FROM sensors WHERE status = 'online' GROUP BY zone ORDER BY t DESC, zone""",
    "sensors-3": """
        SELECT sensor_id, "timestamp", location, temperature_c / 100.0, humidity_pct / 100.0
        FROM sensors WHERE anomaly_type = 'high_temp' AND "timestamp" >= '2026-01-24 00:00:00'
        ORDER BY temperature_c DESC, sensor_id, "timestamp" LIMIT 50""",
    "sensors-4": """
        SELECT sensor_id, location, min(battery_pct) AS low, max("timestamp") FROM sensors
        WHERE status = 'online' AND battery_pct < 20
        GROUP BY sensor_id, location ORDER BY low, sensor_id""",
    "sensors-5": """
        SELECT status, count(*) AS n, count(DISTINCT sensor_id),
               round(100.0 * count(*) / (SELECT count(*) FROM sensors), 2)
        FROM sensors GROUP BY status ORDER BY n DESC, status""",
    "sensors-6": """
        SELECT sensor_id, "timestamp", location, vibration_mm_s / 1000.0, anomaly_flag
        FROM sensors WHERE vibration_mm_s > 15000 AND "timestamp" >= '2026-01-30 18:00:00'
        ORDER BY vibration_mm_s DESC, sensor_id, "timestamp" LIMIT 30""",
}
SCALE = {"total": 100, "price": 100, "resolution_time_hours": 100, "temperature_c": 100,
         "humidity_pct": 100, "pressure_hpa": 100, "vibration_mm_s": 1000}


def cell(column, text):
    if text == "":
        return None
    if column in SCALE:
        return int(Decimal(text) * SCALE[column])
    return int(text) if text.lstrip("-").isdigit() else text


@pytest.fixture(scope="module")
def other_engine(generated):
    db = sqlite3.connect(":memory:")
    for path in sorted(generated.glob("*/*.csv")):
        with open(path, newline="", encoding="utf-8") as f:
            rows = csv.reader(f)
            head = next(rows)
            db.execute(f'CREATE TABLE {path.stem} ({", ".join(chr(34) + h + chr(34) for h in head)})')
            db.executemany(f'INSERT INTO {path.stem} VALUES ({", ".join("?" * len(head))})',
                           ([cell(c, t) for c, t in zip(head, row)] for row in rows))
    return db


def number(value):
    """A value as a number where it is one: our decimals are strings, SQLite's are floats."""
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return value


def same(ours, theirs, column, averaged):
    ours, theirs = number(ours), number(theirs)
    if isinstance(ours, Decimal) and isinstance(theirs, Decimal):
        # An average on the edge between two roundings may fall either way in two engines.
        allowed = Decimal("0.010001") if averaged else Decimal("0.0000001")
        return abs(ours - theirs) <= allowed
    return ours == theirs


@pytest.mark.parametrize("golden", IDS)
def test_golden_plan_gives_the_committed_answer(shared_shop, golden):
    dataset = golden.rsplit("-", 1)[0]
    capsule = shared_shop.json("run", dataset, "--plan", GOLDEN / f"{golden}.plan.json",
                               "--format", "json", timeout=120)
    expected = json.loads((GOLDEN / f"{golden}.result.json").read_text())
    assert capsule["status"] == "succeeded"
    assert capsule["result"]["columns"] == expected["columns"]
    assert capsule["result"]["types"] == expected["types"]
    assert capsule["result"]["rows"] == expected["rows"]
    assert capsule["result"]["ordered"] is True
    assert capsule["result"]["truncated"] is False
    assert capsule["result_hash"] == expected["result_hash"]


@pytest.mark.parametrize("golden", IDS)
def test_committed_answer_is_confirmed_by_another_engine(other_engine, golden):
    expected = json.loads((GOLDEN / f"{golden}.result.json").read_text())
    theirs = other_engine.execute(SQL[golden]).fetchall()
    ours = expected["rows"]
    assert len(ours) == len(theirs) > 0
    for row, (left, right) in enumerate(zip(ours, theirs)):
        assert len(left) == len(right)
        for name, a, b in zip(expected["columns"], left, right):
            averaged = any(w in name for w in ("average", "rate", "percent"))
            assert same(a, b, name, averaged), (golden, row, name, a, b)


def test_no_sql_in_any_golden_plan():
    for golden in IDS:
        text = (GOLDEN / f"{golden}.plan.json").read_text().lower()
        plan = json.loads(text)
        plan.pop("notes", None)
        assert "select " not in json.dumps(plan) and "from " not in json.dumps(plan)


def test_every_prompt_has_its_plan_and_answer():
    registry = json.loads((ROOT / "datasets" / "registry.json").read_text())
    prompts = {p["id"] for d in registry["datasets"] for p in d["prompts"]}
    assert prompts == set(IDS)
    assert {p.name for p in GOLDEN.iterdir()} == {
        f"{golden}.{kind}.json" for golden in IDS for kind in ("plan", "result")}


@pytest.mark.parametrize("golden, rows", [("ecommerce-1", 10), ("ecommerce-5", 20),
                                          ("support-1", 4), ("support-3", 20),
                                          ("sensors-3", 50)])
def test_answers_have_the_shape_that_was_asked_for(golden, rows):
    expected = json.loads((GOLDEN / f"{golden}.result.json").read_text())
    assert len(expected["rows"]) == rows


def test_clothing_is_returned_most():
    expected = json.loads((GOLDEN / "ecommerce-2.result.json").read_text())
    categories = [row[0] for row in expected["rows"]]
    assert categories[0] == "Clothing" and categories[-1] == "Books"
