"""The measure itself: answers that are right, nearly right and wrong; and the whole evaluation with an "ask"
that says what the test wants."""
import json
import sys

import evaluate
import pytest
from compare import Expected
from host import hosts_of
from programs import ROOT, call

QUESTIONS = ROOT / "tests" / "questions"
FILES = sorted(QUESTIONS.glob("*-work.json")) + sorted(QUESTIONS.glob("*-held.json"))


def result(types, *rows, columns=None):
    return {"columns": columns or [f"c{i}" for i in range(len(types))], "types": types,
            "rows": [list(row) for row in rows]}


SALES = result(["VARCHAR", "DECIMAL(38,2)"], ("a", "3.00"), ("b", "2.50"), ("c", "2.50"), ("d", "1.00"))


def test_columns_may_have_any_name_and_place_and_company():
    answer = result(["BIGINT", "DOUBLE", "VARCHAR"], (7, 1, "d"), (7, 2.5, "c"), (7, 2.5, "b"), (7, 3, "a"),
                    columns=["n", "sum", "category"])
    assert Expected(SALES).differs(answer) is None


@pytest.mark.parametrize("rows, why", [
    ([("a", 3), ("b", 2.5), ("c", 2.5)], "3 rows, not 4"),
    ([("a", 3), ("b", 2.5), ("c", 2.5), ("e", 1)], "no column has what c0 has"),
    ([("a", 3), ("b", 2.5), ("c", 2.5), ("d", 1.01)], "no column has what c1 has"),
    ([("a", 2.5), ("b", 3), ("c", 2.5), ("d", 1)], "the rows differ"),
    ([("a", 3), ("a", 2.5), ("c", 2.5), ("d", 1)], "no column has what c0 has"),
    ([("a", 3), ("b", 2.5), ("c", None), ("d", 1)], "no column has what c1 has"),
])
def test_other_values_are_wrong(rows, why):
    assert Expected(SALES).differs(result(["VARCHAR", "DOUBLE"], *rows)) == why


def test_columns_of_equal_values_are_told_apart_by_their_rows():
    wanted = result(["VARCHAR", "BOOLEAN", "BOOLEAN"], ("a", True, False), ("b", False, True))
    swapped = result(["BOOLEAN", "BOOLEAN", "VARCHAR"], (False, True, "a"), (True, False, "b"))
    crossed = result(["BOOLEAN", "BOOLEAN", "VARCHAR"], (False, False, "a"), (True, True, "b"))
    assert Expected(wanted).differs(swapped) is None
    assert Expected(wanted).differs(crossed) == "the rows differ"


def test_each_expected_column_needs_one_of_its_own():
    twice = result(["BIGINT", "BIGINT"], (4, 4))
    assert Expected(twice).differs(twice) is None
    assert "not so many" in Expected(twice).differs(result(["BIGINT", "VARCHAR"], (4, "4")))


def test_many_equal_columns_end_in_time():
    many = result(["BIGINT"] * 30, (1,) * 30, (2,) * 30)
    assert Expected(many).differs(many) is None
    mixed = result(["BIGINT"] * 30, (1,) * 15 + (2,) * 15, (2,) * 15 + (1,) * 15)
    assert "too many columns" in Expected(many).differs(mixed)


@pytest.mark.parametrize("left, right", [
    (("DOUBLE", 2.675), ("DECIMAL(38,2)", "2.67")), (("DOUBLE", 2.675), ("DECIMAL(38,2)", "2.68")),
    (("BIGINT", 5), ("DECIMAL(10,2)", "5.00")), (("DOUBLE", -0.001), ("BIGINT", 0)),
    (("TIMESTAMP", "2026-01-01 00:00:00"), ("DATE", "2026-01-01")),
    (("HUGEINT", "12345678901234567890123"), ("HUGEINT", "12345678901234567890123")),
    (("DOUBLE", "nan"), ("DOUBLE", "nan")), (("VARCHAR", None), ("BIGINT", None)),
])
def test_the_same_value_in_other_clothes(left, right):
    wanted, answer = (result([kind], (value,)) for kind, value in (left, right))
    assert Expected(wanted).differs(answer) is None


@pytest.mark.parametrize("left, right", [
    (("DOUBLE", 2.675), ("DOUBLE", 2.69)), (("VARCHAR", "02134"), ("VARCHAR", "2134")),
    (("BOOLEAN", True), ("BIGINT", 1)), (("BIGINT", 0), ("BIGINT", None)),
    (("TIMESTAMP", "2026-01-01 00:00:01"), ("DATE", "2026-01-01")),
    (("VARCHAR", "Books"), ("VARCHAR", "books")),
])
def test_values_that_are_not_the_same(left, right):
    wanted, answer = (result([kind], (value,)) for kind, value in (left, right))
    assert Expected(wanted).differs(answer)


