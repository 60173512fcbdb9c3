"""The schemas of capsules and requests: the examples fit, each of many changes does not, and what the
documentation says about the hashes is enough to compute them."""
import copy
import hashlib
import json
import pathlib

import pytest
from jsonschema import Draft202012Validator

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "tests" / "examples"
SCHEMAS = {"capsule": "capsule.v1.json", "request": "runner-request.v1.json"}
GONE = object()


def schema(kind):
    return json.loads((ROOT / "schemas" / SCHEMAS[kind]).read_text(encoding="utf-8"))


def validator(kind):
    return Draft202012Validator(schema(kind))


def example(name):
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def changed(document, pointer, value):
    """A copy in which the member at pointer has that value, or is gone."""
    document = copy.deepcopy(document)
    *way, last = pointer.strip("/").split("/")
    inner = document
    for part in way:
        inner = inner[int(part) if isinstance(inner, list) else part]
    if value is GONE:
        del inner[last]
    else:
        inner[int(last) if isinstance(inner, list) else last] = value
    return document


def examples():
    found = sorted(path.stem for path in EXAMPLES.glob("*.json")
                   if path.stem.split(".")[0] in SCHEMAS)
    assert len(found) >= 6
    return found


@pytest.mark.parametrize("kind", SCHEMAS)
def test_schema_is_a_schema(kind):
    Draft202012Validator.check_schema(schema(kind))
    assert schema(kind)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", examples())
def test_example_fits(name):
    faults = [f"{list(e.path)}: {e.message}" for e in validator(name.split(".")[0])
              .iter_errors(example(name))]
    assert not faults


@pytest.mark.parametrize("name", [n for n in examples() if n.startswith("capsule.")])
def test_every_member_of_a_capsule_is_needed(name):
    check = validator("capsule")
    for member in example(name):
        assert not check.is_valid(changed(example(name), f"/{member}", GONE)), member
    assert not check.is_valid(changed(example(name), "/color", "red"))


def test_a_capsule_kept_before_there_were_questions():
    """Neither of the two later members, or both."""
    assert not {"reading", "abstention"} & set(example("capsule.old"))
    for member in ("reading", "abstention"):
        assert not validator("capsule").is_valid({**example("capsule.old"), member: None})
    assert validator("capsule").is_valid(
        {**example("capsule.old"), "reading": None, "abstention": None})


BAD_CAPSULES = [
    ("/capsule", 2), ("/capsule", "1"),
    ("/run_id", "019C1A5E-0000-7000-8000-000000000001"), ("/run_id", None),
    ("/run_id", "019c1a5e-0000-7000-8000-000000000001\n"),
    ("/created_at", None), ("/created_at", "2026-01-31"), ("/created_at", 1769817600),
    ("/started_at", "now"), ("/finished_at", None),
    ("/dataset_id", 1), ("/dataset_version", "abc"), ("/dataset_version", "A" * 64),
    ("/tables", {}), ("/tables/0", "orders"), ("/tables/0/name", GONE),
    ("/tables/0/sha256", "0"), ("/tables/0/rows", -1), ("/tables/0/color", 1),
    ("/tables/0/format", "xlsx"),
    ("/question", []), ("/planner", {}), ("/reading", "x"), ("/reading/sentence", None),
    ("/reading/assumptions", GONE), ("/reading/assumptions/0", 1), ("/reading/color", 1),
    ("/abstention", {}), ("/abstention", []),
    ("/query_mode", "guess"), ("/sql", 1),
    ("/as_of", "2026-01-31"), ("/as_of", "2026-01-31T00:00:00.000Z"), ("/executor", 1),
    ("/limits", []), ("/limits/timeout_ms", GONE), ("/limits/timeout_ms", "1"),
    ("/limits/color", 1),
    ("/status", "done"), ("/status", None), ("/status", "running"), ("/status", "pending"),
    ("/result", None), ("/result", []), ("/result/rows", GONE), ("/result/rows", {}),
    ("/result/rows/0", {"a": 1}), ("/result/columns/0", 1), ("/result/ordered", 1),
    ("/result/row_count", -1), ("/result/color", 1),
    ("/result_hash", None), ("/result_hash", "0" * 63),
    ("/error", {"type": "X", "message": "succeeded all the same"}),
    ("/timings/query", "1"), ("/engine", "duckdb"), ("/engine/name", GONE), ("/sandbox", []),
    ("/prev_hash", None), ("/prev_hash", "0" * 65), ("/capsule_hash", None),
    ("/capsule_hash", "g" * 64),
]


@pytest.mark.parametrize("pointer,value", BAD_CAPSULES)
def test_bad_capsule(pointer, value):
    assert not validator("capsule").is_valid(
        changed(example("capsule.succeeded"), pointer, value))


@pytest.mark.parametrize("pointer,value", [
    ("/error", "no"), ("/error/type", GONE), ("/error/type", "no such"), ("/error/message", None),
    ("/error/position", 0), ("/error/color", 1),
])
def test_bad_error(pointer, value):
    assert not validator("capsule").is_valid(changed(example("capsule.rejected"), pointer, value))


@pytest.mark.parametrize("pointer,value", [
    ("/abstention", None), ("/abstention/reason", "tired"), ("/abstention/message", GONE),
    ("/abstention/words", "blorps"), ("/abstention/nearest/0/suggestions", GONE),
    ("/abstention/choices/0/plan", GONE), ("/abstention/choices/0/plan", "{}"),
    ("/abstention/questions/0", {}), ("/abstention/color", 1), ("/plan", {}), ("/sql", "SELECT 1"),
    ("/reading", {"sentence": "", "assumptions": []}), ("/started_at", "2026-01-31T00:00:00.000Z"),
])
def test_bad_abstention(pointer, value):
    assert not validator("capsule").is_valid(changed(example("capsule.abstained"), pointer, value))


