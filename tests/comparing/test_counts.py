"""What the workers count equals what others count: Valkey's ``INFO commandstats`` and Django's query log."""

import json
import subprocess
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from comparing.running_command import Project
from servers import start_valkey

PROGRAM = Path(__file__).with_name("both_counters.py")
REQUEST = {  # round trips, statements: of our own view, which reads the user
    "baseline": [0, 0],
    "authkit-session-redis": [1, 1],
    "authkit-session-database": [0, 1],
    "authkit-jwt-redis-store": [1, 1],
    "authkit-jwt-redis-none": [0, 1],
    "authkit-jwt-database-store": [0, 1],
    "django-redis": [1, 1],
}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Return what each counter counted of each act of each variant."""
    directory = tmp_path_factory.mktemp("counts")
    with ExitStack() as stack:
        project = Project(directory, start_valkey(stack).connection_url + "/0")
        done = subprocess.run(
            [sys.executable, str(PROGRAM), *(["peers"] if find_spec("knox") else [])],
            env=project.environment(QUERY_LOG=str(directory / "queries.log")),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def test_the_counts_are_those_of_others(counted: dict[str, list[dict[str, Any]]]) -> None:
    """For log-in, request, refresh and log-out of every variant both independent counters agree."""
    assert len(counted) >= 7
    for variant, acts in counted.items():
        for act in acts:
            assert act["fine"], (variant, act)
            assert act["tally"] == act["others"], (variant, act)
        assert {act["act"] for act in acts} >= (
            {"request"} if variant == "baseline" else {"log-in", "log-out"}
        )


@pytest.mark.parametrize("variant", REQUEST)
def test_what_a_request_asks_for(counted: dict[str, list[dict[str, Any]]], variant: str) -> None:
    """A request's counts are those that the documentation promises."""
    (request,) = (act for act in counted[variant] if act["act"] == "request")
    assert request["tally"] == REQUEST[variant]
