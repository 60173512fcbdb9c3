"""Bad input of every kind, through the command: a clear error or a right answer, one capsule for
every run that was asked for, nothing lost and nothing left behind."""
import json
import os
import sqlite3
import subprocess

import pytest

from programs import call

PLAN = {"dataset_id": "ecommerce", "table": "orders", "select": [{"func": "count", "alias": "n"}]}


def short(value):
    """The name of a case: enough of the text to know it by, and printable."""
    return ascii(value)[:24] if isinstance(value, (bytes, str)) else None


def runs(askcsv):
    return askcsv.json("capsules", "list", "--format", "json")


def clear(done, status, *words):
    """The exit status, and an error that a person can act on: no trace, no empty text."""
    assert done.returncode == status, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.stderr.startswith("askcsv: "), done.stderr
    for word in words:
        assert word.lower() in done.stderr.lower(), done.stderr
    assert "Assertion" not in done.stderr and "0x" not in done.stderr
    return done


# --- plans ------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, words", [
    (b"", ["empty"]),
    (b"   \n", ["empty"]),
    (b"SELECT 1", ["JSON"]),
    (b"[]", ["object"]),
    (b"null", ["object"]),
    (b'"plan"', ["object"]),
    (json.dumps({**PLAN, "tabel": "x"}).encode(), ["tabel"]),
    (json.dumps({**PLAN, "limit": "ten"}).encode(), ["limit"]),
    (json.dumps({**PLAN, "limit": 1001}).encode(), ["1000"]),
    (json.dumps({**PLAN, "select": {}}).encode(), ["select"]),
    (json.dumps({**PLAN, "table": "order"}).encode(), ["orders"]),
    (b'{"dataset_id":"ecommerce","table":"ord\x00ers"}', ["NUL"]),
    (b'{"dataset_id":"ecommerce","table":"ord\\u0000ers"}', ["U+0000"]),
    (b'{"dataset_id":"ecommerce","table":"\xff\xfe"}', ["UTF-8"]),
    (b'{"table":"a","table":"b"}', ["duplicate"]),
    (b"[" * 100_000 + b"]" * 100_000, ["nests"]),
    (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, ["nests", "larger", "bytes"][:1]),
    (b'{"dataset_id":"' + b"x" * 10_000_000 + b'"}', ["bytes"]),
    (b'{"dataset_id":"ecommerce","table":"orders","limit":1e999}', []),
    (b'{"dataset_id":"ecommerce","table":"orders","limit":99999999999999999999999}', []),
], ids=short)
def test_bad_plans(shop, tmp_path, text, words):
    path = tmp_path / "plan.json"
    path.write_bytes(text)
    if text.startswith(b'{"a":'):
        words = []
    for source in (("--plan", str(path)), ("--plan", "-")):
        done = shop("run", "ecommerce", *source, stdin=text)
        clear(done, 3, "VALIDATION_ERROR", *words)
    assert {c["status"] for c in runs(shop)} == {"rejected"}
    assert len(runs(shop)) == 2


def test_every_fault_is_named_at_once(shop):
    plan = {**PLAN, "limit": 0, "colour": 1, "select": [{"column": "totl"}],
            "filters": [{"column": "status", "op": "==", "value": 1}]}
    done = shop("run", "ecommerce", "--plan", "-", stdin=json.dumps(plan))
    clear(done, 3, "/limit", "/colour", "/filters/0/op")


def test_plan_for_another_dataset(shop):
    done = shop("run", "support", "--plan", "-", stdin=json.dumps(PLAN))
    clear(done, 3, "ecommerce", "support")


def test_missing_plan_files(shop, tmp_path):
    clear(shop("run", "ecommerce", "--plan", tmp_path / "none.json"), 1, "none.json")
    clear(shop("run", "ecommerce", "--plan", tmp_path), 1, "directory")
    os.mkfifo(tmp_path / "pipe")
    clear(shop("run", "ecommerce", "--plan", tmp_path / "pipe"), 1, "pipe")


