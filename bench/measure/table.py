"""A result as text: the targets beside what was measured, and the tables of docs/PERFORMANCE.md."""
import re

from measure import golden, large, planner
from measure.machine import ROLES
from measure.ways import PAUSE_MS

EVERY = f"a question every {PAUSE_MS} ms"
PACED = f"one client, {EVERY}, ms"
BACK_TO_BACK = "one client, back to back, ms"


def _ratio(value, limit):
    return value / limit if value is not None and limit else None


def _latency_targets(what, entry, own, limit):
    """Of one client: what it waits, beside the limit `own`."""
    if not entry[own]["ms"] or not entry["warm"]["ms"]:
        return
    first, warm = entry[own]["ms"], entry["warm"]
    yield f"{what} p50", _ratio(warm["ms"]["p50"], first["p50"]), limit, "x", "most"
    for key, said in (("sum", "sum of the questions' p50"),
                      ("median", "each question's p50, the median ratio"),
                      ("worst", "each question's p50, the worst ratio")):
        yield f"{what} {said}", warm["ratio"][key], limit, "x", "most"


def _golden_targets(result):
    for key, what in (("paced", f"golden, {EVERY}:"),
                      ("latency", "golden, back to back:")):
        entry = result[key]
        yield from _latency_targets(what, entry, "in_process", 1.5)
        limit, warm = entry["in_process"]["ms"], entry["warm"]["ms"]
        if limit and warm:
            yield f"{what} p50 above in-process", warm["p50"] - limit["p50"], 3, "ms", "most"
            yield f"{what} p99", _ratio(warm["p99"], limit["p99"]), 3, "x", "most"
    rates = {name: ways.get("8", {}).get("per_second") for name, ways in
             result["throughput"].items()}
    yield ("golden, 8 clients, warm to in-process", _ratio(rates.get("warm"), rates["in_process"]),
           0.5, "x", "least")
    yield ("golden, 8 clients, warm to docker run", _ratio(rates.get("warm"), rates.get("docker")),
           25, "x", "least")


def _large_targets(result):
    loads = result["loads"]
    first = large.median(loads["askcsv"])
    yield ("large, first use to DuckDB's load into a file",
           _ratio(first, large.median(loads["own_file"])), 1.3, "x", "most")
    yield ("large, first use to DuckDB's load into memory",
           _ratio(first, large.median(loads["own_memory"])), None, "x", "most")
    tight = result["limited"]
    yield (f"large, first use, peak of a process, input of {tight['input_mb']} MB",
           None if "error" in tight else tight["peak_process_mb"], tight["memory_mb"], "MB", "most")
    yield (f"large, first use, anonymous memory of all, input of {tight['input_mb']} MB",
           None if "error" in tight else tight["peak_anonymous_mb"], tight["memory_mb"], "MB",
           "most")
    if "latency" in result:
        yield from _latency_targets(f"large, later, {EVERY}:", result["paced"], "own", 1.15)
        yield from _latency_targets("large, later, back to back:", result["latency"], "own", 1.15)
        yield ("large, later, time spent loading, the most",
               max(result["load_ms"].values(), default=None), None, "ms", "most")


def _server_targets(result):
    yield (f"server, {result['clients']} connections, to the warm executor alone", result["ratio"],
           0.8, "x", "least")
    yield "server, runs that failed under that load", result["failed"], 0, "", "most"
    yield (f"server, {result['idle']['streams']:,} idle event streams", result["idle"]["mb"], 64, "MB",
           "most")


def targets(result):
    """(what, measured or None, target or None, unit, "most" or "least")."""
    rows = []
    if "planner" in result:
        for wide, what, limit in ((False, "shipped datasets", planner.SHIPPED_MS),
                                  (True, "200 columns, 100,000 values", planner.WIDE_MS)):
            rows.append((f"planner, {what}, each question's p99, the worst",
                         planner.worst(result["planner"], wide), limit, "ms", "most"))
    if "cold" in result:
        rows.append(("cold run to a bare cold DuckDB process, median",
                     result["cold"]["ratio_bare"]["median"], 1.3, "x", "most"))
    if "golden" in result:
        rows += _golden_targets(result["golden"])
    if "loads" in result.get("large", {}):
        rows += _large_targets(result["large"])
    if "ratio" in result.get("server", {}):
        rows += _server_targets(result["server"])
    return rows


