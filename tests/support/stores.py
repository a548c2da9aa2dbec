"""
A store on a real server, and what a test needs around it: users, time, and a clean state.

A ``Site`` says how any process reaches the store; a ``Rig`` is a test's hold of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING, Protocol

import django
from django.apps import apps
from django.conf import settings
from django.db.models import Model
from redis import Redis

from django_authkit.session_keys import bucket_of, new_handle
from django_authkit.stores.outcomes import Created, NewSession, RotateRequest
from django_authkit.types import AuthSession, Mode, OnLimit, RevocationReason
from support.clock import Clock

if TYPE_CHECKING:
    from django_authkit.stores.protocol import Store

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Site(Protocol):
    """The location of a store. Can be pickled, so that other processes can use it."""

    @property
    def reclaims_by_itself(self) -> bool:
        """Whether expired data is deleted without ``prune``."""

    def connect(self) -> "Store":
        """Return the store, with connections of this process."""

    def clear(self) -> None:
        """Empty it."""

    def add_user(self) -> str:
        """Return the id of a new user."""


@dataclass(frozen=True)
class RedisSite:
    """A numbered database of a Redis or Valkey server, spoken to in RESP2 or RESP3."""

    url: str
    resp: int
    reclaims_by_itself: bool = True

    def connect(self) -> "Store":
        """Return the store, with connections of this process."""
        from django_authkit.stores.redis import RedisStore

        return RedisStore(self._client(), prefix="authkit:", buckets=1)

    def clear(self) -> None:
        """Empty the numbered database."""
        with self._client() as client:
            client.flushdb()

    def add_user(self) -> str:
        """Return an id. For Redis the user does not have to exist."""
        return token_hex(8)

    def _client(self) -> Redis:
        return Redis.from_url(self.url, protocol=self.resp)


@dataclass(frozen=True)
class DatabaseSite:
    """A database of the project. *name*, *host* and *port* are those of the test run."""

    alias: str
    name: str
    host: str
    port: str
    reclaims_by_itself: bool = False

    def connect(self) -> "Store":
        """Return the store, with connections of this process."""
        settings.DATABASES[self.alias].update(NAME=self.name, HOST=self.host, PORT=self.port)
        if not apps.ready:
            django.setup()
        from django_authkit.stores.database import DatabaseStore

        return DatabaseStore(self.alias)

    def clear(self) -> None:
        """Delete the rows of our tables, and the users."""
        from django.contrib.auth.models import User

        models: list[type[Model]] = [*apps.get_app_config("django_authkit").get_models(), User]
        for model in models:
            model._base_manager.using(self.alias).all().delete()

    def add_user(self) -> str:
        """Return the primary key of a new row."""
        from django.contrib.auth.models import User

        user = User(username=token_hex(8))
        user.save(using=self.alias)
        return str(user.pk)


@dataclass(frozen=True, slots=True)
class Started:
    """An auth session that a test started, with its digests."""

    session: AuthSession
    key: bytes
    jti: bytes

    @property
    def sid(self) -> str:
        """The handle."""
        return self.session.sid


class Rig:
    """A store, and helpers for a test."""

    reason = RevocationReason.REVOKED
    """For a test in which the reason does not matter."""

    def __init__(self, site: Site, clock: Clock) -> None:
        self.site = site
        self.store = site.connect()
        self.user = site.add_user()
        self._clock = clock
        clock.follow(self.store)

    def wait(self, milliseconds: int) -> None:
        """Advance the store's clock."""
        self._clock.advance_milliseconds(milliseconds)

    def proposal(self, **changes: object) -> NewSession:
        """Return the argument of ``create`` for the rig's user, with a session key only."""
        user_id = str(changes.get("user_id", self.user))
        proposal = NewSession(
            sid=new_handle(bucket_of(user_id, self.store.buckets)),
            user_id=user_id,
            backend="django.contrib.auth.backends.ModelBackend",
            auth_hash="a" * 64,
            mode=Mode.SESSION,
            remember=True,
            amr=("pwd",),
            address="203.0.113.7",
            label="Firefox on Linux",
            browser_mark="Fx1aB-",
            key_digest=token_bytes(16),
            jti_digest=None,
            data="",
            idle_ms=14 * DAY,
            absolute_ms=90 * DAY,
            access_ms=0,
            max_sessions=None,
            on_limit=OnLimit.EVICT,
        )
        return replace(proposal, **changes)  # type: ignore[arg-type]

    def start(self, **changes: object) -> Started:
        """Start an auth session that has both a session key and a refresh token of generation 1."""
        jti = token_bytes(16)
        proposal = self.proposal(**{"jti_digest": jti, "access_ms": 5 * MINUTE, **changes})
        created = self.store.create(proposal)
        assert isinstance(created, Created)
        return Started(created.session, proposal.key_digest or b"", proposal.jti_digest or b"")

    def sids(self, user_id: str | None = None) -> list[str]:
        """Return the sids of the user's live auth sessions, in the store's order."""
        return [session.sid for session in self.store.list_user(user_id or self.user)]


def request(sid: str, generation: int, presented: bytes, **changes: object) -> RotateRequest:
    """Return the argument of ``rotate``, with a new proposal, a grace of 10 s and the default lifetimes."""
    rotation = RotateRequest(
        sid=sid,
        generation=generation,
        presented=presented,
        proposed=token_bytes(16),
        sealed=token_bytes(60),
        grace_ms=10 * SECOND,
        idle_ms=14 * DAY,
        access_ms=5 * MINUTE,
        address="203.0.113.8",
    )
    return replace(rotation, **changes)  # type: ignore[arg-type]


@contextmanager
def rigged(site: Site) -> Iterator[Rig]:
    """Give a rig on an empty store; empty it again afterwards."""
    site.clear()
    with Clock.running() as clock:
        try:
            yield Rig(site, clock)
        finally:
            site.clear()
