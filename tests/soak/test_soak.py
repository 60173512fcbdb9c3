"""A few hundred runs over one host; tools/soak does it with as many as one likes."""
from soak import growth, soak


def test_nothing_grows(tmp_path):
    before, after, _ = soak(tmp_path, 300, 100)
    assert not growth(before, after), (before, after)
