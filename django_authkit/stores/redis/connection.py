"""
Makes the store's client from a django-redis cache alias.

The alias says where the server is and how to connect: URL, Sentinel, TLS, password, its own connection
factory. The store adds its own connections, replies as bytes, timeouts, and no repetition by the client.
``Scripts`` repeats once; redis-py's ten attempts would multiply the timeouts, and each request would wait
long for a server that hangs.
"""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from django_redis.cache import RedisCache
from django_redis.pool import ConnectionFactory, get_connection_factory
from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import SentinelConnectionPool

from django_authkit.outages import unavailable
from django_authkit.stores.redis.failures import CLIENT_ERRORS, reason_for
from django_authkit.stores.redis.primary import EVERY, PrimaryPool
from django_authkit.stores.redis.sending import Client
from django_authkit.stores.redis.server_names import server_name, set_name

TIMEOUT = 1.0
"""Seconds to wait for a connection and for each reply, unless the alias says otherwise."""
MOST_CONNECTIONS = 10_000
"""
Most connections of a process, unless the alias says otherwise: as many as a server accepts by default.

Each call has one for its round trip, so there are as many as threads that call at once. Under ASGI each
request has a thread, and redis-py's 100 would refuse the others.
"""


def connect(alias: str, *, confirm_every: float = EVERY) -> Client:
    """
    Return a new client for the cache *alias*, whose replies are bytes and which never repeats a call.

    It shares no connection with the cache. Only a cluster's client connects at once, since it asks the
    cluster for its layout.

    Args:
        alias: The alias.
        confirm_every: Seconds after which the Sentinels, if there are any, are asked again which server is
            the primary.

    Raises:
        ImproperlyConfigured: There is no such alias, or it is not one of django-redis.
        StoreUnavailable: The cluster did not respond.
    """
    urls, options = _configuration(alias)
    client_class = import_string(options.get("REDIS_CLIENT_CLASS", "redis.client.Redis"))
    name = server_name(alias, urls, options.get("SENTINELS") or ())
    client: Client
    if issubclass(client_class, RedisCluster):
        client = _connect_cluster(client_class, urls, options, name)
    else:
        client = _connect_server(urls[0], options)
        if isinstance(client.connection_pool, PrimaryPool):
            client.connection_pool.confirm_every = confirm_every
    set_name(client, name)
    return client


def _connect_server(url: str, options: dict[str, Any]) -> Redis:
    client: Redis = _own_factory(options).connect(url)
    client.connection_pool.connection_kwargs.update(decode_responses=False, retry=_never())
    return client


def _never() -> Retry:
    return Retry(NoBackoff(), 0)


def _configuration(alias: str) -> tuple[list[str], dict[str, Any]]:
    """Return the servers of *alias*, the primary first, and its options with our timeouts added."""
    configured = settings.CACHES.get(alias)
    if configured is None or not issubclass(import_string(configured["BACKEND"]), RedisCache):
        message = f"The cache alias {alias!r} is not one of django-redis."
        raise ImproperlyConfigured(message)
    location = configured["LOCATION"]
    urls = location.split(",") if isinstance(location, str) else list(location)
    options = {"SOCKET_TIMEOUT": TIMEOUT, "SOCKET_CONNECT_TIMEOUT": TIMEOUT, **configured.get("OPTIONS", {})}
    options["CONNECTION_POOL_KWARGS"] = {
        "max_connections": MOST_CONNECTIONS,
        **(options.get("CONNECTION_POOL_KWARGS") or {}),
    }
    if "SENTINELS" in options:
        options["SENTINEL_KWARGS"] = {
            "socket_timeout": options["SOCKET_TIMEOUT"],
            "socket_connect_timeout": options["SOCKET_CONNECT_TIMEOUT"],
            **(options.get("SENTINEL_KWARGS") or {}),
            "retry": _never(),
        }
    return urls, options


def _own_factory(options: dict[str, Any]) -> ConnectionFactory:
    """Return the alias's connection factory with pools of its own; a class of django-redis shares them."""
    factory = get_connection_factory(options=options)
    factory._pools = {}  # noqa: SLF001 - where django-redis keeps them; its class attribute is the cache's
    if factory.pool_cls is SentinelConnectionPool:
        factory.pool_cls = PrimaryPool
    return factory


def _connect_cluster(
    client_class: type[RedisCluster], urls: list[str], options: dict[str, Any], name: str
) -> RedisCluster:
    parameters = ConnectionFactory(options).make_connection_params(urls[0])
    del parameters["parser_class"]
    parameters |= options["CONNECTION_POOL_KWARGS"] | options.get("REDIS_CLIENT_KWARGS", {})
    parameters |= {"decode_responses": False, "retry": _never()}
    try:
        return client_class(startup_nodes=[_node(url) for url in urls[1:]], **parameters)
    except CLIENT_ERRORS as error:
        reason = reason_for(error)
        raise unavailable(reason, name) from reason


def _node(url: str) -> ClusterNode:
    where = parse_url(url)  # type: ignore[no-untyped-call]
    return ClusterNode(where["host"], where.get("port", 6379))  # type: ignore[no-untyped-call]
