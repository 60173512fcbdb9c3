"""A table of 10 million rows, a CSV of about 1 GB of which askcsv knows nothing: what its first use
costs beside DuckDB's own load of the file, how much memory it takes, and what later questions cost
beside DuckDB on a table of its own."""
import json
import shutil
import subprocess
import time

from measure import machine
from measure.ways import (Failed, Way, latency, latency_result, paced, print_latency, rows_of,
                          same_rows, throughput)
from measure.world import note, quoted

LOADS = 3          # turns of the first use and DuckDB's loads
ROUNDS = 5         # turns of the later questions, at most
EACH = 3
CLIENTS = (1, 2, 8, 32)
THROUGHPUT_MS = 3000
TIMEOUT_MS = 600_000
MEMORY_MB = 512    # half of the file
SPEND_S = 60       # of one way for its later questions
BYTES_A_ROW = 110
FREE_FACTOR = 6    # the CSV, DuckDB's files, a snapshot for each home

QUESTIONS = {
    "count": "SELECT count(*) AS n FROM sales",
    "filter": "SELECT count(*) AS n FROM sales WHERE category = 'Toys' AND quantity >= 6 AND paid",
    "category": "SELECT category, count(*) AS n, sum(price) AS total FROM sales GROUP BY category "
                "ORDER BY category",
    "month": "SELECT date_trunc('month', created_at) AS month, sum(price * quantity) AS revenue "
             "FROM sales GROUP BY month ORDER BY month",
    "top-10": "SELECT customer_id, sum(price * quantity) AS revenue FROM sales "
              "GROUP BY customer_id ORDER BY revenue DESC, customer_id LIMIT 10",
    "distinct": "SELECT count(DISTINCT customer_id) AS customers FROM sales",
    "average": "SELECT city, avg(measure) AS mean FROM sales GROUP BY city ORDER BY city LIMIT 20",
    "dates": "SELECT category, min(ship_date) AS first, max(ship_date) AS last FROM sales "
             "WHERE NOT paid GROUP BY category ORDER BY category",
}
FIRST = QUESTIONS["count"]
COLD = "category"  # the question that cold processes are asked
COLD_ROUNDS = 2
COLD_MEMORY_MB = 4096  # they have the whole table in memory
WHAT = {
    "own": "DuckDB, own table, as it is",
    "own_1": "DuckDB, own table, threads=1",
    "warm": "askcsv, warm host",
}
COLD_WHAT = {
    "bare": "DuckDB process, CSV into memory",
    "command_cold": "`askcsv run`, cold, used before",
    "runner": "askcsv-runner, cold",
    "docker": "`docker run` of askcsv-runner",
}


def generate(world, folder, rows):
    path = folder / "sales.csv"
    start = time.monotonic()
    with open(path, "wb") as file:
        subprocess.run([world.tools / "large_csv", str(rows)], stdout=file, check=True)
    seconds = time.monotonic() - start
    subprocess.run(["sync", "-f", folder], check=True)  # or its writing back meets the loads
    time.sleep(max(0.0, 2.5 - seconds))  # a file younger than 2 s is not trusted to stay as it is
    return path, {"rows": rows, "bytes": path.stat().st_size, "generated_s": round(seconds, 2)}


def own_load(world, path, file, types="", question=FIRST):
    """A process that loads the CSV, answers one question and ends: seconds in all, and of the load
    itself."""
    sql = f"CREATE TABLE sales AS FROM {quoted(path)}"
    if types:
        sql = f"CREATE TABLE sales AS FROM read_csv({quoted(path)}, types={types})"
    start = time.monotonic()
    way = Way("DuckDB's load", world.tools / "in_process",
              {"threads": 0, "databases": [{"file": str(file) if file else None, "load": [sql]}],
               "jobs": [{"database": 0, "sql": question}]}, world.cold_env, world.log)
    rows_of(way.show(0))
    load_s = way.said["load_us"] / 1e6
    way.close()
    return {"s": round(time.monotonic() - start, 3), "load_s": round(load_s, 3)}


