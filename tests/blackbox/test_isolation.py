"""What one run could learn of another through the host that serves both: nothing. And what a host
could be made to answer from: only from what the files hold now."""
import json
import os
import re
import shutil
import uuid

import pytest

from host import all_gone, start_host, wait_until
from programs import Runner, call, clean_env

ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) AS a(x) WHERE x % 7 = sqrt(x)"


def table(path, name="t", **more):
    return {"name": name, "path": str(path), "format": "csv", **more}


@pytest.fixture
def host(tmp_path):
    host = start_host(tmp_path / "home", spares=1)
    yield host
    host.end()


@pytest.fixture
def numbers(tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("a,b\n1,one\n2,two\n")
    return table(path)


def rows(response):
    assert response["status"] == "success", response["error"]
    return response["rows"]


# --- memory -----------------------------------------------------------------------------------

def has_in_memory(pid, secret):
    """Whether the bytes are in any memory that the process may write, or could have written."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            begin, end, perms = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            begin, end = int(begin, 16), int(end, 16)
            # A sanitizer's shadow is many terabytes, and holds no bytes of anybody's.
            if "w" not in perms or end - begin > 64 << 30:
                continue
            for at in range(begin, end, 16 << 20):
                try:
                    memory.seek(at)
                    part = memory.read(min(end - at, (16 << 20) + len(secret)))
                except (OSError, ValueError, OverflowError):
                    break
                if secret in part:
                    return True
    return False


def new_secret():
    return f"secret-{uuid.uuid4().hex}"


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into their memory")


@needs_root
def test_no_run_leaves_anything_in_memory(host, numbers):
    """The text of a query, its values and its result, looked for in all who live on or come later."""
    literal, value = new_secret(), new_secret()
    # Put together inside, so that the whole is in a value and in the answer, but in no SQL text.
    half = len(value) // 2
    sql = (f"SELECT b || '{value[:half]}' || '{value[half:]}' AS s FROM t "
           f"WHERE b <> '{literal}' ORDER BY ALL")
    running = host.call(Runner.request(f"{ENDLESS} AND '{literal}' <> x::VARCHAR", [numbers],
                                       timeout_ms=60000))
    (child,) = wait_until(lambda: host.children(idle=False))
    assert wait_until(lambda: has_in_memory(child, literal.encode())), "the search finds nothing"
    running.cancel()
    assert all_gone([child])

    before = set(host.children())
    for _ in range(3):
        assert value in json.dumps(rows(host.sql(sql, [numbers], timeout_ms=60000)))
    assert wait_until(lambda: set(host.children(idle=True)) - before)
    later = host.call(Runner.request(ENDLESS, [numbers], timeout_ms=60000))
    assert wait_until(lambda: host.children(idle=False) and host.children(idle=True))
    status = host.status()
    looked_at = [status["seed_pid"], *host.parents(), *host.children()]
    assert len(looked_at) == 4
    for pid in looked_at:
        assert not has_in_memory(pid, literal.encode())
        assert not has_in_memory(pid, value.encode())
    later.cancel()


@needs_root
@pytest.mark.parametrize("n", [3, 200_000], ids=["small", "large"])
def test_no_dataset_is_in_anothers_memory(host, tmp_path, numbers, n):
    """A builder reads one version's file; only that version's parent and children hold it."""
    secret = new_secret()
    path = tmp_path / "private.csv"
    path.write_text("id,word\n" + "".join(f"{i},{secret}\n" for i in range(n)))
    assert rows(host.sql("SELECT count(DISTINCT word) AS n FROM p", [table(path, "p")])) == [[1]]
    private = set(host.parents()) | set(host.children())
    assert rows(host.sql("SELECT sum(a) AS s FROM t", [numbers])) == [[3]]
    assert wait_until(lambda: len(host.children(idle=True)) == 2)
    others = {host.status()["seed_pid"], *host.parents(), *host.children()} - private
    assert len(others) >= 3
    assert any(has_in_memory(pid, secret.encode()) for pid in host.parents())
    for pid in others:
        assert not has_in_memory(pid, secret.encode())


# --- data, settings, files --------------------------------------------------------------------

@pytest.fixture(params=["all", "policy,engine"])
def ask(request, warm_runner_path):
    """Runs SQL in a warm child: with all walls, or with that of the operating system alone."""
    def run(sql, *tables, **limits):
        request_text = json.dumps(Runner.request(sql, tables, **limits)).encode()
        done = call([warm_runner_path, "--without", request.param], stdin=request_text,
                    env=clean_env())
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return run


@pytest.mark.parametrize("sql", [
    "SELECT * FROM p", "SELECT * FROM main.p", "SELECT * FROM private.p",
    "SELECT * FROM read_csv('/data/0')", "SELECT * FROM read_csv('{path}')",
    "SELECT * FROM query_table('p')", "FROM duckdb_tables()", "FROM duckdb_views()",
    "FROM duckdb_databases()", "SELECT * FROM glob('/**')", "SELECT * FROM duckdb_logs()",
    "ATTACH '/data/1' AS x", "SELECT content FROM read_text('/proc/self/maps')",
])
def test_no_run_sees_another_version(ask, tmp_path, numbers, sql):
    secret = new_secret()
    path = tmp_path / "private.csv"
    path.write_text(f"word\n{secret}\n")
    private = table(path, "p")
    assert rows(ask("SELECT word FROM p", private, dataset="private")) == [[secret]]
    response = ask(sql.replace("{path}", str(path)), numbers)
    assert secret not in json.dumps(response["rows"])
    assert str(path) not in json.dumps(response["rows"])
    if "FROM p" in sql or ".p" in sql:
        assert response["status"] != "success"


LEAVE_BEHIND = [
    "SET VARIABLE left_behind = 'yes'", "CREATE TABLE left_behind AS SELECT 1 AS x",
    "CREATE VIEW left_behind AS SELECT 1 AS x", "CREATE MACRO left_behind() AS 1",
    "CREATE OR REPLACE VIEW t AS SELECT 9 AS a, 'x' AS b", "DROP TABLE t", "DELETE FROM t",
    "UPDATE t SET a = 100", "INSERT INTO t VALUES (100, 'x')", "ALTER TABLE t RENAME TO u",
    "CREATE SCHEMA left_behind", "ATTACH ':memory:' AS left_behind", "USE left_behind",
    "SET threads = 2", "SET default_order = 'desc'", "SET TimeZone = 'Asia/Tokyo'",
    "SET default_null_order = 'nulls_first'", "SET integer_division = true",
    "CREATE OR REPLACE MACRO now() AS TIMESTAMPTZ '1999-01-01'",
    "PREPARE left_behind AS SELECT 1", "BEGIN TRANSACTION", "CREATE TEMP TABLE left_behind (x INT)",
    "CREATE SEQUENCE left_behind", "CALL enable_logging()",
]
LOOK = ("SELECT (SELECT string_agg(a || b, ',' ORDER BY a) FROM t) AS t, "
        "now()::VARCHAR AS n, (SELECT 7 / 2) AS d, TIMESTAMPTZ '2026-01-01 00:00:00+00'::VARCHAR AS z,"
        " (SELECT list(x ORDER BY x) FROM (VALUES (1), (NULL), (2)) AS v(x)) AS o")


@pytest.mark.parametrize("sql", LEAVE_BEHIND)
def test_no_run_leaves_anything_for_the_next(ask, numbers, sql):
    first = rows(ask(LOOK, numbers))
    assert first[0][0] == "1one,2two" and first[0][1].startswith("2026-01-31 00:00:00")
    ask(sql, numbers)
    for _ in range(2):
        assert rows(ask(LOOK, numbers)) == first
    if "left_behind" in sql:
        for look in ("SELECT getvariable('left_behind') AS v", "FROM left_behind",
                     "SELECT left_behind() AS v", "SELECT nextval('left_behind') AS v"):
            response = ask(look, numbers)
            assert response["status"] != "success" or response["rows"] == [[None]]


def test_each_run_has_its_own_clock_and_names(host, numbers):
    def now(as_of, dataset):
        request = Runner.request(f"SELECT now() AS n, count(*) AS c FROM {dataset}.t", [numbers],
                                 as_of=as_of, dataset=dataset)
        return rows(host.run(request))[0][0]
    assert now("2026-01-31T00:00:00Z", "alpha") == "2026-01-31 00:00:00+00"
    assert now("2020-02-29T12:00:00Z", "beta") == "2020-02-29 12:00:00+00"
    refused = host.sql("SELECT count(*) AS c FROM alpha.t", [numbers], dataset="beta")
    assert refused["status"] == "rejected"


def test_a_run_leaves_no_file(host, numbers):
    def files():
        return sorted(str(p) for p in host.home.rglob("*"))
    host.sql("SELECT 1 AS x FROM t", [numbers])
    before = files()
    spilling = "SELECT count(*) AS n FROM (SELECT DISTINCT hash(x) FROM range(30000000) AS r(x))"
    assert host.sql(spilling, [numbers], memory_mb=64)["status"] != "rejected"
    assert files() == before


# --- snapshots that are not what they were --------------------------------------------------------

def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 1]))


def tamper(folder, other, harm):
    """Does one kind of harm to a snapshot's folder; other is that of another version."""
    database, manifest = folder / "snapshot.duckdb", folder / "manifest.json"
    values = folder / "values.json"
    size = database.stat().st_size
    if harm == "first byte":
        flip(database, 0)
    elif harm == "middle":
        flip(database, size // 2)
    elif harm == "last byte":
        flip(database, size - 1)
    elif harm == "truncated":
        os.truncate(database, size // 2)
    elif harm == "half of it zeros":
        os.truncate(database, size // 2)
        os.truncate(database, size)
    elif harm == "empty":
        os.truncate(database, 0)
    elif harm == "database missing":
        database.unlink()
    elif harm == "manifest missing":
        manifest.unlink()
    elif harm == "manifest torn":
        os.truncate(manifest, manifest.stat().st_size // 2)
    elif harm == "manifest of another":
        shutil.copy(other / "manifest.json", manifest)
    elif harm == "database of another":
        shutil.copy(other / "snapshot.duckdb", database)
    elif harm == "all of another":
        shutil.rmtree(folder)
        shutil.copytree(other, folder)
    elif harm == "link to another":
        database.unlink()
        database.symlink_to(other / "snapshot.duckdb")
    elif harm == "folder is a link":
        shutil.rmtree(folder)
        folder.symlink_to(other)
    elif harm == "a log beside it":
        (folder / "snapshot.duckdb.wal").write_bytes(b"x" * 100)
    elif harm == "a pipe":
        database.unlink()
        os.mkfifo(database)
    elif harm == "values: a byte":
        flip(values, values.stat().st_size // 2)
    elif harm == "values: truncated":
        os.truncate(values, 10)
    elif harm == "values: missing":
        values.unlink()
    elif harm == "values: of another":
        shutil.copy(other / "values.json", values)
    elif harm == "values: a link":
        values.unlink()
        values.symlink_to(other / "values.json")
    elif harm == "values: a pipe":
        values.unlink()
        os.mkfifo(values)
    elif harm == "values: of the old format":
        values.unlink()
        manifest.write_text(manifest.read_text().replace('"format":2', '"format":1'))
    else:
        raise AssertionError(harm)


@pytest.mark.parametrize("harm", [
    "first byte", "middle", "last byte", "truncated", "half of it zeros", "empty",
    "database missing", "manifest missing", "manifest torn", "manifest of another",
    "database of another", "all of another", "link to another", "folder is a link",
    "a log beside it", "a pipe", "values: a byte", "values: truncated", "values: missing",
    "values: of another", "values: a link", "values: a pipe", "values: of the old format"])
def test_a_snapshot_that_does_not_fit_is_made_anew(tmp_path, harm):
    mine, theirs = tmp_path / "a.csv", tmp_path / "b.csv"
    mine.write_text("a\n" + "".join(f"{i}\n" for i in range(5000)))
    theirs.write_text("a\n" + "".join(f"{i + 1}\n" for i in range(5000)))
    sql, right = "SELECT sum(a) AS s, count(*) AS n FROM t", [["12497500", 5000]]
    first = start_host(tmp_path / "home", spares=0)
    host = first
    try:
        answer = rows(host.sql(sql, [table(mine)]))
        assert [[str(answer[0][0]), answer[0][1]]] == right
        values = host.run(Runner.request(None, [table(mine)], op="values"))["values"]
        assert values["tables"][0]["columns"][0]["max"] == "4999"
        (folder,) = host.snapshots()
        host.sql(sql, [table(theirs)])
        (other,) = set(host.snapshots()) - {folder}
        first.end()
        tamper(folder, other, harm)
        host = start_host(tmp_path / "home", spares=0)
        for _ in range(2):
            response = host.sql(sql, [table(mine)])
            assert rows(response) == answer
            assert response["tables"][0]["rows"] == 5000
            again = host.run(Runner.request(None, [table(mine)], op="values"))
            assert again["values"] == values
        assert not folder.is_symlink()
        assert sorted(p.name for p in folder.iterdir()) == [
            "manifest.json", "snapshot.duckdb", "values.json"]
        assert not host.drafts()
        assert rows(host.sql(sql, [table(theirs)])) != answer
    finally:
        host.end()


# --- files that are not what they were --------------------------------------------------------

SUM = "SELECT sum(a) AS s FROM t"


def test_a_file_changed_in_place_gives_the_new_answer(host, tmp_path):
    """Same size, same inode, same mtime: only the ctime tells, and nobody can set that."""
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    old = path.stat().st_mtime - 3600  # long settled, as far as the mtime goes
    os.utime(path, (old, old))
    assert rows(host.sql(SUM, [table(path)])) == [[1]]
    for n in range(2, 8):
        with open(path, "r+b") as f:
            f.write(f"a\n{n}\n".encode())
        os.utime(path, (old, old))
        assert rows(host.sql(SUM, [table(path)])) == [[n]]


@pytest.mark.parametrize("how", ["rewritten", "replaced"])
def test_a_file_changed_within_the_grain_of_its_times(host, tmp_path, how):
    path = tmp_path / "t.csv"
    for n in range(10, 22):
        if how == "rewritten":
            path.write_text(f"a\n{n}\n")
        else:
            (tmp_path / "new").write_text(f"a\n{n}\n")
            os.rename(tmp_path / "new", path)
        assert rows(host.sql(SUM, [table(path)])) == [[n]]
    assert len(host.warm()) <= 12, "idle parents of old versions are kept"


def test_a_file_that_changes_while_its_snapshot_is_made(host, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{i},{'x' * (i % 50)}\n" for i in range(400_000)))
    first = host.call(Runner.request("SELECT count(*) AS n FROM t", [table(path)]))
    assert wait_until(host.drafts)
    with open(path, "a") as f:
        f.write("7,x\n")
    response = first.response()
    assert response["status"] == "error" and response["error"]["type"] == "DATASET_CHANGED"
    assert wait_until(lambda: not host.drafts()) and not host.snapshots()
    assert rows(host.sql("SELECT count(*) AS n FROM t", [table(path)])) == [[400_001]]


def test_the_expected_hash_is_checked_in_warm_runs_too(host, tmp_path, numbers):
    assert rows(host.sql("SELECT count(*) AS n FROM t", [numbers])) == [[2]]
    response = host.sql("SELECT count(*) AS n FROM t", [{**numbers, "sha256": 64 * "0"}])
    assert response["error"]["type"] == "DATASET_CHANGED"


def test_same_bytes_elsewhere_are_the_same_version_but_not_the_same_rights(host, tmp_path):
    """The snapshot is found by what the files hold; whoever cannot name the file gets nothing."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "t.csv").write_text("a\n1\n")
    request = Runner.request(SUM, [table(outside / "t.csv")])
    assert rows(host.run(request)) == [[1]]
    refused = host.run(request, data_root=inside)
    assert refused["error"]["type"] == "INVALID_REQUEST"
    request = Runner.request(SUM, [table(inside / "t.csv")])
    assert rows(host.run(request, data_root=inside)) == [[1]]