def test_order_counts_when_it_was_asked_for_and_ties_never():
    tied = result(SALES["types"], *(SALES["rows"][i] for i in (0, 2, 1, 3)))
    turned = result(SALES["types"], *SALES["rows"][::-1])
    expected = Expected(SALES, order=[1])
    assert expected.differs(tied, ordered=True) is None
    assert expected.differs(turned, ordered=True) == "the order differs"
    assert expected.differs(turned) is None


def cut(order=(1,), offset=0, n=2):
    """The first n of SALES, behind the offset."""
    part = {**SALES, "rows": SALES["rows"][offset:offset + n]}
    return Expected(part, order, pool=SALES, offset=offset)


def test_a_limit_through_a_tie_takes_any_of_the_tied():
    kinds = SALES["types"]
    assert cut().differs(result(kinds, ("a", 3), ("c", 2.5)), ordered=True) is None
    assert cut().differs(result(kinds, ("a", 3), ("d", 1)), ordered=True) == "the rows differ"
    assert cut().differs(result(kinds, ("b", 2.5), ("c", 2.5)), ordered=True) == "the rows differ"
    assert cut().differs(result(kinds, ("a", 3), ("a", 3))).startswith("no column")
    assert cut().differs(result(kinds, ("c", 2.5), ("a", 3)), ordered=True) == "the order differs"
    assert cut().differs(result(kinds, ("c", 2.5), ("a", 3))) is None
    assert cut(offset=2).differs(result(kinds, ("b", 2.5), ("d", 1)), ordered=True) is None
    assert cut(order=()).differs(result(kinds, ("d", 1), ("b", 2.5)), ordered=True) is None


def test_a_hidden_key_orders_and_need_not_be_found():
    shown = result(["VARCHAR", "BIGINT"], ("a", 1), ("b", 2), ("c", 2))
    expected = Expected(shown, [1], hidden=1)
    assert expected.differs(result(["VARCHAR"], ("a",), ("c",), ("b",)), ordered=True) is None
    assert expected.differs(result(["VARCHAR"], ("b",), ("a",), ("c",)), ordered=True) == "the order differs"


def test_an_empty_answer_is_right_when_it_should_be_empty():
    nothing = result(["VARCHAR"])
    assert Expected(nothing).differs(nothing, ordered=True) is None
    assert Expected(nothing).differs(SALES) == "4 rows, not 0"


# The whole evaluation. FAKE is a program whose "ask" runs the plan that answers.json has for the question;
# all else is the real program's.

FAKE = r'''#!{python}
import json, os, pathlib, subprocess, sys
here = pathlib.Path(__file__).parent
words = sys.argv[1:]
if words[0] != "ask":
    os.execv({askcsv!r}, [{askcsv!r}, *words])
*options, dash, source, question = words[1:]
assert dash == "--" and options[:2] == ["--format", "json"], words
after = options[options.index("--after") + 1] if "--after" in options else None
with open(here / "log", "a") as log:
    log.write(json.dumps([question, after]) + "\n")
wanted = json.loads((here / "answers.json").read_text()).get(question)
if wanted is None:
    print(json.dumps({{"status": "abstained", "run_id": "r", "plan": None, "abstention": {{
        "reason": "unsupported", "message": "cannot", "words": ["why"], "nearest": [],
        "questions": ["q?"]}}}}))
    sys.exit(5)
if wanted == "fail":
    sys.exit("it broke")
as_of = options[options.index("--as-of"):][:2] if "--as-of" in options else []
done = subprocess.run([{askcsv!r}, "run", source, "--plan", "-", "--format", "json", *as_of],
                      input=json.dumps(wanted), stdout=subprocess.PIPE, encoding="utf-8")
if done.returncode == 0:
    capsule = json.loads(done.stdout)
    capsule["reading"] = {{"sentence": "As it was told", "assumptions": []}}
    print(json.dumps(capsule))
sys.exit(done.returncode)
'''


