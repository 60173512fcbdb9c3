"""Fixtures that every Python test of askcsv may use; see programs.py for what they give."""
import shlex
import sys

import pytest

from host import Host
from programs import ROOT, Runner, build_dir, program


def pytest_configure(config):
    config.addinivalue_line("markers", "cold_only: about the process that is started for a request")


@pytest.fixture(scope="session")
def root():
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def askcsv_path():
    return program("askcsv")


@pytest.fixture(scope="session")
def runner_path():
    return program("askcsv-runner")


@pytest.fixture(scope="session")
def runner(runner_path):
    return Runner(runner_path)


def write_script(path, *words):
    """A program that runs another with these words before its own; exec: no process more."""
    path.write_text(f"#!/bin/sh\nexec {shlex.join(map(str, words))} \"$@\"\n")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def warm_runner_path(tmp_path_factory):
    """What takes a request and gives a response as askcsv-runner and runner_walls do, but by warm
    children of one host for each set of walls, kept for the whole session."""
    folder = tmp_path_factory.mktemp("warm")
    yield write_script(folder / "warm-runner", program("tests/tools/warm_runner"), "--home", folder)
    for home in folder.iterdir():
        if home.is_dir():
            Host(home).end()


@pytest.fixture
def own_warm_runner_path(tmp_path):
    """The same with hosts of the test's own."""
    folder = tmp_path / "warm"
    folder.mkdir()
    yield write_script(folder / "warm-runner", program("tests/tools/warm_runner"), "--home", folder)
    Host(folder / "all").end()


@pytest.fixture(scope="session")
def waiting_runner_path(tmp_path_factory):
    """The same by an askcsv-runner --warm, or runner_walls, that gets ready for each request."""
    return write_script(tmp_path_factory.mktemp("waiting") / "waiting-runner", sys.executable,
                        ROOT / "tests/waiting_runner.py", build_dir())


@pytest.fixture(params=["cold", "warm", "waiting"])
def way(request):
    """Tests that use it run three times: each request with a process of its own, in warm children of
    a host, and in a process that was started for it and had its tables before it came."""
    return request.param
