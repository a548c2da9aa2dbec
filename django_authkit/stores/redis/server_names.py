"""The name of the server behind a client, for messages and logs: what it is, where, and under which alias."""

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from redis.connection import parse_url
from redis.exceptions import ClusterError

from django_authkit.errors import StoreUnavailable
from django_authkit.outages import unavailable

_GAVE_UP = "TTL exhausted."
"""What redis-py says when nodes kept on answering that others should be asked, or the same ones again."""
_names: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
"""By client."""


def server_name(alias: str, urls: Iterable[str], sentinels: Iterable[tuple[str, int]] = ()) -> str:
    """Return the name of the server of the cache *alias*, without user and password."""
    places = ", ".join(map(_place, urls))
    through = ", ".join(f"{host}:{port}" for host, port in sentinels)
    return f"Redis at {places}{f' through Sentinel {through}' if through else ''} (CACHES[{alias!r}])"


def _place(url: str) -> str:
    parts: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    where = parts.get("path") or f"{parts.get('host', 'localhost')}:{parts.get('port', 6379)}"
    return f"{where}/{parts.get('db', 0)}"


def set_name(client: Any, name: str) -> None:
    """Remember the name of the server behind *client*."""
    _names[client] = name


def name_of(client: Any) -> str:
    """Return the name of the server behind *client*."""
    return _names.get(client, "Redis")


def no_answer(client: Any, error: Exception) -> StoreUnavailable:
    """Log why the server behind *client* failed, and return the error to raise from *error*."""
    if isinstance(error, ClusterError) and str(error) == _GAVE_UP:
        said = ClusterError("A slot is being migrated, or the nodes disagree about who serves it.")
        error = said.with_traceback(error.__traceback__)
    return unavailable(error, name_of(client))
