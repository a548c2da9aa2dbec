"""
Sends the store's commands on connections of an event loop, which ``redis.asyncio`` makes.

They lead where those of the synchronous pool lead, with its options. A connection belongs to one loop, and is
closed with it.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from functools import partial
from inspect import iscoroutinefunction
from time import monotonic
from typing import Any, Final

from redis import SSLConnection, UnixDomainSocketConnection, exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

from django_authkit.bridge import run, wait
from django_authkit.stores.redis import sending
from django_authkit.stores.redis.failures import CLIENT_ERRORS
from django_authkit.stores.redis.loop_connections import (
    PatientConnection,
    PatientSSLConnection,
    PatientUnixConnection,
)
from django_authkit.stores.redis.primary import PrimaryPool

_CLASSES: Final[dict[Any, Any]] = {
    Connection: PatientConnection,
    SSLConnection: PatientSSLConnection,
    UnixDomainSocketConnection: PatientUnixConnection,
    SentinelManagedConnection: PatientConnection,
    SentinelManagedSSLConnection: PatientSSLConnection,
}
_OF_SYNCHRONOUS_CONNECTIONS: Final = {
    "connection_pool",
    "event_dispatcher",
    "himport_registry",
    "maint_notifications_config",
    "maint_notifications_pool_handler",
    "orig_host_address",
    "orig_socket_connect_timeout",
    "orig_socket_timeout",
    "parser_class",
    "redis_connect_func",
    "retry",
}
"""Options whose values only a synchronous connection can use; two have a counterpart here."""

_OPENED_AT_ONCE: Final = 16
"""Most connections that are being opened: with more, their timeouts would count the time of the others."""


class Unsupported(Exception):
    """``redis.asyncio`` has no such connections."""


class Waiting:
    """
    A connection of a loop, as synchronous functions use one, within a bridge.

    Args:
        connection: The connection.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._connection, name)
        if not iscoroutinefunction(attribute):
            return attribute
        return lambda *args, **kwargs: wait(attribute(*args, **kwargs))

    def disconnect(self) -> None:
        """Close it at once: who is cancelled cannot wait."""
        close(self._connection)


def _kind_of(pool: Any) -> Any:
    kind = _CLASSES.get(pool.connection_class)
    if kind is None or not getattr(pool, "is_master", True):
        raise Unsupported(pool.connection_class)
    return kind


def _options_of(pool: Any) -> dict[str, Any]:
    configured = pool.connection_kwargs
    options = {name: value for name, value in configured.items() if name not in _OF_SYNCHRONOUS_CONNECTIONS}
    options["retry"] = Retry(NoBackoff(), 0)
    greet = configured.get("redis_connect_func")
    if greet is not None:

        async def greet_in_bridge(connection: Any) -> None:
            await run(greet, Waiting(connection))

        options["redis_connect_func"] = greet_in_bridge
    return options