class Fake:
    def __init__(self, folder, askcsv_path):
        self.folder = folder
        self.path = folder / "fake-askcsv"
        self.path.write_text(FAKE.format(python=sys.executable, askcsv=str(askcsv_path)))
        self.path.chmod(0o755)

    def answers(self, answers):
        (self.folder / "answers.json").write_text(json.dumps(answers))

    def calls(self):
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]

    def evaluate(self, entries, *options):
        """The questions of these entries, or of files, asked: status, what was printed."""
        if isinstance(entries, list):
            file = self.folder / "some-work.json"
            file.write_text(json.dumps(entries))
            entries = (file,)
        words = map(str, (*options, *entries))
        done = call([sys.executable, QUESTIONS / "evaluate.py", "--askcsv", self.path, *words], timeout=600)
        return done.returncode, done.stdout.decode() + done.stderr.decode()


@pytest.fixture
def fake(tmp_path, askcsv_path):
    return Fake(tmp_path, askcsv_path)


def plan(table="orders", **more):
    dataset = "ecommerce" if table == "orders" else "files"
    return {"dataset_id": dataset, "table": table, **more}


COUNT = plan(select=[{"func": "count", "alias": "n"}])
RETURNED = {**COUNT, "filters": [{"column": "returned", "op": "=", "value": True}]}
BY_STATUS = plan(select=[{"column": "status"}, {"func": "count", "alias": "n"}], group_by=["status"])
MOST = {**BY_STATUS, "order_by": [{"expr": "n", "direction": "desc"}]}
LEAST = {**BY_STATUS, "order_by": [{"expr": "n", "direction": "asc"}]}
PEOPLE = plan("employees", select=[{"func": "count", "alias": "n"}],
              filters=[{"column": "hire_date", "op": "last", "value": {"n": 1000, "unit": "day"}}])


def entry(name, question, wanted=None, **more):
    made = {"id": name, "source": "employees" if wanted is PEOPLE else "ecommerce", "question": question}
    return {**made, **({"plan": wanted} if wanted else {}), **more}


def test_every_verdict_is_counted(fake):
    fake.answers({"how many": COUNT, "how many back": COUNT, "and the rest": "fail", "by status": MOST,
                  "most first": LEAST, "people": PEOPLE, "why": COUNT})
    entries = [entry("a", "how many", COUNT), entry("b", "how many back", RETURNED),
               entry("c", "unheard of", COUNT), entry("d", "and the rest", COUNT),
               entry("e", "by status", BY_STATUS), entry("f", "most first", MOST, ordered=True),
               entry("g", "people", PEOPLE), entry("h", "why", why="a cause"),
               entry("i", "what for", why="it")]
    status, said = fake.evaluate(entries)
    assert status == 0
    assert said == ("some-work.json: 9 questions, 4 right (44.4 %), 3 wrong (33.3 %), 1 abstained (11.1 %), "
                    "1 failed (11.1 %)\n    not right: b c d f h\n")


def test_thresholds_decide_the_status(fake):
    fake.answers({"how many": COUNT, "how many back": COUNT})
    entries = [entry("a", "how many", COUNT), entry("b", "how many back", RETURNED)]
    assert fake.evaluate(entries, "--min-right", 50, "--max-wrong", 50)[0] == 0
    assert fake.evaluate(entries, "--min-right", 51)[0] == 1
    assert fake.evaluate(entries, "--max-wrong", 49)[0] == 1


def test_only_verbose_prints_questions(fake):
    fake.answers({"how many back": COUNT})
    entries = [entry("a", "how many back", RETURNED), entry("b", "unheard of", COUNT)]
    for options in ([], ["--quiet"]):
        said = fake.evaluate(entries, *options)[1]
        assert "how many" not in said and "unheard" not in said
    assert "not right" not in said
    said = fake.evaluate(entries, "--verbose")[1]
    assert "wrong     a  (ecommerce)  how many back" in said
    assert '    wanted   {"table": "orders"' in said and '    plan     {"table": "orders"' in said
    assert "    reading  As it was told" in said and "    why      no column has what n has" in said
    assert '    abstains {"reason": "unsupported", "message": "cannot", "words": ["why"]}' in said


def test_a_follow_up_is_asked_after_the_run_before_it(fake):
    fake.answers({"how many": COUNT, "returned ones": RETURNED})
    entries = [entry("b", "returned ones", RETURNED, after="a"), entry("a", "how many", COUNT),
               entry("d", "returned ones", RETURNED, after="c"), entry("c", "unheard of", COUNT)]
    said = fake.evaluate(entries)[1]
    assert "2 right (50.0 %), 0 wrong (0.0 %), 2 abstained" in said
    calls = dict(fake.calls())
    assert calls.keys() == {"how many", "returned ones", "unheard of"} and len(fake.calls()) == 3
    assert calls["how many"] is None and len(calls["returned ones"]) == 36