# --- SQL --------------------------------------------------------------------------------------

@pytest.mark.parametrize("sql", [b"", b"  ", b";", b"--", b"/*", b"'", b'"', b"\xff\xfe",
                                 b"SELECT 1\x00; DROP TABLE orders", "\u200b".encode(),
                                 b"(" * 100_000, b"SELECT " + b"(" * 50_000 + b"1" + b")" * 50_000,
                                 b"SELECT " + b"[" * 5_000, b"SELECT 1" + b"+1" * 20_000,
                                 b"/*" * 100_000, b"SELECT 'x" * 10_000, b"x" * 2_000_000],
                         ids=short)
def test_bad_sql(shop, tmp_path, sql):
    path = tmp_path / "q.sql"
    path.write_bytes(sql)
    done = shop("run", "ecommerce", "--sql-file", path, "--timeout-ms", 20000)
    clear(done, 3)
    (capsule,) = runs(shop)
    assert capsule["status"] == "rejected"


# --- sources ----------------------------------------------------------------------------------

def test_sources_that_are_not_there(askcsv, tmp_path):
    clear(askcsv("run", tmp_path / "none.csv", "--sql", "SELECT 1 AS x"), 1, "none.csv")
    clear(askcsv("run", tmp_path, "--sql", "SELECT 1 AS x"), 1, "directory")
    os.mkfifo(tmp_path / "pipe.csv")
    clear(askcsv("run", tmp_path / "pipe.csv", "--sql", "SELECT 1 AS x"), 1, "pipe")
    clear(askcsv("run", "ecomerce", "--sql", "SELECT 1 AS x"), 1, "ecommerce")
    clear(askcsv("run", "", "--sql", "SELECT 1 AS x"), 1, "no dataset")


def test_datasets_that_were_not_generated(askcsv):
    clear(askcsv("run", "ecommerce", "--sql", "SELECT 1 AS x"), 1, "datasets generate")


def test_unreadable_file(askcsv, tmp_path):
    path = tmp_path / "secret.csv"
    path.write_text("a\n1\n")
    path.chmod(0)
    # Not even for root: the sandbox has no capability to read past a file's mode.
    clear(askcsv("run", path, "--sql", "SELECT * FROM secret"), 1, "secret.csv", "may not be read")


def test_a_symlink_of_the_users_own_is_followed(askcsv, tmp_path):
    (tmp_path / "real.csv").write_text("a\n1\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    capsule = askcsv.json("run", tmp_path / "link.csv", "--sql", "SELECT * FROM link",
                          "--format", "json")
    assert capsule["result"]["rows"] == [[1]]


def test_a_symlink_in_the_data_root_is_not(shop, tmp_path):
    target = shop.home / "datasets" / "ecommerce" / "orders.csv"
    (tmp_path / "orders.csv").write_bytes(target.read_bytes())
    target.unlink()
    target.symlink_to(tmp_path / "orders.csv")
    done = shop("run", "ecommerce", "--sql", "SELECT count(*) AS n FROM orders")
    assert done.returncode in (1, 2), done.stderr
    assert "symbolic link" in done.stderr


def test_dots_in_a_path_are_resolved(askcsv, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "x.csv").write_text("a\n1\n")
    askcsv.ok("run", f"{tmp_path}/d/../x.csv", "--sql", "SELECT * FROM x")


@pytest.mark.parametrize("name, table", [
    ("Sales 2024-Q1.csv", "Sales_2024_Q1"), ("2024.csv", "t_2024"), ("select.csv", "select"),
    ("a'b\"c.csv", "a_b_c"), ("ünï.csv", None), ("-x.csv", "x"), ("; drop table x.csv", None)])
def test_any_file_name_becomes_a_table(askcsv, tmp_path, name, table):
    path = tmp_path / name
    path.write_text("a\n41\n")
    done = askcsv("run", path, "--sql", f'SELECT a + 1 AS b FROM "{table or "nope"}"',
                  "--format", "csv")
    if table:
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["b", "42"]
        assert table in done.stderr  # the mapping is told
    else:
        assert done.returncode in (1, 3), done.stderr


