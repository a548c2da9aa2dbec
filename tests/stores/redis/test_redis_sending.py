"""The connections of the store's client: one for each call in progress, and none that is unfit."""

import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event, Thread
from time import monotonic, sleep
from types import FrameType
from typing import Any

import pytest
from pytest_django import Settings
from redis import Redis
from redis.connection import AbstractConnection

from django_authkit.stores.outcomes import Absent
from django_authkit.stores.redis import RedisStore, connect, sending
from django_authkit.stores.redis.sending import sender_for
from faults.stoppable_servers import StoppableValkey
from stores.redis.valkey_server import LossyLine, Server
from support.parallel import parallel_threads

AT_ONCE = 8
NAME = "the-store"


@pytest.fixture(autouse=True)
def aliases(settings: Settings, server: Server) -> None:
    """Name the server, and the store's connections to it."""
    settings.CACHES = {
        name: {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": f"{server.url}/0?protocol={protocol}&client_name={NAME}",
        }
        for name, protocol in (("plain", 2), ("resp3", 3))
    }


def _connections(server: Server) -> set[str]:
    return {client["id"] for client in server.direct.client_list() if client["name"] == NAME}


def _close_all(server: Server) -> None:
    for client in _connections(server):
        server.direct.client_kill_filter(_id=client)


@pytest.fixture
def store(server: Server) -> Iterator[RedisStore]:
    """Return a store that is the only one with connections of that name."""
    _close_all(server)
    yield RedisStore(connect("plain"))
    _close_all(server)


def test_a_connection_is_used_again(server: Server, store: RedisStore) -> None:
    """Many calls, from threads that end in between, share one connection."""
    for _ in range(20):
        thread = Thread(target=store.now)
        thread.start()
        thread.join()
    assert len(_connections(server)) == 1


def test_there_are_as_many_connections_as_calls_at_once(server: Server, store: RedisStore) -> None:
    """Threads that call at the same time, again and again, have at most one connection each."""
    with parallel_threads(AT_ONCE) as threads:
        answers = threads.at_once([lambda: [store.now() for _ in range(50)]] * AT_ONCE)
    assert all(times == sorted(times) for times in answers)
    assert len(_connections(server)) <= AT_ONCE


@pytest.mark.parametrize("alias", ["plain", "resp3"])
def test_connections_that_the_server_closed_are_replaced(server: Server, alias: str) -> None:
    """However many were open, no call gets one that the server has closed."""
    sender = sender_for(connect(alias))  # which repeats nothing
    with parallel_threads(AT_ONCE) as threads:
        for _ in range(3):
            calls = [partial(sender.send, ("ECHO", each)) for each in range(AT_ONCE)]
            assert threads.at_once(calls) == [[b"%d" % each] for each in range(AT_ONCE)]
            _close_all(server)


