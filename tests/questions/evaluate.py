#!/usr/bin/python3
"""Asks the questions of the given files and says how many were answered rightly.

    evaluate.py [--askcsv build/askcsv] tests/questions/shipped-work.json ...
    evaluate.py --golden                the example prompts, whose answers must be the committed ones exactly
    evaluate.py --check FILE...         asks nothing: are the files themselves in order?

An entry with a plan is right when the answer holds what the plan's answer holds (compare.py); one without a
plan is right when the planner abstains. Everything runs in a new home under --work, a temporary folder by
default; one that is named stays, with all capsules.

Exit status: 0; 1 below --min-right or above --max-wrong (failed runs count as wrong); 2 when a file, or a
plan in it, is not in order.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from compare import Expected, rows_of  # noqa: E402
from host import Host  # noqa: E402
from make_csvs import make_csvs  # noqa: E402
from programs import clean_env  # noqa: E402

AS_OF_FILES = "2026-01-31T00:00:00Z"
CALL_SECONDS = 120
LINGER_SECONDS = 20
ABSTAINED_STATUS = 5
LIMIT_DEFAULT = 200  # docs/PLAN.md
PAGE = 200           # a plan that only copies data may not ask for more
PAGES_MAX = 300
VERDICTS = ("right", "wrong", "abstained", "failed")


class Broken(Exception):
    """A file or a plan of the corpus is not in order."""


@dataclasses.dataclass
class Verdict:
    entry: dict
    what: str        # one of VERDICTS
    why: str = ""
    capsule: dict = dataclasses.field(default_factory=dict)


# The program under test.

class Program:
    """The command with a home of its own, in which the shipped datasets and the CSV files are."""

    def __init__(self, path, folder):
        self.path = os.path.abspath(path)
        self.folder = pathlib.Path(folder).resolve()
        self.home = self.folder / "home"
        self.env = clean_env(ASKCSV_HOME=self.home, HOME=self.folder, LC_ALL="C.UTF-8", TZ="UTC",
                             ASKCSV_LINGER=LINGER_SECONDS)
        registry = json.loads((ROOT / "datasets/registry.json").read_text())
        self.datasets = {d["id"]: d for d in registry["datasets"]}

    def __enter__(self):
        self.home.mkdir(parents=True, exist_ok=True)
        make_csvs(self.folder / "csv")
        done = self.call("datasets", "generate")
        if done.returncode != 0:
            raise Broken(f"{self.path} datasets generate: {done.stderr.strip()}")
        return self

    def __exit__(self, *_):
        Host(self.home).end()

    def call(self, *words, stdin=None):
        given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run([self.path, *map(str, words)], env=self.env, cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                              errors="replace", timeout=CALL_SECONDS, **given)

    def source(self, name):
        """SOURCE, and the options that go with it."""
        if name in self.datasets:
            return name, ()
        files = [self.folder / "csv" / f"{part}.csv" for part in name.split(",")]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise Broken(f"there is no dataset or file {name} ({', '.join(missing)})")
        return ",".join(map(str, files)), ("--as-of", AS_OF_FILES)

    def run(self, name, plan):
        """The result of a plan, which must run."""
        source, options = self.source(name)
        done = self.call("run", "--plan", "-", "--format", "json", *options, "--", source,
                         stdin=json.dumps(plan))
        if done.returncode != 0:
            raise Broken(f"the plan does not run: {done.stderr.strip()[:500]}")
        return json.loads(done.stdout)["result"]

    def ask(self, name, question, after=None):
        """The exit status, the capsule ({} when there is none), what stderr said."""
        source, options = self.source(name)
        if after:
            options = (*options, "--after", after)
        try:
            done = self.call("ask", "--format", "json", *options, "--", source, question)
        except subprocess.TimeoutExpired:
            return None, {}, f"no answer within {CALL_SECONDS} s"
        try:
            capsule = json.loads(done.stdout)
        except ValueError:
            capsule = {}
        return done.returncode, capsule if isinstance(capsule, dict) else {}, done.stderr.strip()


# The expected answer.

def order_of(plan, columns):
    """The plan with what it is ordered by among its columns; where those are; how many were added."""
    places, added = [], []
    for key in plan.get("order_by", ()):
        name = key["expr"].lower()
        names = [column.lower() for column in columns]
        if name in names:
            places.append(names.index(name))
        elif "select" in plan:
            places.append(len(columns) + len(added))
            added.append({"column": key["expr"], "alias": f"order_key_{len(added)}"})
    if added:
        plan = {**plan, "select": [*plan["select"], *added]}
    return plan, places, len(added)


def cuts_a_tie(program, name, plan, result, places):
    """Whether the row behind the last one, or the one before the first, ties with it."""
    first, n = plan.get("offset", 0), len(result["rows"])
    keys = [key for key, _ in rows_of(result, places)]
    for offset, key in ((first + n, keys[-1:]), (first - 1, keys[:1])):
        if key and offset >= 0 and (offset < first or n == plan.get("limit", LIMIT_DEFAULT)):
            beyond = program.run(name, {**plan, "offset": offset, "limit": 1})
            if [k for k, _ in rows_of(beyond, places)] == key:
                return True
    return False


def whole_answer(program, name, plan):
    pool = None
    for page in range(PAGES_MAX):
        part = program.run(name, {**plan, "offset": page * PAGE, "limit": PAGE})
        pool = pool or {**part, "rows": []}
        pool["rows"] += part["rows"]
        if len(part["rows"]) < PAGE:
            break
    return pool


def expected_answer(program, entry):
    name, plan = entry["source"], entry["plan"]
    result = program.run(name, plan)
    plan, places, hidden = order_of(plan, result["columns"])
    if hidden:
        result = program.run(name, plan)
    pool = None
    if cuts_a_tie(program, name, plan, result, places):
        pool = whole_answer(program, name, plan)
    return Expected(result, places, pool=pool, offset=plan.get("offset", 0), hidden=hidden)


# Verdicts.

def judge(program, entry, before):
    """before: the verdict on the question that this one follows, or None."""
    after = None
    if before is not None:
        after = before.capsule.get("run_id")
        if before.capsule.get("status") != "succeeded":
            return Verdict(entry, "abstained", "the question before it was not answered")
    status, capsule, said = program.ask(entry["source"], entry["question"], after)
    if status == ABSTAINED_STATUS and capsule.get("status") == "abstained":
        return Verdict(entry, "abstained" if is_answerable(entry) else "right", "", capsule)
    if status != 0 or capsule.get("status") != "succeeded":
        return Verdict(entry, "failed", f"exit status {status}: {said[:500]}", capsule)
    try:
        why = difference(program, entry, capsule["result"])
    except Broken as error:
        raise Broken(f"{entry['id']}: {error}") from None
    return Verdict(entry, "wrong" if why else "right", why or "", capsule)


def is_answerable(entry):
    return "plan" in entry or "golden" in entry


def difference(program, entry, answer):
    if not is_answerable(entry):
        return "it has no answer"
    if "golden" in entry:
        wanted = json.loads(entry["golden"].read_text())
        return next((f"other {what}" for what in ("columns", "types", "rows")
                     if answer[what] != wanted[what]), None)
    return expected_answer(program, entry).differs(answer, entry.get("ordered", False))


def chains_of(entries):
    """Questions with those that follow them, each after the one it follows."""
    followers = collections.defaultdict(list)
    for entry in entries:
        followers[entry.get("after")].append(entry)

    def below(entry):
        return [entry, *(e for follower in followers[entry["id"]] for e in below(follower))]
    return [below(entry) for entry in followers[None]]


def judge_chain(program, chain):
    verdicts = {}
    for entry in chain:
        verdicts[entry["id"]] = judge(program, entry, verdicts.get(entry.get("after")))
    return verdicts


def judge_all(program, entries, one=judge_chain):
    """A verdict for each entry, in their order."""
    verdicts = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for part in pool.map(lambda chain: one(program, chain), chains_of(entries)):
            verdicts.update(part)
    return [verdicts[entry["id"]] for entry in entries]


# The files.

KEYS = {"id", "source", "question", "plan", "ordered", "after", "why"}


def read_entries(path):
    try:
        entries = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        ids = [entry["id"] for entry in entries]
        for entry in entries:
            if not {"id", "source", "question"} <= entry.keys() <= KEYS:
                raise Broken(f"{path}: {entry['id']} lacks a member or has one too many")
            if entry.get("after") not in (None, *ids):
                raise Broken(f"{path}: {entry['id']} follows a question that is not in the file")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Broken(f"{path}: {type(error).__name__} {error}") from None
    if len(set(ids)) != len(ids):
        raise Broken(f"{path}: an id is there twice")
    return entries


def with_those_before(entries, ids):
    """The entries of these ids and the questions that they follow."""
    by_id = {entry["id"]: entry for entry in entries}
    wanted = set()
    for name in ids & by_id.keys():
        while name and name not in wanted:
            wanted.add(name)
            name = by_id[name].get("after")
    return [entry for entry in entries if entry["id"] in wanted]


def golden_entries(program):
    return [{"id": prompt["id"], "source": dataset["id"], "question": prompt["text"],
             "golden": ROOT / f"datasets/golden/{prompt['id']}.result.json"}
            for dataset in program.datasets.values() for prompt in dataset["prompts"]]


def check_chain(program, chain):
    """As judge_chain, but of the corpus: right when the plan runs and has an answer."""
    verdicts = {}
    for entry in chain:
        why = ""
        try:
            program.source(entry["source"])
            if "plan" in entry and not program.run(entry["source"], entry["plan"])["rows"]:
                why = "the expected answer is empty"
        except Broken as error:
            why = str(error)
        verdicts[entry["id"]] = Verdict(entry, "failed" if why else "right", why)
    return verdicts


# The report.

def compact(plan):
    return json.dumps({k: v for k, v in plan.items() if k not in ("dataset_id", "notes")},
                      ensure_ascii=False)


def details(verdict):
    entry, capsule = verdict.entry, verdict.capsule
    yield f"{verdict.what:<10}{entry['id']}  ({entry['source']})  {entry['question']}"
    if "plan" in entry:
        yield f"    wanted   {compact(entry['plan'])}"
    if capsule.get("reading"):
        yield f"    reading  {capsule['reading']['sentence']}"
    if capsule.get("plan"):
        yield f"    plan     {compact(capsule['plan'])}"
    if capsule.get("abstention"):
        kept = {k: v for k, v in capsule["abstention"].items() if v and k != "questions"}
        yield f"    abstains {json.dumps(kept, ensure_ascii=False)}"
    if verdict.why:
        yield f"    why      {verdict.why}"


def summary(name, verdicts):
    counts = collections.Counter(verdict.what for verdict in verdicts)
    shares = {what: 100 * counts[what] / max(len(verdicts), 1) for what in VERDICTS}
    text = ", ".join(f"{counts[what]} {what} ({shares[what]:.1f} %)" for what in VERDICTS
                     if counts[what] or what != "failed")
    return f"{name}: {len(verdicts)} questions, {text}", shares


def report(name, verdicts, options):
    """Prints; returns whether the shares are as wanted."""
    text, shares = summary(name, verdicts)
    others = [verdict for verdict in verdicts if verdict.what != "right"]
    if options.verbose:
        for verdict in others:
            print("\n".join(details(verdict)))
    print(text)
    if others and not options.quiet and not options.verbose:
        print("    not right: " + " ".join(verdict.entry["id"] for verdict in others))
    good = (shares["right"] >= options.min_right and
            shares["wrong"] + shares["failed"] <= options.max_wrong)
    if not good:
        print(f"    wanted: at least {options.min_right:g} % right, at most {options.max_wrong:g} % "
              "wrong or failed")
    return good


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--askcsv", default=ROOT / "build/askcsv", metavar="PROGRAM")
    parser.add_argument("--work", metavar="FOLDER", type=pathlib.Path, help="kept afterwards")
    parser.add_argument("--golden", action="store_true", help="the example prompts, exactly")
    parser.add_argument("--check", action="store_true", help="do the expected plans run?")
    parser.add_argument("--only", type=lambda text: set(text.split(",")), metavar="ID,...")
    parser.add_argument("--verbose", action="store_true", help="all about each that is not right")
    parser.add_argument("--quiet", action="store_true", help="totals alone")
    parser.add_argument("--min-right", type=float, default=0, metavar="PERCENT")
    parser.add_argument("--max-wrong", type=float, default=100, metavar="PERCENT")
    options = parser.parse_args(argv)
    if not options.files and not options.golden:
        parser.error("which FILE, or --golden?")
    return options


def evaluate(program, options):
    parts = [(pathlib.Path(path).name, read_entries(path)) for path in options.files]
    if options.golden:
        parts.append(("golden", golden_entries(program)))
    good = True
    for name, entries in parts:
        if options.only:
            entries = with_those_before(entries, options.only)
        if options.check:
            verdicts = judge_all(program, entries, check_chain)
            for verdict in verdicts:
                if verdict.why:
                    print(f"{name}: {verdict.entry['id']}: {verdict.why}")
            good = good and not any(verdict.why for verdict in verdicts)
            continue
        good = report(name, judge_all(program, entries), options) and good
    return good


def main(argv=None):
    options = arguments(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="askcsv-questions-") as folder:
            with Program(options.askcsv, options.work or folder) as program:
                good = evaluate(program, options)
    except Broken as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    return 0 if good else 2 if options.check else 1


if __name__ == "__main__":
    sys.exit(main())
