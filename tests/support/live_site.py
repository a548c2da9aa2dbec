"""The test site in one mode, on one store, for clients of one transport; and helpers for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib.resources import files
from itertools import takewhile
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import connections
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from redis import Redis

from django_authkit import sessions_of
from django_authkit.models import AttemptRow, AuthSessionRow
from django_authkit.stores.redis.scripts import script
from django_authkit.types import Mode, Transport
from django_authkit.wiring import get_store
from support.client import PASSWORD, Device
from support.clock import Clock

in_session_mode = pytest.mark.parametrize("mode", [Mode.SESSION], ids=str, indirect=True)
in_jwt_mode = pytest.mark.parametrize("mode", [Mode.JWT], ids=str, indirect=True)
by_cookie = pytest.mark.parametrize("transport", [Transport.COOKIE], ids=str, indirect=True)
by_header = pytest.mark.parametrize("transport", [Transport.HEADER], ids=str, indirect=True)
"""Restrict a test to some of the combinations."""

_TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET CONSTRAINTS")


@dataclass
class Trips:
    """The commands and statements of a block of code."""

    commands: list[str] = field(default_factory=list)
    """Commands to Redis, except those inside scripts."""
    queries: list[str] = field(default_factory=list)
    """SQL statements, except the begin and end of transactions."""

    def __repr__(self) -> str:
        return "\n".join((*self.commands, *self.queries))


def _load_scripts(client: Redis) -> None:
    lua = files("django_authkit.stores.redis") / "lua"
    for name in {each.name.removesuffix(".lua") for each in lua.iterdir()} - {
        "clock",
        "blacklist",
        "records",
        "replicas",
    }:
        client.script_load(script(name).text)


class LiveSite:
    """
    The site as configured.

    Attributes:
        store: ``valkey``, ``sqlite``, ``postgresql`` or ``mariadb``.
        alias: The database of the site's users, and of the store if it is a database.
    """

    def __init__(
        self, settings: Settings, clock: Clock, *, store: str, mode: Mode, transport: Transport
    ) -> None:
        self.settings, self.store, self.mode, self.transport = settings, store, mode, transport
        self.alias = {"postgresql": "postgres", "mariadb": "mariadb"}.get(store, "default")
        self._clock = clock
        if self.alias == "postgres":
            settings.DATABASE_ROUTERS = [settings.EVERYTHING_ON_POSTGRES]
        if self.alias == "mariadb":
            settings.DATABASE_ROUTERS = [settings.EVERYTHING_ON_MARIADB]
        settings.AUTHKIT_MODE = str(mode)
        self._authkit: dict[str, Any] = {
            "STORE": "redis" if self.on_redis else "database",
            "REDIS": {"ALIAS": "authkit"},
            "DATABASE_ALIAS": self.alias,
        }
        self.configure()

    @property
    def on_redis(self) -> bool:
        """Whether auth sessions are in Valkey."""
        return self.store == "valkey"

    @property
    def is_jwt(self) -> bool:
        """Whether tokens are issued."""
        return self.mode is Mode.JWT

    def configure(self, **changes: Any) -> None:
        """Change members of ``AUTHKIT``, and of the dicts in it."""
        for name, value in changes.items():
            old = self._authkit.get(name)
            if isinstance(old, dict) and isinstance(value, dict):
                value = {**old, **value}
            self._authkit[name] = value
        self.settings.AUTHKIT = dict(self._authkit)
        self.keep_time()

    def keep_time(self) -> None:
        """Let the store follow the test's clock; needed after a setting changed that creates a new store."""
        self._clock.follow(get_store())

    def advance(self, **span: float) -> None:
        """Let time pass."""
        self._clock.advance(timedelta(**span))

    def device(self, transport: Transport | None = None, address: str = "198.51.100.7") -> Device:
        """Return a new client, by default of this run's transport."""
        return Device(self.mode, transport or self.transport, address)

    def logged_in(self, username: str = "ada", user_agent: str = "", **body: Any) -> Device:
        """Return a client that has just logged in."""
        device = self.device()
        device.user_agent = user_agent
        answer = device.log_in(username, **body)
        assert answer.status_code == 200, answer.content
        return device

    def add_user(self, username: str = "ada", **fields: Any) -> User:
        """Return a new user, whose password is ``PASSWORD``."""
        return User.objects.create_user(username, password=PASSWORD, **fields)

    def sids(self, user: User) -> list[str]:
        """Return the sids of the user's auth sessions."""
        return [session.sid for session in sessions_of(user)]

    def sid(self, device: Device) -> str:
        """Return the sid of the auth session of *device*, which must be live."""
        answer = device.who()
        assert answer.status_code == 200, answer.content
        return str(answer.json()["session"]["sid"])  # type: ignore[attr-defined]

    def snapshot(self) -> Any:
        """Return everything in the store, except the counters of attempts."""
        if self.on_redis:
            with self._redis() as client:
                keys = [key for key in sorted(client.keys()) if not {b"h", b"k"} & set(key.split(b":"))]
                return {key: client.dump(key) for key in keys}
        return list(AuthSessionRow._base_manager.using(self.alias).order_by("sid").values())

    def clear(self) -> None:
        """Empty the stores and the caches, and delete the users."""
        caches["default"].clear()
        _client_at(django_settings.CACHES["authkit"]["LOCATION"]).flushdb()
        for model in (AuthSessionRow, AttemptRow):
            rows: Any = model._base_manager.using(self.alias).all()
            rows._raw_delete(self.alias)  # noqa: SLF001 - as `authkit_prune` does: without receivers
        users = User._base_manager.using(self.alias)
        if users.exists():
            users.all().delete()

    @contextmanager
    def counted(self) -> Iterator[Trips]:
        """Record every command and statement of the block."""
        trips = Trips()
        with CaptureQueriesContext(connections[self.alias]) as captured, self._monitored(trips):
            yield trips
        statements = (query["sql"] for query in captured.captured_queries)
        trips.queries += [sql for sql in statements if not sql.upper().startswith(_TRANSACTION)]

    @contextmanager
    def _monitored(self, trips: Trips) -> Iterator[None]:
        """Listen to the server (MONITOR), since other workers use other numbered databases of it."""
        with self._redis() as client, client.monitor() as monitor:
            database = client.connection_pool.connection_kwargs["db"]
            _load_scripts(client)  # a script that the server does not have yet costs a second round trip
            client.echo("the beginning")
            yield
            client.echo("the end")
            heard = (e for e in iter(monitor.next_command, None) if e["db"] == database)
            commands = (e["command"] for e in heard if e["client_type"] != "lua")
            next(command for command in commands if command == "ECHO the beginning")
            trips.commands += takewhile(lambda command: command != "ECHO the end", commands)

    def _redis(self) -> Redis:
        return Redis.from_url(django_settings.CACHES["authkit"]["LOCATION"])


@cache
def _client_at(url: str) -> Redis:
    """Return a client that is kept, since to connect takes longer than to empty a small database."""
    return Redis.from_url(url)
