"""Tests with a real container engine: `make test-docker` runs them, and `make test` leaves them out.

    docker      the engine, with the images loaded: a dockerd that is started for the tests, or the one
                at the socket that ASKCSV_TEST_DOCKER names
    images      the folder with the images' archives
    contained   askcsv with the three datasets, whose runs run there
"""
import importlib.util
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

from daemon import Dockerd, Engine, Unavailable, contained_by, make_images
from programs import ROOT, build_dir, program

if not os.environ.get("ASKCSV_TEST_DOCKER"):
    collect_ignore_glob = ["test_*.py"]

# The fixtures of the command's own tests, and what those tests are made of.
BLACKBOX = ROOT / "tests/blackbox"
sys.path.append(str(BLACKBOX))
spec = importlib.util.spec_from_file_location("blackbox_conftest", BLACKBOX / "conftest.py")
blackbox = importlib.util.module_from_spec(spec)
spec.loader.exec_module(blackbox)
askcsv, generated = blackbox.askcsv, blackbox.generated
shop, serve = blackbox.shop, blackbox.serve

# The runner with walls taken away, and why.
WALLS = {"askcsv-test-os": "policy,engine", "askcsv-test-container": "policy,engine,os"}


@pytest.fixture(scope="session")
def build_folder():
    return build_dir()


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    out = tmp_path_factory.mktemp("images")
    make_images(out)
    for name, without in WALLS.items():
        make_images(out, "--program", program("tests/tools/runner_walls"), "--name", name,
                    "--argument=--without", "--argument", without)
    return out


@pytest.fixture(scope="session")
def place():
    """A folder whose path is short enough for a socket's."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="askcsv-docker-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def docker(images, place):
    given = os.environ["ASKCSV_TEST_DOCKER"]
    try:
        engine = Engine(given) if given.startswith("/") else Dockerd(place)
    except (Unavailable, FileNotFoundError) as why:
        pytest.skip(f"no dockerd runs on this machine: {why}")
    for archive in sorted(images.glob("*.tar")):
        engine.load(archive)
    yield engine
    if isinstance(engine, Dockerd):
        engine.end()


@pytest.fixture
def contained(shop, docker):
    return contained_by(shop, docker)


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    """Whatever the test did, no container, volume, network or lock of a run is there afterwards."""
    if "docker" not in request.fixturenames:
        yield
        return
    engine = request.getfixturevalue("docker")
    before = engine.things()
    yield
    assert engine.things() == before
