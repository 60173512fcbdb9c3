"""Sample rows in the schema that the server gives of a dataset."""
import csv
import json
import os
import shutil
import threading

import pytest

from programs import Askcsv
from served import Server

LONG = "ä" * 300


@pytest.fixture
def own_dataset(askcsv):
    """A dataset of cells of every kind, and what is to be seen of it."""
    (askcsv.home / "datasets" / "notes").mkdir(parents=True)
    (askcsv.home / "datasets" / "notes" / "notes.csv").write_text(
        f'id,"a ""text""",price,at\n1,{LONG},1.50,2026-01-31\n2,"x\ny",,\n')
    (askcsv.home / "datasets" / "notes" / "none.csv").write_text("id\n")

    def column(name, kind):
        return {"name": name, "type": kind, "nullable": True}

    registry = {"version": 1, "datasets": [{"id": "notes", "name": "Notes", "description": "Notes.",
        "as_of": "2026-01-31T00:00:00Z", "relationships": [], "prompts": [], "tables": [
        {"name": "notes", "file": "notes.csv", "format": "csv", "description": "x", "columns": [
            column("id", "INTEGER"), column('a "text"', "VARCHAR"), column("price", "DECIMAL(10,2)"),
            column("at", "DATE")]},
        {"name": "none", "file": "none.csv", "format": "csv", "description": "x", "columns": [column("id", "INTEGER")]}]}]}
    (askcsv.home / "registry.json").write_text(json.dumps(registry))
    return askcsv


def schema(server, dataset="ecommerce", **headers):
    reply = server.get(f"/v1/datasets/{dataset}/schema", **headers)
    assert reply.status == 200, reply.bytes
    return reply.json()


def has_samples(answer):
    """Of all tables or of none; without them a reason."""
    seen = {"sample_rows" in table for table in answer["tables"]}
    assert len(seen) == 1 and (seen == {False}) == ("sample_rows_unavailable_because" in answer)
    assert answer["relationships"] is not None and all(table["columns"] for table in answer["tables"])
    return seen == {True}


@pytest.mark.parametrize("dataset", ["ecommerce", "support", "sensors"])
def test_they_are_the_files_first_rows(server, generated, dataset):
    answer = schema(server, dataset)
    assert has_samples(answer)
    for table in answer["tables"]:
        with open(generated / dataset / f"{table['name']}.csv", newline="", encoding="utf-8") as file:
            wanted = list(csv.reader(file))[:6]
        assert [column["name"] for column in table["columns"]] == wanted[0]
        assert len(table["sample_rows"]) == 5
        for row, line in zip(table["sample_rows"], wanted[1:]):
            for column, value, text in zip(table["columns"], row, line):
                if value is None:
                    assert text == ""
                elif column["type"] in ("DOUBLE", "BOOLEAN"):
                    assert json.loads(text.lower()) == value
                elif column["type"].startswith("TIMESTAMP"):
                    assert value[:19] == text.replace("T", " ")[:19]
                else:
                    assert str(value) == text
    assert schema(server, dataset) == answer


def test_cells_are_cut(own_dataset):
    server = Server(own_dataset, ASKCSV_REGISTRY=own_dataset.home / "registry.json")
    tables = schema(server, "notes")["tables"]
    assert tables[0]["sample_rows"] == [[1, "ä" * 200 + "…", "1.50", "2026-01-31"],
                                        [2, "x\ny", None, None]]
    assert tables[1]["sample_rows"] == []
    assert server.end() == 0


def test_no_run_is_kept_of_it(serve):
    server = serve()
    assert has_samples(schema(server)) and server.get("/v1/runs").json()["runs"] == []


def test_the_files_are_read_once(serve, shop, tmp_path):
    """After that there need be no runner; with the file's time the samples go, too."""
    runner = tmp_path / "askcsv-runner"
    runner.symlink_to(shop.path.parent / "askcsv-runner")
    server = serve(ASKCSV_RUNNER=runner)
    first = schema(server, "support")
    assert has_samples(first)
    runner.unlink()
    assert schema(server, "support") == first
    os.utime(shop.home / "datasets/support/tickets.csv")
    later = schema(server, "support")
    assert not has_samples(later) and "askcsv-runner" in later["sample_rows_unavailable_because"]
    assert [t["columns"] for t in later["tables"]] == [t["columns"] for t in first["tables"]]


def test_without_a_runner(serve):
    answer = schema(serve(ASKCSV_RUNNER="/nowhere/askcsv-runner"))
    assert not has_samples(answer) and "askcsv-runner" in answer["sample_rows_unavailable_because"]


def test_without_its_files(serve, shop):
    server = serve()
    (shop.home / "datasets/ecommerce/orders.csv").unlink()
    answer = schema(server)
    assert not has_samples(answer) and "orders.csv" in answer["sample_rows_unavailable_because"]
    assert has_samples(schema(server, "support"))


def test_files_of_another_version(serve, shop):
    server = serve()
    with open(shop.home / "datasets/ecommerce/orders.csv", "a", encoding="utf-8") as file:
        file.write("\n")
    answer = schema(server)
    assert not has_samples(answer) and "orders" in answer["sample_rows_unavailable_because"]


def test_who_may_not_ask_does_not_see_rows(serve, shop):
    server = serve()
    keys = {}
    for scope in ("read", "run"):
        text = shop.ok("keys", "add", f"a {scope}er", "--scope", scope).stdout
        keys[scope] = {"Authorization": "Bearer " + next(w for w in text.split() if w.startswith("ak_"))}
    assert has_samples(schema(server, **keys["run"]))
    answer = schema(server, **keys["read"])
    assert not has_samples(answer) and "scope run" in answer["sample_rows_unavailable_because"]


def test_many_at_once(askcsv_path, generated, tmp_path):
    """All get the same, however many come before it is there."""
    home = tmp_path / "home"
    shutil.copytree(generated, home / "datasets")
    server = Server(Askcsv(askcsv_path, home), ASKCSV_LINGER=20)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(schema(server, "sensors")))
               for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20 and all(answer == answers[0] for answer in answers)
    assert has_samples(answers[0])
    assert server.end() == 0
