"""What the programs are linked with, and what they leave alone."""
import re
import subprocess

from programs import ROOT, program


def libraries(path):
    done = subprocess.run(["ldd", path], capture_output=True, text=True, check=True)
    return done.stdout


def test_askcsv_does_not_link_the_engine():
    text = libraries(program("askcsv"))
    assert "libsqlite3" in text  # ldd really looked
    assert "duckdb" not in text


def test_the_runner_does():
    assert "duckdb" in libraries(program("askcsv-runner"))


def test_askcsv_has_no_symbol_of_the_engine_and_no_loader():
    done = subprocess.run(["nm", "-D", "--undefined-only", program("askcsv")],
                          capture_output=True, text=True, check=True)
    assert "duckdb_" not in done.stdout
    assert not re.search(r"\bdlopen\b", done.stdout)


def test_only_the_runner_names_the_engine():
    for path in (ROOT / "src").rglob("*.[ch]"):
        if path.relative_to(ROOT / "src").parts[0] != "runner":
            assert "duckdb.h" not in path.read_text(), path


def test_the_shipped_runner_has_no_switch_for_walls():
    text = program("askcsv-runner").read_bytes()
    assert b"--without" not in text