def test_two_files_of_one_name(askcsv, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.csv").write_text(f"a\n{folder}\n")
    done = askcsv("run", f"{tmp_path}/one/x.csv,{tmp_path}/two/x.csv", "--sql",
                  "SELECT x.a AS p, x_2.a AS q FROM x, x_2", "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["p,q", "one,two"]


def test_dataset_changed_by_one_byte(shop):
    path = shop.home / "datasets" / "ecommerce" / "orders.csv"
    data = bytearray(path.read_bytes())
    data[-2] = data[-2] ^ 1
    path.write_bytes(data)
    clear(shop("run", "ecommerce", "--sql", "SELECT count(*) AS n FROM orders"), 1,
          "DATASET_CHANGED", "orders.csv")
    (capsule,) = runs(shop)
    assert capsule["status"] == "failed"


# --- the state folder -------------------------------------------------------------------------

def as_nobody(argv, env, cwd):
    return call(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *argv],
                env=env, cwd=cwd)


def test_read_only_home(askcsv, tmp_path):
    """Root writes anywhere, so the command runs as nobody, who may not."""
    if os.geteuid() == 0:
        askcsv.home.chmod(0o555)
        done = as_nobody([str(askcsv.path), "run", "ecommerce", "--sql", "SELECT 1 AS x"],
                         askcsv.env(), "/")
        text = done.stderr.decode()
        status = done.returncode
    else:
        askcsv.home.chmod(0o555)
        done = askcsv("run", "ecommerce", "--sql", "SELECT 1 AS x")
        text, status = done.stderr, done.returncode
    assert status == 1, text
    assert "ASKCSV_HOME" in text or str(askcsv.home) in text


def test_home_is_a_file(askcsv, tmp_path):
    (tmp_path / "file").write_text("x")
    done = askcsv("capsules", "list", env={"ASKCSV_HOME": tmp_path / "file"})
    clear(done, 1, "file")


def test_full_disk(shop, tmp_path):
    """A real full file system: a small tmpfs in a mount namespace of its own."""
    mount = tmp_path / "small"
    mount.mkdir()
    script = f"""
        set -e
        mount -t tmpfs -o size=4m tmpfs {mount}
        export ASKCSV_HOME={mount}
        mkdir {mount}/datasets && mount --bind {shop.home}/datasets {mount}/datasets
        {shop.path} run ecommerce --sql 'SELECT count(*) AS n FROM orders' >/dev/null 2>&1
        dd if=/dev/zero of={mount}/fill bs=1k >/dev/null 2>&1 || true
        set +e
        {shop.path} run ecommerce --sql 'SELECT count(*) AS n FROM orders'
        echo "status $?"
        rm {mount}/fill
        {shop.path} run ecommerce --sql 'SELECT count(*) AS n FROM orders' >/dev/null 2>&1
        echo "after $?"
        {shop.path} capsules check
    """
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True,
                          env=shop.env(), timeout=120)
    assert "status 1" in done.stdout, done.stdout + done.stderr
    assert "full" in done.stderr or "No space" in done.stderr, done.stderr
    assert "after 0" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_room_for_a_snapshot(shop, tmp_path):
    mount = tmp_path / "small"
    mount.mkdir()
    script = f"""
        set -e
        mount -t tmpfs -o size=400k tmpfs {mount}
        export ASKCSV_HOME={mount}
        mkdir {mount}/datasets && mount --bind {shop.home}/datasets {mount}/datasets
        set +e
        {shop.path} run ecommerce --sql 'SELECT count(*) AS n FROM orders'
        echo "status $?"
        mount -o remount,size=8m {mount}
        {shop.path} run ecommerce --sql 'SELECT count(*) AS n FROM orders' >/dev/null
        echo "after $?"
    """
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True,
                          env=shop.env(), timeout=120)
    assert "status 1" in done.stdout, done.stdout + done.stderr
    assert "no room for the snapshot" in done.stderr and "/out/" not in done.stderr, done.stderr
    assert "after 0" in done.stdout, done.stdout + done.stderr


