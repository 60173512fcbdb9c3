"""What the commands say of snapshots and do to them. The snapshots are made by hand here, with
manifests as docs/DATASETS.md has them; nothing here opens their databases."""
import hashlib
import json
import os
import time

import pytest

SIZE = 3 * 1024 * 1024
DAY = 24 * 60 * 60


def have(askcsv, dataset="files", paths=("/data/a.csv",), *, size=SIZE, rows=1234, used_ago=60,
         digit="a", **changed):
    """A snapshot as a run would leave it; returns its folder."""
    values = b"{}" if size > 2 else b""  # its bytes count, too
    content = digit.encode() * (size - len(values))
    key = hashlib.sha256(f"{dataset} {paths} {digit}".encode()).hexdigest()
    folder = askcsv.home / "snapshots" / key
    folder.mkdir(parents=True)
    (folder / "snapshot.duckdb").write_bytes(content)
    (folder / "values.json").write_bytes(values)
    manifest = {
        "format": 2, "key": key, "engine": "v1.5.6", "dataset_id": dataset,
        "created_at": "2026-01-31T12:00:00.000Z", "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "values": {"bytes": len(values), "sha256": hashlib.sha256(values).hexdigest()},
        "tables": [{"name": f"t{i}", "rows": rows, "skipped_lines": 0,
                    "columns": [{"name": "id", "type": "BIGINT", "header": "id"}]}
                   for i in range(len(paths))],
        "files": [{"path": str(path), "bytes": 99, "sha256": 64 * "b"} for path in paths],
        **changed}
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest))
    moment = int(time.time()) - used_ago
    os.utime(path, (moment, moment))
    return folder


def listed(askcsv):
    return {d["id"]: d for d in askcsv.json("datasets", "list", "--format", "json")}


def test_without_snapshots_nothing_is_said_or_made(askcsv):
    done = askcsv.ok("datasets", "list")
    assert "none" in done.stdout and "together" not in done.stdout
    assert all(d["snapshots"] == [] for d in listed(askcsv).values())
    assert "files" not in listed(askcsv)
    assert not list(askcsv.home.iterdir())


def test_list(askcsv):
    have(askcsv, "ecommerce", ["/d/orders.csv", "/d/order_items.csv", "/d/inventory.csv"],
         rows=1000, used_ago=50)
    have(askcsv, "ecommerce", ["/d/orders.csv", "/d/order_items.csv", "/d/inventory.csv"],
         rows=7, used_ago=500, digit="b")
    have(askcsv, paths=["/data/sales 2024.csv", "/data/b.csv"], size=1500)
    have(askcsv, "gone-from-the-registry", ["/data/c.csv"], size=1, rows=0)
    lines = askcsv.ok("datasets", "list").stdout.splitlines()
    (ecommerce,) = (line for line in lines if line.startswith("ecommerce"))
    assert "6.0 MiB in 2" in ecommerce and " 3000 " in ecommerce and "Z" in ecommerce
    (support,) = (line for line in lines if line.startswith("support"))
    assert support.rstrip().endswith("none")
    (sales,) = (line for line in lines if "sales 2024" in line)
    assert sales.startswith("/data/sales 2024.csv, /data/b.csv ")
    assert "1.5 KiB" in sales and " 2468 " in sales
    assert any(line.startswith("/data/c.csv ") and "1 byte " in line for line in lines)
    assert lines[-1] == "4 snapshots, 6.0 MiB together"
    assert not any(line.startswith("files ") for line in lines)


def test_list_as_json(askcsv):
    folder = have(askcsv, "ecommerce", ["/d/orders.csv"], rows=1000, used_ago=50)
    have(askcsv, "ecommerce", ["/d/orders.csv"], rows=7, used_ago=500, digit="b")
    have(askcsv, size=1500)
    have(askcsv, "gone-from-the-registry", size=1)
    all_of_them = listed(askcsv)
    new, old = all_of_them["ecommerce"]["snapshots"]
    assert new["key"] == folder.name and new["rows"] == 1000 and old["rows"] == 7
    assert new["bytes"] == SIZE and new["engine"] == "v1.5.6"
    assert new["created_at"] == "2026-01-31T12:00:00.000Z"
    assert new["files"] == [{"path": "/d/orders.csv", "bytes": 99, "sha256": 64 * "b"}]
    assert new["used_at"] > old["used_at"] > "2025"
    assert all_of_them["support"]["snapshots"] == []
    files = all_of_them["files"]
    assert {s["dataset_id"]: s["bytes"] for s in files["snapshots"]} == {
        "files": 1500, "gone-from-the-registry": 1}
    assert files["tables"] == [] and list(all_of_them)[-1] == "files"


@pytest.mark.parametrize("harm", ["torn", "size", "empty", "log", "format", "older", "values",
                                  "path"])
def test_what_does_not_fit_is_not_listed_as_a_snapshot(askcsv, harm):
    folder = have(askcsv, **{"format": {"format": 99}, "older": {"format": 1},
                             "path": {"paths": ["not/absolute.csv"]}}.get(harm, {}))
    manifest = folder / "manifest.json"
    if harm == "torn":
        manifest.write_bytes(manifest.read_bytes()[:100])
    elif harm == "empty":
        manifest.write_bytes(b"")
    elif harm == "size":
        (folder / "snapshot.duckdb").write_bytes(b"short")
    elif harm == "values":
        (folder / "values.json").unlink()
    elif harm == "log":
        (folder / "snapshot.duckdb.wal").write_bytes(b"x")
    text = askcsv.ok("datasets", "list").stdout
    assert "1 cannot be used" in text and "/data/a.csv" not in text
    assert "files" not in listed(askcsv)
    assert folder.is_dir()  # looking changes nothing
    askcsv.ok("datasets", "forget", "--all")
    assert not folder.exists()


