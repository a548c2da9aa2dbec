"""
Closes the sockets of auth sessions that have ended.

One task in each event loop asks the store once a second, in one batch for all open sockets, or one for those
of each tenant. What the store does not confirm for longer than a bound is believed no more.
It asks in a thread of its own: an answer is not late, however many handshakes wait for the loop's threads.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import inf
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

from django_authkit.contrib.websockets.socket import REJECTED, UNAVAILABLE, Socket
from django_authkit.contrib.websockets.threads import in_thread
from django_authkit.errors import SessionEnded, StoreUnavailable, TokenExpired
from django_authkit.http.tenants import tenant
from django_authkit.service.tickets import standing_of
from django_authkit.types import AuthSession
from django_authkit.wiring import get_store

logger = logging.getLogger("django_authkit.websockets")

Key: TypeAlias = tuple[str, str]
"""A tenant, empty without ``TENANT``, and the sid of an auth session."""

EVERY: Final = 1.0
"""Seconds between two questions."""
BELIEVED: Final = 10.0
"""Seconds for which an answer counts, from when it was asked for."""


class Watcher:
    """The open sockets of one event loop."""

    def __init__(self) -> None:
        self._sockets: dict[Key, set[Socket]] = {}
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "authkit-websockets")

    @contextmanager
    def watching(self, socket: Socket) -> Iterator[None]:
        """Watch *socket*, whose auth session was live a moment ago."""
        self._sockets.setdefault(socket.key, set()).add(socket)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            of_session = self._sockets[socket.key]
            of_session.remove(socket)
            if not of_session:
                del self._sockets[socket.key]

    async def _run(self) -> None:
        """Watch until there is nothing to watch. If that fails, nothing is believed."""
        try:
            while self._sockets:
                await asyncio.sleep(EVERY)
                await self._look()
        finally:
            self._task = None
            self._end_unconfirmed_since(inf)

    async def _look(self) -> None:
        """Ask, and end what has ended. While a call is not answered, no other one is made."""
        asked = {key: tuple(sockets) for key, sockets in self._sockets.items()}
        sent = asyncio.get_running_loop().time()
        asking = asyncio.ensure_future(in_thread(self._thread, _live_of, tuple(asked)))
        while not (await asyncio.wait([asking], timeout=EVERY))[0]:
            self._end_late()
        try:
            live = asking.result()
        except StoreUnavailable:
            self._end_late()
            return
        for key, sockets in asked.items():
            standing = standing_of(live[key]) if key in live else None
            for socket in sockets:
                if socket.standing != standing:
                    socket.end(REJECTED, SessionEnded.code)
                elif not socket.is_proved(live[key]):
                    socket.end(REJECTED, TokenExpired.code)
                else:
                    socket.confirmed_at = sent

    def _end_late(self) -> None:
        """End those whose last answer will not count any more at the next time."""
        self._end_unconfirmed_since(asyncio.get_running_loop().time() - BELIEVED + EVERY)

    def _end_unconfirmed_since(self, since: float) -> None:
        sockets = [socket for of_session in self._sockets.values() for socket in of_session]
        late = [socket for socket in sockets if socket.confirmed_at < since]
        ended = sum(socket.end(UNAVAILABLE, StoreUnavailable.code) for socket in late)
        if ended:
            logger.warning("The store did not confirm %d WebSockets in time, so they are closed.", ended)


def _live_of(keys: Sequence[Key]) -> Mapping[Key, AuthSession]:
    """Return those that are live; each tenant's store is asked for its own."""
    live: dict[Key, AuthSession] = {}
    for name in {each for each, _ in keys}:
        with tenant(name):
            found = get_store().load_many([sid for each, sid in keys if each == name])
        live |= {(name, sid): session for sid, session in found.items()}
    return live


_watchers: "WeakKeyDictionary[asyncio.AbstractEventLoop, Watcher]" = WeakKeyDictionary()


def watcher() -> Watcher:
    """Return the watcher of the running event loop."""
    return _watchers.setdefault(asyncio.get_running_loop(), Watcher())