def first_use(world, path, env, *options):
    """`askcsv run` in a home that has never seen the file."""
    start = time.monotonic()
    done = subprocess.run(
        [world.askcsv, "run", path, "--sql", FIRST, "--format", "json", "--timeout-ms",
         str(TIMEOUT_MS), *options], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    took = {"s": round(time.monotonic() - start, 3)}
    try:
        capsule = json.loads(done.stdout)
        took.update(timings=capsule.get("timings"),
                    reported_peak_mb=(capsule.get("sandbox") or {}).get("peak_memory_mb"))
        took["rows"] = rows_of(capsule)
    except (json.JSONDecodeError, Failed) as error:
        said = done.stderr.decode(errors="replace").strip()
        took["error"] = str(error) if isinstance(error, Failed) else said[-300:]
    return took


def loads(world, folder, path):
    """In turns; the last home stays as it is, with its host."""
    result = {"own_file": [], "own_memory": [], "askcsv": []}
    env = None
    for number in range(LOADS):
        note(f"large: first use {number + 1} of {LOADS}")
        if env:
            machine.stop_runners()
            shutil.rmtree(env["ASKCSV_HOME"], ignore_errors=True)
        env = world.home(f"large-{number}")
        for name in result if number % 2 else reversed(result):
            file = folder / "load.duckdb"
            file.unlink(missing_ok=True)
            result[name].append(
                first_use(world, path, env) if name == "askcsv"
                else own_load(world, path, file if name == "own_file" else None))
        if "error" in result["askcsv"][-1]:
            break
    file.unlink(missing_ok=True)
    return result, env


def limited(world, path):
    """The first use with memory for half of the file, watched."""
    note("large: first use with little memory")
    env = world.home("large-limited")
    with machine.Peak(keep=machine.runners()) as peak:
        before = machine.runners()
        took = first_use(world, path, env, "--memory-mb", str(MEMORY_MB))
    machine.stop_runners(keep=before)
    shutil.rmtree(env["ASKCSV_HOME"], ignore_errors=True)
    return {**took, "memory_mb": MEMORY_MB, "input_mb": round(path.stat().st_size / 2**20),
            "peak_process_mb": round(peak.process), "peak_anonymous_mb": round(peak.anonymous)}


def own_way(world, name, file, threads):
    return Way(name, world.tools / "in_process",
               {"threads": threads, "databases": [{"file": str(file), "read_only": True,
                                                   "load": []}],
                "jobs": [{"database": 0, "sql": sql} for sql in QUESTIONS.values()]},
               world.cold_env, world.log, SPEND_S)


def through_way(world, path, env):
    limits = {"timeout_ms": TIMEOUT_MS}
    return Way("warm", world.tools / "through_executor",
               {"home": env["ASKCSV_HOME"], "sources": [str(path)],
                "jobs": [{"source": 0, "sql": sql, "limits": limits}
                         for sql in QUESTIONS.values()]}, env, world.log, SPEND_S)


def later(world, folder, path, env):
    file = folder / "own.duckdb"
    # With the decimals that askcsv finds; by itself DuckDB takes them for DOUBLE, and other sums
    # would be compared.
    own_load(world, path, file, "{'price': 'DECIMAL(6,2)'}")
    ways = [own_way(world, "own", file, 0), own_way(world, "own_1", file, 1),
            through_way(world, path, env)]
    try:
        load_ms = check_answers(ways)
        names = list(QUESTIONS)
        samples = latency(ways, range(len(names)), ROUNDS, lambda *_: EACH, note)
        result = latency_result(ways, samples, names)
        for way in ways:
            way.spend_s += way.spent_s
        fast = [ways[0], ways[2]]
        pauses = latency_result(fast, paced(fast, range(len(names)), ROUNDS, note), names)
        rates = throughput(ways, range(len(names)), CLIENTS, 1, lambda *_: THROUGHPUT_MS, note)
        machine.settle()
        return {"latency": result, "paced": pauses, "throughput": rates, "load_ms": load_ms,
                "request": ways[2].said["requests"][list(QUESTIONS).index(COLD)],
                "memory": machine.memory(env["ASKCSV_HOME"])}
    finally:
        for way in ways:
            way.close()


def cold(world, path, env, docker, request):
    """One question in processes that start cold; seconds, or why there are none. No host runs."""
    env = {**env, "ASKCSV_LINGER": "0"}
    request = json.loads(request)
    request["limits"]["memory_mb"] = COLD_MEMORY_MB
    request = json.dumps(request)
    data = str(path.parent.resolve())
    jobs = {"command_cold": [world.askcsv, "run", path, "--sql", QUESTIONS[COLD], "--format",
                             "json", "--timeout-ms", TIMEOUT_MS, "--memory-mb", COLD_MEMORY_MB],
            "runner": [world.runner, "--data-root", data]}
    if docker:
        jobs["docker"] = docker.argv(data)
    ways = [Way(name, world.tools / "commands",
                {"jobs": [{"argv": [str(word) for word in argv], "stdin": request}],
                 "hashed": True}, docker.env if name == "docker" else env, world.log)
            for name, argv in jobs.items()]
    result = {name: {"s": []} for name in ("bare", *jobs)}
    try:
        for number in range(COLD_ROUNDS):
            note(f"large: cold processes, round {number + 1}")
            result["bare"]["s"].append(
                own_load(world, path, None, question=QUESTIONS[COLD])["s"])
            for way in ways:
                if way.failed:
                    continue
                answer = way.run([0], 1, each=1)
                result[way.name]["s"] += [us / 1e6 for _, us, _ in answer["samples"]]
                if way.failed:
                    result[way.name]["error"] = way.error
    finally:
        for way in ways:
            way.close()
    return result


def check_answers(ways):
    """Every question once in every way; returns the "load" time that askcsv's responses give, which
    shows whether a CSV was read."""
    load_ms = {}
    for job, name in enumerate(QUESTIONS):
        rows = rows_of(ways[0].show(job))
        for way in ways[1:]:
            note(f"large: {name}, {way.name}")
            if not way.can_afford():
                continue
            answer = way.show_patiently(job)
            if not same_rows(rows, rows_of(answer)):
                raise Failed(f"{name}: {way.name} answers otherwise than DuckDB")
            if "timings" in answer:
                load_ms[name] = answer["timings"].get("load")
    for way in ways:
        way.ask({"jobs": [0], "clients": 1, "each": 1})
    return load_ms


def median(entries, key="s"):
    values = sorted(entry[key] for entry in entries if "error" not in entry)
    return values[(len(values) - 1) // 2] if values else None


def print_result(result):
    first = result["loads"]
    print(f"\nlarge: {result['table']['rows']:,} rows, {result['table']['bytes'] / 1e9:.2f} GB, "
          f"written in {result['table']['generated_s']} s")
    for name, what in (("own_file", "DuckDB loads it into a file"),
                       ("own_memory", "DuckDB loads it into memory"),
                       ("askcsv", "askcsv run, first use")):
        failed = [entry["error"] for entry in first[name] if "error" in entry]
        print(f"{what:<34}" + (f"failed: {failed[0]}" if failed else
                               f"{median(first[name]):>9.2f} s"))
    tight = result["limited"]
    print(f"first use with {tight['memory_mb']} MB".ljust(34) +
          (f"failed: {tight['error']}" if "error" in tight else f"{tight['s']:>9.2f} s") +
          f", peak of a process {tight['peak_process_mb']} MB, "
          f"anonymous of all {tight['peak_anonymous_mb']} MB")
    if "failed" in result:
        print(f"later questions: {result['failed']}")
    for name, entry in result.get("cold", {}).items():
        print(f"{COLD_WHAT[name]:<34}" + (f"failed: {entry['error']}" if "error" in entry else
                                          f"{min(entry['s']):>9.2f} s"))
    if "latency" not in result:
        return
    print_latency("large", result, WHAT.get)
    print(f"\n{'large, runs a second, clients':<34}" + "".join(f"{n:>10}" for n in CLIENTS))
    for name, entry in result["throughput"].items():
        print(f"{WHAT[name]:<34}" + "".join(
            f"{entry[str(n)]['per_second']:>10.1f}" if str(n) in entry else f"{'':>10}"
            for n in CLIENTS))


def measure(world, rows, docker):
    folder = world.folder / "large"
    folder.mkdir()
    need = rows * BYTES_A_ROW * FREE_FACTOR
    if shutil.disk_usage(folder).free < need:
        print(f"large: skipped: {folder} has not {need / 1e9:.0f} GB free")
        return {"skipped": "not enough room on the disk"}
    path, about = generate(world, folder, rows)
    result = {"table": about}
    result["loads"], env = loads(world, folder, path)
    result["limited"] = limited(world, path)
    if "error" in result["loads"]["askcsv"][-1]:
        result["failed"] = "skipped, as the first use failed"
    else:
        try:
            result.update(later(world, folder, path, env))
            machine.stop_runners()
            result["cold"] = cold(world, path, env, docker, result.pop("request"))
        except Failed as error:
            result["failed"] = str(error)
    note("")
    print_result(result)
    machine.stop_runners()
    return result
