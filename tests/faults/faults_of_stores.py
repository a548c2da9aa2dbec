"""What can happen to the server of a store, each as a context manager over the server."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import psycopg
from redis import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from faults.places import can_be_cut
from faults.replicated_cluster import ReplicatedCluster
from faults.sentinel_servers import WatchedServers
from faults.stoppable_servers import StoppablePostgres, StoppableValkey
from support.cluster import Cluster

Happens = Callable[[Any], AbstractContextManager[None]]
_SLOT = key_slot(b"authkit:{AA}:m")


@dataclass(frozen=True)
class Fault:
    """
    A fault.

    Attributes:
        name: What happens, in a few words.
        happens: Lets it last for the length of a ``with`` block.
        loses_data: Whether the store has forgotten live auth sessions afterwards.
        is_possible: Tells whether this host lets it happen.
    """

    name: str
    happens: Happens
    loses_data: bool = False
    is_possible: Callable[[], bool] = lambda: True


@contextmanager
def nothing(server: object) -> Iterator[None]:
    """Change nothing."""
    yield


@contextmanager
def _empty_restart(server: StoppableValkey) -> Iterator[None]:
    server.forget()
    server.kill()
    try:
        yield
    finally:
        server.start()


@contextmanager
def _flushed(server: StoppableValkey) -> Iterator[None]:
    server.direct.flushdb()
    yield


@contextmanager
def _scripts_flushed(server: StoppableValkey) -> Iterator[None]:
    with _meanwhile(server.direct.script_flush):
        yield


@contextmanager
def _connections_killed(server: StoppableValkey) -> Iterator[None]:
    with _meanwhile(lambda: _send(server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")):
        yield


@contextmanager
def _full(server: StoppableValkey) -> Iterator[None]:
    with server.configured("maxmemory", 1):
        yield


@contextmanager
def _read_only(server: StoppableValkey) -> Iterator[None]:
    _send(server, "REPLICAOF", "127.0.0.1", "1")
    try:
        yield
    finally:
        _send(server, "REPLICAOF", "NO", "ONE")


@contextmanager
def _too_few_replicas(server: StoppableValkey) -> Iterator[None]:
    with server.configured("min-replicas-to-write", 1):
        yield


@contextmanager
def _busy(server: StoppableValkey) -> Iterator[None]:
    """A script of somebody else's runs all the time."""

    def block() -> None:
        with Redis.from_url(server.url) as other, suppress(RedisError):
            other.eval("while true do end", 0)

    with server.configured("busy-reply-threshold", 50):
        thread = Thread(target=block, daemon=True)
        thread.start()
        try:
            yield
        finally:
            while thread.is_alive():
                with suppress(RedisError):
                    server.direct.script_kill()
                thread.join(0.05)


@contextmanager
def _forbidden(server: StoppableValkey) -> Iterator[None]:
    _send(server, "ACL", "SETUSER", "default", "-evalsha", "-eval")
    try:
        yield
    finally:
        _send(server, "ACL", "SETUSER", "default", "+evalsha", "+eval")


@contextmanager
def _slow(server: StoppableValkey) -> Iterator[None]:
    with _meanwhile(lambda: _send(server, "CLIENT", "PAUSE", 150, "ALL")):
        yield


@contextmanager
def _no_more_connections(server: StoppableValkey) -> Iterator[None]:
    with server.configured("maxclients", 3):
        yield


def _send(server: StoppableValkey, *command: Any) -> None:
    server.direct.execute_command(*command)  # type: ignore[no-untyped-call]


