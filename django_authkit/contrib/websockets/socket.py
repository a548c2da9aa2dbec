"""An open WebSocket of an auth session, between the server and the app."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

from django_authkit.conf import get_settings
from django_authkit.service.device_keys import has_to_prove
from django_authkit.service.tickets import standing_of
from django_authkit.types import AuthSession

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]

CLOSED: Final = "websocket.close"
REJECTED: Final = 4401
"""The close code of a credential that is not valid, or not any more. 4000 to 4999 are for applications."""
UNAVAILABLE: Final = 1013
"""The close code where that cannot be told: "Try Again Later" in IANA's registry."""

_PATIENCE: Final = 10.0
"""Seconds for which the app may go on sending after the end, before it is interrupted."""


class SocketEnded(OSError):
    """The app sends to a client that is gone; what ASGI prescribes for that is an ``OSError``."""


class Socket:
    """
    Passes messages on until it is ended.

    Args:
        tenant: Whose auth session it is; see ``tenant``.
        session: The auth session that it was opened with.
        receive, send: What the server gave the app.
        protocol: What is accepted if the app accepts no subprotocol: the client's ticket, which is used up.
        proved_until: Until when the device has proved itself, if the login is bound to it.

    Attributes:
        key: The tenant and the sid of its auth session.
        standing: Of that auth session, when the socket was opened; see ``standing_of``.
        confirmed_at: When it was last known to be live, by the loop's clock.
    """

    def __init__(
        self,
        tenant: str,
        session: AuthSession,
        receive: Receive,
        send: Send,
        *,
        protocol: str | None,
        proved_until: float | None,
    ) -> None:
        self.key, self.standing = (tenant, session.sid), standing_of(session)
        self._proved_until = proved_until
        self._receive, self._send, self._protocol = receive, send, protocol
        self._loop = asyncio.get_running_loop()
        self.confirmed_at = self._loop.time()
        self._ended: asyncio.Future[Message] = self._loop.create_future()
        self._ended_at = 0.0
        self._is_closed = False
        self._next: asyncio.Future[Message] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Timeout] = set()

    def is_proved(self, session: AuthSession) -> bool:
        """
        Tell whether the device does not have to prove itself again.

        If *session* was bound since the socket was opened, it has as long for that as a bound cookie lives.
        """
        if self._proved_until is None and has_to_prove(session):
            self._proved_until = time.time() + get_settings().lifetimes.bound.total_seconds()
        return self._proved_until is None or time.time() < self._proved_until

    async def receive(self) -> Message:
        """Return the next message: at once that it is disconnected, when it has ended."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._receive())
        # An app may cancel this call, and then call it again: no message is lost.
        await asyncio.wait((self._next, self._ended), return_when=asyncio.FIRST_COMPLETED)
        if self._ended.done():
            return self._ended.result()
        message, self._next = self._next.result(), None
        return message

    async def send(self, message: Message) -> None:
        """
        Send what the app says; after the end nothing is sent.

        A server may wait until the client reads. After the end it waits no longer than for the app.

        Raises:
            SocketEnded: It ended some time ago.
        """
        if self._ended.done():
            if self._loop.time() - self._ended_at > _PATIENCE:
                raise SocketEnded
            return
        if message["type"] == CLOSED:
            self._is_closed = True
        elif message["type"] == "websocket.accept" and self._protocol and not message.get("subprotocol"):
            message = {**message, "subprotocol": self._protocol}
        limit = asyncio.timeout(None)
        self._sending.add(limit)
        try:
            async with limit:
                await self._send(message)
        except TimeoutError:
            raise SocketEnded from None
        finally:
            self._sending.discard(limit)

    def end(self, code: int, reason: str) -> bool:
        """Close it, and tell the app that it is disconnected; return whether this was the first call."""
        if self._ended.done():
            return False
        self._ended.set_result({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._ended_at = self._loop.time()
        for limit in self._sending:
            limit.reschedule(self._ended_at + _PATIENCE)
        if not self._is_closed:
            self._closing = asyncio.create_task(self._close(code, reason))
        return True

    async def _close(self, code: int, reason: str) -> None:
        # How servers say that the client has left by itself; or it does not read.
        with suppress(OSError, RuntimeError):
            async with asyncio.timeout(_PATIENCE):
                await self._send({"type": CLOSED, "code": code, "reason": reason})

    async def finish(self) -> None:
        """Leave nothing running, when the app has returned."""
        self._is_closed = True
        if self._next is not None:
            self._next.cancel()
        left = [each for each in (self._next, self._closing) if each is not None]
        await asyncio.gather(*left, return_exceptions=True)
