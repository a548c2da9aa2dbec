"""Comparisons on the database stores, for a user of the project, and beside the other packages."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from compare.compare_command import SHORT, Project, project_in
from support.servers import Addresses

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

OURS = "authkit-jwt-database-none"
OTHERS = [
    "django-database",
    "simplejwt-database",
    "simplejwt-database-none",
    "knox-database",
    "allauth-database",
]


def make_project(project: Project) -> None:
    """Give the project a database with the user ``ada``."""
    for command in (["migrate"], ["createsuperuser", "--username=ada", "--email=ada@example.org"]):
        subprocess.run(
            [sys.executable, "-m", "django", *command, "--no-input", "--verbosity=0"],
            env=project.environment(DJANGO_SUPERUSER_PASSWORD="her own"),
            cwd=project.directory,
            check=True,
        )


def compared(project: Project, *arguments: str) -> tuple[dict[str, dict[str, Any]], str]:
    """Compare; return what the JSON has of each variant that logs in, by key, and what was printed."""
    done = project.run(*SHORT, *arguments, "--json", "report.json", "--verbosity", "2", COLUMNS="160")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((project.directory / "report.json").read_text())
    return {each["key"]: each for each in told["variants"] if each["key"] != "baseline"}, done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_other_packages_are_measured_beside_ours_on_a_copy_of_the_file(tmp_path: Path) -> None:
    """On SQLite each is measured with the project's user, loses its file, and fills its table."""
    project = project_in(tmp_path)
    make_project(project)
    before = (tmp_path / "db.sqlite3").read_bytes()
    told, printed = compared(
        project,
        *("--modes", "jwt", "--stores", "database", "--checks", "none", "--workers", "1"),
        *(
            "--beside",
            "django",
            "simplejwt",
            "simplejwt-stateless",
            "knox",
            "allauth",
            "--user",
            "ada",
            "--path",
            "/api/whoami/",
        ),
    )
    assert list(told) == [OURS, *OTHERS]
    for key, each in told.items():
        assert each["left_out"] == "", key
        assert each["paths"]["/api/whoami/"]["failures"] == 0, key
        assert each["memory"][-1]["sessions"] == 1000, key
        assert each["memory"][-1]["bytes"] > each["memory"][0]["bytes"], key
        assert each["behavior"]["outage"]["kept"], key
    assert set(told[OURS]["behavior"]["outage"]["down"]) <= {200, 503}
    assert 'as ACCESS_CHECK "none" says: until the token expires.' in " ".join(printed.split())
    assert re.search(r"^variant +p50 ms +p95 ms +p99 ms", printed, re.MULTILINE)
    assert (tmp_path / "db.sqlite3").read_bytes() == before
    assert project.remains() == []


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Return a directory whose path leaves room for that of a Unix socket."""
    with TemporaryDirectory(dir="/tmp") as directory:
        yield Path(directory)


def test_a_database_server_is_lost_and_filled(
    short_path: Path, addresses: Addresses, redis_database: int
) -> None:
    """On PostgreSQL the line to the server is cut, and the table and its indexes are measured."""
    project = project_in(short_path, addresses, number=redis_database)
    told, _ = compared(project, "--modes", "session", "--stores", "database", "--beside", "--workers", "1")
    (each,) = told.values()
    assert set(each["behavior"]["outage"]["down"]) == {503}
    assert each["behavior"]["outage"]["kept"]
    assert each["memory"][-1]["sessions"] == 1000
    assert each["facts"]["another_worker"]["holds"] is None, "there is one worker"
    assert project.remains() == []
