"""
Sends the store's commands on redis-py's connections, below its command layer, which costs more than the rest.

A pool gives a connection, and is asked again when one has failed, so that it reconnects, times out and finds
the primary as for any command. In between, the connection waits here for the next call.
"""

import os
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from inspect import Parameter, signature
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias
from weakref import WeakKeyDictionary, WeakSet

from redis import ConnectionPool, Redis, exceptions
from redis.cluster import RedisCluster

from django_authkit.bridge import here, wait
from django_authkit.stores.redis.failures import CLIENT_ERRORS
from django_authkit.stores.redis.primary import PrimaryPool

if TYPE_CHECKING:
    from django_authkit.stores.redis.loop_sending import LoopSenders

Client: TypeAlias = Redis | RedisCluster
Argument: TypeAlias = str | bytes | int
Command: TypeAlias = Sequence[Argument]

_CONSTANT: Final = 5
"""The first words of EVALSHA with two keys are the same in each call of a script in a bucket."""
# Before redis-py 5.3 it has to be told a command, and does not use it; after that it warns of one.
_TOLD: Final = signature(ConnectionPool.get_connection).parameters["command_name"]
_COMMAND_NAME: Final = ("EVALSHA",) if _TOLD.default is Parameter.empty else ()

MOST_SECONDS: Final = 60.0
"""
How long a connection is used, then it is opened anew.

The server's host name may lead to another server by then, while the deposed one goes on answering.
"""

_waiting: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()
"""The connections that wait for the next call, by their pool, which counts them as in use."""
_opened_at: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
"""When each connection was opened, or seen open for the first time."""


class Sender(Protocol):
    """Sends commands to the server, or to the node of a cluster that the first of them belongs to."""

    def send(self, *commands: Command) -> list[Any]:
        """
        Return the replies to *commands*, which are sent at once on one connection.

        Raises:
            RedisError: No reply, or the first of them that is an error.
        """

    def drop_idle_connections(self) -> None:
        """Look anew for the server, or for the node of a cluster."""

    def is_awaitable(self) -> bool:
        """Tell whether a call within a bridge waits on the event loop."""

    def confirm(self) -> None:
        """
        Make sure that the nodes of a cluster are those of now; each call does so.

        Raises:
            ClusterError: It is not known.
        """

    def node_of(self, key: str) -> Hashable:
        """
        Return the node of a cluster that has *key*; ``None`` for any other server.

        Raises:
            RedisError: It is not known.
        """


def sender_for(client: Client, replaced: Callable[[], None] = lambda: None) -> Sender:
    """
    Return what sends the commands of *client*, and calls *replaced* when a node of a cluster has taken over.

    A client of another class, or with another kind of pool, does what it does in its own commands; one with
    a credential provider renews what it logs in with as it gives connections back.
    """
    _clients.add(client)
    if type(client) is Redis and client.connection is None:
        pool: Any = client.connection_pool
        of_a_provider = pool.connection_kwargs.get("credential_provider") is not None
        if type(pool) in (ConnectionPool, PrimaryPool) and not of_a_provider and not _caches(pool):
            return Direct(pool)
    if not isinstance(client, RedisCluster):
        return Commands(client)
    from django_authkit.stores.redis.cluster_sending import OfCluster  # only where it is used

    return OfCluster(client, replaced)


def _caches(pool: Any) -> bool:
    return getattr(pool, "cache", None) is not None


