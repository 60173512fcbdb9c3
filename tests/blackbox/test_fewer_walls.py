"""Machines that give fewer walls: containers without user namespaces, kernels without Landlock; for
cold runs, for a host and all that it starts, and for a runner that waits for its request."""
import json

import pytest

from programs import Runner, call, program


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n2\n")
    return {"name": "t", "path": str(path), "format": "csv"}


@pytest.fixture
def any_runner_path(way, request):
    return request.getfixturevalue({"cold": "runner_path", "warm": "own_warm_runner_path",
                                    "waiting": "waiting_runner_path"}[way])


def run_without(missing, table, runner_path):
    request = Runner.request("SELECT sum(a) AS s FROM t", [table])
    argv = [program("tests/tools/fewer_walls"), missing, runner_path]
    done = call(argv, stdin=json.dumps(request).encode())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("missing, standing, fallen", [
    ("namespaces", ["landlock", "seccomp", "no_capabilities", "rlimits"],
     ["user_namespace", "mount_namespace", "pid_namespace", "network_namespace"]),
    ("landlock", ["user_namespace", "mount_namespace", "pid_namespace", "seccomp"], ["landlock"]),
])
def test_enough_walls(table, any_runner_path, missing, standing, fallen):
    response = run_without(missing, table, any_runner_path)
    assert response["status"] == "success", response["error"]
    assert response["rows"] == [[3]]
    assert all(response["sandbox"][wall] for wall in standing), response["sandbox"]
    assert not any(response["sandbox"][wall] for wall in fallen), response["sandbox"]


@pytest.mark.parametrize("missing", ["seccomp", "namespaces,landlock", "namespaces,seccomp",
                                     "landlock,seccomp", "namespaces,landlock,seccomp"])
def test_too_few_walls(table, any_runner_path, missing):
    response = run_without(missing, table, any_runner_path)
    assert response["status"] == "error"
    assert response["error"]["type"] == "SANDBOX_UNAVAILABLE"
    assert "doctor" in response["error"]["message"]
    assert response["rows"] is None
    assert response["tables"][0]["rows"] is None  # the file was not even loaded


def test_the_probe_says_so(runner_path):
    fewer = program("tests/tools/fewer_walls")
    done = call([fewer, "namespaces", runner_path, "--probe"])
    assert done.returncode == 0 and json.loads(done.stdout)["verdict"] == "ok"
    done = call([fewer, "namespaces,landlock", runner_path, "--probe"])
    assert done.returncode == 1 and json.loads(done.stdout)["verdict"] == "refuses"


def test_doctor_names_the_fix(askcsv):
    fewer = program("tests/tools/fewer_walls")
    done = call([fewer, "namespaces,landlock", askcsv.path, "doctor"], env=askcsv.env())
    text = (done.stdout + done.stderr).decode()
    assert done.returncode == 1, text
    assert "landlock" in text.lower() and "namespace" in text.lower()
