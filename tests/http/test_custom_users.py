"""Users who are not Django's: another name field, another kind of primary key, a table for each tenant."""

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
    run_program("email_site", mode, kind, transport, f"{addresses.valkey}/{redis_database}")


@pytest.mark.parametrize(
    ("mode", "kind", "transport"), [("session", "redis", "cookie"), ("jwt", "database", "header")]
)
def test_a_site_whose_users_are_a_plain_model(
    addresses: Addresses, redis_database: int, mode: str, kind: str, transport: str
) -> None:
    """A user model that does not derive from ``AbstractBaseUser`` works in pages and commands, too."""
    run_program("plain_site", mode, kind, transport, f"{addresses.valkey}/{redis_database}")


def test_a_site_whose_tenants_have_users_in_schemas(addresses: Addresses, redis_database: int) -> None:
    """With django-tenants, nothing of a user is taken for that of another schema's with the same key."""
    servers = (f"{addresses.valkey}/{redis_database}", addresses.postgres_host, str(addresses.postgres_port))
    run_program("tenants_site", "jwt", "lazy", *servers)


def run_program(site: str, *arguments: str) -> None:
    """Run the program of *site*, which has to succeed."""
    program = [sys.executable, str(TESTS / site / "session_lifecycle.py")]
    done = subprocess.run(
        [*program, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
