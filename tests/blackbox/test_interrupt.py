"""Killed and interrupted at any moment: no capsule is lost, no process and no draft is left, and the
next run works. A run has a command, a host, its seed, a warm parent and a child; each is killed."""
import json
import os
import random
import signal
import subprocess
import time

import pytest

from host import Host, all_gone, alive, descendants, hosts_of, kill, wait_until

SQL = ("SELECT status, count(*) AS n FROM orders, range(3000) AS r(x) "
       "WHERE (order_id * x) % 7 = 3 GROUP BY status ORDER BY ALL")
ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"
QUICK = "SELECT count(*) AS n FROM orders"


def start(askcsv, sql, **env):
    return subprocess.Popen([str(askcsv.path), "run", "ecommerce", "--sql", sql, "--format",
                             "json", "--timeout-ms", "60000"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=askcsv.env(**env), start_new_session=True)


def of_session(session):
    """Living processes of a session: of a command that has not come to its host yet, say."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] not in "ZX" and int(fields[3]) == session:
            found.append(int(pid))
    return found


def check_nothing_left(askcsv):
    """With ASKCSV_LINGER=0 the host goes when its last client does, and all others with it."""
    assert wait_until(lambda: not hosts_of(askcsv.home)), "a process was left"
    assert not Host(askcsv.home).drafts(), "a draft was left"
    askcsv.ok("capsules", "check")


def running_child(askcsv):
    """The child that serves a run; its pid."""
    children = wait_until(lambda: Host(askcsv.home).children(idle=False))
    assert children, "no child took the run"
    return children[0]


def statuses(askcsv):
    return [c["status"] for c in askcsv.json("capsules", "list", "--format", "json")]


def errors(askcsv, capsules):
    return [json.dumps(askcsv.json("capsules", "show", c["run_id"], "--format", "json")["error"])
            for c in capsules]


def test_kill_the_command_at_fifty_random_moments(shop):
    shop.ok("run", "ecommerce", "--sql", SQL)
    begin = time.monotonic()
    shop.ok("run", "ecommerce", "--sql", SQL)
    whole = time.monotonic() - begin
    moments = random.Random(20260131)
    for n in range(50):
        process = start(shop, SQL)
        try:
            process.wait(moments.uniform(0, 1.1 * whole))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        assert wait_until(lambda: not of_session(process.pid))
    listed = shop.json("capsules", "list", "--format", "json")
    # Every capsule that was begun is there and has come to an end.
    assert {c["status"] for c in listed} <= {"succeeded", "failed"}
    assert len(listed) >= 2
    lost = [c for c in listed if c["status"] == "failed"]
    assert lost, "no kill came while a query ran"
    assert all("before it finished" in text for text in errors(shop, lost))
    check_nothing_left(shop)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_in_the_query(shop, number):
    process = start(shop, ENDLESS)
    child = running_child(shop)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert all_gone([child])
    assert statuses(shop) == ["cancelled"]
    check_nothing_left(shop)


def test_interrupt_at_any_moment(shop):
    moments = random.Random(42)
    for n in range(20):
        process = start(shop, SQL)
        time.sleep(moments.uniform(0, 0.25))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode in (0, 130, -signal.SIGINT)
        assert wait_until(lambda: not of_session(process.pid))
    assert set(statuses(shop)) <= {"succeeded", "cancelled", "failed"}
    check_nothing_left(shop)


def test_interrupt_from_the_terminal_stops_one_run_only(shop):
    """Ctrl-C goes to a whole process group; the host, which others use too, is in none of ours."""
    warm = {"ASKCSV_LINGER": 600}
    shop.ok("run", "ecommerce", "--sql", QUICK, env=warm)
    host = Host(shop.home)
    pid = host.pid()
    process = start(shop, ENDLESS, **warm)
    child = running_child(shop)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert all_gone([child])
    assert host.pid() == pid
    shop.ok("run", "ecommerce", "--sql", QUICK, env=warm)
    assert host.pid() == pid
    assert statuses(shop) == ["succeeded", "cancelled", "succeeded"]
    host.end()
    check_nothing_left(shop)


def test_timeout_exit_status(shop):
    done = shop("run", "ecommerce", "--sql", ENDLESS, "--timeout-ms", 500)
    assert done.returncode == 4, done.stderr
    assert statuses(shop) == ["timed_out"]
    check_nothing_left(shop)


VICTIMS = {
    "host": lambda status: status["pid"],
    "seed": lambda status: status["seed_pid"],
    "parent": lambda status: status["warm"][0]["parent_pid"],
    "child": lambda status: [c["pid"] for c in status["warm"][0]["children"] if not c["idle"]][0],
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_whoever_is_killed_it_is_one_failed_run(shop, victim):
    warm = {"ASKCSV_LINGER": 600}
    host = Host(shop.home)
    shop.ok("run", "ecommerce", "--sql", QUICK, env=warm)
    process = start(shop, ENDLESS, **warm)
    child = running_child(shop)
    before = host.status()
    family = descendants(before["pid"])
    assert kill(VICTIMS[victim](before))
    out, err = process.communicate(timeout=30)
    assert process.returncode in (1, 6), err
    listed = shop.json("capsules", "list", "--format", "json")
    assert sorted(c["status"] for c in listed) == ["failed", "succeeded"]
    (text,) = errors(shop, [c for c in listed if c["status"] == "failed"])
    assert "run it again" in text or "killed" in text, text
    assert all_gone([child])
    if victim == "host":
        assert all_gone(family), "the host's processes outlived it"
    # The next run works, whatever it has to start for that, and nobody parses the CSVs again.
    (snapshot,) = host.snapshots()
    made = os.stat(snapshot / "snapshot.duckdb").st_mtime_ns
    shop.ok("run", "ecommerce", "--sql", QUICK, env=warm)
    assert os.stat(snapshot / "snapshot.duckdb").st_mtime_ns == made
    host.end()
    assert all_gone(family)
    check_nothing_left(shop)


@pytest.mark.parametrize("victim", ["command", "host", "seed"])
def test_killed_while_a_snapshot_is_made(askcsv, victim):
    big = askcsv.home / "big.csv"
    big.write_text("a,b\n" + "".join(f"{i},{'x' * (i % 50)}\n" for i in range(400_000)))
    warm = {"ASKCSV_LINGER": 600}
    host = Host(askcsv.home)
    process = subprocess.Popen([askcsv.path, "run", big, "--sql", "SELECT count(*) AS n FROM big"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=askcsv.env(**warm), start_new_session=True)
    assert wait_until(lambda: host.drafts() or process.poll() is not None)
    status = host.status()
    assert status["warm"][0]["state"] == "building", "the snapshot was made before the kill"
    family = descendants(status["pid"])
    kill({"command": process.pid, "host": status["pid"], "seed": status["seed_pid"]}[victim])
    process.communicate(timeout=30)
    assert wait_until(lambda: not any(alive(pid) for pid in family[1:])), "the builder lives on"
    assert victim == "command" or process.returncode == 1
    # A killed host cannot tidy; the next one that makes a snapshot does.
    assert victim == "host" or wait_until(lambda: not host.drafts())
    done = askcsv.ok("run", big, "--sql", "SELECT count(*) AS n FROM big", env=warm)
    assert "400000" in done.stdout
    assert len(host.snapshots()) == 1 and not host.drafts()
    host.end()
    check_nothing_left(askcsv)
