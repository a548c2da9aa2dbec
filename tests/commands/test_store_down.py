"""What commands say when the store does not answer: one clear sentence, and exit code 1."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from support.demo import run
from support.servers import free_port

COMMANDS = [
    ["authkit_sessions", "ada"],
    ["authkit_revoke", "ada"],
    ["authkit_revoke", "--sid=AAAAAAAAAAAAAAAA"],
    ["authkit_revoke", "--all"],
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
    """With the Redis store and nothing on its port."""
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    done = run(data, *command, EXAMPLE_STORE="redis", EXAMPLE_REDIS_URL=nowhere)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "CommandError: The session store cannot be reached. Try again shortly.\n"


@pytest.mark.parametrize("command", [*COMMANDS, ["authkit_prune"]], ids=" ".join)
def test_without_the_database(tmp_path: Path, command: Sequence[str]) -> None:
    """With the database store and no database to open."""
    (tmp_path / "db.sqlite3").mkdir()
    done = run(tmp_path, *command, EXAMPLE_STORE="database")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("CommandError: The ")
    assert "cannot be reached. Try again shortly." in line