def test_only_some_with_those_before_them(fake):
    fake.answers({"how many": COUNT, "returned ones": RETURNED})
    entries = [entry("a", "how many", COUNT), entry("b", "returned ones", RETURNED, after="a"),
               entry("c", "unheard of", COUNT)]
    assert "2 questions, 2 right" in fake.evaluate(entries, "--only", "b")[1]


def test_the_order_of_what_is_not_shown_and_ties_at_the_limit(fake):
    some = {"select": [{"column": "order_id"}]}
    shown = plan(**some, filters=[{"column": "customer_id", "op": "<", "value": 510}],
                 order_by=[{"expr": "total", "direction": "desc"}], limit=5)
    more = {**shown, "select": [{"column": "total"}, {"column": "order_id"}]}
    other = {**more, "order_by": [{"expr": "total"}]}
    days = plan(**some, order_by=[{"expr": "order_date", "direction": "desc"}], limit=3)
    last = {**days, "order_by": [{"expr": key, "direction": "desc"} for key in ("order_date", "order_id")]}
    wrong = {**days, "filters": [{"column": "order_date", "op": "<", "value": "2026-01-30"}]}
    fake.answers({"dearest": more, "dearest?": other, "newest": last, "newest?": wrong})
    said = fake.evaluate([entry(name, question, wanted, ordered=True) for name, question, wanted in (
        ("a", "dearest", shown), ("b", "dearest?", shown), ("c", "newest", days), ("d", "newest?", days))])[1]
    assert "2 right" in said and "not right: b d" in said


def test_golden_answers_must_be_the_same_to_the_letter(fake):
    registry = json.loads((ROOT / "datasets/registry.json").read_text())
    prompts = {p["text"]: p["id"] for d in registry["datasets"] for p in d["prompts"]}
    plans = {text: json.loads((ROOT / f"datasets/golden/{name}.plan.json").read_text())
             for text, name in prompts.items()}
    fake.answers(plans)
    assert fake.evaluate((), "--golden", "--min-right", 100)[0] == 0
    text, first = next(iter(plans.items()))
    first["select"][0]["alias"] = "other"
    first["group_by"][0] = "other"
    fake.answers({**plans, text: first})
    status, said = fake.evaluate((), "--golden", "--min-right", 100, "--verbose")
    assert status == 1 and "17 right" in said


def test_what_is_wrong_with_a_file_is_said(fake):
    fake.answers({"how many": COUNT})
    broken = {**COUNT, "table": "oders"}
    for entries, words in [([entry("a", "how many", broken)], "a: the plan does not run"),
                           ([entry("a", "x"), entry("a", "y")], "twice"),
                           ([entry("a", "x", COUNT, after="z")], "follows"),
                           ([entry("a", "x", COUNT, extra=1)], "too many"),
                           ([{"id": "a"}], "lacks"), ([7], "TypeError")]:
        status, said = fake.evaluate(entries)
        assert status == 2 and words in said, said
    empty = plan(select=[{"column": "total"}], filters=[{"column": "total", "op": "<", "value": 0}])
    status, said = fake.evaluate([entry("a", "x", COUNT), entry("b", "y", empty)], "--check")
    assert status == 2 and said == "some-work.json: b: the expected answer is empty\n"
    assert fake.evaluate([entry("a", "x", COUNT, source="nowhere")], "--check")[0] == 2


def test_the_named_folder_stays_and_its_host_does_not(fake, tmp_path):
    fake.answers({"how many": COUNT})
    fake.evaluate([entry("a", "how many", COUNT)], "--work", tmp_path / "work")
    assert (tmp_path / "work/home/capsules.db").is_file()
    assert hosts_of(tmp_path / "work/home") == []


class Knower(evaluate.Program):
    """A planner that always gives the expected plan."""
    plans = {}

    def ask(self, name, question, after=None):
        if (plan := self.plans.get((name, question))) is None:
            return 5, {"status": "abstained"}, ""
        return 0, {"status": "succeeded", "run_id": "r", "result": self.run(name, plan)}, ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_expected_answers_are_there_and_right(file, askcsv_path, tmp_path):
    entries = evaluate.read_entries(file)
    with Knower(askcsv_path, tmp_path) as knower:
        knower.plans = {(e["source"], e["question"]): e["plan"] for e in entries if "plan" in e}
        verdicts = evaluate.judge_all(knower, entries)
    assert [(v.entry["id"], v.why) for v in verdicts if v.what != "right"] == []
    assert [v.entry["id"] for v in verdicts if "plan" in v.entry and not v.capsule["result"]["rows"]] == []
