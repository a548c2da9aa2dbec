"""An open WebSocket of an auth session, between the server and the app."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

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

    Attributes:
        key: The tenant and the sid of its auth session.
        standing: Of that auth session, when the socket was opened; see ``standing_of``.
        confirmed_at: When it was last known to be live, by the loop's clock.
    """

    def __init__(
        self, tenant: str, session: AuthSession, receive: Receive, send: Send, protocol: str | None
    ) -> None:
        self.key, self.standing = (tenant, session.sid), standing_of(session)
        self._receive, self._send, self._protocol = receive, send, protocol
        self._loop = asyncio.get_running_loop()
        self.confirmed_at = self._loop.time()
        self._ended: asyncio.Future[Message] = self._loop.create_future()
        self._ended_at = 0.0
        self._is_closed = False
        self._next: asyncio.Future[Message] | None = None
        self._closing: asyncio.Task[None] | None = None

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
        await self._send(message)

    def end(self, code: int, reason: str) -> bool:
        """Close it, and tell the app that it is disconnected; return whether this was the first call."""
        if self._ended.done():
            return False
        self._ended.set_result({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._ended_at = self._loop.time()
        if not self._is_closed:
            self._closing = asyncio.create_task(self._close(code, reason))
        return True

    async def _close(self, code: int, reason: str) -> None:
        with suppress(OSError, RuntimeError):  # how servers say that the client has left by itself
            await self._send({"type": CLOSED, "code": code, "reason": reason})

    async def finish(self) -> None:
        """Leave nothing running, when the app has returned."""
        self._is_closed = True
        if self._next is not None:
            self._next.cancel()
        left = [each for each in (self._next, self._closing) if each is not None]
        await asyncio.gather(*left, return_exceptions=True)