class Direct:
    """
    Sends on the connections of *pool*, one for each call in progress.

    At most half of those that the pool may open wait here: the other commands of the client need some too.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._waiting = _waiting.setdefault(pool, [])
        self._most_waiting = pool.max_connections // 2
        self._dropped = 0
        self._on_loops: LoopSenders | None = None

    def send(self, *commands: Command) -> list[Any]:
        """Return the replies to *commands*, which are sent at once on one connection."""
        packed = b"".join(map(_packed, commands))
        if here.bridge is not None:
            return wait(self._of_loops().of_running_loop().send(packed, len(commands)))
        dropped = self._dropped
        connection, error = self._take(), None
        try:
            connection.send_packed_command([packed])
            replies = []
            for _ in commands:
                try:
                    replies.append(connection.read_response())
                except exceptions.ResponseError as refused:
                    error = error or refused
        except BaseException:
            self._close(connection)
            raise
        if dropped != self._dropped:  # while it was in use
            self._close(connection)
        elif len(self._waiting) < self._most_waiting:
            self._waiting.append(connection)
        else:
            self._pool.release(connection)
        if error:
            try:
                raise error
            finally:
                del error  # or its traceback keeps the pool until the next garbage collection
        return replies

    def _close(self, connection: Any) -> None:
        _opened_at.pop(connection, None)
        try:
            connection.disconnect()
        finally:
            self._pool.release(connection)

    def drop_idle_connections(self) -> None:
        """Look anew for the server. Connections in use are dropped when they come back."""
        self._dropped += 1
        while self._waiting:
            with suppress(IndexError):  # another thread was faster
                self._pool.release(self._waiting.pop())
        self._pool.disconnect(inuse_connections=False)

    def is_awaitable(self) -> bool:
        """Tell whether a call within a bridge waits on the event loop."""
        return self._of_loops().is_supported()

    def confirm(self) -> None:
        """Do nothing: it is one server."""

    def node_of(self, key: str) -> None:
        """Return ``None``: it is one server."""

    def _of_loops(self) -> "LoopSenders":
        if self._on_loops is None:
            from django_authkit.stores.redis.loop_sending import LoopSenders  # only where it is used

            self._on_loops = LoopSenders(self._pool, lambda: self._dropped)
        return self._on_loops

    def _take(self) -> Any:
        """Return a connection that nobody else has, and that has no data of a former call."""
        try:
            connection = self._waiting.pop()
            while connection.pid != os.getpid():  # a parent's
                connection = self._waiting.pop()
        except IndexError:
            return self._of_pool()
        is_ready = False
        try:
            if isinstance(self._pool, PrimaryPool):
                self._pool.confirm()
            is_marked = getattr(connection, "should_reconnect", bool)()  # from redis-py 7 on
            is_young = monotonic() - _opened_at[connection] < MOST_SECONDS
            # As the pool does before it gives one out.
            is_fit = not is_marked and self._pool.owns_connection(connection) and not connection.can_read()
            is_ready = is_young and is_fit
        except (*CLIENT_ERRORS, OSError):
            is_ready = False
        finally:
            if not is_ready:
                self._close(connection)
        return connection if is_ready else self._of_pool()

    def _of_pool(self) -> Any:
        """Return a connection of the pool, which opens one if need be; one that is too old is opened anew."""
        connection = self._pool.get_connection(*_COMMAND_NAME)
        now = monotonic()
        if now - _opened_at.setdefault(connection, now) >= MOST_SECONDS:
            connection.disconnect()  # the next command connects
            _opened_at[connection] = now
        return connection


class Commands:
    """Sends through the commands of *client*, one that is not made as usual."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def send(self, *commands: Command) -> list[Any]:
        """Return the replies to *commands*, which are sent at once on one connection."""
        if len(commands) == 1:
            return [self._client.execute_command(*encoded(commands[0]))]  # type: ignore[no-untyped-call]
        return pipelined_to(self._client, commands)

    def drop_idle_connections(self) -> None:
        """Look anew for the server."""
        self._client.connection_pool.disconnect(inuse_connections=False)

    def is_awaitable(self) -> bool:
        """Tell whether a call within a bridge waits on the event loop: it blocks."""
        return False

    def confirm(self) -> None:
        """Do nothing: it is one server."""

    def node_of(self, key: str) -> None:
        """Return ``None``: it is one server."""


def pipelined_to(client: Any, commands: Sequence[Command]) -> list[Any]:
    """Return the replies to *commands*, or raise the first of them that is an error."""
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*encoded(command))
    # redis-py would put the arguments into the message of an error.
    replies: list[Any] = pipeline.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def encoded(command: Command) -> list[Argument]:
    """Return *command* as redis-py takes it, which needs its name as text, and counts by its numbers."""
    return [command[0], *(each if isinstance(each, int) else _raw(each) for each in command[1:])]


def _raw(argument: Argument) -> bytes:
    """Return *argument* as it is sent. What is not Unicode text (a lone surrogate) is replaced."""
    return argument if isinstance(argument, bytes) else str(argument).encode(errors="replace")


def _packed(command: Command) -> bytes:
    packed = _head(len(command), *command[:_CONSTANT])
    for argument in command[_CONSTANT:]:  # as ``_raw``, without a call for each
        raw = argument if isinstance(argument, bytes) else str(argument).encode(errors="replace")
        packed += b"$%d\r\n%b\r\n" % (len(raw), raw)
    return packed


@lru_cache(4096)
def _head(length: int, *first: Argument) -> bytes:
    return b"".join([b"*%d\r\n" % length, *[b"$%d\r\n%b\r\n" % (len(raw), raw) for raw in map(_raw, first)]])


_clients: WeakSet[Client] = WeakSet()
_LOCKS = ("_lock", "_fork_lock", "_initialization_lock")
"""Where redis-py keeps them."""


def _replace_locks_in_child() -> None:
    """A thread of the parent may have held one of redis-py's locks, which no thread of a child releases."""
    for client in list(_clients):
        if isinstance(client, RedisCluster):
            of_nodes = [node.redis_connection for node in client.get_nodes()]  # type: ignore[no-untyped-call]
            owners = [client, client.nodes_manager, *[each.connection_pool for each in of_nodes if each]]
        else:
            owners = [client.connection_pool]
        for owner in owners:
            for name in filter(partial(hasattr, owner), _LOCKS):
                setattr(owner, name, RLock())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_replace_locks_in_child)
