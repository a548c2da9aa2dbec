"""The output of commands if the store is unavailable: which server, where, why, and exit code 1."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from django_authkit.checks import TAG
from support.demo import run
from support.servers import free_port

COMMANDS = [
    ["authkit_sessions", "ada"],
    ["authkit_revoke", "ada"],
    ["authkit_revoke", "--sid=AAAAAAAAAAAAAAAA"],
    ["authkit_revoke", "--all", "--no-input"],
    ["authkit_status"],
    ["authkit_status", "--json", "--fast"],
]
MAKE_ADA = "from demo.people import make_people; make_people()"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data of an example project whose users exist."""
    data = tmp_path_factory.mktemp("data")
    assert run(data, "migrate").returncode == 0
    assert run(data, "shell", "-c", MAKE_ADA).returncode == 0
    return data


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_redis(data: Path, command: Sequence[str]) -> None:
    """With the Redis store and nothing listening on its port."""
    place = f"127.0.0.1:{free_port()}"
    done = run(data, *command, EXAMPLE_STORE="redis", EXAMPLE_REDIS_URL=f"redis://ada:w0rds3cret@{place}/0")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"CommandError: Redis at {place}/0 (CACHES['authkit']): ConnectionError: ")
    assert "w0rds3cret" not in line


@pytest.mark.parametrize("command", [*COMMANDS, ["authkit_prune"], ["clearsessions"]], ids=" ".join)
def test_without_the_database(tmp_path: Path, command: Sequence[str]) -> None:
    """With the database store and no database to open."""
    (tmp_path / "db.sqlite3").mkdir()
    done = run(tmp_path, *command, EXAMPLE_STORE="database")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    place = f"SQLite at {tmp_path / 'db.sqlite3'} (DATABASES['default'])"
    assert line.startswith(f"CommandError: {place}: OperationalError: unable to open database file.")


OURS = sorted(name for name, app in get_commands().items() if app == "django_authkit")


@pytest.mark.parametrize("name", OURS)
def test_no_check_of_others_runs_before_a_command(name: str) -> None:
    """Other checks may open a database that is down, before the command can report it."""
    assert set(load_command_class("django_authkit", name).requires_system_checks) <= {TAG}
