"""The ways of asking, each a program that keeps open what it needs and is told line by line what to
do (bench/clients.h), so that they can take turns."""
import json
import math
import subprocess
import time


TAIL_S = 20
PAUSE_MS = 50


class Failed(Exception):
    pass


def percentile(values, part):
    """The nearest rank: the smallest value that at least this part of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def summary(values_us):
    """Milliseconds."""
    if not values_us:
        return None
    ms = {name: round(percentile(values_us, part) / 1000, 3)
          for name, part in (("p50", .5), ("p95", .95), ("p99", .99), ("max", 1))}
    return {"n": len(values_us), **ms}


class Way:
    """One way. spend_s is how long its runs may take in all before its later turns are left out."""

    def __init__(self, name, program, setup, env, log, spend_s=60):
        self.name = name
        self.log = log
        self.spend_s = spend_s
        self.spent_s = 0
        self.failed = 0
        self.error = None
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=open(log, "ab"), env=env)
        self.said = self.ask(setup)

    def ask(self, line):
        try:
            self.process.stdin.write(json.dumps(line).encode() + b"\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except OSError:
            answer = b""
        if not answer:
            tail = open(self.log, errors="replace").read().strip().splitlines()[-1:]
            raise Failed(f"{self.name} ended: {tail[0] if tail else 'it said nothing'}")
        answer = json.loads(answer)
        if isinstance(answer.get("failed"), str):
            raise Failed(f"{self.name}: {answer['failed']}")
        return answer

    def show(self, job):
        """The answer of a job, in full."""
        start = time.monotonic()
        answer = self.ask({"show": job})
        self.spent_s += time.monotonic() - start
        return json.loads(answer["text"]) if "text" in answer else answer

    def show_patiently(self, job, times=3):
        """show(), again if it fails: the failures are counted, as those of timed runs are."""
        for left in range(times - 1, -1, -1):
            try:
                return self.show(job)
            except Failed as error:
                if left == 0:
                    raise
                self.failed += 1
                self.error = self.error or str(error)

    def can_afford(self):
        return self.spent_s < self.spend_s

    def run(self, jobs, clients, **how):
        """each=K or ms=T; what went wrong is kept, samples are returned."""
        start = time.monotonic()
        answer = self.ask({"jobs": list(jobs), "clients": clients, **how})
        self.spent_s += time.monotonic() - start
        if answer["failed"]:
            self.failed += answer["failed"]
            self.error = self.error or answer["error"]
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def same_rows(one, other):
    """As one answer: floating-point numbers may differ where threads add in another order."""
    if len(one) != len(other):
        return False
    for a, b in zip(one, other):
        if isinstance(a, list) and isinstance(b, list):
            if not same_rows(a, b):
                return False
        elif isinstance(a, float) or isinstance(b, float):
            if a != b and not (isinstance(a, (int, float)) and isinstance(b, (int, float))
                               and math.isclose(a, b, rel_tol=1e-9)):
                return False
        elif a != b:
            return False
    return True


def rows_of(answer):
    """Of a response, a capsule, or what in_process shows."""
    if answer.get("error"):
        raise Failed(answer["error"]["message"])
    rows = answer.get("rows", (answer.get("result") or {}).get("rows"))
    if rows is None:
        raise Failed("there are no rows in the answer")
    return rows


def latency(ways, jobs, rounds, each, note=lambda text: None):
    """All ways in turns, one client, every second round in reverse order. `each` says how often a
    way runs each job in its turn (0: not in this round)."""
    samples = {way.name: [] for way in ways}
    for number in range(rounds):
        note(f"round {number + 1} of {rounds}")
        for way in ways if number % 2 else reversed(ways):
            times = each(way, number)
            if times and way.can_afford():
                samples[way.name] += way.run(jobs, 1, each=times)["samples"]
    return samples


def paced(ways, jobs, rounds, note=lambda text: None):
    """As latency(), but each question is asked PAUSE_MS after the answer to the one before: by
    somebody who reads it, not by a loop that keeps the processor's caches full of one query."""
    samples = {way.name: [] for way in ways}
    for number in range(rounds):
        note(f"with pauses, round {number + 1} of {rounds}")
        for way in ways if number % 2 else reversed(ways):
            for job in jobs if way.can_afford() else ():
                time.sleep(PAUSE_MS / 1000)
                samples[way.name] += way.run([job], 1, each=1)["samples"]
    return samples


