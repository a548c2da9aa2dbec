"""
What a cache alias and its server are configured to do, for the system checks.

The alias is inspected without connecting, the server by commands. It reads the settings as ``connection``
and django-redis do: an option of the alias yields to ``CONNECTION_POOL_KWARGS``, and both yield to what the
URL says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from django.utils.module_loading import import_string
from django_redis.cache import RedisCache
from redis.cluster import RedisCluster
from redis.connection import BlockingConnectionPool, parse_url

from django_authkit.stores.redis.connection import TIMEOUT, connect
from django_authkit.stores.redis.failures import CLIENT_ERRORS
from django_authkit.stores.redis.sending import Client
from django_authkit.stores.redis.server_names import no_answer

__all__ = [
    "TIMEOUT",
    "RedisDatabase",
    "eviction_policies",
    "is_cluster",
    "is_of_django_redis",
    "longest_wait",
    "memory_of_servers",
    "numbers_of_keys",
    "redis_databases",
    "shortest_patience",
]

_ATTEMPTS = 2
"""The first, and the one repetition of ``Scripts``."""
_POOL_WAIT = 20.0
"""Seconds that a ``BlockingConnectionPool`` waits for a free connection unless told otherwise."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class RedisDatabase:
    """
    A numbered database of a server.

    Attributes:
        server: Host and port, or the path of a Unix socket; behind Sentinel the name of the service and
            one of the Sentinels.
        database: Its number.
    """

    server: tuple[str, ...]
    database: int


def is_of_django_redis(configured: Mapping[str, Any]) -> bool:
    """Tell whether the cache has a backend of django-redis."""
    try:
        backend = import_string(configured.get("BACKEND", ""))
    except ImportError:
        return False
    return isinstance(backend, type) and issubclass(backend, RedisCache)


def is_cluster(configured: Mapping[str, Any]) -> bool:
    """Tell whether the cache's client is that of a cluster."""
    client_class = _options(configured).get("REDIS_CLIENT_CLASS", "redis.client.Redis")
    return issubclass(import_string(client_class), RedisCluster)


def redis_databases(configured: Mapping[str, Any]) -> frozenset[RedisDatabase]:
    """Return the Redis databases that the ``LOCATION`` of a cache names by URL; none for other caches."""
    sentinels = _options(configured).get("SENTINELS") or ()
    return frozenset(
        database
        for parameters in _connection_parameters(configured)
        for database in _databases_of(parameters, [f"{_host(host)}:{port}" for host, port in sentinels])
    )


def longest_wait(configured: Mapping[str, Any]) -> float | None:
    """
    Return how many seconds a call of the store takes at most if the server hangs.

    ``None`` if the project has turned the timeouts off. Looking for the primary through Sentinel may
    add the same for each Sentinel that hangs as well.
    """
    waits: list[float] = []
    for parameters in (*_connection_parameters(configured), *_sentinel_parameters(configured)):
        for name in ("socket_timeout", "socket_connect_timeout"):
            if not parameters.get(name):
                return None
            waits.append(parameters[name])
    pool_wait = _pool_wait(configured)
    return None if pool_wait is None else _ATTEMPTS * (max(waits) + pool_wait)


def shortest_patience(configured: Mapping[str, Any]) -> float:
    """Return how many seconds the store waits for a reply."""
    waits = [parameters.get("socket_timeout") for parameters in _connection_parameters(configured)]
    return min((seconds for seconds in waits if seconds), default=inf)


def eviction_policies(alias: str) -> frozenset[str]:
    """
    Return the ``maxmemory-policy`` of the server, or of each primary of the cluster.

    Raises:
        StoreUnavailable: It did not respond, or rejects the command.
    """
    client = connect(alias)
    try:
        return frozenset(server["maxmemory_policy"] for server in memory_of_servers(client))
    except CLIENT_ERRORS as error:
        raise no_answer(client, error) from error
    finally:
        client.close()


def memory_of_servers(client: Client) -> list[Mapping[str, Any]]:
    """Return what the server, or each primary of the cluster, tells of its memory (``INFO memory``)."""
    if not isinstance(client, RedisCluster):
        return [client.info("memory")]
    answer = client.info("memory", target_nodes=RedisCluster.PRIMARIES)
    return [answer] if "maxmemory_policy" in answer else list(answer.values())  # one node comes bare


def numbers_of_keys(client: Client) -> list[tuple[dict[str, Any], int]]:
    """Return how to address the server, or each primary of the cluster, and how many keys it has."""
    if isinstance(client, RedisCluster):
        servers = [({"target_nodes": node}, "db0") for node in client.get_primaries()]  # type: ignore[no-untyped-call]
    else:
        servers = [({}, f"db{client.get_connection_kwargs().get('db') or 0}")]
    return [(at, int(client.info("keyspace", **at).get(name, {}).get("keys", 0))) for at, name in servers]


def _options(configured: Mapping[str, Any]) -> Mapping[str, Any]:
    return configured.get("OPTIONS") or {}


def _connection_parameters(configured: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what each connection is made from, one a URL; without those that are no URL of Redis."""
    options = _options(configured)
    given = {
        "socket_timeout": options.get("SOCKET_TIMEOUT", TIMEOUT),
        "socket_connect_timeout": options.get("SOCKET_CONNECT_TIMEOUT", TIMEOUT),
        "db": options.get("db"),  # Django's own Redis cache takes it there
    }
    given |= options.get("CONNECTION_POOL_KWARGS") or {}
    if is_cluster(configured):  # its client takes both; others have a pool already
        given |= options.get("REDIS_CLIENT_KWARGS") or {}
    location = configured.get("LOCATION") or ()
    urls = re.split("[,;]", location) if isinstance(location, str) else location
    return [given | told for told in map(_parsed, urls) if told is not None]


def _parsed(url: object) -> dict[str, Any] | None:
    try:
        return dict(parse_url(str(url)))  # type: ignore[no-untyped-call]
    except ValueError:
        return None


def _sentinel_parameters(configured: Mapping[str, Any]) -> list[dict[str, Any]]:
    options = _options(configured)
    if not options.get("SENTINELS"):
        return []
    by_default = {
        "socket_timeout": options.get("SOCKET_TIMEOUT", TIMEOUT),
        "socket_connect_timeout": options.get("SOCKET_CONNECT_TIMEOUT", TIMEOUT),
    }
    return [by_default | (options.get("SENTINEL_KWARGS") or {})]


def _pool_wait(configured: Mapping[str, Any]) -> float | None:
    """Return how many seconds a call may wait for one of the pool's connections; ``None`` for no limit."""
    options = _options(configured)
    pool_class = import_string(options.get("CONNECTION_POOL_CLASS", "redis.connection.ConnectionPool"))
    if not issubclass(pool_class, BlockingConnectionPool):
        return 0.0
    waits = [parameters.get("timeout", _POOL_WAIT) for parameters in _connection_parameters(configured)]
    return None if None in waits else max(waits)


def _databases_of(parameters: Mapping[str, Any], sentinels: list[str]) -> list[RedisDatabase]:
    database = int(parameters.get("db") or 0)
    if "path" in parameters:
        return [RedisDatabase((parameters["path"],), database)]
    host, port = _host(parameters.get("host", "localhost")), str(parameters.get("port", 6379))
    if sentinels:
        return [RedisDatabase((host, sentinel), database) for sentinel in sentinels]
    return [RedisDatabase((host, port), database)]


def _host(name: str) -> str:
    """Return *name* without regard to case, with one name for this machine."""
    return "localhost" if name.lower() in _LOOPBACK else name.lower()
