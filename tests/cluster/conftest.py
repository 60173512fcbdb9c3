"""Tests with a real Kubernetes cluster: `make test-cluster` runs them, and `make test` leaves them out.
"""
import importlib.util
import os
import sys

from programs import ROOT

if not os.environ.get("ASKCSV_TEST_CLUSTER"):
    collect_ignore_glob = ["test_*.py"]

# The fixtures of the command's own tests, and what those tests are made of.
BLACKBOX = ROOT / "tests/blackbox"
for folder in (BLACKBOX, ROOT / "tests/docker"):
    sys.path.append(str(folder))
spec = importlib.util.spec_from_file_location("blackbox_conftest", BLACKBOX / "conftest.py")
blackbox = importlib.util.module_from_spec(spec)
spec.loader.exec_module(blackbox)
askcsv, generated = blackbox.askcsv, blackbox.generated
shop, serve = blackbox.shop, blackbox.serve
