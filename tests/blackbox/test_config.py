"""askcsv config: what the server would be told, and by what."""
import json

import pytest

SECRET = "sk-not-to-be-seen"


def shown(askcsv, *args, status=0, **env):
    """name -> (value, source)"""
    found = askcsv.json("config", "show", "--format", "json", *args, env=env, status=status)
    return {one["name"]: (one["value"], one["source"]) for one in found["settings"]}


def test_defaults_and_nothing_is_made(askcsv):
    found = shown(askcsv)
    assert found["address"] == ("127.0.0.1", "default")
    assert found["port"] == (8080, "default")
    assert found["cache"] == (True, "default")
    assert found["openai_key"] == ("not set", "default")
    assert askcsv.json("config", "show", "--format", "json")["file"] is None
    assert not list(askcsv.home.iterdir())


def test_each_has_its_source_and_the_later_wins(askcsv):
    path = askcsv.home / "config.json"
    path.write_text(json.dumps({"port": 1, "threads": 2, "waiting": 3, "tls_key": "k.pem",
                                "tls_certificate": "/c.pem"}))
    found = shown(askcsv, "--waiting", 30, ASKCSV_THREADS=20, ASKCSV_WAITING=20)
    assert found["port"] == (1, f"file {path}")
    assert found["threads"] == (20, "environment ASKCSV_THREADS")
    assert found["waiting"] == (30, "flag --waiting")
    assert found["tls_key"] == (str(askcsv.home / "k.pem"), f"file {path}")
    table = askcsv.ok("config", "show", "--waiting=30").stdout.splitlines()
    (line,) = [line for line in table if line.startswith("waiting ")]
    assert line.split() == ["waiting", "30", "flag", "--waiting"]


def test_which_file(askcsv, tmp_path):
    (askcsv.home / "config.json").write_text('{"port": 1}')
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    a.write_text('{"port": 2}')
    b.write_text('{"port": 3}')
    assert shown(askcsv, ASKCSV_CONFIG=a)["port"] == (2, f"file {a}")
    assert shown(askcsv, "--config", b, ASKCSV_CONFIG=a)["port"] == (3, f"file {b}")
    done = askcsv("config", "show", "--config", tmp_path / "c.json")
    assert done.returncode == 1 and "c.json: No such file" in done.stderr


def test_the_printed_file_is_a_file(askcsv):
    done = askcsv.ok("config", "file")
    defaults = json.loads(done.stdout)
    assert "idle_timeout_s" in done.stderr and "debug, info, warn, error" in done.stderr
    path = askcsv.home / "config.json"
    plain = shown(askcsv)
    path.write_text(done.stdout)
    found = shown(askcsv)
    assert list(found) == list(defaults) == list(plain)
    for name, (value, source) in found.items():
        assert (value, source) == (plain[name][0], f"file {path}")


@pytest.mark.parametrize("text,words", [
    ('{"prot": 1}', 'did you mean "port"'), ('{"port": "8080"}', "whole number"),
    ('{"port": 70000}', "0 to 65535"), ("[1]", "wants an object"), ('{"port": 1', "not JSON"),
    ('{"planner": "gpt"}', "auto, builtin, openai, anthropic"),
    ('{"openai_key": %s}' % SECRET, "line 1"),
])
def test_bad_files(askcsv, text, words):
    (askcsv.home / "config.json").write_text(text)
    done = askcsv("config", "show")
    assert done.returncode == 2 and done.stdout == ""
    assert words in done.stderr and "config.json" in done.stderr and SECRET not in done.stderr


@pytest.mark.parametrize("args,env,words", [
    (["--prot", "1"], {}, "did you mean --port"), (["--port", "x"], {}, "flag --port"),
    ([], {"ASKCSV_PORT": "x"}, "environment ASKCSV_PORT"),
    (["--openai-key", SECRET], {}, "no option --openai-key"),
    (["--address", "localhost"], {}, "numeric address"),
    (["--tls-key", "k"], {}, "tls_certificate is not"),
    (["--openai-key-file", "f"], {"ASKCSV_OPENAI_KEY": SECRET}, "only one"),
])
def test_bad_settings(askcsv, args, env, words):
    done = askcsv("config", "show", *args, env=env)
    assert done.returncode == 2 and words in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_no_secret_is_shown(askcsv):
    (askcsv.home / "config.json").write_text(json.dumps({"anthropic_key": SECRET}))
    env = {"ASKCSV_OPENAI_KEY": SECRET, "ASKCSV_PROXY": f"http://ann:{SECRET}@proxy:3128"}
    for form in ("table", "json"):
        done = askcsv.ok("config", "show", "--format", form, env=env)
        assert SECRET not in done.stdout + done.stderr
    found = shown(askcsv, **env)
    assert found["openai_key"] == ("set", "environment ASKCSV_OPENAI_KEY")
    assert found["anthropic_key"][0] == "set"
    assert found["proxy"][0] == "http://***@proxy:3128"