def _print_line(what, entry):
    ms, ratio = entry["ms"], entry["ratio"]
    if ms:
        print(f"{what:<44}{ms['n']:>6}{ms['p50']:>9.2f}{ms['p95']:>9.2f}{ms['p99']:>9.2f}"
              f"{ms['max']:>9.2f}{ratio['median']:>8.2f}{ratio['worst']:>8.2f}")


def print_latency(part, result, what):
    """The "latency" and "paced" of a part's result; what(name) is a way's name in words."""
    print(f"\n{part + ', 1 client, ms':<44}{'runs':>6}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}"
          f"{'ratio':>8}{'worst':>8}")
    for name, entry in result["latency"].items():
        _print_line(what(name), entry)
        if entry["failed"]:
            print(f"  {entry['failed']} runs failed: {entry['error']}")
    for name, entry in result["paced"].items():
        _print_line(what(name) + ", with pauses", entry)


def throughput(ways, jobs, clients, rounds, ms, note=lambda text: None):
    """Runs a second at each number of clients, all ways in turns. ms says how long a way's turn is
    in that round (0: none). Where the runs under way at the end of a turn would take much longer
    than the turn, it is left out."""
    result = {way.name: {} for way in ways}
    run_s = {way.name: 0 for way in ways}  # what a run costs the machine
    for n in clients:
        for number in range(rounds):
            note(f"{n} clients, round {number + 1} of {rounds}")
            for way in ways if number % 2 else reversed(ways):
                duration = ms(way, number)
                if not duration or not way.can_afford() or n * run_s[way.name] > TAIL_S:
                    continue
                answer = way.run(jobs, n, ms=duration)
                entry = result[way.name].setdefault(
                    str(n), {"runs": 0, "wall_us": 0, "us": [], "rates": []})
                done = len(answer["samples"])
                run_s[way.name] = answer["wall_us"] / 1e6 / max(done, 1)
                entry["runs"] += done
                entry["wall_us"] += answer["wall_us"]
                entry["us"] += [us for _, us, _ in answer["samples"]]
                entry["rates"].append(round(done / answer["wall_us"] * 1e6, 2))
    for entries in result.values():
        for entry in entries.values():
            entry["ms"] = summary(entry["us"])
            entry["per_second"] = round(entry["runs"] / entry["wall_us"] * 1e6, 2)
    return result


def latency_result(ways, samples, names):
    """Per way the percentiles over all runs and each job's median, and the ratios of medians to the
    first way's."""
    result = {}
    for way in ways:
        own = samples[way.name]
        jobs = {names[i]: summary([us for job, us, _ in own if job == i])
                for i in range(len(names))}
        inner = [us for _, _, us in own if us]
        result[way.name] = {"ms": summary([us for _, us, _ in own]), "inner_ms": summary(inner),
                            "jobs": jobs, "failed": way.failed, "error": way.error,
                            "samples": own}
    limit = result[ways[0].name]["jobs"]
    for entry in result.values():
        ratios = [entry["jobs"][name]["p50"] / limit[name]["p50"] for name in names
                  if entry["jobs"][name] and limit[name]]
        entry["ratio"] = None
        if ratios:
            both = [name for name in names if entry["jobs"][name] and limit[name]]
            entry["ratio"] = {
                "median": round(percentile(ratios, .5), 3), "worst": round(max(ratios), 3),
                "sum": round(sum(entry["jobs"][name]["p50"] for name in both)
                             / sum(limit[name]["p50"] for name in both), 3)}
    return result
