"""Users who are not Django's: another name field, another kind of primary key."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.servers import Addresses

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("mode", ["session", "jwt"])
@pytest.mark.parametrize(("kind", "transport"), [("redis", "cookie"), ("database", "header")])
def test_a_site_whose_users_have_addresses_and_uuids(
    addresses: Addresses, redis_database: int, mode: str, kind: str, transport: str
) -> None:
    """From login to the deletion of the user, everything works the same."""
    program = [sys.executable, str(TESTS / "email_site" / "session_lifecycle.py")]
    done = subprocess.run(
        [*program, mode, kind, transport, f"{addresses.valkey}/{redis_database}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
