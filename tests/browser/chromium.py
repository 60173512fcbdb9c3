"""A browser for the tests of the page: Debian's Chromium, driven by driver.mjs.

    browser(case, server, *arguments, do={name: function})   runs a case of cases.mjs on its server

Where there is no Chromium, or the npm packages of package-lock.json cannot be had, the tests are skipped.
"""
import json
import shutil
import subprocess

import pytest

from blackbox.conftest import askcsv, generated, server, shop  # noqa: F401
from programs import ROOT

CASE_SECONDS = 180


def packages(folder):
    done = subprocess.run([ROOT / "tools/fetch-npm", folder], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    return done.stdout.strip()


class Browser:
    def __init__(self, modules, chromium):
        self.process = subprocess.Popen(
            ["node", ROOT / "tests/browser/driver.mjs", modules, chromium], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.hear()

    def say(self, what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        assert line, "the browser ended"
        return json.loads(line)

    def __call__(self, case, server, *arguments, do=None):
        url = f"http://127.0.0.1:{server.port}"
        self.say({"case": case, "url": url, "arguments": arguments})
        while "do" in (heard := self.hear()):
            self.say({"value": do[heard["do"]](*(heard["arguments"] or []))})
        assert "error" not in heard, heard["error"]
        return heard["value"]

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


@pytest.fixture(scope="session")
def browser():
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("chromium is missing; run tools/install-packages browser")
    started = Browser(packages("tests/browser") + "/node_modules", chromium)
    yield started
    started.end()
