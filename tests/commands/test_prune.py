"""``authkit_prune``: space comes back in bounded batches, beside traffic, and may be taken up again."""

import time
from itertools import chain

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError

from commands.conftest import Run
from django_authkit import sessions_of
from django_authkit.models import AuthSessionRow
from support.client import Device
from support.live_site import LiveSite
from support.parallel import parallel_threads

on_databases = pytest.mark.parametrize("where", ["sqlite", "postgresql"], indirect=True)


def rows(site: LiveSite) -> int:
    """Return how many rows there are."""
    return AuthSessionRow._base_manager.using(site.alias).count()


def bury(site: LiveSite, count: int) -> None:
    """Make auth sessions that are over and of no more use, and no counters of attempts."""
    site.configure(RATES={"LOGIN": None})
    for _ in range(count):
        site.logged_in("ada").log_out()
    site.advance(minutes=10)


@on_databases
def test_reclaims_what_is_over(site: LiveSite, ada: User, run: Run) -> None:
    """The ended and the expired go, the live stay; then there is nothing left to do."""
    bury(site, 3)
    live = site.logged_in("ada")
    assert run("authkit_prune") == "Reclaimed 3.\n"
    assert rows(site) == 1
    assert live.logged_in()
    assert run("authkit_prune") == "Reclaimed 0.\n"


@on_databases
def test_djangos_command_does_the_same(site: LiveSite, ada: User, run: Run) -> None:
    """``clearsessions`` is there without ``django.contrib.sessions``, and keeps who is logged in."""
    bury(site, 3)
    live = site.logged_in("ada")
    assert run("clearsessions") == ""
    assert rows(site) == 1
    assert live.logged_in()


@on_databases
def test_goes_in_batches(site: LiveSite, ada: User, run: Run) -> None:
    """A step takes at most ``--batch``, and says how far it is if asked to."""
    bury(site, 5)
    told = run("authkit_prune", "--batch=2", "--verbosity=2").splitlines()
    assert told == ["2 so far", "4 so far", "5 so far", "Reclaimed 5."]


@on_databases
def test_is_taken_up_again(site: LiveSite, ada: User, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the middle, it has done what it did, and the next run does the rest."""
    bury(site, 5)

    def stop(pause: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", stop)
        with pytest.raises(KeyboardInterrupt):
            run("authkit_prune", "--batch=2")
    assert rows(site) == 3
    assert run("authkit_prune", "--batch=2") == "Reclaimed 3.\n"


@on_databases
def test_runs_beside_traffic(site: LiveSite, ada: User, run: Run) -> None:
    """While people log in, refresh and log out, it takes nothing that lives and disturbs nobody."""
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
    """With the Redis store it says so, and touches nothing."""
    site.logged_in("ada").log_out()
    before = site.snapshot()
    assert run("authkit_prune") == "Nothing to do: Redis reclaims by itself.\n"
    assert site.snapshot() == before


@on_databases
@pytest.mark.parametrize("argument", ["--batch=0", "--batch=-1", "--pause=-1"])
def test_refuses_nonsense(site: LiveSite, run: Run, argument: str) -> None:
    """A batch of none would never end."""
    with pytest.raises(CommandError, match="--batch takes 1 or more"):
        run("authkit_prune", argument)
