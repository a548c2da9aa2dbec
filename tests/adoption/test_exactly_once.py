"""Exactly once: in a race, and if the store or the package fails during an adoption."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import OperationalError, connections

from adoption.migrating_site import PACKAGES, Changeover, Package
from django_authkit import sessions_of, signals
from django_authkit.adoption import Place
from django_authkit.errors import StoreUnavailable
from django_authkit.types import RevocationReason
from django_authkit.wiring import get_adapters, get_store
from support.client import Device
from support.profile import rounds

THREADS = 6


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> Package:
    """Return each package in turn."""
    return PACKAGES[request.param]


def log_in_before(site: Changeover, package: Package) -> str:
    """Return a credential from before the migration."""
    site.before(package.engine)
    credential = package.log_in(site)
    site.after(package.entry)
    return credential


@contextmanager
def heard() -> Iterator[list[str]]:
    """Record the sid of each auth session that signals report."""
    sids: list[str] = []

    def note(**event: Any) -> None:
        sids.append(event["session"].sid)

    signals.session_started.connect(note)
    try:
        yield sids
    finally:
        signals.session_started.disconnect(note)


def test_a_race(site: Changeover, package: Package, ada: User) -> None:
    """All concurrent requests with one credential get the same credential of ours, of one auth session."""

    def present(credential: str, barrier: Barrier, clients: list[tuple[int, Device]]) -> None:
        barrier.wait()
        try:
            answer, client = package.present(site, credential)
            clients.append((answer.status_code, client))
        finally:
            connections.close_all()

    for _ in range(rounds(20)):
        site.live.advance(seconds=2)  # signed cookies of one second are the same
        credential, clients = log_in_before(site, package), list[tuple[int, Device]]()
        arguments = (credential, Barrier(THREADS), clients)
        with heard() as told:
            threads = [Thread(target=present, args=arguments) for _ in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert [status for status, _ in clients] == [200] * THREADS
        assert len({client.django_session for _, client in clients}) == 1
        assert all(client.logged_in() for _, client in clients)
        (session,) = sessions_of(ada)
        assert told == [session.sid]
        get_store().revoke_user(str(ada.pk), RevocationReason.REVOKED)


@pytest.mark.parametrize("name", ["signed_cookies", "knox", "simplejwt"])
def test_a_delayed_request(site: Changeover, ada: User, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A request that is delayed until the user has logged out again does not log in."""
    package, held = PACKAGES[name], [True]
    credential, kind = log_in_before(site, package), type(get_store())
    create = kind.create

    def held_up(*args: Any, **kwargs: Any) -> Any:
        if held.pop():
            held.append(False)
            _, client = package.present(site, credential)
            client.who()
            assert client.log_out().status_code == 204
            site.live.advance(seconds=1)
        else:
            held.append(False)
        return create(*args, **kwargs)

    monkeypatch.setattr(kind, "create", held_up)
    answer, client = package.present(site, credential)
    assert answer.status_code == 401
    assert not client.logged_in()
    assert sessions_of(ada) == ()


@pytest.mark.parametrize("name", ["cached_db", "cache"])
def test_a_worker_of_the_old_engine_writes_it_back(site: Changeover, ada: User, name: str) -> None:
    """It had the session in hand when that was adopted: after the logout, the old cookie opens nothing."""
    package = PACKAGES[name]
    credential = log_in_before(site, package)
    old = import_module(f"django.contrib.sessions.backends.{name}").SessionStore(credential)
    held = dict(old.items())
    _, client = package.present(site, credential)
    client.who()
    assert client.log_out().status_code == 204
    caches["default"].set(old.cache_key, held)
    site.live.advance(minutes=2)
    answer, _ = package.present(site, credential)
    assert answer.status_code == 401
    assert sessions_of(ada) == ()


STEPS = ("load_anonymous", "load_anonymous_together", "create_anonymous", "create", "save_anonymous")
"""The calls of an adoption to the store."""
NOTED = 7
"""
Which of these calls records that it is done: two read the epochs of revocations, before and after the login.

An error of the one after it has no visible effect.
"""


class Outage:
    """
    Lets the store fail at the n-th call, before the call was executed or after it (a lost reply).

    What a method of the store calls of its own store is no further call.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, *, done: bool) -> None:
        self._left, self._done, self.struck = at, done, False
        self._within = False
        kind = type(get_store())  # a patched object would keep its connections open
        for name in STEPS:
            monkeypatch.setattr(kind, name, self._failing(getattr(kind, name)))

    def _failing(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._within:
                return method(*args, **kwargs)
            self._left -= 1
            fails = self._left == 0
            self._within = True
            try:
                answer = method(*args, **kwargs) if self._done or not fails else None
            finally:
                self._within = False
            if not fails:
                return answer
            self.struck = True
            raise StoreUnavailable

        return call


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", ["db", "signed_cookies", "knox", "simplejwt"])
def test_the_store_goes_down(
    site: Changeover, ada: User, monkeypatch: pytest.MonkeyPatch, name: str, done: bool
) -> None:
    """Wherever it fails, the response is 503, and a retry logs in once."""
    package, struck = PACKAGES[name], 0
    while True:
        credential = log_in_before(site, package)
        with monkeypatch.context() as patch:
            outage = Outage(patch, struck + 1, done=done)
            answer, _ = package.present(site, credential)
        if not outage.struck:
            break
        struck += 1
        assert answer.status_code == (503 if struck <= NOTED else 200), f"at step {struck}"
        assert not (answer.cookies and struck <= NOTED)
        site.live.advance(minutes=5 if struck < NOTED else 0.5)
        answer, client = package.present(site, credential)
        assert answer.status_code == 200, f"at step {struck}"
        assert client.logged_in()
        assert len(sessions_of(ada)) == 1
        get_store().revoke_user(str(ada.pk), RevocationReason.REVOKED)
    assert struck >= NOTED
    assert len(sessions_of(ada)) == 1


def adapter_of(package: Package) -> Any:
    """Return the adapter in use."""
    (adapter,) = (each for place in Place for each in get_adapters(place))
    return adapter


def test_the_other_package_goes_down(
    site: Changeover, package: Package, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the package is unavailable the response is 503; afterwards everything works as before."""
    credential = log_in_before(site, package)

    def fail(credential: str) -> Any:
        raise OperationalError("the connection was refused")

    with monkeypatch.context() as patch:
        patch.setattr(adapter_of(package), "open", fail)
        answer, _ = package.present(site, credential)
    assert answer.status_code == 503
    assert not answer.cookies
    assert sessions_of(ada) == ()
    answer, client = package.present(site, credential)
    assert answer.status_code == 200
    assert client.logged_in()


def test_the_other_package_cannot_delete_its_credential(
    site: Changeover, package: Package, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user is logged in anyway; the next attempt deletes the credential."""
    credential = log_in_before(site, package)

    def fail(credential: str) -> bool:
        raise OperationalError("the connection was refused")

    with monkeypatch.context() as patch:
        patch.setattr(adapter_of(package), "retire", fail)
        answer, client = package.present(site, credential)
    assert answer.status_code == 200
    assert client.logged_in()
    site.live.advance(seconds=100)
    answer, _ = package.present(site, credential)
    assert answer.status_code == 401
    assert client.logged_in()
    assert len(sessions_of(ada)) == 1
    if package.engine != "signed_cookies" and "simplejwt" not in package.entry:
        assert not package.is_alive(site, credential)
