"""
Connections of ``redis.asyncio`` whose timeouts count only what has not arrived.

An event loop that was busy for longer than a timeout finds the reply and the end of the timeout in the same
round. redis-py's own timeouts, asyncio's, then cancel the call although its reply is there, and a store that
works would be reported as one that is down.
"""

import asyncio
from types import TracebackType
from typing import Any, Final

from redis import asyncio as redis_asyncio
from redis import exceptions

_ROUNDS: Final = 4
"""Rounds of the loop from the event that a connection was made to the continuation of who waits for it."""


class Limit:
    """
    Seconds that a block may wait, as an asynchronous context manager; ``None`` for any number.

    Raises:
        TimeoutError: What the block waits for has not arrived.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._timer: asyncio.Handle | None = None
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        """Begin to count."""
        await self._timeout.__aenter__()
        if self._seconds is not None:
            self._loop = asyncio.get_running_loop()
            self._timer = self._loop.call_later(self._seconds, self._expire, _ROUNDS)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it."""
        if self._timer is not None:
            self._timer.cancel()
        await self._timeout.__aexit__(kind, error, traceback)

    def _expire(self, rounds: int) -> None:
        if rounds:
            self._timer = self._loop.call_soon(self._expire, rounds - 1)
        else:
            self._timeout.reschedule(self._loop.time())


class _Patient:
    """
    A connection with such timeouts in the place of redis-py's.

    Args:
        socket_timeout: Seconds to wait for each reply.
        socket_connect_timeout: Seconds to wait for the connection.
        options: redis-py's.
    """

    def __init__(
        self,
        *,
        socket_timeout: float | None = None,
        socket_connect_timeout: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(socket_timeout=None, socket_connect_timeout=None, **options)  # type: ignore[call-arg]
        self._for_reply, self._for_connection = socket_timeout, socket_connect_timeout

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        """Read a reply."""
        try:
            async with Limit(self._for_reply):
                return await super().read_response(*arguments, **options)  # type: ignore[misc]
        except TimeoutError as error:
            message = "Timeout reading from the server"
            raise exceptions.TimeoutError(message) from error

    async def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        """Send commands."""
        try:
            async with Limit(self._for_reply):
                await super().send_packed_command(*arguments, **options)  # type: ignore[misc]
        except TimeoutError as error:
            message = "Timeout writing to the server"
            raise exceptions.TimeoutError(message) from error


class _PatientOverNetwork(_Patient):
    async def _connect(self) -> None:
        async with Limit(self._for_connection):
            await super()._connect()  # type: ignore[misc]


class PatientConnection(_PatientOverNetwork, redis_asyncio.Connection):
    """Over TCP."""


class PatientSSLConnection(_PatientOverNetwork, redis_asyncio.SSLConnection):
    """With TLS."""


class PatientUnixConnection(_Patient, redis_asyncio.UnixDomainSocketConnection):
    """Through a socket of this host, to which it is connected at once."""
