"""The check of a model's numbers, by the real code: figures that are altered, answers as models write them,
and orders that are none."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import measure  # noqa: E402
from measure import Answer, HELD, WORK  # noqa: E402

from programs import call, program  # noqa: E402

ANSWERS = json.loads((measure.HERE / "answers.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ground_path():
    return program("tests/tools/ground")


def outcomes(path, *orders):
    lines = "".join((o if isinstance(o, str) else json.dumps(o)) + "\n" for o in orders)
    done = call([path], stdin=lines.encode())
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


def order_of(entry, text=None):
    return {**Answer(entry["golden"]).order(text or entry["text"]), "question": entry["question"]}


@pytest.mark.parametrize("templates", [WORK, HELD], ids=["work", "held"])
def test_true_figures_are_found_and_altered_ones_are_not(ground_path, templates):
    verdicts = measure.judge(ground_path, templates)
    true = [found for case, found, _ in verdicts if case.change == "true"]
    altered = [found for case, found, _ in verdicts if case.change != "true"]
    assert len(true) > 1000 and len(altered) > 5000
    assert true.count(False) <= 0.01 * len(true)
    assert altered.count(True) <= 0.10 * len(altered)


@pytest.mark.parametrize("entry", ANSWERS, ids=lambda entry: entry["golden"])
def test_a_true_answer_is_supported(ground_path, entry):
    outcome, = outcomes(ground_path, order_of(entry))
    assert outcome["unsupported"] == [] and outcome["unchecked"] == 0
    assert outcome["checked"] == outcome["found"] >= 7
    for number in outcome["numbers"]:
        assert entry["text"][number["start"]:number["end"]] == number["text"]


def test_the_same_answers_about_other_data_are_not(ground_path):
    """Most numbers of an answer come from nowhere when it is put to another result."""
    orders = [{**order_of(a), "sources": order_of(b)["sources"], "question": None}
              for a, b in zip(ANSWERS, ANSWERS[5:] + ANSWERS[:5])]
    checked = outcomes(ground_path, *orders)
    assert sum(o["found"] for o in checked) < 0.35 * sum(o["checked"] for o in checked)
    assert all(o["unsupported"] for o in checked)


def test_what_is_no_order_is_said(ground_path):
    for order, words in [("{", "not JSON"), ("{}", "a text"), ({"text": 5}, "a text"),
                         ({"text": "5", "sources": [{}] * 65}, "at most 64"),
                         ({"text": "5" * (1024 * 1024 + 1)}, "1048576")]:
        outcome, = outcomes(ground_path, order)
        assert words in outcome["error"]["message"], outcome
    assert outcomes(ground_path, {"text": "5", "sources": 7})[0]["unsupported"] == ["5"]


def test_a_thousand_rows_take_no_time(ground_path):
    """Also with as many numbers as are checked, none of which is there."""
    rows = [[f"Item {i}", *(f"{i * 7919 % 10007}.{c:02}" for c in range(49))] for i in range(1000)]
    result = {"columns": ["name", *(f"c{c}" for c in range(49))], "types": ["VARCHAR"] + ["DECIMAL(38,2)"] * 49,
              "rows": rows, "row_count": 1000, "truncated": False}
    text = " ".join(f"Item {i} has {900000000 + i} more than Item {i + 1}." for i in range(170))
    outcome, = outcomes(ground_path, {"text": text, "sources": [{"run_id": "r", "result": result}]})
    assert outcome["checked"] == 500
    assert outcome["took_us"] < 5_000_000  # 0.1 s when nothing else runs; sanitizers take longer
