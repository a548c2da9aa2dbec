"""The servers of each store of the fault matrix, and what a site on them sets."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from faults.places import HERE, Place, can_be_cut, cuttable
from faults.replicated_cluster import ReplicatedCluster
from faults.sentinel_servers import WatchedServers
from faults.stoppable_servers import StoppablePostgres, StoppableValkey
from support.cluster import BINARIES, Cluster
from support.servers import start_postgres

_MEMORY: Final = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}


@dataclass(frozen=True)
class Backing:
    """
    What a site runs on.

    Attributes:
        server: What faults happen to.
        settings: Settings of Django that differ.
        redis: ``AUTHKIT["REDIS"]``; ``None`` for the database store.
        places: Where the site runs, a web server in each.
    """

    server: Any
    settings: dict[str, Any]
    redis: dict[str, Any] | None = None
    places: tuple[Place, ...] = (HERE,)


def _valkey(stack: ExitStack, directory: Path, users: dict[str, Any]) -> Backing:
    valkey = stack.enter_context(StoppableValkey.running())
    alias = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": f"{valkey.url}/0"}
    return Backing(valkey, _with_alias(users, alias), {"ALIAS": "authkit"})


def _sentinel(binary: str, stack: ExitStack, directory: Path, users: dict[str, Any]) -> Backing:
    places = stack.enter_context(cuttable(3)) if can_be_cut() else [HERE] * 3
    servers = stack.enter_context(WatchedServers.running(directory, binary, places))
    redis = {"ALIAS": "authkit", "WAIT": (1, 500)}
    return Backing(servers, _with_alias(users, servers.alias()), redis, tuple(dict.fromkeys(places)))


def _cluster(binary: str, stack: ExitStack, directory: Path, users: dict[str, Any]) -> Backing:
    cluster = stack.enter_context(Cluster.running(binary, directory))
    options = {"REDIS_CLIENT_CLASS": "redis.cluster.RedisCluster"}
    alias = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": cluster.url, "OPTIONS": options}
    return Backing(cluster, _with_alias(users, alias), {"ALIAS": "authkit"})


def _replicated_cluster(binary: str, stack: ExitStack, directory: Path, users: dict[str, Any]) -> Backing:
    places = stack.enter_context(cuttable(3)) if can_be_cut() else [HERE] * 3
    cluster = stack.enter_context(ReplicatedCluster.running(directory, binary, places))
    redis = {"ALIAS": "authkit", "WAIT": (1, 500), "BUCKETS": 16}
    return Backing(cluster, _with_alias(users, cluster.alias()), redis, tuple(dict.fromkeys(places)))


def _postgresql(stack: ExitStack, directory: Path, users: dict[str, Any]) -> Backing:
    start_postgres(stack, directory)
    postgres = StoppablePostgres(directory / "postgres")
    where = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres"}
    options = {"options": "-c lock_timeout=1000"}
    address = {"HOST": postgres.host, "PORT": postgres.port}
    return Backing(postgres, {"DATABASE": {**where, **address, "OPTIONS": options}})


def _sqlite(stack: ExitStack, directory: Path, users: dict[str, Any]) -> Backing:
    return Backing(users["NAME"], {"DATABASE": users})


def _with_alias(users: dict[str, Any], alias: dict[str, Any]) -> dict[str, Any]:
    return {"DATABASE": users, "CACHES": {"default": _MEMORY, "authkit": alias}}


_START: Final[dict[str, Callable[[ExitStack, Path, dict[str, Any]], Backing]]] = {
    "valkey": _valkey,
    **{f"sentinel-{name}": partial(_sentinel, binary) for name, binary in BINARIES.items()},
    **{f"cluster-{name}": partial(_cluster, binary) for name, binary in BINARIES.items()},
    **{f"cluster-replicas-{name}": partial(_replicated_cluster, binary) for name, binary in BINARIES.items()},
    "postgresql": _postgresql,
    "sqlite": _sqlite,
}
STORES: Final = tuple(_START)


@contextmanager
def backing_of(store: str) -> Iterator[Backing]:
    """Run the servers of *store*."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="authkit-")))
        file = str(directory / "site.sqlite3")
        users = {"NAME": file, "OPTIONS": {"timeout": 1, "init_command": "PRAGMA journal_mode = WAL"}}
        yield _START[store](stack, directory, users)
