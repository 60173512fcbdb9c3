#!/usr/bin/python3
"""How well true figures are told from altered ones, by kind.

    measure.py [--ground build/tests/tools/ground] [--set work|held|answers] [--verbose]

Makes sentences about the committed golden answers (datasets/golden), each with one figure under test: a cell,
a rounded one, a sum, a share and so on; then the same sentence with the figure altered: a digit changed, two
digits exchanged, the magnitude, the value of another row, a wrong amount. Figures are checked by the real
code (tests/tools/ground.c). `work` are the sentences by which the code was made, `held` others, which it was
not adjusted to; `answers` are whole answers as a model writes them (answers.json), each with one digit of one
number changed. The choice is fixed by a seed, so every run measures the same.

Exit status: 0; 1 when more than --max-wrong percent of the true figures are marked or more than --max-slip
percent of the altered ones pass; 2 when something is broken.
"""
import argparse
import collections
import dataclasses
import datetime
import json
import pathlib
import random
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PER_ANSWER = 14  # sentences of each template and answer, at most
SEED = 20260131
NUMBERS = ("INTEGER", "BIGINT", "DECIMAL", "DOUBLE")


# The answers.

class Answer:
    def __init__(self, name, question=None):
        folder = ROOT / "datasets/golden"
        self.name, self.question = name, question
        self.result = json.loads((folder / f"{name}.result.json").read_text())
        self.plan = json.loads((folder / f"{name}.plan.json").read_text())
        self.columns, self.rows = self.result["columns"], self.result["rows"]
        kinds = self.result["types"]
        self.numbers = [i for i, kind in enumerate(kinds) if kind.startswith(NUMBERS)
                        and not self.columns[i].endswith("_id")]
        self.dates = [i for i, kind in enumerate(kinds) if kind.startswith(("DATE", "TIMESTAMP"))]
        self.decimals = {i for i, kind in enumerate(kinds) if kind.startswith("DECIMAL")}
        self.label_column = self.find_label()

    def find_label(self):
        """The column that tells rows apart: a text, else an id."""
        texts = [i for i, kind in enumerate(self.result["types"]) if kind == "VARCHAR"]
        ids = [i for i, name in enumerate(self.columns) if name.endswith("_id")]
        for i in texts + ids:
            if len({row[i] for row in self.rows}) == len(self.rows):
                return i
        return None

    def label(self, row):
        value = self.rows[row][self.label_column]
        if isinstance(value, int):
            return f"{self.columns[self.label_column].removesuffix('_id')} {value}"
        return value

    def words(self, column):
        return self.columns[column].replace("_", " ")

    def value(self, row, column):
        return float(self.rows[row][column])

    def values(self, column):
        return [float(row[column]) for row in self.rows if row[column] is not None]

    def additive(self, column):
        name = self.columns[column]
        return not any(word in name for word in ("average", "rate", "pct", "percent", "min_", "max_", "lowest",
                                                 "score", "_c", "_hpa", "vibration", "hours"))

    def is_percent(self, column):
        return any(word in self.columns[column] for word in ("rate", "pct", "percent", "discount"))

    def order(self, text):
        result = {**self.result, "row_count": len(self.rows), "truncated": False}
        return {"text": text, "question": self.question,
                "sources": [{"run_id": self.name, "result": result, "plan": self.plan, "sql": None}]}


# Figures: how a value is written, and how it is written wrongly.

def digits(value, places):
    return f"{value:,.{places}f}"


def plain(value, places):
    return f"{value:.{places}f}"


def thousands(value, _):
    return f"{value / 1000:.1f}k"


def million(value, _):
    return f"{value / 1e6:.2f} million"


@dataclasses.dataclass
class Figure:
    value: float
    places: int
    write: callable = digits
    others: tuple = ()  # values of other rows, of the same kind

    def text(self, value=None):
        return self.write(self.value if value is None else value, self.places)

    def altered(self, how, rng):
        """Another text, or None when there is none."""
        text = self.text()
        if how == "digit":
            places = [i for i, c in enumerate(text) if c.isdigit()]
            at = rng.choice(places)
            first = at == places[0] and len(places) > 1
            made = text[:at] + rng.choice([c for c in "123456789" if c != text[at]] if first else
                                          [c for c in "0123456789" if c != text[at]]) + text[at + 1:]
        elif how == "exchanged":
            places = [i for i, c in enumerate(text) if c.isdigit()]
            pairs = [(a, b) for a, b in zip(places, places[1:]) if text[a] != text[b]
                     and not (a == places[0] and text[b] == "0")]
            if not pairs:
                return None
            a, b = rng.choice(pairs)
            made = list(text)
            made[a], made[b] = made[b], made[a]
            made = "".join(made)
        elif how == "magnitude":
            made = self.text(self.value * 10 if rng.random() < 0.5 else self.value / 10)
        elif how == "other row":
            others = [v for v in self.others if self.text(v) != text]
            made = self.text(rng.choice(others)) if others else None
        else:
            factor = 1 + rng.choice((-1, 1)) * rng.uniform(0.04, 0.4)
            made = self.text(self.value * factor)
        return made if made and re.sub(r"\D", "", made).strip("0") and made != text else None


