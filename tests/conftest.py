"""Fixtures that every Python test of askcsv may use; see programs.py for what they give."""
import pytest

from programs import ROOT, Runner, program


@pytest.fixture(scope="session")
def root():
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def askcsv_path():
    return program("askcsv")


@pytest.fixture(scope="session")
def runner_path():
    return program("askcsv-runner")


@pytest.fixture(scope="session")
def runner(runner_path):
    return Runner(runner_path)