def test_a_name_that_leads_elsewhere_is_followed(
    server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections to a server that the name no longer leads to are used for a bounded time, then replaced."""
    monkeypatch.setattr(sending, "MOST_SECONDS", 0.5)
    line = LossyLine(server.port)
    settings.CACHES["plain"]["LOCATION"] = f"redis://127.0.0.1:{line.port}/0?protocol=2"
    sender = sender_for(connect("plain"))

    def run_id() -> object:
        (said,) = sender.send(("INFO", "server"))
        return re.search(rb"run_id:(\w+)", said).group(1)  # type: ignore[union-attr]

    with StoppableValkey.running() as second, parallel_threads(AT_ONCE) as threads:
        threads.at_once([run_id] * AT_ONCE)
        before = run_id()
        line.lead_to(second.port)
        moved = monotonic()
        assert run_id() == before  # as the old connections stay open
        while (said := threads.at_once([run_id] * AT_ONCE)).count(before):
            assert monotonic() - moved < 5
        assert len(set(said)) == 1
    line.close()


def test_a_connection_is_used_for_a_bounded_time_however_few_there_are(
    server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that goes back to the pool between calls grows old too."""
    monkeypatch.setattr(sending, "MOST_SECONDS", 0.2)
    settings.CACHES["plain"]["OPTIONS"] = {"CONNECTION_POOL_KWARGS": {"max_connections": 1}}
    sender = sender_for(connect("plain"))
    first, began = sender.send(("CLIENT", "ID")), monotonic()
    while sender.send(("CLIENT", "ID")) == first:
        assert monotonic() - began < 5
    assert monotonic() - began > 0.1


def test_the_other_commands_get_connections_too(
    server: Server, settings: Settings, store: RedisStore
) -> None:
    """The calls of scripts leave connections for the other commands, however few the alias allows."""
    settings.CACHES["plain"]["OPTIONS"] = {"CONNECTION_POOL_KWARGS": {"max_connections": 1}}
    store = RedisStore(connect("plain"))
    for _ in range(2):
        store.now()
        store.recorded_buckets()
    assert len(_connections(server)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_has_connections_of_its_own(store: RedisStore) -> None:
    """A child takes none of the connections that its parent goes on using."""
    sender = sender_for(connect("plain"))
    of_parent = sender.send(("CLIENT", "ID"))
    child = os.fork()
    if child == 0:
        os._exit(0 if sender.send(("CLIENT", "ID")) != of_parent else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert sender.send(("CLIENT", "ID")) == of_parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_waits_for_no_lock_of_its_parents_threads(store: RedisStore) -> None:
    """A thread that takes a connection while another forks does not keep the child from taking one, ever."""
    client = connect("plain")
    assert isinstance(client, Redis)
    sender, held, over = sender_for(client), Event(), Event()

    def hold() -> None:
        with client.connection_pool._lock:  # noqa: SLF001 - as the pool does for a moment
            held.set()
            over.wait()

    thread = Thread(target=hold)
    thread.start()
    try:
        held.wait()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(20)
            os._exit(0 if sender.send(("ECHO", "x")) == [b"x"] else 1)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        over.set()
        thread.join()


class _Interrupted(BaseException):
    """As a web server interrupts a request that takes too long."""


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise _Interrupted


def test_an_interrupted_call_leaves_no_answer_to_the_next(server: Server, store: RedisStore) -> None:
    """The reply to a call that was interrupted while it waited is not taken for the reply to another."""
    store.now()
    before = signal.signal(signal.SIGALRM, _interrupt)
    with ThreadPoolExecutor(1) as aside, server.hung():
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(_Interrupted):
            store.now()
        signal.signal(signal.SIGALRM, before)
        found = aside.submit(store.load, "AAaaaaaaaaaaaaaa")
        sleep(0.2)  # so that it is sent before there is an answer
    assert found.result() is Absent.GONE


class Counted(Redis):
    """A client of the project's own, which counts its commands."""

    commands = 0

    def execute_command(self, *arguments: object, **options: object) -> object:
        """Count, and send."""
        type(self).commands += 1
        return super().execute_command(*arguments, **options)  # type: ignore[no-untyped-call]


def test_a_client_of_the_project_s_own_is_called(settings: Settings, store: RedisStore) -> None:
    """A subclass of redis-py's client, for tracing for example, sees the calls of scripts."""
    settings.CACHES["plain"]["OPTIONS"] = {"REDIS_CLIENT_CLASS": f"{__name__}.Counted"}
    store = RedisStore(connect("plain"))
    store.now()
    assert Counted.commands > 0


def test_a_login_to_the_server_that_is_interrupted(
    server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection, which may still be in another database, is not used for the next call."""
    settings.CACHES["plain"]["LOCATION"] = f"{server.url}/5?client_name={NAME}"
    first, second = (RedisStore(connect("plain")) for _ in range(2))
    handle, digest = "AA" + "a" * 14, b"k" * 32
    assert second.create_anonymous(handle, digest, "data", 60_000)
    send: Any = AbstractConnection.send_command
    interrupted: list[Any] = []

    def send_command(self: AbstractConnection, *command: Any, **options: Any) -> None:
        if command[0] == "SELECT" and not interrupted:
            interrupted.append(command)
            raise _Interrupted
        send(self, *command, **options)

    monkeypatch.setattr(AbstractConnection, "send_command", send_command)
    with pytest.raises(_Interrupted):
        first.load_anonymous(handle, digest)
    assert first.load_anonymous(handle, digest) == "data"
    _close_all(server)
