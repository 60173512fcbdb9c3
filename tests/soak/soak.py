"""Very many runs in a row over one host, and what host, seed and parent grew by meanwhile."""
import os
import random
import time

from host import kill, start_host, wait_until
from programs import Runner

SPARES = 2
SETTLE_SECONDS = 60
QUIET_SQL = "SELECT count(*) AS n FROM t"

# Statements with the status that they end with; most runs are good ones.
GOOD = [QUIET_SQL, "SELECT g, sum(v) AS s FROM t GROUP BY g ORDER BY ALL",
        "SELECT a.id, b.g FROM t AS a JOIN t AS b ON a.id = b.id + 1 ORDER BY ALL LIMIT 10",
        "SELECT now() AS n, upper(g) AS u FROM soak.t ORDER BY ALL LIMIT 3",
        "SELECT repeat('x', 2000) AS s FROM t ORDER BY ALL LIMIT 500"]
BAD = [("SELECT nothing FROM t", "error"), ("SELECT * FROM read_text('/etc/passwd')", "rejected"),
       ("SELEC", "rejected")]
ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"


def make_table(folder):
    path = folder / "t.csv"
    path.write_text("id,g,v\n" + "".join(f"{i},g{i % 7},{i * 37 % 1001}.25\n" for i in range(5000)))
    return {"name": "t", "path": str(path), "format": "csv"}


def everybody(pid):
    """All below it, zombies too."""
    try:
        found = [int(p) for p in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    except OSError:
        return []
    return found + [p for child in found for p in everybody(child)]


def figures_of(pid):
    """Memory that is its own (RssAnon) and all (VmRSS) in kB, descriptors, threads."""
    text = open(f"/proc/{pid}/status").read()
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    return {"anon_kb": int(fields["RssAnon"].split()[0]), "rss_kb": int(fields["VmRSS"].split()[0]),
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")), "threads": int(fields["Threads"])}


def measure(host):
    """Once nobody is at work: only then are two moments alike."""
    def quiet():
        status = host.status()
        return (status["calls"] == 1 and status["running"] == status["waiting"] == 0 and
                len(host.children(idle=True)) == len(host.children()) == SPARES and
                len(everybody(status["pid"])) == 2 + SPARES)
    assert wait_until(quiet, SETTLE_SECONDS), (host.status(), everybody(host.pid()))
    status = host.status()
    (parent,) = host.parents()
    whole = {name: figures_of(pid) for name, pid in
             (("host", status["pid"]), ("seed", status["seed_pid"]), ("parent", parent))}
    whole["processes"] = 1 + len(everybody(status["pid"]))
    return whole


def one_run(host, table, dice, expected):
    """Now and then one that fails, is cancelled, is killed, or has limits of its own."""
    kind = dice.random()
    if kind < 0.01:
        call = host.call(Runner.request(ENDLESS, [table], dataset="soak"))
        if dice.random() < 0.5:
            children = wait_until(lambda: host.children(idle=False))
            for pid in children:
                kill(pid)
            assert call.response()["status"] == "error"
        call.cancel()
        return
    if kind < 0.06:
        sql, status = dice.choice(BAD)
    else:
        sql, status = dice.choice(GOOD), "success"
    limits = {"memory_mb": dice.choice([256, 512, 2048])} if 0.06 < kind < 0.08 else {}
    response = host.sql(sql, [table], dataset="soak", **limits)
    assert response["status"] == status, response
    assert expected.setdefault(sql, response["rows"]) == response["rows"]


def soak(folder, runs, first):
    """Gives (after the first so many runs, after all of them, runs per second)."""
    host = start_host(folder / "home", spares=SPARES)
    try:
        table = make_table(folder)
        dice = random.Random(20260131)
        expected = {}
        begin = time.monotonic()
        for n in range(runs):
            if n == first:
                host.sql(QUIET_SQL, [table], dataset="soak")
                after_first = measure(host)
            one_run(host, table, dice, expected)
        per_second = runs / (time.monotonic() - begin)
        host.sql(QUIET_SQL, [table], dataset="soak")
        return after_first, measure(host), per_second
    finally:
        host.end()


def growth(before, after):
    """What is more now than then: {"host descriptors": 2, ...}; memory only beyond a page here and
    there, which the allocator's buckets and the kernel's counting in batches make up."""
    slack_kb = 1024
    found = {}
    for name in ("host", "seed", "parent"):
        for what, value in after[name].items():
            more = value - before[name][what]
            if more > (slack_kb if what.endswith("_kb") else 0):
                found[f"{name} {what}"] = more
    if after["processes"] > before["processes"]:
        found["processes"] = after["processes"] - before["processes"]
    return found