ALTERATIONS = ("digit", "exchanged", "magnitude", "other row", "wrong amount")


# Sentences: kind -> templates; {x} is the figure under test.

WORK = {
    "cell": ["{a} has {x} {column}.", "For {a}, {column} is {x}.", "- **{a}**: {x} ({column})",
             "The {column} of {a} was {x}, and that of {b} was {y}."],
    "extreme": ["The highest {column} is {x}.", "{top} leads with the highest {column}: {x}."],
    "rounded": ["{a} has about {x} {column}.", "For {a}, {column} is {x}.", "{a} reached roughly {x} in {column}."],
    "sum": ["In total, the {column} come to {x}.", "Altogether there are {x} {column}."],
    "first rows": ["The top {k} together have {x} {column}.", "Combined, the first {k} reach {x} {column}."],
    "two rows": ["{a} and {b} together have {x} {column}."],
    "mean": ["On average, {column} is {x}.", "The mean {column} is {x}."],
    "share": ["{a} makes up {x}% of all {column}.", "{a} accounts for {x} percent of the {column}."],
    "difference": ["{a} has {x} more {column} than {b}.", "The gap in {column} between {a} and {b} is {x}."],
    "change": ["{a} has {x}% more {column} than {b}.", "{a} is {x}% ahead of {b} in {column}."],
    "times": ["{a} has {x} times as many {column} as {b}.", "{a}'s {column} are {x}x those of {b}."],
    "rate": ["{x}% of the {column} of {a} are {other}."],
    "rows": ["The result has {x} rows.", "There are {x} entries in the list."],
    "table": ["| # | name | {column} |\n|---|---|---|\n| 1 | {a} | {x} |\n| 2 | {b} | {y} |"],
    "date": ["{a} was last on {x}.", "The date for {a} is {x}."],
}
HELD = {
    "cell": ["{a} recorded {x} for {column}.", "With {x}, {a} is worth a look in terms of {column}.",
             "{a}: {x}", "We see {column} at {x} in the case of {a}, whereas {b} shows {y}."],
    "extreme": ["{top} ranks first at {x}.", "The maximum of {column} stands at {x}."],
    "rounded": ["{a} comes in at around {x}.", "{column} for {a} amounts to approximately {x}."],
    "sum": ["All rows summed up give {x} {column}.", "Overall {column}: {x}"],
    "first rows": ["The leading {k} add up to {x} in {column}."],
    "two rows": ["Taken together, {a} and {b} amount to {x} {column}."],
    "mean": ["The average across all rows is {x} for {column}."],
    "share": ["Of all {column}, {x}% belong to {a}.", "{a} contributes {x}% of total {column}."],
    "difference": ["{b} trails {a} by {x} {column}.", "{a} exceeds {b} by {x} in {column}."],
    "change": ["Compared with {b}, {a} is up {x}% in {column}.", "{column} of {a} are {x}% higher than {b}'s."],
    "times": ["{column} in {a} are {x} times those in {b}."],
    "rate": ["For {a}, {other} amount to {x}% of {column}."],
    "rows": ["I found {x} matching rows."],
    "table": ["| name | {column} |\n|:--|--:|\n| {a} | {x} |\n| {b} | {y} |"],
    "date": ["On {x}, {a} appeared.", "{a} ({x})"],
}


def places_of(answer, column):
    return 2 if column in answer.decimals else 0


def pairs(answer, rng, count=3):
    rows = range(len(answer.rows))
    if answer.label_column is None or len(rows) < 2:
        return []
    made = [(rng.choice(rows), rng.choice(rows)) for _ in range(count * 3)]
    return [(i, j) for i, j in made if i != j][:count]


def fill(answer, column, i, j, **more):
    return {"a": answer.label(i), "b": answer.label(j), "column": answer.words(column), **more}


