"""A few hundred runs over one host; tools/soak does it with as many as one likes."""
import os

from soak import growth, soak


def test_nothing_grows(tmp_path):
    before, after, _ = soak(tmp_path, 300, 100)
    found = growth(before, after)
    if "ASAN_OPTIONS" in os.environ:  # it keeps what was freed, so as to tell its use
        found = {what: more for what, more in found.items() if not what.endswith("_kb")}
    assert not found, (before, after)