def _verdict(measured, target, side):
    if measured is None:
        return "not measured"
    if target is None:
        return ""
    return "met" if (measured <= target if side == "most" else measured >= target) else "missed"


def _number(value, unit):
    if value is None:
        return ""
    return f"{value:,.0f}" if unit == "MB" or value >= 100 else f"{value:.2f}"


def targets_text(result):
    return "\n".join(
        f"{what:<76}{_number(measured, unit):>8} {unit:<3}"
        + (f"at {side} {target:g}".ljust(14) if target is not None else " " * 14)
        + _verdict(measured, target, side)
        for what, measured, target, unit, side in targets(result))


def _rows(head, rows):
    lines = ["| " + " | ".join(map(str, line)) + " |" for line in (head, *rows)]
    lines.insert(1, "|---" * len(head) + "|")
    return "\n".join(line.replace("|  |", "| |") for line in lines) + "\n"


def _targets_table(result):
    return _rows(["", "measured", "target", ""], [
        [what, f"{_number(measured, unit)} {unit}" if measured is not None else "",
         f"at {side} {target:g} {unit}" if target is not None else "",
         _verdict(measured, target, side)] for what, measured, target, unit, side in
        targets(result)])


def _latency_table(entries, what, title):
    rows = []
    for name, entry in entries.items():
        ms, ratio = entry["ms"], entry["ratio"]
        if ms:
            rows.append([what(name), ms["n"], *(f"{ms[key]:.1f}" for key in
                                                ("p50", "p95", "p99", "max")),
                         f"{ratio['median']:.2f}", f"{ratio['worst']:.2f}", entry["failed"]])
    return _rows([title, "runs", "p50", "p95", "p99", "max", "ratio, median", "worst",
                  "failed"], rows)


def _throughput_table(entries, what, clients):
    rows = []
    for name, entry in entries.items():
        cells = [entry.get(str(n)) for n in clients]
        rows.append([what(name), *(f"{c['per_second']:.1f} ({c['ms']['p99']:.0f})"
                                   if c and c["ms"] else "" for c in cells)])
    return _rows(["runs a second (p99, ms), clients", *clients], rows)


def _memory_table(memory):
    rows = []
    for role in ROLES:
        own = [p for p in memory["processes"] if p["role"] == role]
        if own:
            rows.append([f"{len(own)} x {role}", *(
                f"{sum(p[key] for p in own) / len(own) / 1024:.1f}"
                for key in ("rss_kb", "pss_kb", "private_kb"))])
    rows.append(["all", "", f"{memory['total_pss_kb'] / 1024:.1f}", ""])
    return _rows(["idle, MB each", "RSS", "PSS", "private"], rows)


def _questions_table(result, ways, what):
    names = list(result[ways[0]]["jobs"])
    rows = []
    for name in names:
        cells = [result[way]["jobs"][name] for way in ways if way in result]
        rows.append([name, *(f"{c['p50']:.1f}" if c else "" for c in cells)])
    return _rows(["p50, ms", *(what(way) for way in ways if way in result)], rows)


def _golden(result):
    def what(name):
        return golden.WHAT[name][0]

    ways = ["in_process", "warm", "command_warm", "command_cold", "bare", "docker"]
    parts = [_latency_table(result["paced"], what, PACED),
             _latency_table(result["latency"], what, BACK_TO_BACK)]
    inner = result["latency"]["warm"]["inner_ms"]
    if inner:
        parts.append(f"Of the warm way's time the executor has p50 {inner['p50']:.1f}, p99 "
                     f"{inner['p99']:.1f} ms; the rest is checking the response.\n")
    parts.append(_throughput_table(result["throughput"], what, golden.CLIENTS))
    if result["docker"] != "measured":
        parts.append(f"`docker run`: {result['docker']}.\n")
    parts += [_memory_table(result["memory"]), _questions_table(result["latency"], ways, what)]
    return parts