def of_rows(answer, column, i, j, rng):
    """Figures of one or two rows of a column."""
    places, values = places_of(answer, column), answer.values(column)
    value, other = answer.value(i, column), answer.value(j, column)
    words = fill(answer, column, i, j, y=digits(other, places))
    others = tuple(v for v in values if v != value)
    yield "cell", Figure(value, places, rng.choice((digits, digits, plain)), others), words
    yield "table", Figure(value, places, digits, others), words
    if places or value >= 1e4:
        write = thousands if value >= 1e4 else digits
        yield "rounded", Figure(value, rng.choice((0, 1)) if value >= 20 else 1, write, others), words
    if answer.additive(column):
        total = sum(values)
        yield "share", Figure(100 * value / total, 1, digits, tuple(100 * v / total for v in others)), words
        yield "two rows", Figure(value + other, places, digits, ()), words
    if value > other > 0:
        gaps = tuple(abs(v - other) for v in others)
        yield "difference", Figure(value - other, places, digits, gaps), words
        if answer.additive(column):
            yield "change", Figure(100 * (value / other - 1), 1, digits,
                                   tuple(100 * abs(v / other - 1) for v in others)), words
            yield "times", Figure(value / other, 1, digits, tuple(v / other for v in others)), words


def of_columns(answer, column, rng):
    places, values = places_of(answer, column), answer.values(column)
    words = {"column": answer.words(column)}
    top = max(range(len(answer.rows)), key=lambda row: answer.value(row, column))
    most = max(values)
    named = {"top": answer.label(top)} if answer.label_column is not None else {}
    yield "extreme", Figure(most, places, digits, tuple(v for v in values if v != most)), {**words, **named}
    yield "mean", Figure(sum(values) / len(values), 2), words
    if answer.additive(column):
        yield "sum", Figure(sum(values), places, digits), words
        if len(values) > 3:
            k = rng.randint(2, min(5, len(values) - 1))
            yield "first rows", Figure(sum(values[:k]), places), {**words, "k": k}


def of_rates(answer, i, rng):
    """One count of a row as a part of another."""
    counts = [c for c in answer.numbers if answer.additive(c) and c not in answer.decimals]
    for whole, part in ((a, b) for a in counts for b in counts if a != b):
        if 0 < answer.value(i, part) < answer.value(i, whole):
            rates = tuple(100 * float(r[part]) / float(r[whole]) for k, r in enumerate(answer.rows) if k != i)
            value = 100 * answer.value(i, part) / answer.value(i, whole)
            yield "rate", Figure(value, 1, digits, rates), fill(answer, whole, i, i, other=answer.words(part))


class Day:
    """A date, written in one of several ways."""
    FORMS = ("%Y-%m-%d", "%-d %B %Y", "%B %-d, %Y", "%b %-d, %Y")

    def __init__(self, text, form):
        self.day = datetime.datetime.strptime(text[:10], "%Y-%m-%d")
        self.form = form

    def text(self):
        return self.day.strftime(self.form)

    def altered(self, how, rng):
        days = {"digit": rng.choice((-1, 1)) * rng.randint(11, 400), "exchanged": None,
                "magnitude": rng.choice((-365, 365, 3650)), "other row": None,
                "wrong amount": rng.randint(40, 300)}[how]
        if days is None:
            return None
        return (self.day + datetime.timedelta(days)).strftime(self.form)


def of_dates(answer, i, rng):
    for column in answer.dates:
        if answer.rows[i][column]:
            yield "date", Day(answer.rows[i][column], rng.choice(Day.FORMS)), fill(answer, column, i, i)


def figures(answer, rng):
    """(kind, figure, words) of an answer."""
    for column in answer.numbers:
        if any(row[column] is None for row in answer.rows):
            continue
        yield from of_columns(answer, column, rng)
        for i, j in pairs(answer, rng):
            yield from of_rows(answer, column, i, j, rng)
    for i, _ in pairs(answer, rng, 4):
        yield from of_rates(answer, i, rng)
        yield from of_dates(answer, i, rng)
    yield "rows", Figure(len(answer.rows), 0), {}


@dataclasses.dataclass
class Case:
    answer: Answer
    kind: str
    change: str  # "true", or how it is altered
    text: str
    start: int
    end: int


def place(template, words, said):
    """The sentence and where the figure stands in it."""
    before, behind = template.split("{x}")
    before = before.format(**words)
    return before + said + behind.format(**words), len(before), len(before) + len(said)


def cases_of(answer, templates):
    rng = random.Random(f"{SEED} {answer.name}")
    used = collections.Counter()
    for kind, figure, words in figures(answer, rng):
        for template in templates[kind]:
            wanted = set(re.findall(r"{(\w+)}", template)) - {"x"}
            if not wanted <= words.keys() or used[template] >= PER_ANSWER:
                continue
            used[template] += 1
            yield Case(answer, kind, "true", *place(template, words, figure.text()))
            for how in ALTERATIONS:
                said = figure.altered(how, rng)
                if said:
                    yield Case(answer, kind, how, *place(template, words, said))


