"""The rules of datasets/rules.json: each holds in what `askcsv datasets generate` makes, and each,
broken by hand, names the line. The rules' queries go through the real runner with its policy."""
import csv
import json
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
REGISTRY = {d["id"]: d for d in json.loads((ROOT / "datasets/registry.json").read_text())["datasets"]}
RULES = {d["id"]: d["rules"] for d in json.loads((ROOT / "datasets/rules.json").read_text())["datasets"]}
WHOLE = "whole"  # the rule is about the whole table: its rows have no line
TABLES = {}      # (dataset, table): its rows as generated, read once


class Data:
    """A dataset's tables as lists of dicts; what is changed is written anew."""

    def __init__(self, folder, dataset):
        self.folder, self.dataset, self.changed = folder, dataset, {}

    def rows(self, table):
        """A copy to be changed."""
        if table not in self.changed:
            self.changed[table] = [dict(row) for row in self.original(table)]
        return self.changed[table]

    def original(self, table):
        key = (self.dataset, table)
        if key not in TABLES:
            with open(self.folder / self.dataset / f"{table}.csv", newline="") as file:
                TABLES[key] = list(csv.DictReader(file))
        return TABLES[key]

    def request_tables(self, tmp_path):
        for table in REGISTRY[self.dataset]["tables"]:
            path = self.folder / self.dataset / table["file"]
            if table["name"] in self.changed:
                path = tmp_path / table["file"]
                with open(path, "w", newline="") as file:
                    writer = csv.DictWriter(file, [c["name"] for c in table["columns"]],
                                            lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(self.changed[table["name"]])
            yield {"name": table["name"], "path": str(path), "format": "csv",
                   "columns": [{"name": c["name"], "type": c["type"]} for c in table["columns"]]}


def cell(table, column, value, where=lambda row: True):
    """Sets one cell, in the 8th row that fits; value may be made from the row."""
    def breaks(data):
        rows = data.rows(table)
        at = [i for i, row in enumerate(rows) if where(row)][7]
        rows[at][column] = value(rows[at]) if callable(value) else value
        return at + 2
    return breaks


def cells(table, column, value, where=lambda row: True):
    """Sets the column in all rows that fit."""
    def breaks(data):
        fit = [row for row in data.rows(table) if where(row)]
        assert fit
        for row in fit:
            row[column] = value(row) if callable(value) else value
        return WHOLE
    return breaks


def shorter(table):
    def breaks(data):
        del data.rows(table)[-1]
        return WHOLE
    return breaks


def twice(table, *columns):
    def breaks(data):
        rows = data.rows(table)
        rows[20].update({column: rows[11][column] for column in columns})
        return 22
    return breaks


def sixth_item(data):
    """Gives the first order with five items one more, from an order that keeps some."""
    rows = data.rows("order_items")
    sizes = {}
    for row in rows:
        sizes[row["order_id"]] = sizes.get(row["order_id"], 0) + 1
    full = next(order for order, n in sizes.items() if n == 5)
    next(row for row in rows if sizes[row["order_id"]] == 3)["order_id"] = full
    return next(i for i, row in enumerate(data.original("orders")) if row["order_id"] == full) + 2


def battery_up(data):
    rows = data.rows("sensors")
    sensor = next(row for row in rows if row["battery_pct"])["sensor_id"]
    at = [i for i, row in enumerate(rows) if row["sensor_id"] == sensor][100]
    rows[at]["battery_pct"] = "100"
    return at + 2


def one_reading_moved(data):
    rows = data.rows("sensors")
    rows[30]["sensor_id"] = "SEN-001" if rows[30]["sensor_id"] != "SEN-001" else "SEN-002"
    return WHOLE


def hour(row, column="created_at"):
    return int(row[column][11:13])


def offline(row):
    return row["status"] == "offline"


def is_open(row):
    return row["status"] == "Open"


def done(row):
    return not is_open(row)


def battery(row):
    return row["battery_pct"] != ""


def weekend_night(row):
    return "2025-11-08 03" + row["created_at"][13:]


THURSDAYS = [f"2025-{day}" for day in "09-04 09-11 09-18 09-25 10-02 10-09 10-16 10-23".split()]
BREAKS = {
    "ecommerce": {
        "orders-count": shorter("orders"),
        "orders-key": twice("orders", "order_id"),
        "orders-required": cell("orders", "customer_id", ""),
        "orders-order_id-range": cell("orders", "order_id", "1000"),
        "orders-customer_id-range": cell("orders", "customer_id", "2501"),
        "orders-order_date-range": cell("orders", "order_date", "2026-01-31"),
        "orders-status-values": cell("orders", "status", "Completed"),
        "orders-returned": cell("orders", "returned", "true",
                                lambda row: row["status"] == "cancelled"),
        "orders-total": cell("orders", "total", lambda row: f'{float(row["total"]) + 0.01:.2f}'),
        "orders-items": sixth_item,
        "orders-weekends": cells("orders", "order_date", "2025-08-09",
                                 lambda row: row["order_date"] in THURSDAYS),
        "order_items-count": shorter("order_items"),
        "order_items-key": twice("order_items", "item_id"),
        "order_items-required": cell("order_items", "price", ""),
        "order_items-item_id-range": cell("order_items", "item_id", "19009"),
        "order_items-order_id-known": cell("order_items", "order_id", "5019"),
        "order_items-product_id-known": cell("order_items", "product_id", "701"),
        "order_items-category-values": cell("order_items", "category", "Garden"),
        "order_items-category": cell("order_items", "category", "Toys",
                                     lambda row: row["category"] == "Books"),
        "order_items-quantity-range": cell("order_items", "quantity", "0"),
        "order_items-discount-values": cell("order_items", "discount", "12"),
        "order_items-price-range": cell("order_items", "price", "50.01",
                                        lambda row: row["category"] == "Books"),
        "order_items-discount-share": cells("order_items", "discount", "0",
                                            lambda row: row["discount"] == "5"),
        "order_items-category-share": cells("order_items", "category", "Toys",
                                            lambda row: row["category"] == "Books"),
        "order_items-return-rate": cells("orders", "returned", "false",
                                         lambda row: row["order_date"] > "2025-09-01"),
        "inventory-count": shorter("inventory"),
        "inventory-key": twice("inventory", "product_id"),
        "inventory-required": cell("inventory", "stock", ""),
        "inventory-product_id-range": cell("inventory", "product_id", "200"),
        "inventory-category-values": cell("inventory", "category", "toys"),
        "inventory-stock-range": cell("inventory", "stock", "501"),
        "inventory-name": cell("inventory", "name", " "),
        "inventory-category-share": cells("inventory", "category", "Toys",
                                          lambda row: row["product_id"] < "205"),
        "inventory-none-share": cells("inventory", "stock", "0",
                                      lambda row: row["stock"] == "19"),
        "inventory-low-share": cells("inventory", "stock", "20",
                                     lambda row: row["stock"] == "19"),
    },
    "support": {
        "tickets-count": shorter("tickets"),
        "tickets-key": twice("tickets", "ticket_id"),
        "tickets-required": cell("tickets", "agent_id", ""),
        "tickets-ticket_id-range": cell("tickets", "ticket_id", "11418"),
        "tickets-created_at-range": cell("tickets", "created_at", "2026-01-31 00:00:01"),
        "tickets-resolved_at-range": cell("tickets", "resolved_at", "2026-01-31 00:00:01"),
        "tickets-resolved_at-open": cell("tickets", "resolved_at", "", done),
        "tickets-category-values": cell("tickets", "category", "Sales"),
        "tickets-priority-values": cell("tickets", "priority", "Urgent"),
        "tickets-status-values": cell("tickets", "status", "open"),
        "tickets-channel-values": cell("tickets", "channel", "Fax"),
        "tickets-agent_id-range": cell("tickets", "agent_id", "121"),
        "tickets-csat_score-range": cell("tickets", "csat_score", "6"),
        "tickets-csat_score-open": cell("tickets", "csat_score", "3", is_open),
        "tickets-sla_met-open": cell("tickets", "sla_met", "true", is_open),
        "tickets-resolution_time_hours-open": cell("tickets", "resolution_time_hours", "1.00",
                                                   is_open),
        "tickets-sla_met": cell("tickets", "sla_met", "false",
                                lambda row: row["sla_met"] == "true"),
        "tickets-resolution_time_hours": cell(
            "tickets", "resolution_time_hours",
            lambda row: f'{float(row["resolution_time_hours"]) + 0.01:.2f}', done),
        "tickets-category-share": cells("tickets", "category", "Account",
                                        lambda row: row["created_at"] < "2025-11-12"),
        "tickets-priority-share": cells("tickets", "priority", "Critical",
                                        lambda row: row["created_at"] < "2025-11-09"),
        "tickets-status-share": cells("tickets", "status", "Closed",
                                      lambda row: row["created_at"] < "2025-11-09"),
        "tickets-channel-share": cells("tickets", "channel", "Phone",
                                       lambda row: row["created_at"] < "2025-11-12"),
        "tickets-csat_score-none": cells("tickets", "csat_score", "",
                                         lambda row: row["csat_score"] == "1"),
        "tickets-csat_score-share": cells("tickets", "csat_score", "2",
                                          lambda row: row["csat_score"] == "1"),
        "tickets-sla_met-rate": cells(
            "tickets", "sla_met", "true",
            lambda row: row["sla_met"] == "false" and row["priority"] == "High"),
        "tickets-business-hours": cells("tickets", "created_at", weekend_night,
                                        lambda row: hour(row) in (9, 10)),
        "tickets-monday-mornings": cells(
            "tickets", "created_at", weekend_night,
            lambda row: row["created_at"][:10] in ("2025-11-10", "2025-11-17", "2025-11-24",
                                                   "2025-12-01", "2025-12-08", "2025-12-15")),
        "tickets-weekends-quiet": cells("tickets", "created_at", weekend_night,
                                        lambda row: hour(row) == 9),
        "tickets-weekends-slow": cells(
            "tickets", "resolution_time_hours", "72.00",
            lambda row: done(row) and row["created_at"][:10] in ("2025-11-05", "2025-11-06")),
        "tickets-billing-month-end": cells("tickets", "category", "Account", lambda row: (
            row["category"] == "Billing" and row["created_at"][8:10] >= "28")),
    },
    "sensors": {
        "sensors-count": shorter("sensors"),
        "sensors-key": twice("sensors", "sensor_id", "timestamp"),
        "sensors-required": cell("sensors", "zone", ""),
        "sensors-sensor_id-values": cell("sensors", "sensor_id", "SEN-151"),
        "sensors-readings": one_reading_moved,
        "sensors-timestamp-range": cell("sensors", "timestamp", "2026-01-31 00:00:01"),
        "sensors-location-values": cell("sensors", "location", "Roof"),
        "sensors-zone-values": cell("sensors", "zone", "Centre"),
        "sensors-zone": cell("sensors", "zone", "South",
                             lambda row: row["location"] == "Warehouse-A"),
        "sensors-location": cell("sensors", "location", "Warehouse-B",
                                 lambda row: row["location"] == "Warehouse-A"),
        "sensors-temperature_c-range": cell("sensors", "temperature_c", "100.01"),
        "sensors-humidity_pct-range": cell("sensors", "humidity_pct", "-0.01"),
        "sensors-pressure_hpa-range": cell("sensors", "pressure_hpa", "979.99"),
        "sensors-vibration_mm_s-range": cell("sensors", "vibration_mm_s", "-0.001"),
        "sensors-measures-offline": cell("sensors", "humidity_pct", "50.00", offline),
        "sensors-measures-present": cell("sensors", "pressure_hpa", "",
                                         lambda row: row["status"] == "maintenance"),
        "sensors-vibration_mm_s": cell("sensors", "vibration_mm_s", "",
                                       lambda row: row["vibration_mm_s"] != ""),
        "sensors-industrial-share": cells("sensors", "vibration_mm_s", "",
                                          lambda row: row["location"] == "Factory-Floor-1"),
        "sensors-anomaly_type-flag": cell("sensors", "anomaly_flag", "false",
                                          lambda row: row["anomaly_flag"] == "true"),
        "sensors-anomaly_type-values": cell("sensors", "anomaly_type", "smoke",
                                            lambda row: row["anomaly_flag"] == "true"),
        "sensors-vibration_alarm": cell("sensors", "vibration_mm_s", "15.000",
                                        lambda row: row["anomaly_type"] == "vibration_alarm"),
        "sensors-anomaly-share": cells("sensors", "anomaly_flag", "false",
                                       lambda row: row["anomaly_type"] == "high_temp"),
        "sensors-anomaly_type-share": cells("sensors", "anomaly_type", "low_temp",
                                            lambda row: row["anomaly_type"] == "high_humidity"),
        "sensors-battery_pct-range": cell("sensors", "battery_pct", "101"),
        "sensors-battery_pct-power": cell("sensors", "battery_pct", "", battery),
        "sensors-mains-share": cells("sensors", "battery_pct", "",
                                     lambda row: row["location"] == "Factory-Floor-1"),
        "sensors-battery_pct-falls": battery_up,
        "sensors-battery_pct-rate": cells("sensors", "battery_pct", "50", battery),
        "sensors-status-values": cell("sensors", "status", "sleeping"),
        "sensors-status-share": cells("sensors", "status", "maintenance",
                                      lambda row: row["timestamp"] < "2026-01-02"),
        "sensors-outdoor-day": cells(
            "sensors", "temperature_c", "0.00",
            lambda row: row["location"] == "Outdoor-East" and row["temperature_c"]),
        "sensors-humidity-falls": cells(
            "sensors", "humidity_pct", lambda row: str(abs(float(row["temperature_c"]))),
            lambda row: row["location"] == "Outdoor-West" and row["temperature_c"]),
        "sensors-factory-night": cells(
            "sensors", "anomaly_flag", "false",
            lambda row: hour(row, "timestamp") < 6 and row["location"] == "Factory-Floor-3"),
        "sensors-vibration-now": cells("sensors", "vibration_mm_s", "15.000", lambda row: (
            row["vibration_mm_s"] and float(row["vibration_mm_s"]) > 15)),
        "sensors-battery-low": cells("sensors", "battery_pct", "20",
                                     lambda row: battery(row) and int(row["battery_pct"]) < 20),
    },
}
NAMES = [(dataset, rule["id"]) for dataset, rules in RULES.items() for rule in rules]


def run(runner, tables, dataset, rule):
    sql = "\n".join(rule["sql"])
    answer = runner(runner.request(sql, tables, dataset=dataset))
    assert answer["status"] == "success", answer["error"]
    assert answer["columns"] == ["line", "detail"]
    assert answer["types"] == ["BIGINT", "VARCHAR"]
    return answer["rows"]


def test_every_rule_has_a_way_to_break_it():
    for dataset, rules in RULES.items():
        ids = [rule["id"] for rule in rules]
        assert sorted(ids) == sorted(BREAKS[dataset])
        tables = {table["name"] for table in REGISTRY[dataset]["tables"]}
        assert {rule["table"] for rule in rules} == tables


@pytest.mark.parametrize("dataset,name", NAMES, ids=[name for _, name in NAMES])
def test_rule(runner, generated, tmp_path, dataset, name):
    rule = next(rule for rule in RULES[dataset] if rule["id"] == name)
    data = Data(generated, dataset)
    assert run(runner, data.request_tables(tmp_path), dataset, rule) == []
    line = BREAKS[dataset][name](data)
    found = run(runner, data.request_tables(tmp_path), dataset, rule)
    assert found
    if line == WHOLE:
        assert found[0][0] is None
    else:
        assert line in [row[0] for row in found]
        assert len(found) <= 2, "the rule blames more than what was broken"
    assert all(row[1] for row in found), "a row without an explanation"