class LoopSender:
    """
    Sends on the connections of one loop, one for each call in progress.

    Args:
        pool: Where they lead, and how many there may be.
        generation: Returns another number after each time that all connections have to be replaced.

    Raises:
        Unsupported: ``redis.asyncio`` has no connections of this kind.
    """

    def __init__(self, pool: Any, generation: Callable[[], int]) -> None:
        self._pool = pool
        self._generation = generation
        self._idle: list[Any] = []
        self._made: dict[Any, tuple[float, int]] = {}  # all that are open: when, and in which generation
        self._confirming, self._opening = asyncio.Lock(), asyncio.Semaphore(_OPENED_AT_ONCE)
        self._failures = 0  # to open one, since that succeeded last
        self._end: AsyncIterator[None] | None = None
        self._process = os.getpid()
        self._make, self._options = _kind_of(pool), _options_of(pool)
        self._share_driver_info()

    async def send(self, packed: bytes, replies: int) -> list[Any]:
        """
        Send commands at once, and return as many *replies*.

        Raises:
            RedisError: No reply, or the first of them that is an error.
        """
        if self._end is None:
            await self._close_with_loop()
        connection, error = await self._take(), None
        read: list[Any] = []
        try:
            await connection.send_packed_command([packed])
            for _ in range(replies):
                try:
                    read.append(await connection.read_response())
                except exceptions.ResponseError as refused:
                    error = error or refused
        except BaseException:  # a reply may be on its way, when the caller is cancelled for example
            self._close(connection)
            raise
        if connection in self._made:
            self._idle.append(connection)
        if error:
            try:
                raise error
            finally:
                del error
        return read

    async def _take(self) -> Any:
        """Return a connection that nobody else has, and that has no data of a former call."""
        if isinstance(self._pool, PrimaryPool):
            await self._confirm(self._pool)
        connection = await self._take_idle()
        if connection is not None:
            return connection
        has_to_wait = self._opening.locked()
        async with self._opening:
            connection = await self._take_idle()  # one that another call gave back meanwhile
            if connection is not None:
                return connection
            if has_to_wait and self._failures >= _OPENED_AT_ONCE:  # or the last would wait for many timeouts
                raise exceptions.ConnectionError("The server accepts no connections just now.")
            return await self._open()

    async def _take_idle(self) -> Any:
        while self._idle:
            connection, is_fit = self._idle.pop(), False
            try:
                is_fit = await self._is_fit(connection)
            finally:  # also when the caller is cancelled: nobody else knows of it
                if not is_fit:
                    self._close(connection)
            if is_fit:
                return connection
        return None

    async def _open(self) -> Any:
        if len(self._made) >= self._pool.max_connections:
            raise exceptions.MaxConnectionsError("Too many connections")
        connection = self._new_connection()
        self._made[connection] = monotonic(), self._generation()
        try:
            await connection.connect()
        except BaseException as error:
            self._failures += isinstance(error, (*CLIENT_ERRORS, OSError))
            self._close(connection)
            raise
        self._failures = 0
        return connection

    async def _confirm(self, pool: PrimaryPool) -> None:
        """Let the Sentinels say which server is the primary. One thread asks, for all calls."""
        if pool.is_confirmed:
            return
        async with self._confirming:
            if not pool.is_confirmed:
                await asyncio.to_thread(pool.confirm_in_process)

    async def _is_fit(self, connection: Any) -> bool:
        opened_at, generation = self._made[connection]
        if generation != self._generation() or monotonic() - opened_at >= sending.MOST_SECONDS:
            return False
        leads_to_primary = not isinstance(self._pool, PrimaryPool) or (
            (connection.host, connection.port) == self._pool.master_address
        )
        try:
            # From redis-py 8 on, the other name is deprecated.
            has_data = getattr(connection, "can_read", None) or connection.can_read_destructive
            return leads_to_primary and not await has_data()
        except (*CLIENT_ERRORS, OSError):
            return False

    def _new_connection(self) -> Any:
        if not isinstance(self._pool, PrimaryPool):
            return self._make(**self._options)
        host, port = self._pool.master_address or ("", 0)
        return self._make(**{**self._options, "host": host, "port": port})

    def _share_driver_info(self) -> None:
        """Let all connections have one ``driver_info``: each would read redis-py's version from the disk."""
        try:
            info = getattr(self._new_connection(), "driver_info", None)
        except TypeError as error:  # an option that only synchronous connections have
            raise Unsupported from error
        if info is not None:
            self._options["driver_info"] = info

    def _close(self, connection: Any) -> None:
        self._made.pop(connection, None)
        if self._process == os.getpid():  # or a parent's loop would lose it
            close(connection)

    async def _close_with_loop(self) -> None:
        """Close all connections when the loop is about to end, as it ends its asynchronous generators."""
        self._end = self._until_end()
        await anext(self._end)

    async def _until_end(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self._end = None
            for connection in list(self._made):
                self._close(connection)
            self._idle.clear()
            await asyncio.sleep(0)  # the loop closes the sockets in its next round


def close(connection: Any) -> None:
    """Close *connection* at once, and without waiting for anything."""
    writer = connection._writer  # noqa: SLF001 - its own method waits until the server has closed, too
    connection._reader = connection._writer = None  # noqa: SLF001
    if writer is not None:
        writer.transport.abort()


class LoopSenders:
    """
    The senders of all loops to the server of *pool*.

    Args:
        pool: Where they lead, as ``LoopSender`` takes it.
        generation: Likewise.
    """

    def __init__(self, pool: Any, generation: Callable[[], int]) -> None:
        self._new = partial(LoopSender, pool, generation)
        self._by_loop: dict[asyncio.AbstractEventLoop, tuple[int, LoopSender]] = {}

    def is_supported(self) -> bool:
        """Tell whether ``redis.asyncio`` has such connections."""
        try:
            self._new()
        except Unsupported:
            return False
        return True

    def of_running_loop(self) -> LoopSender:
        """Return the sender of the loop that runs in this thread."""
        loop, process = asyncio.get_running_loop(), os.getpid()
        known = self._by_loop.get(loop)
        if known is None or known[0] != process:
            for other in [each for each in self._by_loop if each.is_closed()]:
                self._by_loop.pop(other, None)
            known = self._by_loop[loop] = process, self._new()
        return known[1]
