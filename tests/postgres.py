#!/usr/bin/python3
"""A PostgreSQL of the tests' own: a new cluster in a temporary folder, on a Unix socket alone.

    with Postgres() as postgres: postgres.url() -> "postgresql:///..."
    postgres.py PROGRAM ARGUMENT...     runs a program with $ASKCSV_TEST_POSTGRES set to such a URL

PostgreSQL does not run as root; then it is a user without rights. Where it is not installed, the
program says so in one line and ends with 77, which Meson counts as skipped.
"""
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse

SKIPPED = 77
START_SECONDS = 60


def folder():
    """Where the server's programs are, or None. Debian keeps them out of the path."""
    found = shutil.which("initdb")
    if found:
        return pathlib.Path(found).resolve().parent
    return max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), default=None,
               key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0)


def why_not():
    """Why there can be no cluster, or None."""
    bin_folder = folder()
    if bin_folder and (bin_folder / "initdb").exists() and (bin_folder / "postgres").exists():
        return None
    return "PostgreSQL is not installed (apt-get install postgresql)"


def user():
    """Who runs it: nobody in particular when we are root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return {"user": 65534, "group": 65534, "extra_groups": []}


class Postgres:
    """A cluster that ends with the block. fsync is on, as it is where it matters."""

    def __init__(self):
        # In memory where there is such a folder: thousands of syncs take their time.
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="askcsv-pg-", dir=base))
        self.bin = folder()
        self.env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        self.process = None
        try:
            if user():
                os.chown(self.folder, user()["user"], user()["group"])
            self.call("initdb", "-D", self.folder / "data", "-U", "askcsv", "-A", "trust", "-E",
                      "UTF8", "--no-locale", "--no-instructions", "--no-sync")
            self.start()
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def call(self, name, *args):
        done = subprocess.run([self.bin / name, *args], stdin=subprocess.DEVNULL, env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder,
                              check=False, **user())
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stdout.decode('utf-8', 'replace')}")
        return done.stdout.decode()

    def start(self):
        options = ["listen_addresses=", f"unix_socket_directories={self.folder}",
                   "max_connections=200", "shared_buffers=32MB", "logging_collector=off",
                   "max_wal_size=256MB"]
        log = open(self.folder / "log", "ab")  # of the root's, written to by the server
        with log:
            self.process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.folder / "data",
                 *[word for option in options for word in ("-c", option)]],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, cwd=self.folder,
                start_new_session=True, **user())
        ready = [self.bin / "pg_isready", "-q", "-h", self.folder, "-U", "askcsv", "-t", "1"]
        for _ in range(START_SECONDS * 10):
            if subprocess.run(ready, env=self.env, check=False).returncode == 0:
                return
            if self.process.poll() is not None:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.1)
        raise RuntimeError("PostgreSQL did not start: " + (self.folder / "log").read_text())

    def stop(self, number=signal.SIGINT):
        """SIGINT: fast, SIGQUIT: at once, as if the power failed (PostgreSQL's signals)."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(START_SECONDS)

    def end(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, schema=None, **more):
        """Of the database, or of a schema in it, which must be there (make_schema)."""
        values = {"host": str(self.folder), "user": "askcsv", "gssencmode": "disable", **more}
        if schema:
            values["options"] = f"-csearch_path={schema}"
        return "postgresql:///postgres?" + urllib.parse.urlencode(values,
                                                                  quote_via=urllib.parse.quote)

    def sql(self, text, schema=None):
        """What psql prints of it: rows of columns with | between them."""
        done = subprocess.run([self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                               "-d", self.url(schema), "-c", text], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env=self.env, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def make_schema(self, name):
        self.sql(f"CREATE SCHEMA {name}")
        return self.url(name)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    missing = why_not()
    if missing:
        print(f"skipped: {missing}")
        sys.exit(SKIPPED)
    with Postgres() as postgres:
        done = subprocess.run(sys.argv[1:], check=False,
                              env={**os.environ, "ASKCSV_TEST_POSTGRES": postgres.url()})
    sys.exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)


if __name__ == "__main__":
    main()
