"""schemas/query-plan.v1.json and the program agree on what the shape of a plan is.

The corpus in tests/plans is judged by the JSON Schema here and by the C code in
tests/unit/test_plan_corpus.c; each bad file says of which class it is:
    text     no JSON document that a plan may be          (no schema sees it)
    shape    refused by the schema and by the code
    size     too deep or too large: refused by the code, the schema has no word for it
    meaning  the schema accepts it, the code refuses it against a dataset
Then both judge some thousands of plans made from the corpus by small damage.
"""
import copy
import json
import pathlib
import random
import subprocess

import jsonschema
import pytest

from programs import ROOT, build_dir

PLANS = ROOT / "tests" / "plans"
MUTANTS = 4000


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


SCHEMA = load(ROOT / "schemas" / "query-plan.v1.json")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
GOOD = sorted(PLANS.glob("good/*.json")) + sorted((ROOT / "datasets" / "golden").glob("*.plan.json"))
BAD = sorted(PLANS.glob("bad/*.json"))


def name(path):
    return path.stem


def test_corpus_is_there():
    assert len(GOOD) >= 78 and len(BAD) >= 120


def test_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def every_object(node, pointer=""):
    if isinstance(node, dict):
        yield pointer, node
        for key, value in node.items():
            yield from every_object(value, f"{pointer}/{key}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from every_object(value, f"{pointer}/{i}")


def test_schema_is_strict():
    """Every object that a plan may hold refuses unknown keys."""
    loose = [pointer for pointer, node in every_object(SCHEMA)
             if node.get("type") == "object" and node.get("additionalProperties") is not False]
    assert loose == []


def test_schema_has_no_dangling_reference():
    for pointer, node in every_object(SCHEMA):
        ref = node.get("$ref")
        if isinstance(ref, str):
            assert ref.startswith("#/$defs/") and ref[8:] in SCHEMA["$defs"], pointer


def test_examples_of_the_schema():
    """Each example is valid where it stands."""
    for pointer, node in every_object(SCHEMA):
        if "examples" in node and isinstance(node["examples"], list):
            here = {**node, "$defs": SCHEMA["$defs"]}
            for example in node["examples"]:
                jsonschema.Draft202012Validator(here).validate(example)


@pytest.mark.parametrize("path", GOOD, ids=name)
def test_good(path):
    VALIDATOR.validate(load(path))


@pytest.mark.parametrize("path", BAD, ids=name)
def test_bad(path):
    bad = load(path)
    assert bad["class"] in ("text", "shape", "size", "meaning")
    if bad["class"] == "text":
        assert "plan" not in bad
    else:
        assert VALIDATOR.is_valid(bad["plan"]) == (bad["class"] != "shape")


# What a value may turn into.
JUNK = [None, True, 0, 1, -1, 1.5, 10.0, 2000, "", "x", "price", "day", "desc", "=", "in", [], [1],
        ["a", "b"], {}, {"column": "price"}, {"literal": 1}, {"func": "count"}, {"as_of": True},
        {"column": "price", "op": ">", "value": 1}, {"n": 1, "unit": "day"}, "a\nb", "x" * 130]
KEYS = ["column", "expr", "func", "alias", "where", "op", "value", "or", "and", "not", "literal",
        "add", "div", "round", "digits", "case", "when", "then", "else", "date_trunc", "unit",
        "total", "as_of", "limit", "top", "having", "ignore_case", "n", "per", "by", "direction",
        "nulls", "values", "extra", "__proto__"]


def spots(node, out):
    """Every (container, key) in node."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(items):
        out.append((node, key))
        if isinstance(value, (dict, list)):
            spots(value, out)
    return out


def damage(plan, rng):
    plan = copy.deepcopy(plan)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = spots(plan, [])
        if not places:
            break
        node, key = rng.choice(places)
        kind = rng.randrange(6)
        if kind == 0:
            del node[key]
        elif kind == 1 and isinstance(node, dict):
            node[rng.choice(KEYS)] = node.pop(key)
        elif kind == 2 and isinstance(node, dict):
            node[rng.choice(KEYS)] = copy.deepcopy(rng.choice(JUNK))
        elif kind == 3:
            other, other_key = rng.choice(places)
            node[key] = copy.deepcopy(other[other_key])
        elif kind == 4 and isinstance(node, list):
            node.insert(rng.randrange(len(node) + 1), copy.deepcopy(rng.choice(JUNK)))
        else:
            node[key] = copy.deepcopy(rng.choice(JUNK))
    return plan


def classify(plans):
    """What the code says of each plan: "parse" when it refuses the shape."""
    tool = build_dir() / "tests" / "unit" / "test_plan_corpus"
    assert tool.is_file(), f"{tool} is missing: build first"
    lines = "".join(json.dumps(plan) + "\n" for plan in plans)
    done = subprocess.run([tool, "classify"], input=lines.encode(), capture_output=True, check=True)
    answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert len(answers) == len(plans)
    return answers


def is_about_size(answer):
    return all("deep" in fault["message"] or "more than 1000 expressions" in fault["message"]
               for fault in answer["faults"])


def test_damaged_plans():
    rng = random.Random(20260131)
    seeds = [load(path) for path in GOOD]
    seeds += [bad["plan"] for bad in map(load, BAD) if bad["class"] == "meaning"]
    mutants = [damage(rng.choice(seeds), rng) for _ in range(MUTANTS)]
    refused = 0
    for plan, answer in zip(mutants, classify(mutants)):
        code_accepts = answer["stage"] != "parse"
        refused += not code_accepts
        if not code_accepts and is_about_size(answer):
            continue
        assert VALIDATOR.is_valid(plan) == code_accepts, (json.dumps(plan), answer["faults"])
    assert MUTANTS / 4 < refused < MUTANTS  # the damage neither misses nor always kills