def damage(path, offset, data):
    with open(path, "r+b") as f:
        f.seek(offset)
        f.write(data)


def test_corrupt_capsule_database(shop):
    for _ in range(3):
        shop.ok("run", "ecommerce", "--sql", "SELECT count(*) AS n FROM orders")
    path = shop.home / "capsules.db"
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    damage(path, 0, b"this is not a database at all!!!")
    before = path.read_bytes()
    clear(shop("run", "ecommerce", "--sql", "SELECT 1 AS x"), 1, "capsules.db")
    assert path.read_bytes() == before  # nothing is made anew over what may yet be saved


def test_damaged_pages(shop):
    for _ in range(3):
        shop.ok("run", "ecommerce", "--sql", "SELECT count(*) AS n FROM orders")
    path = shop.home / "capsules.db"
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    size = path.stat().st_size
    damage(path, 4096, os.urandom(min(8192, size - 4096)))
    done = shop("run", "ecommerce", "--sql", "SELECT 1 AS x FROM orders")
    clear(done, 1, "capsules.db")


def test_empty_capsule_database(shop):
    """A store is made whole or not at all, so an empty one was cut off: nothing is lost silently."""
    (shop.home / "capsules.db").write_bytes(b"")
    clear(shop("run", "ecommerce", "--sql", "SELECT count(*) AS n FROM orders"), 1, "empty")


def test_two_processes_at_once(shop):
    argv = [str(shop.path), "run", "ecommerce", "--sql", "SELECT count(*) AS n FROM orders",
            "--format", "csv"]
    started = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=shop.env(), text=True) for _ in range(8)]
    for process in started:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out.split() == ["n", "4018"]
    assert len(runs(shop)) == 8
    shop.ok("capsules", "check")


def test_output_to_a_reader_that_leaves(shop):
    done = subprocess.run(f"{shop.path} run ecommerce --sql 'SELECT * FROM orders' --format csv "
                          "| head -1", shell=True, env=shop.env(), capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0
    assert "Broken pipe" not in done.stderr
    assert done.stdout.startswith("order_id,")


def test_full_output_device(shop):
    done = subprocess.run(f"{shop.path} run ecommerce --sql 'SELECT * FROM orders' --format csv "
                          ">/dev/full", shell=True, env=shop.env(), capture_output=True, text=True,
                          timeout=60)
    assert done.returncode != 0
    assert done.stderr.startswith("askcsv: ")


@pytest.mark.parametrize("cell", ["\x1b[31mred\x1b[0m", "\x07bell", "a\rb", "tab\tx",
                                  "\u202eright to left", "\u200bzero", "=1+1"])
def test_cells_cannot_drive_the_terminal(askcsv, tmp_path, cell):
    path = tmp_path / "x.csv"
    path.write_text(f'a\n"{cell}"\n')
    done = askcsv.ok("run", path, "--sql", "SELECT * FROM x")
    for forbidden in ("\x1b", "\x07", "\r", "\u202e"):
        assert forbidden not in done.stdout


def test_a_large_typed_file_with_records_inside_quotes(runner, tmp_path):
    """The engine reads large files in pieces; none may begin inside quotes."""
    text = "1,2\n" * 300_000
    path = tmp_path / "large.csv"
    with open(path, "w") as file:
        file.write("id,text\n")
        for number in range(16):
            file.write(f'{number},"{text}"\n')
    table = {"name": "large", "path": str(path), "format": "csv",
             "columns": [{"name": "id", "type": "INTEGER"}, {"name": "text", "type": "VARCHAR"}]}
    response = runner(runner.request("SELECT count(*) AS n, sum(id) AS s, min(length(text)) AS l "
                                     "FROM large", [table]))
    assert response["status"] == "success", response["error"]
    assert response["rows"] == [[16, 120, len(text)]]
