"""The connections of the store on event loops: one for each call in progress, and none that is unfit."""

import asyncio
import os
import random
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from time import monotonic

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from pytest_django import Settings
from redis import Redis, exceptions

from django_authkit.bridge import run
from django_authkit.errors import StoreUnavailable
from django_authkit.stores.outcomes import Absent
from django_authkit.stores.redis import RedisStore, connect, sending
from django_authkit.stores.redis.loop_sending import LoopSender
from django_authkit.stores.redis.sending import Sender, sender_for
from faults.stoppable_servers import StoppableValkey
from stores.redis.valkey_server import LossyLine, Server
from support.parallel import parallel_threads
from support.waiting import until

AT_ONCE = 20
NAME = "the-store-on-a-loop"
PROTOCOLS = {"plain": 2, "resp3": 3}


@pytest.fixture(autouse=True)
def aliases(settings: Settings, server: Server, line: LossyLine) -> None:
    """Name the server, its connections, of which there are none, and a connection that can lose a reply."""
    _close_all(server)
    backend = {"BACKEND": "django_redis.cache.RedisCache"}
    settings.CACHES = {
        name: {**backend, "LOCATION": f"{server.url}/0?protocol={protocol}&client_name={NAME}"}
        for name, protocol in PROTOCOLS.items()
    }
    options = {"SOCKET_TIMEOUT": 0.5, "SOCKET_CONNECT_TIMEOUT": 0.5}
    location = f"redis://127.0.0.1:{line.port}/0?protocol=2"
    settings.CACHES["lossy"] = {**backend, "LOCATION": location, "OPTIONS": options}


@pytest.fixture(params=PROTOCOLS)
def sender(request: pytest.FixtureRequest) -> Sender:
    """Return a sender, which repeats nothing, with each protocol."""
    return sender_for(connect(request.param))


def _connections(server: Server) -> set[str]:
    return {client["id"] for client in server.direct.client_list() if client["name"] == NAME}


def _close_all(server: Server) -> None:
    for client in _connections(server):
        server.direct.client_kill_filter(_id=client)


def _on_loop(main: Callable[[], Awaitable[None]]) -> None:
    async def run_main() -> None:
        await main()

    asyncio.run(run_main())


async def _echo(sender: Sender, text: object) -> None:
    assert await run(sender.send, ("ECHO", str(text))) == [str(text).encode()]


def test_calls_at_once_have_a_connection_each(server: Server, sender: Sender) -> None:
    """Each gets its own answer; the next use the same connections; and all are closed with the loop."""
    assert sender.is_awaitable()

    async def main() -> None:
        for _ in range(20):
            await asyncio.gather(*(_echo(sender, number) for number in range(AT_ONCE)))
        assert len(_connections(server)) == AT_ONCE
        for number in range(AT_ONCE):
            await _echo(sender, number)
        assert len(_connections(server)) == AT_ONCE

    _on_loop(main)
    until(lambda: not _connections(server))


@pytest.mark.parametrize(
    ("option", "seconds", "calls_before"), [("SOCKET_CONNECT_TIMEOUT", 0.05, 0), ("SOCKET_TIMEOUT", 0.4, 1)]
)
def test_what_arrived_while_the_loop_was_busy_is_in_time(
    settings: Settings, option: str, seconds: float, calls_before: int
) -> None:
    """A loop that does something else for longer than the timeouts finds the connection and the reply."""
    settings.CACHES["plain"]["OPTIONS"] = {option: seconds}
    sender = sender_for(connect("plain"))

    async def main() -> None:
        for number in range(calls_before):
            await _echo(sender, number)
        call = asyncio.create_task(_echo(sender, calls_before))
        for _ in range(2 if calls_before else 8):  # rounds of the loop, in one of which the call waits
            await asyncio.sleep(0)
            time.sleep(1.1 * seconds)
        await call

    _on_loop(main)


def test_without_a_bridge_it_is_an_error(server: Server) -> None:
    """A call that would hold up the loop is refused, as Django refuses a query."""
    store = RedisStore(connect("plain"))

    async def main() -> None:
        assert await run(store.now) > 0
        with pytest.raises(SynchronousOnlyOperation, match="auser"):
            store.now()

    _on_loop(main)
    assert store.now() > 0


