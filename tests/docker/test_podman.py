"""Podman's service for the same API: as far as its ways differ."""
import shutil
import signal

import pytest

from daemon import Podman, contained_by
from test_docker import COUNT, ENDLESS, error_of, locks, run_json, start

pytestmark = pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed")


@pytest.fixture(scope="module")
def podman(images, place):
    folder = place / "podman"
    folder.mkdir()
    service = Podman(folder)
    service.load(images / "askcsv-runner.tar")
    yield service
    service.end()


@pytest.fixture
def by_podman(shop, podman):
    yield contained_by(shop, podman)
    assert podman.containers() == []


def test_a_run(by_podman):
    there, here = run_json(by_podman, "--sql", COUNT), run_json(by_podman, "--sql", COUNT,
                                                                 "--executor", "local")
    assert there["result_hash"] == here["result_hash"] and there["executor"] == "docker"
    assert there["sandbox"]["walls"]["landlock"] and there["sandbox"]["walls"]["seccomp"]
    assert locks(by_podman) == []


def test_timeout(by_podman):
    capsule = run_json(by_podman, "--sql", ENDLESS, "--timeout-ms", 500, status=4)
    assert error_of(capsule)[0] == "RUNNER_TIMEOUT"


def test_stopped_while_it_starts(by_podman):
    process = start(by_podman, "run", "ecommerce", "--sql", ENDLESS)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    run_json(by_podman, "--sql", COUNT)


def test_image_missing(by_podman):
    done = by_podman("run", "ecommerce", "--sql", COUNT,
                     env={"ASKCSV_DOCKER_IMAGE": "localhost/nothing:1"})
    assert done.returncode == 1 and "has no image localhost/nothing:1" in done.stderr
