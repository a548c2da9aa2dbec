"""
How a variant responds while its store is down, and after it is back.

The store is not stopped. The variant is served by additional workers that reach the store through a
proxy, which is cut. An SQLite file is moved away meanwhile.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connections

from django_authkit.compare import processes
from django_authkit.compare.http_client import Answer, Client
from django_authkit.compare.processes import Served, Workers
from django_authkit.compare.scratch_data import Scratch
from django_authkit.compare.tcp_proxy import Line, line_to
from django_authkit.compare.variants import Variant
from django_authkit.compare.worker.config import WorkerConfig

_REQUESTS = 5
_BACK = 5.0
"""Seconds within which a variant must respond again."""
_NANO = 1_000_000_000
_LONGEST_DIRECTORY = 80
"""Bytes: the path of a Unix socket may not have many more."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """How a store is lost: the configuration of the workers, and the two switches."""

    config: WorkerConfig
    lose: Callable[[], None]
    restore: Callable[[], None]


def observe(
    made: Scratch, variant: Variant, client_of: Callable[[Served], Client], workers: Workers, path: str
) -> dict[str, Any] | None:
    """
    Cut off the store while a client is logged in.

    Returns:
        ``down``: the statuses of requests meanwhile; ``log_in_down``: that of a login; ``slowest``: the
        longest of them, ms; ``back_after``: ms until a request succeeded again, or ``None``; ``kept``:
        whether the same credential did. ``None`` where the store is not reached by an address of its own.
    """
    with ExitStack() as stack:
        cut = stack.enter_context(_cuttable(made, variant))
        if cut is None:
            return None
        served = processes.start(stack, cut.config, replace(workers, workers=1), made.directory)
        processes.wait_until_up(served)
        client, fresh = client_of(served), client_of(served)
        client.prepare()
        fresh.prepare()
        client.log_in()
        before = client.get(path)
        cut.lose()
        try:
            down = [client.get(path) for _ in range(_REQUESTS)]
            log_in = fresh.log_in()
        finally:
            cut.restore()
        back = _answers_again(client, path)
        client.log_out()
        return {
            "before": before.status,
            "down": [answer.status for answer in down],
            "log_in_down": log_in.status,
            "slowest": max(answer.took for answer in (*down, log_in)) / 1e6,
            "back_after": back,
            "kept": back is not None,
        }


def _answers_again(client: Client, path: str) -> float | None:
    began = time.monotonic_ns()
    while True:
        answer: Answer = client.get(path)
        if answer.fine:
            return (answer.ended - began) / 1e6
        if answer.refused or answer.ended - began > _BACK * _NANO:
            return None
        time.sleep(0.02)


@contextmanager
def _cuttable(made: Scratch, variant: Variant) -> Iterator[_Cut | None]:
    config = made.for_variant(variant)
    if variant.store == "redis":
        yield from _redis_cut(config)
    elif connections["default"].vendor == "sqlite":
        yield _file_cut(config)
    else:
        yield from _database_cut(config, made.directory)


def _redis_cut(config: WorkerConfig) -> Iterator[_Cut | None]:
    alias = config.redis_alias
    url = config.redis_urls.get(alias) or settings.CACHES[alias]["LOCATION"]
    parts = urlsplit(url) if isinstance(url, str) else None
    # No proxy: TLS checks the host name, and a Sentinel or cluster announces its own addresses.
    if parts is None or parts.scheme != "redis" or "," in parts.netloc or not parts.hostname:
        yield None
        return
    with line_to((parts.hostname, parts.port or 6379)) as line:
        credentials, at, _ = parts.netloc.rpartition("@")
        netloc = f"{credentials}{at}127.0.0.1:{line.port}"
        changed = {**config.redis_urls, alias: urlunsplit(parts._replace(netloc=netloc))}
        yield _Cut(replace(config, redis_urls=changed), line.cut, line.restore)


def _database_cut(config: WorkerConfig, directory: Path) -> Iterator[_Cut | None]:
    at = connections["default"].settings_dict
    target = _database_target(at)
    if target is None or (len(bytes(directory)) > _LONGEST_DIRECTORY and isinstance(target, str)):
        yield None
        return
    with line_to(target, directory) as line:
        yield _Cut(_over(config, line), line.cut, line.restore)


def _over(config: WorkerConfig, line: Line) -> WorkerConfig:
    changed = {**config.databases["default"], "HOST": "127.0.0.1", "PORT": str(line.port)}
    if line.path:  # PostgreSQL's drivers take the directory, and the name from the port
        host = line.path.parent if connections["default"].vendor == "postgresql" else line.path
        changed = {**config.databases["default"], "HOST": str(host)}
    return replace(config, databases={**config.databases, "default": changed})


def _database_target(at: dict[str, Any]) -> tuple[str, int] | str | None:
    """Return the address of the server; ``None`` if the settings leave it to the driver."""
    vendor, host, port = connections["default"].vendor, str(at["HOST"]), str(at["PORT"] or "")
    usual = {"postgresql": "5432", "mysql": "3306"}.get(vendor)
    if usual is None or not host:
        return None
    if not host.startswith("/"):
        return host, int(port or usual)
    return f"{host}/.s.PGSQL.{port or usual}" if vendor == "postgresql" else host


def _file_cut(config: WorkerConfig) -> _Cut:
    """Return the switches that replace the file with one that cannot be opened, and restore it."""
    file = Path(config.databases["default"]["NAME"])
    away = file.with_suffix(".away")

    def lose() -> None:
        file.rename(away)
        file.mkdir()

    def restore() -> None:
        file.rmdir()
        away.rename(file)

    return _Cut(config, lose, restore)