@pytest.mark.parametrize("pointer,value", [
    ("/finished_at", "2026-01-31T00:00:00.000Z"), ("/prev_hash", "0" * 64),
    ("/capsule_hash", "0" * 64), ("/status", "failed"),
])
def test_bad_open_capsule(pointer, value):
    assert not validator("capsule").is_valid(changed(example("capsule.pending"), pointer, value))


BAD_REQUESTS = [
    ("/protocol", GONE), ("/protocol", 2), ("/protocol", "1"), ("/color", 1),
    ("/run_id", GONE), ("/run_id", None), ("/run_id", "x"), ("/op", "drop"), ("/op", "describe"),
    ("/op", "values"), ("/op", "export"), ("/result", {}),
    ("/result", {"columns": ["a"], "types": ["BIGINT"], "rows": "[]"}),
    ("/sql", GONE), ("/sql", None), ("/sql", 1), ("/sql", "x" * (1024 * 1024 + 1)),
    ("/as_of", GONE), ("/as_of", None), ("/as_of", "yesterday"), ("/as_of", 1),
    ("/dataset", GONE), ("/dataset", None), ("/dataset/id", GONE), ("/dataset/id", ""),
    ("/dataset/id", "1a"), ("/dataset/id", "a/b"), ("/dataset/id", "a\n"),
    ("/dataset/id", "a" * 65), ("/dataset/color", 1), ("/dataset/version", "1"),
    ("/dataset/tables", GONE), ("/dataset/tables", {}), ("/dataset/tables/0/name", GONE),
    ("/dataset/tables/0/name", "1a"), ("/dataset/tables/0/name", "a-b"),
    ("/dataset/tables/0/name", "a" * 64), ("/dataset/tables/0/path", "orders.csv"),
    ("/dataset/tables/0/path", None), ("/dataset/tables/0/format", "xlsx"),
    ("/dataset/tables/0/sha256", "A" * 64), ("/dataset/tables/0/color", 1),
    ("/dataset/tables/0/columns", []), ("/dataset/tables/0/columns/0/name", ""),
    ("/dataset/tables/0/columns/0/type", "INTEGER; DROP"),
    ("/dataset/tables/0/columns/0/type", "x'"), ("/dataset/tables/0/columns/0/type", GONE),
    ("/dataset/tables/0/columns/0/color", 1),
    ("/limits", []), ("/limits/cores", 1), ("/limits/timeout_ms", 0),
    ("/limits/timeout_ms", 3600001), ("/limits/timeout_ms", 1.5), ("/limits/max_rows", -1),
    ("/limits/max_rows", 1000001), ("/limits/max_output_bytes", 1023),
    ("/limits/max_output_bytes", 268435457), ("/limits/memory_mb", 63),
    ("/limits/memory_mb", 1048577), ("/limits/threads", 0), ("/limits/threads", 257),
]


@pytest.mark.parametrize("pointer,value", BAD_REQUESTS)
def test_bad_request(pointer, value):
    assert not validator("request").is_valid(changed(example("request.run"), pointer, value))


@pytest.mark.parametrize("pointer,value", [
    ("/op", "run"), ("/sql", "SELECT 1"), ("/result", GONE), ("/result", None), ("/result", []),
    ("/result/columns", GONE), ("/result/columns", []), ("/result/columns/0", 1),
    ("/result/columns/0", "x" * 65537), ("/result/types", GONE), ("/result/types", "BIGINT"),
    ("/result/types/0", None), ("/result/rows", GONE), ("/result/rows", [[1]]),
    ("/result/rows", None), ("/result/color", 1),
    ("/dataset/tables", [{"name": "t", "path": "/t.csv", "format": "csv"}]),
])
def test_bad_export(pointer, value):
    assert not validator("request").is_valid(changed(example("request.export"), pointer, value))


def test_too_many_tables():
    document = example("request.run")
    table = document["dataset"]["tables"][1]
    document["dataset"]["tables"] = [dict(table, name=f"t{i}") for i in range(64)]
    assert validator("request").is_valid(document)
    document["dataset"]["tables"].append(dict(table, name="t64"))
    assert not validator("request").is_valid(document)


def canonical(value):
    """RFC 8785, for documents with plain keys and no exotic numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("name", ["capsule.succeeded", "capsule.rejected", "capsule.abstained",
                                  "capsule.old"])
def test_hashes_by_hand(name):
    capsule = example(name)
    said = capsule.pop("capsule_hash")
    assert hashlib.sha256(canonical(capsule)).hexdigest() == said
    result = capsule["result"]
    if result is None:
        assert capsule["result_hash"] is None
        return
    digest = hashlib.sha256(canonical({k: result[k] for k in ("columns", "ordered", "types")}))
    digest.update(b"\n")
    for row in result["rows"]:
        digest.update(hashlib.sha256(canonical(row)).digest())
    assert digest.hexdigest() == capsule["result_hash"]


def test_examples_are_a_chain():
    first, second, third = (example(f"capsule.{name}")
                            for name in ("succeeded", "rejected", "abstained"))
    assert first["prev_hash"] == "0" * 64
    assert second["prev_hash"] == first["capsule_hash"]
    assert third["prev_hash"] == second["capsule_hash"]