def _large(result):
    if "skipped" in result:
        return [f"Skipped: {result['skipped']}.\n"]
    table, loads = result["table"], result["loads"]
    parts = [f"{table['rows']:,} rows, {table['bytes'] / 1e9:.2f} GB of CSV.\n"]
    rows = []
    for name, what in (("own_file", "DuckDB's own load into a database file"),
                       ("own_memory", "DuckDB's own load into memory"),
                       ("askcsv", "`askcsv run`, first use")):
        failed = [entry["error"] for entry in loads[name] if "error" in entry]
        rows.append([what, f"failed: {failed[0]}" if failed else
                     f"{large.median(loads[name]):.2f}"])
    tight = result["limited"]
    rows.append([f"`askcsv run --memory-mb {tight['memory_mb']}`, first use",
                 f"failed: {tight['error']}" if "error" in tight else f"{tight['s']:.2f}"])
    for name, entry in result.get("cold", {}).items():
        rows.append([f"{large.COLD_WHAT[name]}, one question",
                     f"failed: {entry['error']}" if "error" in entry else
                     f"{min(entry['s']):.2f}"])
    parts.append(_rows(["from start to end of the process, s", ""], rows))
    if "latency" not in result:
        return parts + [f"Later questions: {result.get('failed', 'not measured')}.\n"]

    def what_of(name):
        return large.WHAT[name]

    return parts + [_latency_table(result["paced"], what_of, PACED),
                    _latency_table(result["latency"], what_of, BACK_TO_BACK),
                    _throughput_table(result["throughput"], what_of, large.CLIENTS),
                    _questions_table(result["latency"], list(large.WHAT), what_of),
                    _memory_table(result["memory"])]


def _server(result):
    if "skipped" in result:
        return [f"Skipped: {result['skipped']}.\n"]
    rows = []
    for name, entry, ms, failed in (
            (golden.WHAT["warm"][0], result["executor"], result["executor"]["ms"],
             result["executor"]["failed"]),
            ("`POST /v1/runs`", result["server"], result["server"], result["failed"])):
        rows.append([name, f"{entry['per_second']:.1f}",
                     *(f"{ms[part]:.1f}" for part in ("p50", "p95", "p99", "max")), failed])
    memory, idle = result["memory"], result["idle"]
    return [_rows([f"{result['clients']} clients", "runs a second", "p50, ms", "p95", "p99", "max",
                   "failed"], rows),
            _rows(["the server's memory, MB", "RSS", "private"], [
                ["before the load", memory["before"]["rss"], memory["before"]["private"]],
                ["after it", memory["after"]["rss"], memory["after"]["private"]],
                [f"of another, before {idle['streams']:,} event streams", idle["before"]["rss"],
                 idle["before"]["private"]],
                ["with them, idle", idle["with"]["rss"], idle["with"]["private"]]])]


def _rates(result):
    return [_rows(["", "a second"], [[rate["what"], f"{rate['per_second']:,.0f}"]
                                     for rate in result])]


def _planner(result):
    return [_rows(["dataset", "question", "", "p50, ms", "p99, ms"], [
        [row["dataset"], row["question"].replace("|", " "), row["outcome"], f"{row['p50_ms']:.2f}",
         f"{row['p99_ms']:.2f}"] for row in result["rows"]])]


def _cold(result):
    rows = [[row["plan"], *row["ms"].values(), f"{row['ratio_bare']:.2f}",
             f"{row['ratio_tuned']:.2f}"] for row in result["rows"]]
    rows.append(["median", "", "", "", f"{result['ratio_bare']['median']:.2f}",
                 f"{result['ratio_tuned']['median']:.2f}"])
    return [_rows(["question", "askcsv, ms", "bare, ms", "tuned, ms", "to bare", "to tuned"], rows)]


def sections(result):
    """{name: Markdown} of the parts that were measured."""
    machine = result["machine"]
    parts = {"machine": [
        f"Measured {result['at'][:10]}: {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_mb'] / 1024:.0f} GB, Linux {machine['kernel']}, load "
        f"{machine['load']:.1f} at the start; {result['rounds']} rounds.\n"],
        "targets": [_targets_table(result)]}
    for name, part in (("golden", _golden), ("large", _large), ("cold", _cold), ("planner", _planner),
                       ("rates", _rates), ("server", _server)):
        if name in result:
            parts[name] = part(result[name])
    return {name: "\n".join(texts) for name, texts in parts.items()}


def fill(text, result):
    """The text with what stands between its lines "<!-- bench: NAME -->" and "<!-- end -->"
    replaced by the section of that name, if the result has it."""
    for name, section in sections(result).items():
        text = re.sub(rf"(<!-- bench: {name} -->\n).*?(<!-- end -->)",
                      lambda found: found[1] + section + found[2], text, flags=re.DOTALL)
    return text
