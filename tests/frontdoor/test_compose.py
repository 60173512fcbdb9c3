"""compose.yaml: what it names is there, no container has more than it needs, and its commands do, with a
real PostgreSQL, what the file says that they do. `docker compose config` where that is installed."""
import json
import re
import subprocess

import pytest
import yaml

import postgres
from programs import ROOT, Askcsv
from served import Server

FILE = ROOT / "compose.yaml"
ONE_SHOT = {"datasets", "key"}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(FILE.read_text())


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


def test_images_are_those_that_are_made(services):
    version = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]
    for name, one in services.items():
        assert one["image"] == (f"askcsv:{version}" if name != "postgres" else "postgres:16")


def test_walls(services):
    for one in services.values():
        assert one["read_only"] is True and one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert not set(one) & {"privileged", "pid", "ipc", "devices", "userns_mode", "network_mode", "user"}
        assert all(not v.startswith(("/", ".")) for v in one["volumes"])
    assert services["postgres"]["cap_add"] and all("cap_add" not in s for n, s in services.items() if n != "postgres")


def test_ports_and_networks(compose, services):
    assert [n for n, s in services.items() if "ports" in s] == ["askcsv"]
    assert all(p.startswith("127.0.0.1:") for p in services["askcsv"]["ports"])
    assert compose["networks"]["back"]["internal"] is True and services["postgres"]["networks"] == ["back"]


def test_what_is_named_is_there(compose, services):
    assert {n for s in services.values() for n in s["networks"]} == set(compose["networks"])
    assert {n for s in services.values() for n in s["secrets"]} == set(compose["secrets"])
    assert {v.split(":")[0] for s in services.values() for v in s["volumes"]} == set(compose["volumes"])
    for one in services.values():
        assert set(one.get("depends_on", {})) <= set(services)
        for text in map(str, [*one.get("environment", {}).values(), *one.get("command", [])]):
            if text.startswith("/run/secrets/"):
                assert text.removeprefix("/run/secrets/") in one["secrets"]
    ignored = (ROOT / ".gitignore").read_text().split()
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("./secrets/") and "/secrets/" in ignored


def test_who_waits_for_whom(services):
    waits = services["askcsv"]["depends_on"]
    assert waits["postgres"] == {"condition": "service_healthy"}
    assert {n for n, c in waits.items() if c["condition"] == "service_completed_successfully"} == ONE_SHOT
    for name, one in services.items():
        assert ("healthcheck" in one) == ("restart" in one) == (name not in ONE_SHOT)


def test_docker_compose_takes_it():
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("docker compose is not installed")
    done = subprocess.run(["docker", "compose", "-f", FILE, "config", "--quiet"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr


# The comment at the top is what people type.
def test_the_words_at_its_top_make_the_secrets(tmp_path):
    lines = [line[4:] for line in FILE.read_text().splitlines() if line.startswith("#   ")]
    own = [line for line in lines if not re.match("make|docker|curl", line)]
    (tmp_path / "sudo").write_text("#!/bin/sh\n")
    (tmp_path / "sudo").chmod(0o755)
    subprocess.run(["bash", "-euc", f"PATH={tmp_path}:$PATH\n" + "\n".join(own)], cwd=tmp_path, check=True)
    made = {p.name: p.read_text() for p in (tmp_path / "secrets").iterdir()}
    assert set(made) == {"postgres_password", "config.json", "key"}
    assert re.fullmatch(r"ak_[A-Za-z0-9_-]{43}", made["key"])
    assert json.loads(made["config.json"]) == {
        "store": f"postgresql://askcsv:{made['postgres_password']}@postgres/askcsv"}
    assert all(p.stat().st_mode & 0o077 == 0 for p in (tmp_path / "secrets").iterdir())


@pytest.mark.skipif(postgres.why_not() is not None, reason=str(postgres.why_not()))
def test_its_commands(services, askcsv_path, tmp_path):
    """One after the other, twice, as at a restart; then the server, asked with the key."""
    key = "ak_" + "q" * 42 + "A"
    (tmp_path / "key").write_text(key)
    home = tmp_path / "home"
    home.mkdir()
    askcsv = Askcsv(askcsv_path, home)

    def words(name):
        return [w.replace("/run/secrets", str(tmp_path)) for w in services[name]["command"]]
    with postgres.Postgres() as database:
        (tmp_path / "config").write_text(json.dumps({"store": database.url()}))
        env = {"ASKCSV_CONFIG": tmp_path / "config"}
        for name in ("datasets", "key", "datasets", "key"):
            askcsv.ok(*words(name), env=env if "config" in services[name]["secrets"] else {})
        server = Server(askcsv, ASKCSV_ALLOWED_HOSTS="a", **env)
        try:
            url = f"http://127.0.0.1:{server.port}"
            health = [w.replace("http://127.0.0.1:8080", url) for w in services["askcsv"]["healthcheck"]["test"][2:]]
            assert askcsv(*health).returncode == 0
            reply = server.ask("GET", "/v1/datasets", headers={"Authorization": f"Bearer {key}"})
            assert reply.status == 200 and server.ask("GET", "/v1/datasets").status == 401
            database.stop()
            done = askcsv(*health)
            assert done.returncode == 1 and "is not ready: store" in done.stderr
        finally:
            server.end()
        done = askcsv(*health)
        assert done.returncode == 1 and "is not reached" in done.stderr
