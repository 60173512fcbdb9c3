"""Fixtures for tests of the askcsv command as a user has it.

    def test_something(askcsv):                  a state folder of its own, empty
    def test_something(shop):                    the same with the three datasets generated
    def test_something(server):                  askcsv serve over such a shop, one for the file
    def test_something(serve):                   servers of the test's own: serve("--workers", "1")
        done = askcsv("run", "ecommerce", "--sql", "SELECT 1 AS one", "--format", "json")
        assert done.returncode == 0
        askcsv.json(...) -> the parsed stdout    askcsv.home -> its $ASKCSV_HOME
"""
import shutil
import signal

import pytest

from programs import Askcsv
from served import Server


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