@contextmanager
def _meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """Do *act* every 0.2 seconds."""
    over = Event()

    def run() -> None:
        while not over.wait(0.2):
            with suppress(RedisError, psycopg.Error):
                act()

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def _altered(server: StoppablePostgres, name: str, value: str) -> Iterator[None]:
    _tell(server, f"ALTER SYSTEM SET {name} = {value}", "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        _tell(server, f"ALTER SYSTEM RESET {name}", "SELECT pg_reload_conf()")


def _tell(server: StoppablePostgres, *statements: str) -> None:
    with psycopg.connect(host=server.host, port=server.port, user="postgres", autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for statement in statements:
            connection.execute(statement)


@contextmanager
def _table_locked(server: StoppablePostgres) -> Iterator[None]:
    with psycopg.connect(host=server.host, port=server.port, user="postgres", dbname="postgres") as holder:
        holder.execute("LOCK TABLE authkit_session IN ACCESS EXCLUSIVE MODE")
        yield


def _backends_killed(server: StoppablePostgres) -> AbstractContextManager[None]:
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    return _meanwhile(lambda: _tell(server, f"{kill} AND backend_type = 'client backend'"))


@contextmanager
def _file_locked(path: str) -> Iterator[None]:
    """Somebody else holds the write lock of the SQLite file."""
    import sqlite3

    with sqlite3.connect(path, timeout=30, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            holder.execute("ROLLBACK")
    holder.close()


@contextmanager
def _slot_migrated(cluster: Cluster) -> Iterator[None]:
    """The slot of all records is moved key by key: some at once, the others in the end."""
    migration = cluster.migration(_SLOT)
    migration.begin()
    try:
        migration.move(20)
        yield
    finally:
        migration.end()


@contextmanager
def _slot_migrated_atomically(cluster: Cluster) -> Iterator[None]:
    cluster.migrate_atomically(_SLOT)
    yield


NOTHING = Fault("nothing", nothing)
_OF_SENTINEL = (
    NOTHING,
    Fault("failover that was ordered", WatchedServers.failed_over),
    Fault("failover after the primary was killed", WatchedServers.killed),
    Fault("failover after the primary was cut off", WatchedServers.divided, is_possible=can_be_cut),
)
_OF_CLUSTER = (NOTHING, Fault("a slot is migrated key by key", _slot_migrated))
_OF_REPLICATED_CLUSTER = (
    NOTHING,
    Fault("failover that was ordered", ReplicatedCluster.failed_over),
    Fault("failover after the primary was killed", ReplicatedCluster.killed),
    Fault("failover while the primary hangs", ReplicatedCluster.hung),
    Fault("failover after the primary was cut off", ReplicatedCluster.divided, is_possible=can_be_cut),
)
FAULTS: dict[str, tuple[Fault, ...]] = {
    "valkey": (
        NOTHING,
        Fault("stopped and started again", StoppableValkey.down),
        Fault("killed and started again, empty", _empty_restart, loses_data=True),
        Fault("accepts and does not answer", StoppableValkey.hung),
        Fault("its database is emptied", _flushed, loses_data=True),
        Fault("its scripts are forgotten, again and again", _scripts_flushed),
        Fault("all connections are closed, again and again", _connections_killed),
        Fault("its memory is full", _full),
        Fault("made a read-only replica", _read_only),
        Fault("has too few replicas to write", _too_few_replicas),
        Fault("busy with somebody's script", _busy),
        Fault("the user may not run scripts any more", _forbidden),
        Fault("answers after 150 ms", _slow),
        Fault("accepts no more connections", _no_more_connections),
    ),
    "sentinel-valkey": _OF_SENTINEL,
    "sentinel-redis": _OF_SENTINEL,
    "cluster-valkey": (
        *_OF_CLUSTER,
        Fault("a slot is migrated atomically", _slot_migrated_atomically),
    ),
    "cluster-redis": _OF_CLUSTER,
    "cluster-replicas-valkey": _OF_REPLICATED_CLUSTER,
    "cluster-replicas-redis": _OF_REPLICATED_CLUSTER,
    "postgresql": (
        NOTHING,
        Fault("stopped and started again", StoppablePostgres.down),
        Fault("all connections are closed, again and again", _backends_killed),
        Fault("read-only", lambda server: _altered(server, "default_transaction_read_only", "on")),
        Fault("the table is locked", _table_locked),
    ),
    "sqlite": (NOTHING, Fault("the file is locked by somebody else", _file_locked)),
}


def last(fault: Fault, server: object, seconds: float) -> None:
    """Let *fault* last for so many seconds."""
    with fault.happens(server):
        time.sleep(seconds)