def test_every_loop_has_connections_of_its_own(server: Server, sender: Sender) -> None:
    """Loops in several threads at once, and one after the other, share none."""

    async def main() -> None:
        await asyncio.gather(*(_echo(sender, random.random()) for _ in range(50)))

    with parallel_threads(4) as threads:
        for _ in range(5):
            threads.at_once([partial(_on_loop, main)] * 4)
    until(lambda: not _connections(server))


def test_connections_that_the_server_closed_are_replaced(server: Server, sender: Sender) -> None:
    """However many were open, no call gets one that the server has closed."""

    async def main() -> None:
        for _ in range(3):
            await asyncio.gather(*(_echo(sender, number) for number in range(AT_ONCE)))
            _close_all(server)
            await asyncio.sleep(0.05)  # until the loop hears of it

    _on_loop(main)


def test_cancelled_calls_leave_no_reply_to_others(server: Server, sender: Sender) -> None:
    """Whenever calls are cancelled, the others and the next get the replies to their own commands."""

    async def main() -> None:
        chance = random.Random(7)
        for number in range(40):
            calls = [asyncio.create_task(_echo(sender, f"{number}.{each}")) for each in range(AT_ONCE)]
            cancelled = calls[::2]
            for each in cancelled:
                await asyncio.sleep(chance.random() / 10_000)
                each.cancel()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(each) for each in ended} <= {type(None), asyncio.CancelledError}
            assert not [each for each in ended[1::2] if each is not None]
        assert len(_connections(server)) <= AT_ONCE

    _on_loop(main)


def test_a_cancelled_call_closes_its_connection(server: Server, sender: Sender) -> None:
    """A reply that is still to come is read by nobody."""

    async def main() -> None:
        await _echo(sender, "before")
        (before,) = _connections(server)
        with server.hung():
            call = asyncio.create_task(_echo(sender, "cancelled"))
            await asyncio.sleep(0.05)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        await _echo(sender, "after")
        assert before not in _connections(server)

    _on_loop(main)


