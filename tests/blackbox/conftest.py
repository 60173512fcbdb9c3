"""Fixtures for tests of the askcsv command as a user has it.

    def test_something(askcsv):                  a state folder of its own, empty
    def test_something(shop):                    the same with the three datasets generated
    def test_something(server):                  askcsv serve over such a shop, one for the file
    def test_something(serve):                   servers of the test's own: serve("--workers", "1")
        done = askcsv("run", "ecommerce", "--sql", "SELECT 1 AS one", "--format", "json")
        assert done.returncode == 0
        askcsv.json(...) -> the parsed stdout    askcsv.home -> its $ASKCSV_HOME
"""
import json
import shutil
import signal

import pytest

from programs import CALL_SECONDS, call, clean_env
from served import Server


class Askcsv:
    def __init__(self, path, home):
        self.path = path
        self.home = home

    def env(self, **more):
        """The command's environment; a value of None removes the variable."""
        env = clean_env(ASKCSV_HOME=self.home, HOME=self.home, LC_ALL="C.UTF-8", TZ="UTC")
        env.update({k: str(v) for k, v in more.items() if v is not None})
        return {k: v for k, v in env.items() if more.get(k, "") is not None}

    def __call__(self, *args, stdin=None, env=None, cwd=None, timeout=CALL_SECONDS):
        """Runs `askcsv ARGS`; stdout and stderr come back as text, the status is not judged."""
        if isinstance(stdin, str):
            stdin = stdin.encode()
        done = call([self.path, *map(str, args)], stdin=stdin, env=self.env(**(env or {})),
                    cwd=cwd or self.home, timeout=timeout)
        done.stdout = done.stdout.decode("utf-8", "replace")
        done.stderr = done.stderr.decode("utf-8", "replace")
        return done

    def ok(self, *args, **kwargs):
        """As a call, but the command must succeed."""
        done = self(*args, **kwargs)
        assert done.returncode == 0, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *args, status=0, **kwargs):
        """Runs `askcsv ARGS`, wants that exit status, and parses stdout."""
        done = self(*args, **kwargs)
        assert done.returncode == status, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)


@pytest.fixture
def askcsv(askcsv_path, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return Askcsv(askcsv_path, home)


@pytest.fixture(scope="session")
def generated(askcsv_path, tmp_path_factory):
    """A folder with the generated datasets, made once; copy from it, never change it."""
    home = tmp_path_factory.mktemp("generated")
    Askcsv(askcsv_path, home).ok("datasets", "generate")
    return home / "datasets"


@pytest.fixture
def shop(askcsv, generated):
    shutil.copytree(generated, askcsv.home / "datasets")
    return askcsv


@pytest.fixture(scope="session")
def shared_shop(askcsv_path, generated):
    """For tests that only run queries: one state folder for the whole session."""
    return Askcsv(askcsv_path, generated.parent)


@pytest.fixture(scope="module")
def server(askcsv_path, generated, tmp_path_factory):
    """One server for the tests of a file that only ask."""
    home = tmp_path_factory.mktemp("served")
    shutil.copytree(generated, home / "datasets")
    started = Server(Askcsv(askcsv_path, home), ASKCSV_LINGER=20)
    yield started
    assert started.end() == 0


@pytest.fixture
def serve(shop):
    """Starts servers of the test's own: serve(*options, on=SHOP, **environment)."""
    servers = []

    def start(*options, on=shop, **env):
        servers.append(Server(on, *options, **env))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)
