"""The machine, and the runner processes that this run of the bench has started on it."""
import ctypes
import os
import pathlib
import platform
import signal
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
RUNNER = "askcsv-runner"
# The host starts the seed, which starts a parent for each dataset version, which clones children.
ROLES = ("host", "seed", "parent", "child")


def describe():
    cpu = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
           if line.startswith(("model name", "CPU part"))]
    memory = [line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemTotal")]
    return {"cpu": cpu[0] if cpu else platform.machine(), "cores": len(os.sched_getaffinity(0)),
            "memory_mb": int(memory[0]) // 1024, "kernel": platform.release(),
            "load": os.getloadavg()[0]}


def adopt():
    """From here on a process whose parent ends becomes ours: hosts that linger stay to be found."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _stat(pid):
    """(name, state, parent), or None when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    name, rest = text[text.index("(") + 1:].rsplit(")", 1)
    state, parent = rest.split()[:2]
    return name, state, int(parent)


def runners():
    """{pid: parent} of the living runner processes among our descendants."""
    every = {int(name): _stat(name) for name in os.listdir("/proc") if name.isdigit()}
    every = {pid: stat for pid, stat in every.items() if stat}

    def is_ours(pid):
        while pid in every:
            if pid == os.getpid():
                return True
            pid = every[pid][2]
        return False

    return {pid: parent for pid, (name, state, parent) in every.items()
            if name == RUNNER and state not in "ZX" and is_ours(pid)}


def _numbers(path):
    """The kB lines of a file of /proc, or {} when the process is gone."""
    try:
        lines = pathlib.Path(path).read_text().splitlines()
    except OSError:
        return {}
    return {words[0].rstrip(":"): int(words[1]) for words in map(str.split, lines)
            if len(words) == 3 and words[2] == "kB"}


def memory(home):
    """What the runners of this home hold while they wait, in kB each and in all; children then are
    those that were cloned ahead of need."""
    now = runners()
    rows = []
    for pid in sorted(now):
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        roll = _numbers(f"/proc/{pid}/smaps_rollup")
        if not roll or not _belongs(pid, str(home), now):
            continue
        rows.append({"role": _role(pid, now),
                     "command": b" ".join(words).decode(errors="replace").strip(),
                     "rss_kb": roll["Rss"], "pss_kb": roll["Pss"],
                     "private_kb": roll["Private_Clean"] + roll["Private_Dirty"]})
    return {"processes": rows,
            "count": {role: sum(row["role"] == role for row in rows) for role in ROLES},
            "total_pss_kb": sum(row["pss_kb"] for row in rows)}


def _role(pid, now):
    depth = 0
    while now[pid] in now:
        pid = now[pid]
        depth += 1
    return ROLES[min(depth, len(ROLES) - 1)]


def _belongs(pid, home, now):
    """True when the process, or a runner above it, names the home or works inside it."""
    while pid in now:
        for link in ("cmdline", "environ"):
            try:
                if home.encode() in pathlib.Path(f"/proc/{pid}/{link}").read_bytes():
                    return True
            except OSError:
                pass
        try:
            if os.readlink(f"/proc/{pid}/cwd").startswith(home):
                return True
        except OSError:
            pass
        pid = now[pid]
    return False


def settle(seconds=5):
    """Waits until the set of runners has not changed for half a second."""
    end = time.monotonic() + seconds
    before, since = runners(), time.monotonic()
    while time.monotonic() < end and time.monotonic() - since < 0.5:
        time.sleep(0.05)
        now = runners()
        if now != before:
            before, since = now, time.monotonic()


def stop_runners(keep=()):
    """Ends the runners but those in keep, and waits for them."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = [pid for pid in runners() if pid not in keep]
        for pid in left:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        end = time.monotonic() + 3
        while time.monotonic() < end and any(pid not in keep for pid in runners()):
            time.sleep(0.02)
    reap()


def reap():
    """Forgets the adopted processes that have ended. Those that subprocess started it waits for
    itself; nothing of the kind runs when this is called, but ways, which do not end."""
    for name in os.listdir("/proc"):
        stat = _stat(name) if name.isdigit() else None
        if stat and stat[1] == "Z" and stat[2] == os.getpid():
            try:
                os.waitpid(int(name), os.WNOHANG)
            except ChildProcessError:
                pass


class Peak:
    """The most memory that runner processes have had while the block ran, in MB: `process` of a
    single one as the kernel counted it (VmHWM, with pages of mapped files), `anonymous` of all at
    one moment without such pages, sampled."""

    def __init__(self, keep=()):
        self.keep = set(keep)
        self.process = self.anonymous = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def _watch(self):
        while not self.stop.wait(0.03):
            anonymous = 0
            for pid in runners():
                if pid in self.keep:
                    continue
                numbers = _numbers(f"/proc/{pid}/status")
                self.process = max(self.process, numbers.get("VmHWM", 0) / 1024)
                anonymous += numbers.get("RssAnon", 0) / 1024
            self.anonymous = max(self.anonymous, anonymous)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
