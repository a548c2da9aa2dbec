"""The workers' counts equal those of Valkey's ``INFO commandstats`` and Django's query log."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from compare.compare_command import Project
from support.servers import start_valkey

PROGRAM = Path(__file__).with_name("count_with_each_counter.py")
REQUEST = {  # round trips, statements: of our own view, which reads the user
    "authkit-session-redis": [1, 1],
    "authkit-jwt-redis-store": [1, 1],
    "authkit-jwt-redis-none": [0, 1],
    "authkit-jwt-database-store": [0, 1],
    "django-redis": [1, 1],
}


def counted(directory: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the counts of each counter for each act of each variant."""
    with ExitStack() as stack:
        project = Project(directory, start_valkey(stack).connection_url + "/0")
        done = subprocess.run(
            [sys.executable, str(PROGRAM)],
            env=project.environment(QUERY_LOG=str(directory / "queries.log")),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def test_both_counters_agree(tmp_path: Path) -> None:
    """For login, request, refresh and logout; the documentation agrees, too."""
    found = counted(tmp_path)
    assert len(found) == 6
    for variant, acts in found.items():
        for act in acts:
            assert act["fine"], (variant, act)
            assert act["tally"] == act["others"], (variant, act)
        assert {act["act"] for act in acts} >= ({"request"} if variant == "baseline" else {"login", "logout"})
    requests = {variant: act for variant, acts in found.items() for act in acts if act["act"] == "request"}
    assert {variant: requests[variant]["tally"] for variant in REQUEST} == REQUEST