def test_a_call_that_is_cancelled_while_its_connection_is_checked_closes_it(
    server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So no number of clients that go away uses up what the alias allows."""
    settings.CACHES["plain"]["OPTIONS"] = {"CONNECTION_POOL_KWARGS": {"max_connections": 2}}
    sender, check = sender_for(connect("plain")), LoopSender._is_fit  # noqa: SLF001 - it may wait, or not

    async def slow_check(self: LoopSender, connection: object) -> bool:
        await asyncio.sleep(0)  # with hiredis, that of redis-py 5 to 7 does
        return await check(self, connection)

    monkeypatch.setattr(LoopSender, "_is_fit", slow_check)

    async def main() -> None:
        for rounds in range(10):
            await _echo(sender, "open")
            call = asyncio.create_task(_echo(sender, "cancelled"))
            for _ in range(rounds):
                await asyncio.sleep(0)
            call.cancel()
            with suppress(asyncio.CancelledError):
                await call
        assert len(_connections(server)) <= 1

    _on_loop(main)


def test_a_lost_reply_is_asked_for_again(line: LossyLine) -> None:
    """Once, whether the connection was closed or went silent."""
    store = RedisStore(connect("lossy"))

    async def main() -> None:
        before = await run(store.now)
        for line.closing in (True, False):
            line.lose_next()
            assert await run(store.now) >= before
        assert line.lost == 2

    _on_loop(main)


def test_a_server_that_hangs_stalls_only_those_who_wait_for_it(server: Server) -> None:
    """They get an error after the timeouts, and the loop does other work meanwhile."""
    store = RedisStore(connect("lossy"))

    async def main() -> None:
        await run(store.now)
        began = monotonic()
        with server.hung():
            calls = [asyncio.create_task(run(store.now)) for _ in range(AT_ONCE)]
            rounds, longest = 0, 0.0
            while not all(call.done() for call in calls):
                before = monotonic()
                await asyncio.sleep(0.01)
                rounds, longest = rounds + 1, max(longest, monotonic() - before)
            ended = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(each) for each in ended} == {StoreUnavailable}
        assert monotonic() - began < 10
        assert rounds > 20
        assert longest < 0.5
        assert await run(store.now) > 0

    _on_loop(main)


def test_a_server_that_is_down_is_an_error(settings: Settings) -> None:
    """Nobody listens: no answer, and no warning."""
    with StoppableValkey.running() as other:
        settings.CACHES["plain"]["LOCATION"] = f"{other.url}/0"
        store = RedisStore(connect("plain"))

        async def main() -> None:
            assert await run(store.now) > 0
            with other.down(), pytest.raises(StoreUnavailable):
                await run(store.now)
            assert await run(store.now) > 0

        _on_loop(main)


def test_a_connection_is_used_for_a_bounded_time(
    server: Server, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After that, and after the store has looked anew for the server, a new one is opened."""

    async def main() -> None:
        first = await run(sender.send, ("CLIENT", "ID"))
        assert await run(sender.send, ("CLIENT", "ID")) == first
        sender.drop_idle_connections()
        second = await run(sender.send, ("CLIENT", "ID"))
        assert second != first
        monkeypatch.setattr(sending, "MOST_SECONDS", 0.0)
        assert await run(sender.send, ("CLIENT", "ID")) != second

    _on_loop(main)


def test_there_are_at_most_as_many_as_the_alias_allows(server: Server, settings: Settings) -> None:
    """One call more is no answer; afterwards there is room again."""
    settings.CACHES["plain"]["OPTIONS"] = {"CONNECTION_POOL_KWARGS": {"max_connections": 2}}
    sender = sender_for(connect("plain"))

    async def main() -> None:
        ended = await asyncio.gather(*(_echo(sender, each) for each in range(3)), return_exceptions=True)
        assert [type(each) for each in ended if each] == [exceptions.MaxConnectionsError]
        await asyncio.gather(*(_echo(sender, each) for each in range(2)))

    _on_loop(main)


def test_a_wrong_password_is_an_error(server: Server, settings: Settings) -> None:
    """The connection is opened as the alias says, with its password, and closed when that is refused."""
    settings.CACHES["plain"]["LOCATION"] = (
        f"redis://nobody:wrong@127.0.0.1:{server.port}/0?client_name={NAME}"
    )
    store = RedisStore(connect("plain"))

    async def main() -> None:
        with pytest.raises(StoreUnavailable):
            await run(store.now)
        assert not _connections(server)

    _on_loop(main)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_has_connections_of_its_own(server: Server, sender: Sender) -> None:
    """A child of a process whose loop has connections leaves them alone, and opens others on its own loop."""

    async def identify() -> list[object]:
        return await run(sender.send, ("CLIENT", "ID"))

    async def main() -> None:
        of_parent = await identify()
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                os._exit(0 if asyncio.run(identify()) != of_parent else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert await identify() == of_parent

    _on_loop(main)


def test_lost_revocations_are_repeated_once_for_all_calls(settings: Settings) -> None:
    """Calls on a loop that find another server wait for the repetition, and hold up neither it nor others."""
    with StoppableValkey.running() as other:
        settings.CACHES["plain"]["LOCATION"] = f"{other.url}/0"
        store = RedisStore(connect("plain"))
        store.revoke_all()

        async def main() -> None:
            await run(store.now)
            other.kill()
            other.forget()
            other.start()
            calls = [run(store.load, "AAaaaaaaaaaaaaaa") for _ in range(AT_ONCE)]
            assert await asyncio.wait_for(asyncio.gather(*calls), 20) == [Absent.GONE] * AT_ONCE

        _on_loop(main)
        assert store._repetition.done == store._repetition.asked > 0  # noqa: SLF001 - how often


class Counted(Redis):
    """A client of the project's own."""


def test_a_client_of_the_projects_own_is_asked_in_threads(settings: Settings) -> None:
    """What has no counterpart on a loop is not awaited."""
    settings.CACHES["plain"]["OPTIONS"] = {"REDIS_CLIENT_CLASS": f"{__name__}.{Counted.__name__}"}
    assert not sender_for(Counted()).is_awaitable()


def test_no_thread_is_used(server: Server, sender: Sender) -> None:
    """Many calls at once run in the thread of the loop."""

    async def main() -> None:
        before = threading.active_count()
        await asyncio.gather(*(_echo(sender, number) for number in range(100)))
        # To look up the name of a host, asyncio has threads; an address needs none.
        assert threading.active_count() == before

    _on_loop(main)
