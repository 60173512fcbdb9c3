"""The page's functions that need no browser, by node:test; and its types, by tsc."""
import os
import re
import subprocess

import pytest

from chromium import packages
from programs import ROOT

FILES = sorted((ROOT / "web/test").glob("*.test.js"))


@pytest.fixture(scope="module")
def modules():
    return packages("web") + "/node_modules"


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_functions(modules, tmp_path, path):
    # The sources are TypeScript; Debian 12's node does not read that by itself.
    bundled = tmp_path / f"{path.stem}.mjs"
    subprocess.run([f"{modules}/.bin/esbuild", path, "--bundle", "--platform=node", "--format=esm",
                    "--main-fields=module,main",
                    f"--outfile={bundled}", "--log-level=warning"], check=True,
                   env={**os.environ, "NODE_PATH": modules}, timeout=60)
    done = subprocess.run(["node", "--test", bundled], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"pass (\d+)", done.stdout).group(1)) > 0, done.stdout


def test_types():
    done = subprocess.run([ROOT / "tools/web-check"], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300)
    assert done.returncode == 0, done.stdout
