"""Killed and interrupted at any moment: no capsule is lost, no process is left."""
import json
import os
import random
import signal
import subprocess
import time

import pytest

SQL = ("SELECT status, count(*) AS n FROM orders, range(3000) AS r(x) "
       "WHERE (order_id * x) % 7 = 3 GROUP BY status ORDER BY ALL")
ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"


def start(askcsv, sql):
    return subprocess.Popen([str(askcsv.path), "run", "ecommerce", "--sql", sql, "--format",
                             "json", "--timeout-ms", "60000"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=askcsv.env(), start_new_session=True)


def ours(askcsv):
    """Every living process that was started with this test's state folder, or came from one:
    the worker has an emptied environment, so the tree is followed as well."""
    home = f"ASKCSV_HOME={askcsv.home}".encode()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            state = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]
            environ = open(f"/proc/{pid}/environ", "rb").read()
            name = open(f"/proc/{pid}/comm").read()
        except OSError:
            continue
        if state != "Z" and (home in environ) and "askcsv" in name:
            found.append((pid, name))
    return found


def runners_below(session):
    """Living processes of the session, the worker apart (it has a session of its own)."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[3]) == session:
            found.append(int(pid))
    return found


def descendants(pid):
    found = []
    try:
        children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    except OSError:
        return found
    for child in children:
        found += [int(child), *descendants(int(child))]
    return found


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return condition()


def wait_for_worker(process):
    assert wait_until(lambda: len(descendants(process.pid)) >= 2)
    return descendants(process.pid)


def statuses(askcsv):
    return [c["status"] for c in askcsv.json("capsules", "list", "--format", "json")]


def test_kill_at_fifty_random_moments(shop):
    shop.ok("run", "ecommerce", "--sql", SQL)
    begin = time.monotonic()
    shop.ok("run", "ecommerce", "--sql", SQL)
    whole = time.monotonic() - begin
    moments = random.Random(20260131)
    seen = set()
    for n in range(50):
        process = start(shop, SQL)
        end = time.monotonic() + moments.uniform(0, 1.1 * whole)
        family = set()
        while time.monotonic() < end and process.poll() is None:
            family.update(descendants(process.pid))
            time.sleep(0.002)
        family.update(descendants(process.pid))
        process.kill()
        process.communicate()
        assert wait_until(lambda: not any(alive(pid) for pid in family)), "a process was left"
        assert wait_until(lambda: not runners_below(process.pid))
        seen.add(len(family))
    assert not ours(shop)
    listed = shop.json("capsules", "list", "--format", "json")
    # Every capsule that was begun is there and has come to an end.
    assert {c["status"] for c in listed} <= {"succeeded", "failed"}
    assert len(listed) >= 2
    lost = [c for c in listed if c["status"] == "failed"]
    assert all("before it finished" in json.dumps(shop.json("capsules", "show", c["run_id"],
                                                            "--format", "json")["error"])
               for c in lost)
    shop.ok("capsules", "check")
    assert max(seen) >= 2 and lost, "no kill came while a query ran"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_in_the_query(shop, number):
    process = start(shop, ENDLESS)
    family = wait_for_worker(process)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert wait_until(lambda: not any(alive(pid) for pid in family))
    assert statuses(shop) == ["cancelled"]
    shop.ok("capsules", "check")


def test_interrupt_at_any_moment(shop):
    moments = random.Random(42)
    for n in range(20):
        process = start(shop, SQL)
        time.sleep(moments.uniform(0, 0.25))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode in (0, 130, -signal.SIGINT)
        assert wait_until(lambda: not runners_below(process.pid))
    assert set(statuses(shop)) <= {"succeeded", "cancelled", "failed"}
    shop.ok("capsules", "check")


def test_timeout_exit_status(shop):
    done = shop("run", "ecommerce", "--sql", ENDLESS, "--timeout-ms", 500)
    assert done.returncode == 4, done.stderr
    assert statuses(shop) == ["timed_out"]


def test_a_runner_that_is_killed_is_a_failed_run(shop):
    process = start(shop, ENDLESS)
    wait_for_worker(process)
    (runner,) = [pid for pid in descendants(process.pid)
                 if pid in map(int, open(f"/proc/{process.pid}/task/{process.pid}/children")
                               .read().split())]
    os.kill(runner, signal.SIGKILL)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1, err
    assert statuses(shop) == ["failed"]
