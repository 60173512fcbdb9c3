"""The fixtures of the command's own tests, for what the chart is tried out with."""
import importlib.util
import sys

from programs import ROOT

BLACKBOX = ROOT / "tests/blackbox"
sys.path.append(str(BLACKBOX))
spec = importlib.util.spec_from_file_location("blackbox_conftest", BLACKBOX / "conftest.py")
blackbox = importlib.util.module_from_spec(spec)
spec.loader.exec_module(blackbox)
askcsv, generated = blackbox.askcsv, blackbox.generated
