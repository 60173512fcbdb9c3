"""The golden questions, asked in every way there is, by one client and by many."""
import json
import pathlib

from measure import machine
from measure.ways import (Failed, Way, latency, latency_result, paced, print_latency, rows_of,
                          same_rows, throughput)
from measure.world import load_sql, note

CLIENTS = (1, 2, 8, 32)
DATASETS = ("ecommerce", "support", "sensors")
EACH = 4           # runs of a job in one turn of a fast way; a process for each run has one
THROUGHPUT_ROUNDS = 4
FAST_MS = 500      # in every round
SLOW_MS = 1000     # in every second round
DOCKER_ROUNDS = 3
DOCKER_MS = 3000

# name in the results: (what it is, fast)
WHAT = {
    "in_process": ("DuckDB in process, as it is", True),
    "in_process_1": ("DuckDB in process, threads=1", True),
    "warm": ("askcsv, warm host", True),
    "command_warm": ("`askcsv run`, warm host", False),
    "command_cold": ("`askcsv run`, cold", False),
    "runner": ("askcsv-runner, cold", False),
    "bare": ("bare DuckDB process on the CSV", False),
    "docker": ("`docker run` of askcsv-runner", False),
}


def command_way(world, name, jobs, env, hashed=True):
    return Way(name, world.tools / "commands", {"jobs": jobs, "hashed": hashed}, env, world.log)


def in_process_way(world, name, questions, threads):
    databases = [{"file": None, "load": []} for _ in DATASETS]
    loaded = set()
    for question in questions:
        at = DATASETS.index(question["dataset"])
        for table in question["tables"]:
            if (at, table["name"]) not in loaded:
                loaded.add((at, table["name"]))
                databases[at]["load"].append(load_sql(table))
    jobs = [{"database": DATASETS.index(q["dataset"]), "sql": q["sql"]} for q in questions]
    return Way(name, world.tools / "in_process",
               {"threads": threads, "databases": databases, "jobs": jobs}, world.cold_env,
               world.log)


def through_way(world, questions):
    home = pathlib.Path(world.warm_env["ASKCSV_HOME"])
    jobs = [{"source": DATASETS.index(q["dataset"]), "sql": q["sql"]} for q in questions]
    return Way("warm", world.tools / "through_executor",
               {"home": str(home), "sources": DATASETS, "jobs": jobs},
               world.warm_env, world.log)


def data_folder(world, question):
    return str(pathlib.Path(world.warm_env["ASKCSV_HOME"], "datasets",
                            question["dataset"]).resolve())


def open_ways(world, questions, docker):
    """DuckDB in process first: it is what the others are held against."""
    ways = [in_process_way(world, "in_process", questions, 0),
            in_process_way(world, "in_process_1", questions, 1),
            through_way(world, questions)]
    run = [{"argv": [str(world.askcsv), "run", q["dataset"], "--plan", str(q["plan"]), "--format",
                     "json"]} for q in questions]
    requests = ways[2].said["requests"]
    ways.append(command_way(world, "command_warm", run, world.warm_env))
    ways.append(command_way(world, "command_cold", run, world.cold_env))
    ways.append(command_way(world, "runner", [
        {"argv": [str(world.runner), "--data-root", data_folder(world, q)], "stdin": text}
        for q, text in zip(questions, requests)], world.cold_env))
    ways.append(command_way(world, "bare", [
        {"argv": [str(world.tools / "bare_duckdb")],
         "stdin": json.dumps({"sql": q["sql"], "tables": q["tables"]})} for q in questions],
        world.cold_env, hashed=False))
    if docker:
        ways.append(command_way(world, "docker", [
            {"argv": docker.argv(data_folder(world, q)), "stdin": text}
            for q, text in zip(questions, requests)], docker.env))
        ways[-1].spend_s = 90
    return ways


def check_answers(ways, questions):
    """Every way's rows against DuckDB's; it also warms what can be warmed."""
    for job, question in enumerate(questions):
        rows = rows_of(ways[0].show(job))
        for way in ways[1:]:
            note(f"{question['name']}: {way.name}")
            if way.name in ("bare", "docker") and job % 6:
                continue  # bare is checked by the cold part, docker has the runner's answers
            if way.name == "bare":
                way.ask({"jobs": [job], "clients": 1, "each": 1})
            elif not same_rows(rows, rows_of(way.show_patiently(job))):
                raise Failed(f"{question['name']}: {way.name} answers otherwise than DuckDB")


def each(way, number):
    if way.name == "docker":
        return 1 if number < DOCKER_ROUNDS else 0
    return EACH if WHAT[way.name][1] else 1


def duration(way, number):
    if way.name == "docker":
        return DOCKER_MS if number == 0 else 0
    if WHAT[way.name][1]:
        return FAST_MS
    return 0 if number % 2 else SLOW_MS


def print_result(result):
    print_latency("golden", result, lambda name: WHAT[name][0])
    print(f"\n{'golden, runs a second, clients':<34}" + "".join(f"{n:>10}" for n in CLIENTS))
    for name, entry in result["throughput"].items():
        print(f"{WHAT[name][0]:<34}" + "".join(
            f"{entry[str(n)]['per_second']:>10.1f}" if str(n) in entry else f"{'':>10}"
            for n in CLIENTS))
    memory = result["memory"]
    print("\nidle: " + ", ".join(f"{n} x {role}" for role, n in memory["count"].items())
          + f", {memory['total_pss_kb'] / 1024:.1f} MB (PSS) in all")
    if result["docker"] != "measured":
        print(f"docker run: {result['docker']}")


def measure(world, questions, docker, why):
    """docker is None when it is left out, and why says why."""
    ways = open_ways(world, questions, docker)
    try:
        try:
            check_answers(ways[:7], questions)
            if docker:
                check_answers([ways[0], ways[7]], questions)
        except Failed as error:
            if not docker or "docker" not in str(error):
                raise
            why = f"skipped: {error}"
            ways.pop().close()
        samples = latency(ways, range(len(questions)), world.rounds, each, note)
        names = [q["name"] for q in questions]
        result = {"docker": why, "latency": latency_result(ways, samples, names)}
        fast = [ways[0], ways[2]]
        result["paced"] = latency_result(fast, paced(fast, range(len(names)), world.rounds, note),
                                         names)
        for way in ways:
            way.spend_s += way.spent_s
        result["throughput"] = throughput(ways, range(len(questions)), CLIENTS, THROUGHPUT_ROUNDS,
                                          duration, note)
        machine.settle()
        result["memory"] = machine.memory(world.warm_env["ASKCSV_HOME"])
        for way in ways:
            result["latency"][way.name].update(failed=way.failed, error=way.error)
        note("")
        print_result(result)
        return result
    finally:
        for way in ways:
            way.close()
        machine.stop_runners()
