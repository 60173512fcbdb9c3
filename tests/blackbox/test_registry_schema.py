"""datasets/registry.json fits schemas/registry.v1.json, each of many changes does not, and its
versions are what docs/DATASETS.md says."""
import copy
import hashlib
import json
import pathlib

import pytest
from jsonschema import Draft202012Validator

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "schemas/registry.v1.json").read_text())
REGISTRY = json.loads((ROOT / "datasets/registry.json").read_text())
GONE = object()
TABLE = "/datasets/0/tables/0"
MEASURE = "/datasets/0/measures/0"
SEGMENT = "/datasets/0/segments/0"


def changed(pointer, value):
    document = copy.deepcopy(REGISTRY)
    *way, last = pointer.strip("/").split("/")
    inner = document
    for part in way:
        inner = inner[int(part) if isinstance(inner, list) else part]
    if value is GONE:
        del inner[last]
    else:
        inner[int(last) if isinstance(inner, list) else last] = value
    return document


def test_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_registry_fits():
    faults = [f"{list(e.path)}: {e.message}"
              for e in Draft202012Validator(SCHEMA).iter_errors(REGISTRY)]
    assert not faults


BAD = [
    ("/version", 2), ("/version", GONE), ("/datasets", {}), ("/more", 1),
    ("/datasets/0", 1), ("/datasets/0/id", "1a"), ("/datasets/0/id", "a" * 65),
    ("/datasets/0/id", "a\n"), ("/datasets/0/name", GONE), ("/datasets/0/name", ""),
    ("/datasets/0/name", "a\0b"), ("/datasets/0/as_of", "yesterday"), ("/datasets/0/version", "ab"),
    ("/datasets/0/version", "A" * 64), ("/datasets/0/owner", "me"), ("/datasets/0/tables", []),
    ("/datasets/0/tables", [REGISTRY["datasets"][0]["tables"][0]] * 65),
    (f"{TABLE}/name", "or.ders"), (f"{TABLE}/name", "orders\n"), (f"{TABLE}/name", "a" * 64),
    (f"{TABLE}/file", "/etc/passwd"), (f"{TABLE}/file", "../orders.csv"), (f"{TABLE}/file", "a//b"),
    (f"{TABLE}/file", "a/.."), (f"{TABLE}/file", "./a"), (f"{TABLE}/file", ""),
    (f"{TABLE}/format", "xlsx"), (f"{TABLE}/sha256", "0" * 63), (f"{TABLE}/columns", []),
    (f"{TABLE}/columns/0/name", ""), (f"{TABLE}/columns/0/name", "a" * 256),
    (f"{TABLE}/columns/0/type", "INTEGER; DROP TABLE x"), (f"{TABLE}/columns/0/type", ""),
    (f"{TABLE}/columns/0/nullable", "no"), (f"{TABLE}/columns/0/nullable", GONE),
    (f"{TABLE}/columns/4/values", []), (f"{TABLE}/columns/4/values", ["a", "a"]),
    (f"{TABLE}/columns/4/values", [1]), (f"{TABLE}/columns/0/color", "red"),
    ("/datasets/0/relationships/0/from", "order_items"), ("/datasets/0/relationships/0/to", GONE),
    ("/datasets/0/relationships/0/kind", "one to one"), ("/datasets/0/prompts/0", "What?"),
    ("/datasets/0/prompts/0/id", ""), ("/datasets/0/prompts/0/text", GONE),
    (f"{TABLE}/synonyms", []), (f"{TABLE}/synonyms", "purchase"), (f"{TABLE}/synonyms", ["a", "a"]),
    (f"{TABLE}/synonyms", [""]), (f"{TABLE}/synonyms", [f"s{i}" for i in range(101)]),
    (f"{TABLE}/row", ""), (f"{TABLE}/key", 1), (f"{TABLE}/label", []), (f"{TABLE}/time", ""),
    (f"{TABLE}/show", [1]), (f"{TABLE}/with", {}), (f"{TABLE}/with", ["count"]),
    (f"{TABLE}/columns/1/synonyms", [1]), (f"{TABLE}/columns/1/entity", ""),
    (f"{TABLE}/columns/1/show", []), (f"{TABLE}/columns/4/order", ["completed", "completed"]),
    ("/datasets/0/measures", {}), (f"{MEASURE}/name", GONE), (f"{MEASURE}/name", ""),
    (f"{MEASURE}/table", GONE), (f"{MEASURE}/item", GONE), (f"{MEASURE}/item", {"func": "count"}),
    (f"{MEASURE}/item", "count"), (f"{MEASURE}/filters", []), (f"{MEASURE}/with", [1]),
    (f"{MEASURE}/direction", "down"), (f"{MEASURE}/limit", 1), (f"{MEASURE}/synonyms", []),
    ("/datasets/0/segments", {}), (f"{SEGMENT}/name", GONE), (f"{SEGMENT}/table", GONE),
    (f"{SEGMENT}/filters", GONE), (f"{SEGMENT}/filters", []), (f"{SEGMENT}/show", ["stock"]),
    (f"{SEGMENT}/order_by", {}), (f"{SEGMENT}/limit", 0), (f"{SEGMENT}/limit", 1001),
    (f"{SEGMENT}/limit", "10"), (f"{SEGMENT}/time", ""), (f"{SEGMENT}/item", {"alias": "a"}),
]


@pytest.mark.parametrize("pointer,value", BAD)
def test_change_does_not_fit(pointer, value):
    assert not Draft202012Validator(SCHEMA).is_valid(changed(pointer, value))


# What the schema lets pass because only the program can tell, or because it is optional.
GOOD = [
    (f"{TABLE}/row", GONE), (f"{TABLE}/show", GONE), (f"{TABLE}/time", "order_items.price"),
    (f"{TABLE}/columns/1/entity", GONE), ("/datasets/0/measures", GONE), ("/datasets/0/measures", []),
    ("/datasets/0/segments", GONE), (f"{MEASURE}/synonyms", GONE), (f"{MEASURE}/direction", "asc"),
    (f"{SEGMENT}/limit", 1000), (f"{SEGMENT}/show", GONE), (f"{SEGMENT}/time", "order_date"),
]


@pytest.mark.parametrize("pointer,value", GOOD)
def test_change_fits(pointer, value):
    assert Draft202012Validator(SCHEMA).is_valid(changed(pointer, value))


@pytest.mark.parametrize("dataset", REGISTRY["datasets"], ids=lambda dataset: dataset["id"])
def test_names_have_one_meaning(dataset):
    """What a question may call a measure or a segment is said once."""
    names = [name.lower() for entry in dataset["measures"] + dataset["segments"]
             for name in [entry["name"], *entry["synonyms"]]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("dataset", REGISTRY["datasets"], ids=lambda dataset: dataset["id"])
def test_version(dataset):
    tables = [{"name": t["name"], "sha256": t["sha256"],
               "columns": [{"name": c["name"], "type": c["type"]} for c in t["columns"]]}
              for t in sorted(dataset["tables"], key=lambda t: t["name"])]
    what = {"tables": tables, "relationships": dataset["relationships"]}
    text = json.dumps(what, sort_keys=True, separators=(",", ":")).encode("ascii")
    assert dataset["version"] == hashlib.sha256(text).hexdigest()


def test_golden_questions():
    prompts = [p["id"] for d in REGISTRY["datasets"] for p in d["prompts"]]
    assert prompts == [f"{d}-{n}" for d in ("ecommerce", "support", "sensors") for n in range(1, 7)]
