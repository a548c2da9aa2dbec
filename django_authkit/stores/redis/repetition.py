"""
Revokes again what a server has lost, which was started from an older state or took over without some writes.

Such a server shows it when a process connects: the id of its replication is another one. The process then
repeats the revocations that it has made, and after them the call for which it had connected. Calls over
connections that are open cost nothing.
"""

import re
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, Final

from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import ResponseError

from django_authkit.bridge import aside
from django_authkit.forks import in_forked_children
from django_authkit.outages import log_lost_revocations
from django_authkit.stores.redis.sending import Client
from django_authkit.stores.redis.server_names import name_of

MOST: Final = 5_000
"""How many revocations a process remembers: to repeat them takes less than a second."""
_ID: Final = re.compile(rb"master_replid:(\w+)")
"""Another one after each start of a server, and after each time that it takes over from another."""

Revocation = tuple[str, int]
"""A sid and 0, or the tag of a bucket and when all of its auth sessions were revoked."""
Again = Callable[[Revocation], bool]
"""Repeats one, and returns whether the server had lost it. Raises ``StoreUnavailable``."""


class Repetition:
    """
    The revocations that this process has made.

    Args:
        client: Each of its new connections is asked which server it leads to, if there is anything to repeat.

    Attributes:
        asked: How often they had to be repeated.
        done: The same, of those that are done. What is read while the two differ may have come back.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._made: dict[tuple[Again, Revocation], None] = {}
        self._ids: dict[Any, bytes] = {}
        self.asked = self.done = 0
        self.replace_locks()
        in_forked_children(self, Repetition.replace_locks)
        _call_for_new_connections(client, self._look)

    def replace_locks(self) -> None:
        """Make new ones: in a forked child nobody releases those that a thread of the parent held."""
        self._looking, self._repeating = Lock(), Lock()

    def add(self, again: Again, revocations: Iterable[Revocation]) -> None:
        """Remember what was revoked, and that *again* repeats it; forget the oldest."""
        for each in revocations:
            self._made[again, each] = None
        while len(self._made) > MOST:
            self._made.pop(next(iter(self._made)), None)

    def ask_for_it(self) -> None:
        """Have all repeated before the next answer: a node of a cluster has taken over."""
        self.asked += bool(self._made)

    def _look(self, connection: Any) -> None:
        """Find out whether *connection* leads to another server than the last one to that address."""
        connection.send_command("INFO", "replication")
        try:
            said = connection.read_response(disable_decoding=True)
        except ResponseError:  # the user may not ask
            return
        found = _ID.search(said if isinstance(said, bytes) else str(said).encode())
        where = (connection.host, connection.port) if isinstance(self._client, RedisCluster) else None
        with self._looking:
            if found and self._ids.get(where) != found[1]:
                self._ids[where] = found[1]
                self.ask_for_it()

    def repeat_if_due(self) -> None:
        """
        Repeat all, if a connection was made to another server. Other calls wait until that is done.

        Raises:
            StoreUnavailable: No answer; the next call tries again.
        """
        if self.done != self.asked:
            aside(self._repeat)  # on a loop, others must not wait for the lock

    def _repeat(self) -> None:
        with self._repeating:
            if self.done == self.asked:
                return
            asked, lost = self.asked, 0
            try:
                for again, each in list(self._made):
                    lost += again(each)
            finally:
                if lost:
                    log_lost_revocations(name_of(self._client), lost)
            self.done = asked


def _call_for_new_connections(client: Any, look: Callable[[Any], None]) -> None:
    """Call *look* with each connection that *client* makes, when the server has accepted it."""
    if isinstance(client, RedisCluster):
        client.user_on_connect_func = _in_order(client.user_on_connect_func, look)
    elif isinstance(client, Redis):
        options = client.connection_pool.connection_kwargs
        options["redis_connect_func"] = _in_order(options.get("redis_connect_func") or _greet, look)


def _in_order(*steps: Callable[[Any], None] | None) -> Callable[[Any], None]:
    """Return a function that takes *steps* with a connection, and closes it if one of them is interrupted."""

    def call(connection: Any) -> None:
        try:
            for step in filter(None, steps):
                step(connection)
        except BaseException:
            # redis-py would keep it as it is: without its database, or with a reply that nobody has read.
            connection.disconnect()
            raise

    return call


def _greet(connection: Any) -> None:
    connection.on_connect()
