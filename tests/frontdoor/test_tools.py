"""The scripts behind the Makefile, on machines that are not as they should be. What they call of
the system (dpkg-query, apt-get, npm) is replaced by scripts that say what they were asked."""
import hashlib
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

from programs import ROOT


@pytest.fixture
def commands(tmp_path):
    """commands(name=script, ...): a folder for the front of PATH; each call is noted in its log."""
    folder = tmp_path / "commands"
    folder.mkdir()

    def make(**scripts):
        for name, script in scripts.items():
            path = folder / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\nprintf '%s\\n' \"{path.name} $*\" >>'{folder}/log'\n{script}\n")
            path.chmod(0o755)
        return folder
    return make


def run(argv, *, path=None, only=None, **env):
    """only: the whole PATH; path: its first folder."""
    variables = {"PATH": str(only) if only else f"{path}:/usr/bin:/bin", "HOME": "/nonexistent",
                 **{k: str(v) for k, v in env.items()}}
    return subprocess.run(argv, env=variables, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


def log(folder):
    path = folder / "log"
    return path.read_text().splitlines() if path.exists() else []


INSTALL = ROOT / "tools/install-packages"
ALL_THERE = 'for a in "$@"; do echo "installed $a"; done'
NO_JANSSON = ('for a in "$@"; do [ "$a" = libjansson-dev ] && a="x $a" || a="installed $a"; '
              'echo "$a"; done; exit 1')


def test_nothing_missing_runs_no_apt(commands):
    folder = commands(dpkg_query=ALL_THERE, apt_get="exit 1", id="echo 0")
    done = run([INSTALL, "build", "test", "lint"], path=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [line.split()[0] for line in log(folder)] == ["dpkg-query"]


def test_root_installs_what_is_missing(commands):
    folder = commands(dpkg_query=NO_JANSSON, apt_get="", id="echo 0")
    done = run([INSTALL, "build"], path=folder)
    assert done.returncode == 0
    assert done.stdout == "Installing Debian packages: libjansson-dev\n"
    calls = [line for line in log(folder) if line.startswith("apt-get")]
    assert calls[0].endswith(" update")
    assert calls[1].endswith(" install -y --no-install-recommends libjansson-dev")


def test_sudo_without_password_is_used(commands):
    folder = commands(dpkg_query=NO_JANSSON, apt_get="", id="echo 1000",
                      sudo='shift; exec "$@"')
    assert run([INSTALL, "build"], path=folder).returncode == 0
    assert any(line.startswith("sudo -n env") for line in log(folder))
    assert any(line.startswith("apt-get") for line in log(folder))


def test_ordinary_user_is_told_one_line(commands):
    folder = commands(dpkg_query=NO_JANSSON, apt_get="", id="echo 1000", sudo="exit 1")
    done = run([INSTALL, "build"], path=folder)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "askcsv: Debian packages are missing; run as root: apt-get update && "
        "apt-get install -y --no-install-recommends libjansson-dev"]
    assert not any(line.startswith("apt-get") for line in log(folder))


def test_failing_apt_is_shown(commands):
    folder = commands(dpkg_query=NO_JANSSON, apt_get='echo "E: no network"; exit 100', id="echo 0")
    done = run([INSTALL, "build"], path=folder)
    assert done.returncode == 1
    assert "E: no network" in done.stderr and "apt-get failed" in done.stderr


def test_other_distribution_is_told_what_is_missing(commands, tmp_path):
    folder = commands(cc="", ninja="", pkg_config="[ $2 != jansson ]", node="", npm="")
    os.symlink(shutil.which("sh"), folder / "sh")
    done = run([INSTALL, "build"], only=folder)
    assert done.returncode == 1
    assert done.stderr == "askcsv: this is not Debian; please install: meson jansson\n"


FETCH = ROOT / "tools/fetch-duckdb"
NO_SYSTEM_DUCKDB = "exit 1"


def duckdb_folder(cache):
    """A folder as fetch-duckdb leaves it; what its files hold is not its business."""
    arch = os.uname().machine
    version = {"x86_64": "1.5.6", "aarch64": "1.5.5"}[arch]
    folder = cache / f"duckdb-{version}-{arch}"
    sums = []
    for name in ("include/duckdb.h", "lib/libduckdb.so"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(name)
        sums.append(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n")
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


def test_system_duckdb_is_preferred(commands, tmp_path):
    folder = commands(cc="exit 0", npm="exit 1")
    done = run([FETCH], path=folder, ASKCSV_CACHE=tmp_path / "cache")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "cache").exists()


def test_cached_duckdb_needs_no_network(commands, tmp_path):
    folder = commands(cc=NO_SYSTEM_DUCKDB, npm="exit 1")
    there = duckdb_folder(tmp_path / "cache")
    done = run([FETCH], path=folder, ASKCSV_CACHE=tmp_path / "cache")
    assert (done.returncode, done.stdout) == (0, f"{there}\n")
    assert not any(line.startswith("npm") for line in log(folder))


def test_damaged_cache_is_not_used(commands, tmp_path):
    folder = commands(cc=NO_SYSTEM_DUCKDB,
                      npm="echo 'npm ERR! code ENOTFOUND' >&2; exit 1")
    there = duckdb_folder(tmp_path / "cache")
    (there / "lib/libduckdb.so").write_text("something else")
    done = run([FETCH], path=folder, ASKCSV_CACHE=tmp_path / "cache")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].endswith(": ENOTFOUND")
    assert not list((tmp_path / "cache").glob("fetch.*")), "it cleans up after itself"


def test_archive_that_the_lock_does_not_know(commands, tmp_path):
    folder = commands(cc=NO_SYSTEM_DUCKDB, npm="echo evil >package-1.tgz")
    done = run([FETCH], path=folder, ASKCSV_CACHE=tmp_path / "cache")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not what tools/duckdb/package-lock.json says" in done.stderr
    assert not list((tmp_path / "cache").glob("duckdb-*"))


FETCH_NPM = ROOT / "tools/fetch-npm"


def test_npm_packages_that_are_there_need_no_network(commands, tmp_path):
    folder = commands(npm="mkdir node_modules", node="exit 1")
    first = run([FETCH_NPM, "web"], path=folder, ASKCSV_CACHE=tmp_path / "cache")
    again = run([FETCH_NPM, "web"], path=folder, ASKCSV_CACHE=tmp_path / "cache")
    assert first.returncode == again.returncode == 0 and first.stdout == again.stdout
    assert os.path.isdir(first.stdout.strip() + "/node_modules")
    (call,) = log(folder)
    assert call.startswith("npm ci --ignore-scripts")


@pytest.mark.parametrize("argument, npm, said", [
    ("web", "echo 'npm ERR! code ENOTFOUND' >&2; exit 1", "the packages of web: ENOTFOUND"),
    ("docs", "exit 1", "there is no docs/package-lock.json"),
])
def test_npm_packages_that_cannot_be_had(commands, tmp_path, argument, npm, said):
    done = run([FETCH_NPM, argument], path=commands(npm=npm), ASKCSV_CACHE=tmp_path / "cache")
    assert (done.returncode, done.stdout) == (1, "") and said in done.stderr.splitlines()[-1]
    assert not list((tmp_path / "cache").glob("*-*")), "it cleans up after itself"


def test_page_that_cannot_be_built_says_what_to_do(commands, tmp_path):
    done = run([ROOT / "tools/web-build", tmp_path / "page.c", tmp_path / "page.d"], path=commands(npm="exit 1"),
               ASKCSV_CACHE=tmp_path / "cache")
    assert done.returncode == 1 and "-Dweb=disabled" in done.stderr and not (tmp_path / "page.c").exists()


def test_page_is_built_the_same_every_time(tmp_path):
    for name in ("one", "two"):
        done = subprocess.run([ROOT / "tools/web-build", tmp_path / f"{name}.c", tmp_path / "page.d"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        assert done.returncode == 0, done.stdout
    assert (tmp_path / "one.c").read_bytes() == (tmp_path / "two.c").read_bytes()
    made = (tmp_path / "page.d").read_text()
    for name in ("web/src/main.tsx", "web/src/style.css", "web/index.html", "web/build.mjs", "web/package-lock.json"):
        assert f"/{name}" in made


# npm ci as it works: what it was told of stands in its folder then.
NPM_CI = 'mkdir -p node_modules/openai && cp package.json node_modules/openai/'


def test_npm_packages_are_fetched_once(commands, tmp_path):
    folder = commands(node="exit 1", npm=NPM_CI)
    done = run([FETCH_NPM, "tests/sdk"], path=folder, ASKCSV_CACHE=tmp_path / "cache")
    there = list((tmp_path / "cache").glob("npm-tests-sdk-*"))
    assert (done.returncode, done.stdout) == (0, f"{there[0]}\n") and len(there) == 1
    assert (there[0] / "node_modules/openai/package.json").exists()
    assert not list((tmp_path / "cache").glob("fetch.*")), "it cleans up after itself"


@pytest.mark.parametrize("words", ["npm error code EINTEGRITY", "npm ERR! code EINTEGRITY"])
def test_what_npm_says_is_passed_on(commands, tmp_path, words):
    folder = commands(node="exit 1", npm=f"mkdir node_modules; echo '{words}' >&2; exit 1")
    done = run([FETCH_NPM, "tests/sdk"], path=folder, ASKCSV_CACHE=tmp_path / "cache")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].endswith("the packages of tests/sdk: EINTEGRITY")


def test_npm_packages_without_npm(commands, tmp_path):
    folder = commands(node="exit 1")
    for name in ("sh", "readlink", "dirname"):
        os.symlink(shutil.which(name), folder / name)
    done = run([FETCH_NPM, "tests/sdk"], only=folder, ASKCSV_CACHE=tmp_path / "cache")
    assert done.returncode == 1
    assert done.stderr == "fetch-npm: npm is missing; run tools/install-packages build\n"


@pytest.fixture
def copy(tmp_path):
    """A checkout of its own with the tools and two source files, to be broken."""
    top = tmp_path / "copy"
    shutil.copytree(ROOT / "tools", top / "tools")
    for name in ("base/error.h", "runner/policy.h"):
        (top / "src" / name).parent.mkdir(parents=True)
        shutil.copy(ROOT / "src" / name, top / "src" / name)
    subprocess.run(["git", "init", "-q", top], check=True)
    return top


@pytest.mark.parametrize("line, fault", [
    ('#include "runner/policy.h"', 'base may not include "runner/policy.h"'),
    ("#include <duckdb.h>", "base may not include <duckdb.h>"),
    ('#include "buf.h"', '"buf.h" is not a file under src/'),
])
def test_layers_refuse(copy, line, fault):
    assert run([copy / "tools/check-layers"]).returncode == 0
    (copy / "src/base/new.c").write_text(line + "\n")
    done = run([copy / "tools/check-layers"])
    assert done.returncode == 1 and fault in done.stdout


def test_layers_want_files_and_known_folders(copy):
    (copy / "src/utils").mkdir()
    (copy / "src/utils/new.c").write_text("")
    done = run([copy / "tools/check-layers"])
    assert done.returncode == 1 and "src/utils has no place in the layers" in done.stdout
    shutil.rmtree(copy / "src")
    (copy / "src").mkdir()
    assert run([copy / "tools/check-layers"]).returncode == 1


@pytest.mark.parametrize("text", [
    "https://registry." + "npmjs.org/duckdb", '"resol' + 'ved": "x"', "see /wo" + "rk/shared/X",
])
def test_text_refuses(copy, text):
    assert run([copy / "tools/check-text"]).returncode == 0
    (copy / "notes.md").write_text(text + "\n")
    done = run([copy / "tools/check-text"])
    assert done.returncode == 1 and "notes.md:1:" in done.stdout


def test_embedded_text_is_the_file(tmp_path):
    content = bytes(range(1, 256)) * 3 + "é\"\\\n".encode()
    (tmp_path / "in.txt").write_bytes(content)
    run([ROOT / "tools/embed", "text", tmp_path / "in.txt", tmp_path / "out.c"])
    (tmp_path / "main.c").write_text(
        "#include <stdio.h>\nextern const char text[];\nextern const unsigned long text_size;\n"
        "int main(void) { return fwrite(text, 1, text_size, stdout) != text_size || "
        "text[text_size]; }\n")
    program = tmp_path / "program"
    subprocess.run(["cc", "-o", program, tmp_path / "main.c", tmp_path / "out.c"], check=True)
    assert subprocess.run([program], stdout=subprocess.PIPE, check=True).stdout == content


def test_runner_of_tests_counts_cases(monkeypatch):
    """count_tap: passed, failed and skipped cases, and those that a crash swallowed."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = str(ROOT / "tools/run-tests")
    spec = importlib.util.spec_from_loader("run_tests", importlib.machinery.SourceFileLoader(
        "run_tests", path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    count = module.count_tap
    assert count("1..3\nok 1 - a\nnot ok 2 - b\n# why\nok 3 # SKIP c\n# not ok - x\n", 1) == (1, 1, 1)
    assert count("1..3\nok 1 - a\n", -11) == (1, 2, 0)
    assert count("1..1\nok 1 - a\n", 1) == (1, 1, 0), "a leak at exit is a failure too"
    assert count("", 0) == (1, 0, 0) and count("", 1) == (0, 1, 0)


def test_demo_asks_one_question_of_each_dataset(commands, tmp_path):
    folder = commands(askcsv="")
    done = run([ROOT / "tools/demo", folder / "askcsv"], path=folder, ASKCSV_HOME=tmp_path)
    assert done.returncode == 0, done.stderr
    calls = [line.removeprefix("askcsv ") for line in log(folder)]
    assert calls[0] == "datasets generate" and calls[-2:] == ["verify last", "serve"]
    assert [line.split()[1] for line in calls if line.startswith("ask ")] == [
        "ecommerce", "support", "sensors"]
    assert calls.count("capsules show last --brief") == 3
    assert all(call.replace("ask ecommerce ", 'ask ecommerce "') in done.stdout for call in calls
               if call.startswith("ask ecommerce"))


def test_demo_stops_at_what_fails(commands, tmp_path):
    folder = commands(askcsv='[ "$1" != ask ] || exit 5')
    done = run([ROOT / "tools/demo", folder / "askcsv"], path=folder, ASKCSV_HOME=tmp_path)
    assert done.returncode == 5 and not any("verify" in line for line in log(folder))


@pytest.fixture
def tsan(copy):
    """tsan(tests): tools/tsan, where nothing is compiled and that script stands for the tests."""
    (copy / "tools/build").write_text(
        '#!/bin/sh\nmkdir -p "$1"\necho runner >"$1/askcsv-runner"\necho "$*" >>built\n')

    def run_it(tests):
        (copy / "tools/run-tests").write_text(f"#!/bin/sh\necho \"$*\" >>tested\n{tests}\n")
        return run([copy / "tools/tsan"])
    return run_it


def test_tsan_builds_askcsv_and_not_the_runner(tsan, copy):
    done = tsan("echo '7 passed, 0 failed, 1 skipped'")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "7 passed, 0 failed, 1 skipped"
    built = (copy / "built").read_text().splitlines()
    assert built[0] == "build" and "-Db_sanitize=thread" in built[1]
    targets = built[1].split(" -- ")[1].split()
    assert targets[0] == "askcsv" and "tests/unit/test_runs" in targets
    assert "askcsv-runner" not in targets
    assert (copy / "build-tsan/askcsv-runner").read_text() == "runner\n"
    words = (copy / "tested").read_text().split()
    units = words[1].removeprefix("--unit=").split(",")
    assert [f"tests/unit/test_{name}" for name in units] == targets[1:]
    for name in units:
        assert (ROOT / f"tests/unit/test_{name}.c").exists()
    assert words[2:] and all((ROOT / word).exists() for word in words[2:])


def test_tsan_fails_by_a_report_alone(tsan):
    report = "echo 'WARNING: data race' >\"${TSAN_OPTIONS##*log_path=}.17\"\n"
    done = tsan(report + "echo '7 passed, 0 failed, 0 skipped'")
    assert done.returncode == 1 and "WARNING: data race" in done.stdout
    assert done.stdout.splitlines()[-1] == "7 passed, 1 failed, 0 skipped"
    done = tsan("echo '6 passed, 1 failed, 0 skipped'; exit 1")
    assert done.returncode == 1, "the reports of the time before are gone"
    assert done.stdout.splitlines()[-1] == "6 passed, 1 failed, 0 skipped"


def test_build_makes_what_is_asked_for(commands, copy):
    folder = commands(meson='mkdir -p "$2"; touch "$2/build.ninja"', ninja="")
    (copy / "tools/fetch-duckdb").write_text("#!/bin/sh\n")
    for words in (["-Da=b", "--werror", "--", "askcsv", "tests/x"], []):
        done = run([copy / "tools/build", "out", *words], path=folder)
        assert done.returncode == 0, done.stderr
    assert log(folder) == ["meson setup out -Dduckdb_dir= -Da=b --werror",
                           "ninja -C out --quiet askcsv tests/x", "ninja -C out --quiet"]


def test_help_lists_every_target():
    done = run(["make", "-C", ROOT, "--no-print-directory", "help"])
    names = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("  make ")]
    text = (ROOT / "Makefile").read_text()
    phony = next(line for line in text.splitlines() if line.startswith(".PHONY:")).split()[1:]
    assert names == phony and "tsan" in names
    assert "make tsan" in (ROOT / ".ci/run").read_text()


# ---- test-cluster ----

def test_no_cluster_is_one_line_and_no_failure(commands, tmp_path):
    folder = commands(id="echo 1000")
    done = run([ROOT / "tools/test-cluster", "build"], path=folder, KUBE_DIR=tmp_path / "run",
               KUBE_CACHE=tmp_path / "cache")
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "0 passed, 0 failed, 1 skipped"
    assert done.stderr == "kube: only root can start a cluster\n"
    assert not (tmp_path / "run").exists() and not (tmp_path / "cache").exists()


def test_a_cluster_without_packages(commands, tmp_path):
    """No network and nothing kept: said, and no failure."""
    folder = commands(id="echo 0", dpkg_query="exit 1", apt_get="exit 100", mount="", umount="", unshare="")
    done = run([ROOT / "tools/test-cluster", "build"], path=folder, KUBE_DIR=tmp_path / "run",
               KUBE_CACHE=tmp_path / "cache")
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "0 passed, 0 failed, 1 skipped"
    assert "Debian packages are missing" in done.stderr and "etcd-server" in done.stderr
    assert not (tmp_path / "run").exists()


def test_kube_says_what_it_can_do(tmp_path):
    done = run([ROOT / "tests/cluster/kube", "go"], path="/nonexistent", KUBE_DIR=tmp_path)
    assert done.returncode == 2 and "kube up" in done.stderr
    done = run([ROOT / "tests/cluster/kube", "load", tmp_path / "none"], path="/nonexistent", KUBE_DIR=tmp_path)
    assert done.returncode == 1 and "make images" in done.stderr
