"""Rates of the plan compiler and the policy, and cold runs against cold DuckDB processes.

Each golden plan's cold `askcsv run` is compared with a bare cold DuckDB process
(bench/bare_duckdb.c) that does the same SQL on the same files: "bare" reads them as one writes it,
with the columns' types; "tuned" also knows to turn the CSV sniffer off, as askcsv's runner does.
"""
import json
import statistics
import sys

from measure.world import note

RATIO_TARGET = 1.3


def rates(world):
    result = [json.loads(world.output([world.tools / "bench_plan", *world.plans]))]
    for dataset in ("ecommerce", "support", "sensors"):
        sql = b"".join(world.output([world.askcsv, "plan", "compile", plan], env=world.cold_env)
                       + b"\0" for plan in world.plans if plan.name.startswith(dataset))
        trees = world.output([world.tools / "sql_trees"], sql)
        rate = json.loads(world.output([world.tools / "bench_policy", dataset], trees))
        result.append({**rate, "what": f"{rate['what']}, {dataset}"})
    for rate in result:
        print(f"{rate['what']:<36}{rate['per_second']:>10,.0f} a second", flush=True)
    return result


def turns_of(world, question):
    plan = question["plan"]
    capsule = json.loads(world.output([world.askcsv, "run", question["dataset"], "--plan", plan,
                                       "--format", "json"], env=world.cold_env))
    turns = [("askcsv", [world.askcsv, "run", question["dataset"], "--plan", plan], b"")]
    for name in ("bare", "tuned"):
        job = {"sql": capsule["sql"], "tables": question["tables"], "tuned": name == "tuned"}
        text = json.dumps(job).encode()
        rows = world.output([world.tools / "bare_duckdb"], text).count(b"\n")
        if rows != len(capsule["result"]["rows"]):
            sys.exit(f"bench: {plan.name}: {name} DuckDB gave {rows} rows")
        turns.append((name, [world.tools / "bare_duckdb"], text))
    return turns


def measure(world, questions):
    result = {"rows": []}
    print(f"\n{f'cold run, median of {world.rounds}, ms':<30}{'askcsv':>8}{'bare':>8}{'tuned':>8}"
          f"{'/bare':>8}{'/tuned':>8}")
    for question in questions:
        turns = turns_of(world, question)
        times = {name: [] for name, _, _ in turns}
        for number in range(world.rounds):
            note(f"{question['name']}, round {number + 1}")
            for name, argv, stdin in turns if number % 2 else reversed(turns):
                times[name].append(world.milliseconds(argv, stdin, world.cold_env))
        note("")
        median = {name: round(statistics.median(values), 1) for name, values in times.items()}
        row = {"plan": question["name"], "ms": median,
               "ratio_bare": round(median["askcsv"] / median["bare"], 3),
               "ratio_tuned": round(median["askcsv"] / median["tuned"], 3), "times": times}
        result["rows"].append(row)
        print("{plan:<30}{ms[askcsv]:>8}{ms[bare]:>8}{ms[tuned]:>8}"
              "{ratio_bare:>8.2f}{ratio_tuned:>8.2f}".format(**row), flush=True)
    for name in ("bare", "tuned"):
        ratios = [row[f"ratio_{name}"] for row in result["rows"]]
        result[f"ratio_{name}"] = {"median": statistics.median(ratios), "worst": max(ratios)}
        print(f"ratio to {name} DuckDB: median {statistics.median(ratios):.2f}, "
              f"worst {max(ratios):.2f} (target: at most {RATIO_TARGET})")
    return result
