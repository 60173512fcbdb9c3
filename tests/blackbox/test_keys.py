"""askcsv keys: made once, kept as hashes, never lost between writers."""
import hashlib
import json
import re
import stat
import subprocess

import pytest

KEY = r"ak_[A-Za-z0-9_-]{43}"


def add(askcsv, *args):
    done = askcsv.ok("keys", "add", *args)
    assert re.fullmatch(KEY + "\n", done.stdout)
    assert "shown only now" in done.stderr and done.stdout.strip() not in done.stderr
    return done.stdout.strip()


def keys(askcsv):
    return askcsv.json("keys", "list", "--format", "json")


def test_the_text_of_a_key_is_nowhere_on_disk(askcsv):
    text = add(askcsv, "ann", "--scope", "admin")
    (one,) = keys(askcsv)
    assert one["name"] == "ann" and one["scope"] == "admin" and one["revoked_at"] is None
    files = [path for path in askcsv.home.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"keys.json", "keys.lock"}
    for path in files:
        assert text[3:].encode() not in path.read_bytes()
    (kept,) = json.loads((askcsv.home / "keys.json").read_text())["keys"]
    assert kept["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    for form in ("table", "json"):
        done = askcsv.ok("keys", "list", "--format", form)
        assert text not in done.stdout and kept["sha256"] not in done.stdout


def test_only_the_owner_may_read_the_file(askcsv):
    add(askcsv, "ann")
    for name in ("keys.json", "keys.lock"):
        assert stat.S_IMODE((askcsv.home / name).stat().st_mode) == 0o600


def test_list_and_revoke(askcsv):
    assert keys(askcsv) == []
    assert not list(askcsv.home.iterdir())  # looking makes nothing
    add(askcsv, "ann")
    add(askcsv, "bob", "--scope=read")
    ann, bob = keys(askcsv)
    assert (ann["scope"], bob["scope"]) == ("run", "read") and re.fullmatch("[0-9a-f]{8}", ann["id"])
    assert "is revoked" in askcsv.ok("keys", "revoke", ann["id"]).stderr
    assert "revoked before" in askcsv.ok("keys", "revoke", ann["id"]).stderr
    after, still = keys(askcsv)
    assert after["revoked_at"] and still == bob
    assert re.search(rf"{bob['id']} +bob +read", askcsv.ok("keys", "list").stdout)


@pytest.mark.parametrize("args,words", [
    (["add"], "needs a NAME"), (["add", ""], "1 to 64 bytes"), (["add", "x" * 65], "1 to 64 bytes"),
    (["add", "a\nb"], "control"), (["add", "a", "--scope", "root"], "read, run, admin"),
    (["add", "a", "b"], "too many"), (["revoke"], "needs an ID"),
    (["revoke", "0123abcd"], 'no key with the id "0123abcd"'), (["lits"], 'did you mean "keys list"'),
])
def test_usage_errors(askcsv, args, words):
    done = askcsv("keys", *args)
    assert done.returncode == 2 and done.stdout == "" and words in done.stderr
    assert not (askcsv.home / "keys.json").exists()


def test_writers_at_once_lose_nothing(askcsv):
    started = [subprocess.Popen([askcsv.path, "keys", "add", f"writer {n}"], env=askcsv.env(),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE) for n in range(12)]
    texts = []
    for process in started:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        texts.append(out.decode().strip())
    kept = json.loads((askcsv.home / "keys.json").read_text())["keys"]
    assert sorted(one["name"] for one in kept) == sorted(f"writer {n}" for n in range(12))
    assert {one["sha256"] for one in kept} == {hashlib.sha256(t.encode()).hexdigest() for t in texts}
    assert len({one["id"] for one in kept}) == 12
    assert {path.name for path in askcsv.home.iterdir()} == {"keys.json", "keys.lock"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1, "keys": [{"id": "x"}]}',
                                  '{"version": 9, "keys": []}'])
def test_a_damaged_file_is_left_alone(askcsv, text):
    path = askcsv.home / "keys.json"
    path.write_text(text)
    path.chmod(0o600)
    for args in (["add", "ann"], ["list"], ["revoke", "0123abcd"]):
        done = askcsv("keys", *args)
        assert done.returncode == 1 and done.stdout == ""
        assert str(path) in done.stderr and ("damaged" in done.stderr or "newer" in done.stderr)
        assert path.read_text() == text


def test_a_file_that_others_may_write_is_not_believed(askcsv):
    add(askcsv, "ann")
    (askcsv.home / "keys.json").chmod(0o620)
    done = askcsv("keys", "list")
    assert done.returncode == 1 and "chmod 600" in done.stderr


def given(tmp_path, text):
    path = tmp_path / "key"
    path.write_text(text)
    return path


GIVEN = "ak_" + "Zm9vYmFy" * 5 + "-_A"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\nmore\n"])
def test_a_key_made_elsewhere(askcsv, tmp_path, end):
    """As often as one likes, as a server's start may have it."""
    path = given(tmp_path, GIVEN + end)
    first = askcsv.ok("keys", "add", "first", "--scope", "admin", "--key-file", path)
    assert first.stdout == "" and "was made" in first.stderr
    again = askcsv.ok("keys", "add", "other", "--key-file", path)
    assert again.stdout == "" and "is there already" in again.stderr
    (one,) = keys(askcsv)
    assert (one["name"], one["scope"]) == ("first", "admin") and one["id"] in again.stderr
    (kept,) = json.loads((askcsv.home / "keys.json").read_text())["keys"]
    assert kept["sha256"] == hashlib.sha256(GIVEN.encode()).hexdigest()
    assert GIVEN not in first.stderr + again.stderr


def test_a_revoked_key_stays_revoked(askcsv, tmp_path):
    path = given(tmp_path, GIVEN)
    askcsv.ok("keys", "add", "first", "--key-file", path)
    askcsv.ok("keys", "revoke", keys(askcsv)[0]["id"])
    assert "revoked earlier" in askcsv.ok("keys", "add", "first", "--key-file", path).stderr
    (one,) = keys(askcsv)
    assert one["revoked_at"]


@pytest.mark.parametrize("text", ["", "\n" + GIVEN, GIVEN[:-1], GIVEN + "A", "xx_" + GIVEN[3:],
                                  GIVEN[:-1] + "=", " " + GIVEN[:-1]])
def test_what_is_no_key_is_not_made_one(askcsv, tmp_path, text):
    done = askcsv("keys", "add", "first", "--key-file", given(tmp_path, text))
    assert done.returncode == 2 and "43 characters" in done.stderr and done.stdout == ""
    assert GIVEN[3:20] not in done.stderr and not (askcsv.home / "keys.json").exists()


def test_a_key_file_that_cannot_be_read(askcsv, tmp_path):
    for path in (tmp_path / "none", tmp_path, given(tmp_path, "x" * 5000)):
        done = askcsv("keys", "add", "first", "--key-file", path)
        assert done.returncode in (1, 2) and str(path) in done.stderr and done.stdout == ""
    assert not (askcsv.home / "keys.json").exists()
