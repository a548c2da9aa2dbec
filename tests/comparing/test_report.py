"""One whole comparison on PostgreSQL and Valkey, with one variant spoiled: what it finds and says."""

import json
import pickle
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

import pytest

from comparing.running_command import Project, project_in
from servers import Addresses

SLOW = "authkit-session-redis-2"
FORGETFUL = SLOW


@dataclass(frozen=True)
class Run:
    """A comparison that was made."""

    project: Project
    status: int
    printed: str
    errors: str
    html: str
    page: Path
    json: dict[str, Any]


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, addresses: Addresses, redis_database: int, pytestconfig: Any
) -> Run:
    """Return the comparison, which the first of xdist's workers makes for all of them."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(pytestconfig, "workerinput") else base
    kept = shared / "comparison.pickle"
    with (shared / "comparison.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not kept.exists():
            made = compare(tmp_path_factory.mktemp("report"), addresses, redis_database)
            kept.write_bytes(pickle.dumps(made))
    found: Run = pickle.loads(kept.read_bytes())  # noqa: S301 - our own
    return found


def compare(directory: Path, addresses: Addresses, redis_database: int) -> Run:
    """Compare session mode with itself; the second is 2 ms slower, and forgets its log-outs."""
    project = project_in(directory, addresses, number=redis_database)
    done = project.run(
        *("--modes", "session", "session", "--stores", "redis", "--beside"),
        *("--path", "/api/whoami/", "--duration", "1.2", "--rounds", "12", "--sessions", "1000"),
        *("--json", "report.json", "--html", "report.html"),
        INJECT_DELAY=SLOW,
        INJECT_LOST_REVOCATION=FORGETFUL,
    )
    page = directory / "report.html"
    assert page.exists(), done.stdout + done.stderr
    told = json.loads((directory / "report.json").read_text())
    return Run(project, done.returncode, done.stdout, done.stderr, page.read_text(), page, told)
