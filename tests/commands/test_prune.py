"""``authkit_prune``: reclaims space in bounded batches during traffic, and can be interrupted."""

import os
import re
import time
from contextlib import suppress
from itertools import chain
from tempfile import NamedTemporaryFile

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from commands.conftest import Run
from django_authkit import sessions_of
from django_authkit.models import AuthSessionRow
from support.client import Device
from support.live_site import LiveSite
from support.parallel import parallel_threads

on_databases = pytest.mark.parametrize("where", ["sqlite", "postgresql"], indirect=True)


def rows(site: LiveSite) -> int:
    """Return the number of rows."""
    return AuthSessionRow._base_manager.using(site.alias).count()


def bury(site: LiveSite, count: int) -> None:
    """Create auth sessions that have expired, without the rows of a limit and of counted logins."""
    site.configure(MAX_SESSIONS=None, RATES={"LOGIN": None})
    for _ in range(count):
        site.logged_in("ada").log_out()
    site.advance(minutes=10)


@on_databases
def test_expired_records_are_deleted(site: LiveSite, ada: User, run: Run) -> None:
    """It deletes revoked and expired records and keeps live ones; a second run finds nothing."""
    bury(site, 3)
    live = site.logged_in("ada")
    assert run("authkit_prune") == "Deleted 3 rows.\n"
    assert rows(site) == 1
    assert live.logged_in()
    assert run("authkit_prune") == "Deleted 0 rows.\n"
    assert not run("authkit_prune", "--verbosity=0")


@on_databases
def test_djangos_command_does_the_same(site: LiveSite, ada: User, run: Run) -> None:
    """``clearsessions`` works without ``django.contrib.sessions``, and keeps users logged in."""
    bury(site, 3)
    live = site.logged_in("ada")
    assert run("clearsessions") == ""
    assert rows(site) == 1
    assert live.logged_in()


@on_databases
def test_goes_in_batches(site: LiveSite, ada: User, run: Run) -> None:
    """A step deletes at most ``--batch`` rows, and reports progress if asked to."""
    bury(site, 5)
    told = run("authkit_prune", "--batch=2", "--verbosity=2").splitlines()
    assert told == ["2 so far", "4 so far", "5 so far", "Deleted 5 rows."]


def all_of(terminal: int) -> str:
    """Return what was written to a terminal whose other end is closed."""
    shown = b""
    with suppress(OSError):  # the end, on Linux
        while chunk := os.read(terminal, 4096):
            shown += chunk
    os.close(terminal)
    return shown.decode()


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_a_terminal_shows_progress(site: LiveSite, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts along in one line, and the result is green; a file gets neither."""
    monkeypatch.setenv("TERM", "xterm")
    bury(site, 3)
    here, there = os.openpty()
    with os.fdopen(there, "w") as out, NamedTemporaryFile("w+") as file:
        call_command("authkit_prune", "--batch=2", "--pause=0.2", stdout=out, force_color=True)
        call_command("authkit_prune", stdout=file)
        file.seek(0)
        assert file.read() == "Deleted 0 rows.\n"
    shown = all_of(here)
    assert "Deleted rows: 2" in re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert "\x1b[32;1mDeleted 3 rows.\x1b[0m" in shown


@on_databases
def test_it_can_be_interrupted(site: LiveSite, ada: User, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """If interrupted, the deleted rows stay deleted, and the next run continues."""
    bury(site, 5)

    def stop(pause: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", stop)
        with pytest.raises(KeyboardInterrupt):
            run("authkit_prune", "--batch=2")
    assert rows(site) == 3
    assert run("authkit_prune", "--batch=2") == "Deleted 3 rows.\n"


@on_databases
def test_runs_beside_traffic(site: LiveSite, ada: User, run: Run) -> None:
    """During logins, refreshes and logouts it deletes nothing live and blocks nobody."""
    site.configure(RATES={"LOGIN": None, "REFRESH": None})
    bury(site, 20)
    before = site.logged_in("ada")

    def traffic() -> list[Device]:
        devices = []
        for number in range(6):
            device = site.logged_in("ada")
            assert device.refresh().status_code == 200
            if number % 2:
                assert device.log_out().status_code == 204
            else:
                devices.append(device)
        return devices

    def pruning() -> list[Device]:
        for _ in range(4):
            run("authkit_prune", "--batch=3")
        return []

    with parallel_threads(4) as threads:
        stayed = list(chain(*threads.at_once([traffic, traffic, traffic, pruning])))
    assert all(device.logged_in() for device in [before, *stayed])
    assert len(sessions_of(ada)) == 1 + len(stayed)
    run("authkit_prune")
    site.advance(minutes=10)
    run("authkit_prune")
    assert rows(site) == 1 + len(stayed)


@pytest.mark.parametrize("where", ["valkey"], indirect=True)
def test_redis_needs_none(site: LiveSite, ada: User, run: Run) -> None:
    """With the Redis store it says that pruning is not needed, and changes nothing."""
    site.logged_in("ada").log_out()
    before = site.snapshot()
    assert run("authkit_prune") == "Nothing to do: Redis deletes expired records itself.\n"
    assert site.snapshot() == before


@on_databases
@pytest.mark.parametrize("argument", ["--batch=0", "--batch=-1", "--pause=-1"])
def test_refuses_nonsense(site: LiveSite, run: Run, argument: str) -> None:
    """A batch size of 0 would never finish."""
    with pytest.raises(CommandError, match="--batch takes 1 or more"):
        run("authkit_prune", argument)
