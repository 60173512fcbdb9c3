"""Tests with a real Kubernetes: `make test-cluster` runs them, and `make test` leaves them out. The cluster
is the one whose administrator's kubeconfig ASKCSV_TEST_CLUSTER names (tests/cluster/kube).

    cluster     it, with the images of this checkout, the three datasets in them, under cluster.TAG
    space       a namespace of the test's own
    api         it, asked by its API; runners is the same, with the runner's images (jobs.IMAGES)
    served      servers of the chart that the tests of a file share: each run a Job
"""
import os
import subprocess
import sys

import pytest

from cluster import TAG, Cluster
from programs import ROOT, build_dir

if not os.environ.get("ASKCSV_TEST_CLUSTER"):
    collect_ignore_glob = ["test_*.py"]

sys.path.append(str(ROOT / "tests/blackbox"))
from jobs import Api, blackbox, kubeconfig, load_runners  # noqa: E402  (which imports what is there)

askcsv, generated, shared_shop = blackbox.askcsv, blackbox.generated, blackbox.shared_shop


@pytest.fixture(scope="session")
def cluster(generated, tmp_path_factory):
    out = tmp_path_factory.mktemp("images")
    subprocess.run([ROOT / "tools/images", build_dir(), out, "--data", generated, "--tag", TAG], check=True,
                   stdin=subprocess.DEVNULL)
    it = Cluster(os.environ["ASKCSV_TEST_CLUSTER"])
    for archive in sorted(out.glob("*.tar")):
        it.load(archive)
        archive.unlink()
    yield it
    it.forget(TAG)


@pytest.fixture
def space(cluster):
    with cluster.namespace() as one:
        yield one


@pytest.fixture(scope="module")
def served(cluster):
    with cluster.namespace() as one:
        yield one.deploy("data.mode=image", "home.persistence.enabled=false")


@pytest.fixture(scope="session")
def api():
    try:
        return Api(kubeconfig())
    except OSError as why:
        pytest.skip(f"no cluster is up by {kubeconfig()}: {why}")


@pytest.fixture(scope="session")
def runners(api, tmp_path_factory):
    load_runners(api, tmp_path_factory.mktemp("runners"))
    return api