# Whole answers.

def answer_cases(path):
    """Each number of each answer as it is, and with a digit changed, three times; the kind is how it was found."""
    entries = json.loads((HERE / "answers.json").read_text(encoding="utf-8"))
    rng = random.Random(SEED)
    answers = [Answer(entry["golden"], entry["question"]) for entry in entries]
    whole = [Case(answer, "", "true", entry["text"], 0, 0) for answer, entry in zip(answers, entries)]
    for case, outcome in zip(whole, check(path, whole)):
        for number in outcome["numbers"]:
            start, end, said = number["start"], number["end"], number["text"]
            yield Case(case.answer, number["how"], "true", case.text, start, end)
            for _ in range(3):
                places = [i for i, c in enumerate(said) if c.isdigit()]
                if not places:
                    continue
                at = rng.choice(places)
                other = rng.choice([c for c in "123456789" if c != said[at]])
                text = case.text[:start] + said[:at] + other + said[at + 1:] + case.text[end:]
                yield Case(case.answer, number["how"], "digit", text, start, end)


# The check.

def check(path, cases):
    orders = "".join(json.dumps(case.answer.order(case.text)) + "\n" for case in cases)
    done = subprocess.run([path], input=orders, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def is_found(case, outcome):
    """Whether the figure under test was found. What was not read as a number was not."""
    inside = [n for n in outcome["numbers"] if n["start"] < case.end and n["end"] > case.start]
    return bool(inside) and all(n["how"] for n in inside), inside


def judge(path, templates):
    names = sorted(p.name.removesuffix(".result.json")
                   for p in (ROOT / "datasets/golden").glob("*.result.json"))
    return judge_cases(path, [case for name in names for case in cases_of(Answer(name), templates)])


def judge_cases(path, cases):
    outcomes = check(path, cases)
    if len(outcomes) != len(cases) or any("error" in outcome for outcome in outcomes):
        raise ValueError("ground did not check every order")
    return [(case, *is_found(case, outcome)) for case, outcome in zip(cases, outcomes)]


def percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def row_of(name, verdicts):
    true = [found for case, found, _ in verdicts if case.change == "true"]
    altered = [found for case, found, _ in verdicts if case.change != "true"]
    return (f"| {name} | {len(true)} | {true.count(False)} ({percent(true.count(False), len(true))}) "
            f"| {len(altered)} | {altered.count(True)} ({percent(altered.count(True), len(altered))}) |")


def report(verdicts):
    print("| figure | true | wrongly marked | altered | slip through |\n|---|---|---|---|---|")
    for kind in dict.fromkeys(case.kind for case, _, _ in verdicts):
        print(row_of(kind, [v for v in verdicts if v[0].kind == kind]))
    print(row_of("**all**", verdicts))
    print("\n| alteration | altered | slip through |\n|---|---|---|")
    for how in ALTERATIONS:
        found = [found for case, found, _ in verdicts if case.change == how]
        print(f"| {how} | {len(found)} | {found.count(True)} ({percent(found.count(True), len(found))}) |")


def details(verdicts):
    for case, found, numbers in verdicts:
        if found == (case.change == "true"):
            continue
        how = ", ".join(f"{n['text']} {n['how']} {n['column']}" for n in numbers)
        print(f"{'marked' if case.change == 'true' else 'slips':<7}{case.answer.name} {case.kind}/{case.change}: "
              f"{case.text!r} [{how}]")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ground", default=ROOT / "build/tests/tools/ground", metavar="PROGRAM")
    parser.add_argument("--set", choices=("work", "held", "answers"), default="work")
    parser.add_argument("--verbose", action="store_true", help="each figure that was judged wrongly")
    parser.add_argument("--max-wrong", type=float, default=100, metavar="PERCENT")
    parser.add_argument("--max-slip", type=float, default=100, metavar="PERCENT")
    options = parser.parse_args(argv)
    try:
        if options.set == "answers":
            verdicts = judge_cases(options.ground, list(answer_cases(options.ground)))
        else:
            verdicts = judge(options.ground, {"work": WORK, "held": HELD}[options.set])
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"measure: {error}", file=sys.stderr)
        return 2
    if options.verbose:
        details(verdicts)
    report(verdicts)
    true = [found for case, found, _ in verdicts if case.change == "true"]
    altered = [found for case, found, _ in verdicts if case.change != "true"]
    good = (true.count(False) * 100 <= options.max_wrong * len(true) and
            altered.count(True) * 100 <= options.max_slip * len(altered))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
