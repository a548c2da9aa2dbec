"""A comparison that is interrupted leaves nothing; what one that is killed leaves, the next removes."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from compare.compare_command import Project, project_in
from support.servers import Addresses

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

ARGUMENTS = ("--modes", "session", "--stores", "redis", "--beside", "--workers", "1", "--duration", "60")
OWN = "SQLite and a Valkey of its own"
SERVERS = "PostgreSQL and the Valkey of the project"


def project_on(data: str, directory: Path, addresses: Addresses, redis_database: int) -> Project:
    """Return a project whose data is there."""
    if data == SERVERS:
        return project_in(directory, addresses, number=redis_database)
    (directory / "db.sqlite3").touch()
    return project_in(directory)


@pytest.mark.parametrize(
    ("number", "moment", "data"),
    [
        (signal.SIGINT, "measuring in rounds ...", OWN),
        (signal.SIGTERM, "looking at each variant ...", SERVERS),
        (signal.SIGINT, "", SERVERS),
    ],
    ids=["Ctrl-C while it measures", "kill while workers serve", "Ctrl-C while data is copied"],
)
def test_an_interrupted_run_leaves_nothing(
    number: signal.Signals, moment: str, data: str, tmp_path: Path, addresses: Addresses, redis_database: int
) -> None:
    """Ctrl-C and ``kill`` end with one sentence; no process, key, database or file is left."""
    project = project_on(data, tmp_path, addresses, redis_database)
    with project.started(*ARGUMENTS) as process:
        project.wait_for(moment, process)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # the terminal sends it to the whole process group
        else:
            process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert errors == "CommandError: Interrupted. Nothing was left behind.\n"
    assert process.returncode == 128 + number
    assert project.remains() == []


@pytest.mark.parametrize("data", [OWN, SERVERS])
def test_the_next_run_removes_what_a_killed_one_left(
    data: str, tmp_path: Path, addresses: Addresses, redis_database: int
) -> None:
    """After ``kill -9`` its processes end, and the next start removes the data of it alone, and says so."""
    project = project_on(data, tmp_path, addresses, redis_database)
    foreign = tmp_path / ".authkit-compare-notes"
    foreign.mkdir()
    with project.started(*ARGUMENTS) as killed:
        project.wait_for("measuring in rounds ...", killed)
        while_it_runs = project.run("--user", "nobody")
        assert "left something behind" not in while_it_runs.stdout
        assert killed.poll() is None
        killed.kill()
        killed.communicate()
    assert [each for each in remains_without_processes(project) if "notes" not in each] != []
    done = project.run("--user", "nobody", COLUMNS="400")
    assert done.returncode == 1, done.stderr
    (token,) = [each.decode() for each in project.tokens]
    (told,) = re.findall(r"A run that was killed .*? Removed: (.*)\.", done.stdout)
    assert f"the directory {tmp_path}/.authkit-compare-{token}" in told
    assert (f"the database authkit_compare_{token}_default" in told) is (data == SERVERS)
    assert (" keys in Redis" in told) is (data == SERVERS)
    foreign.rmdir()
    assert project.remains() == []


def remains_without_processes(project: Project) -> list[str]:
    """Wait until the processes have ended and the Valkey's directory is gone; return what remains."""
    deadline = time.monotonic() + 30
    while True:
        found = project.remains()
        if not any(each.startswith(("process", "file valkey-")) for each in found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
