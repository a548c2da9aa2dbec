"""The thread of a copy of the blacklist: exactly one for each process, in forked ones, too."""

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from math import inf
from threading import Event, Thread
from typing import Any

import pytest
from django.test import override_settings
from pytest_django import Settings

from django_authkit.blacklist.replica import BlacklistReplica, Verdict
from django_authkit.errors import SessionEnded
from django_authkit.types import RevocationReason
from django_authkit.wiring import get_access_check, get_jwt_strategy, get_replica, get_store
from faults.stoppable_servers import StoppableValkey
from stores.redis.valkey_server import Server
from support.parallel import parallel_threads
from support.profile import rounds
from support.replica_followers import NOBODY, Follower, begun, followers
from support.waiting import until

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

PATIENCE = 60
"""Seconds after which a child counts as hanging, however busy the machine is."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return a running Valkey of this module's own."""
    with StoppableValkey.running() as server:
        yield server


@pytest.fixture
def follower(server: Server) -> Iterator[Follower]:
    """Return a copy that has caught up with an empty list."""
    server.direct.flushall()
    with Follower(server.url) as follower:
        begun(follower.store)
        yield follower.caught_up()


def in_child(check: Callable[[], object]) -> int:
    """Run *check* in a forked child; return the child's pid. It exits with 0 if nothing was raised."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            check()
            code = 0
        except BaseException:  # noqa: BLE001 - a child never returns into the tests
            traceback.print_exc()
        os._exit(code)
    return child


def code_of(child: int) -> int:
    """Return the exit code of *child*; one that hangs is aborted, which prints what its threads wait for."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGABRT)
    os.waitpid(child, 0)
    return -1


def _begins_anew(follower: Follower, live: Any, dead: Any) -> None:
    """Check that a child has nothing at first, then everything, by one thread of its own."""
    assert not followers()
    assert follower.replica.verdict(live) is Verdict.UNKNOWN
    assert follower.admits(live)
    assert follower.admits(dead) is False
    until(follower.is_fresh)
    assert len(followers()) == 1
    assert follower.replica.verdict(live) is Verdict.LIVE
    assert follower.replica.verdict(dead) is Verdict.REVOKED


def test_a_forked_child_starts_anew(follower: Follower) -> None:
    """A child never uses its parent's copy; it soon has its own, and the parent is not affected."""
    live, dead = begun(follower.store, "live"), begun(follower.store, "dead")
    follower.store.revoke(dead.sid, RevocationReason.LOGOUT)
    until(lambda: follower.replica.verdict(dead) is Verdict.REVOKED)
    for _ in range(3):
        child = in_child(partial(_begins_anew, follower, live, dead))
        until(lambda: follower.replica.verdict(live) is Verdict.LIVE)
        assert code_of(child) == 0
    assert len(followers()) == 1
    later = begun(follower.store, "later")
    follower.store.revoke(later.sid, RevocationReason.LOGOUT)
    until(lambda: follower.replica.verdict(later) is Verdict.REVOKED, 1)


def test_a_fork_before_the_first_question(server: Server) -> None:
    """A copy created before the fork (in a preloaded app) is followed in each child, not in the parent."""
    with Follower(server.url) as follower:
        live, dead = begun(follower.store, "live"), begun(follower.store, "dead")
        follower.store.revoke(dead.sid, RevocationReason.LOGOUT)

        def check() -> None:
            until(follower.is_fresh)
            assert len(followers()) == 1
            assert follower.admits(live)
            assert follower.admits(dead) is False

        assert [code_of(child) for child in [in_child(check) for _ in range(4)]] == [0] * 4
        assert not followers()


def test_forks_during_questions(server: Server) -> None:
    """A child does not hang on a lock of a parent's thread."""
    over = Event()
    with Follower(server.url) as follower:
        live = begun(follower.store)

        def has_read() -> bool:
            follower.replica.verdict(live)
            return follower.replica.age < inf  # its age depends on how busy the machine is

        def ask() -> None:
            while not over.is_set():
                follower.replica.verdict(live)
                with follower.replica._starting:  # noqa: SLF001 - held far more often than it ever is
                    time.sleep(0)

        threads = [Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(rounds(200)):
                child = in_child(partial(until, has_read, PATIENCE))
                assert code_of(child) == 0
        finally:
            over.set()
            for thread in threads:
                thread.join()


def test_one_thread_however_many_ask(server: Server) -> None:
    """The first questions of many threads start one thread; ``stop`` stops it."""
    with parallel_threads(16) as threads:
        for _ in range(10):
            with Follower(server.url) as follower:
                threads.at_once([partial(follower.replica.verdict, NOBODY)] * 16)
                assert len(followers()) == 1
            assert not followers()


def test_a_thread_that_died_is_replaced(follower: Follower) -> None:
    """If the thread dies of a bug, the store is asked and another thread starts."""
    follower.replica._stopping.set()  # noqa: SLF001 - as good as dead
    until(lambda: not followers())
    follower.replica._stopping.clear()  # noqa: SLF001
    until(lambda: follower.replica.age > follower.staleness)
    assert follower.admits(begun(follower.store))
    until(follower.is_free)
    assert len(followers()) == 1


def _authkit(policy: str) -> dict[str, Any]:
    return {"STORE": "redis", "REDIS": {"ALIAS": "authkit"}, "ACCESS_CHECK": policy}


@pytest.mark.parametrize("policy", ["store", "none"])
def test_no_thread_under_another_policy(settings: Settings, policy: str) -> None:
    """Only ``"replica"`` has a thread."""
    with override_settings(AUTHKIT_MODE="jwt", AUTHKIT=_authkit(policy)):
        _ask()
        get_jwt_strategy()
        assert not followers()


def _ask() -> None:
    store: Any = get_store()
    with suppress(SessionEnded):
        get_access_check().admit(begun(store))


def test_first_requests_at_once_share_one_copy(settings: Settings) -> None:
    """A process that starts under load follows the blacklist with one thread, however many ask first."""
    with override_settings(AUTHKIT_MODE="jwt", AUTHKIT=_authkit("replica")), parallel_threads(16) as threads:
        for _ in range(rounds(100)):
            settings.SECRET_KEY = settings.SECRET_KEY + "!"  # everything is made anew
            assert not followers()
            assert len(set(map(id, threads.at_once([get_replica] * 16)))) == 1
            _ask()
            assert len(followers()) == 1


def test_settings_that_change(settings: Settings) -> None:
    """Each change of settings stops the thread: after fifty there is one, with one connection."""
    with override_settings(AUTHKIT_MODE="jwt", AUTHKIT=_authkit("store")):
        store: Any = get_store()
        stopped: list[BlacklistReplica] = []  # kept, so that only ``stop`` releases connections
        listed = store._scripts._client.client_list  # noqa: SLF001
        for _ in range(25):
            with override_settings(AUTHKIT=_authkit("replica")):
                assert not followers()
                _ask()
                assert len(followers()) == 1
                check = get_access_check()
                stopped.append(get_replica())
                with override_settings(SECRET_KEY="another key, long enough to sign with: 8vJw03LzPw81"):
                    assert not followers()
                    assert get_access_check() is not check
            assert not followers()
        until(lambda: not [client for client in listed() if client["cmd"] == "xread"])
