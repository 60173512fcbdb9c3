"""The commands in docs/API.md do what the page says."""
import re
import subprocess

import pytest

from programs import ROOT

PAGE = (ROOT / "docs/API.md").read_text(encoding="utf-8")


def commands():
    """(text, status wanted) of each "$ curl" with the lines that belong to it."""
    for block in re.findall(r"^```\n(.*?)^```", PAGE, re.S | re.M):
        for text in re.split(r"^\$ ", block, flags=re.M)[1:]:
            said = re.search(r" +# ([0-9]{3})$", text.rstrip())
            yield text.rstrip(), int(said.group(1)) if said else None


COMMANDS = list(commands())


def test_there_are_commands():
    assert len(COMMANDS) > 20 and all(text.startswith("curl -s") for text, _ in COMMANDS)


@pytest.mark.parametrize("text,wanted", COMMANDS, ids=[text.splitlines()[0] for text, _ in COMMANDS])
def test_command(server, tmp_path, text, wanted):
    said = server.ask("POST", "/v1/chat", {"dataset_id": "ecommerce", "message": "revenue by month"}).json()
    env = {"PATH": "/usr/bin:/bin", "RUN": said["run_id"], "THREAD": said["thread_id"],
           "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    line = text.replace("localhost:8080", f"127.0.0.1:{server.port}").replace(
        "curl ", "curl --noproxy '*' --max-time 60 -w '\\n%{http_code}' ", 1)
    done = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    body, status = done.stdout.rsplit("\n", 1)
    if wanted:
        assert int(status) == wanted, body
    else:
        assert 200 <= int(status) < 300, body
        saved = re.search(r"-o ~/(\S+)", text)
        assert body or status == "204" or (tmp_path / saved.group(1)).stat().st_size > 0
        assert not re.search(r'"status":"(?:rejected|failed|timed_out|abstained)"', body), body