def test_a_manifest_cannot_reach_the_terminal(askcsv):
    have(askcsv, paths=["/data/\x1b[31mred\u202e.csv"])
    text = askcsv.ok("datasets", "list").stdout
    assert "\x1b" not in text and "\u202e" not in text and "red" in text


def test_foreign_names_are_passed_over(askcsv):
    folder = have(askcsv)
    (folder.parent / "README").write_text("mine")
    (folder.parent / ("g" * 64)).mkdir()
    os.symlink("/etc", folder.parent / ("0" * 64))
    text = askcsv.ok("datasets", "list").stdout
    assert "2 snapshots" in text and "1 cannot be used" in text
    askcsv.ok("datasets", "forget", "--all")
    assert {p.name for p in folder.parent.iterdir()} == {"README", "g" * 64}
    assert os.path.exists("/etc/passwd")


def test_forget_a_dataset(askcsv):
    a = have(askcsv, "ecommerce", ["/d/orders.csv"])
    b = have(askcsv, "ecommerce", ["/d/orders.csv"], digit="b")
    other = have(askcsv, "support", ["/d/tickets.csv"])
    done = askcsv.ok("datasets", "forget", "ecommerce")
    assert done.stdout == "ecommerce: 2 snapshots forgotten, 6.0 MiB freed\n"
    assert not a.exists() and not b.exists() and other.exists()
    assert askcsv.ok("datasets", "forget", "ecommerce").stdout == \
        "ecommerce: there was no snapshot\n"


def test_forget_files(askcsv, tmp_path):
    paths = {}
    for name in ("a.csv", "b.csv", "with,comma.csv"):
        paths[name] = tmp_path / name
        paths[name].write_text("x\n1\n")
    a = have(askcsv, paths=[paths["a.csv"]], size=10)
    both = have(askcsv, paths=[paths["b.csv"], paths["a.csv"]], size=20)
    b = have(askcsv, paths=[paths["b.csv"]], size=30)
    comma = have(askcsv, paths=[paths["with,comma.csv"]], size=40)

    done = askcsv.ok("datasets", "forget", "a.csv,b.csv", cwd=tmp_path)
    assert done.stdout == "a.csv,b.csv: 1 snapshot forgotten, 20 bytes freed\n"
    assert a.exists() and b.exists() and not both.exists()
    askcsv.ok("datasets", "forget", "with,comma.csv", cwd=tmp_path)
    assert not comma.exists()

    os.symlink(paths["a.csv"], tmp_path / "link.csv")
    paths["b.csv"].unlink()  # the file has gone, its snapshot is there to be forgotten
    done = askcsv.ok("datasets", "forget", tmp_path / "link.csv", "./b.csv", cwd=tmp_path)
    assert done.stdout.count("1 snapshot forgotten") == 2
    assert not a.exists() and not b.exists()
    assert "there was no snapshot" in askcsv.ok("datasets", "forget", paths["a.csv"]).stdout


def test_forget_a_file_that_is_in_several(askcsv):
    have(askcsv, paths=["/data/a.csv"])
    have(askcsv, paths=["/data/b.csv", "/data/a.csv"])
    have(askcsv, paths=["/data/b.csv"])
    assert "2 snapshots forgotten" in askcsv.ok("datasets", "forget", "/data/a.csv").stdout


def test_forget_all(askcsv):
    folder = have(askcsv).parent
    have(askcsv, "support", ["/d/tickets.csv"])
    dead = folder / ".new-0193e4a0-0000-7000-8000-000000000001"
    dead.mkdir()
    (dead / "snapshot.duckdb").write_bytes(b"half")
    done = askcsv.ok("datasets", "forget", "--all")
    assert done.stdout == "2 snapshots forgotten, 6.0 MiB freed\n"
    assert not list(folder.iterdir())
    assert askcsv.ok("datasets", "forget", "--all").stdout == "There are no snapshots.\n"


@pytest.mark.parametrize("args", [[], ["--all", "ecommerce"], ["--everything"]], ids=" ".join)
def test_forget_usage(askcsv, args):
    folder = have(askcsv, "ecommerce")
    done = askcsv("datasets", "forget", *args)
    assert done.returncode == 2 and folder.exists()
    assert "askcsv help datasets forget" in done.stderr


def test_forget_what_nobody_knows(askcsv):
    folder = have(askcsv, "ecommerce")
    done = askcsv("datasets", "forget", "ecomerce")
    assert done.returncode == 1 and "did you mean ecommerce" in done.stderr and folder.exists()
    done = askcsv("datasets", "forget", "ecommerce", "no-such-file.csv")
    assert done.returncode == 1 and "no-such-file.csv" in done.stderr
    assert "1 snapshot forgotten" in done.stdout and not folder.exists()


def test_doctor_explains_the_rule(askcsv):
    have(askcsv)
    text = askcsv("doctor").stdout
    assert "1 snapshot, 3.0 MiB of at most 20.0 GiB (ASKCSV_SNAPSHOT_MB" in text
    assert "2 used last" in text and "30 days" in text
    assert "of at most 5.0 MiB" in askcsv("doctor", env={"ASKCSV_SNAPSHOT_MB": 5}).stdout
    done = askcsv("doctor", env={"ASKCSV_SNAPSHOT_MB": "lots"})
    assert done.returncode == 1 and "ASKCSV_SNAPSHOT_MB" in done.stdout
