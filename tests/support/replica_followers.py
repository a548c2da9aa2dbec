"""A process's copy of the blacklist on a real server, and a witness that keeps trying revoked tokens."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from secrets import token_bytes
from threading import Event, Thread
from threading import enumerate as all_threads
from typing import Any, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from django_authkit.blacklist.replica import BlacklistReplica, Verdict
from django_authkit.errors import SessionEnded, StoreUnavailable
from django_authkit.http.client_info import Device
from django_authkit.session_keys import SessionKey, bucket_of, new_handle
from django_authkit.stores.outcomes import Created, Found, NewSession
from django_authkit.stores.redis import RedisStore
from django_authkit.stores.redis.sending import Client
from django_authkit.strategies.access_checks import ReplicaCheck, StoreCheck
from django_authkit.strategies.remembered_lookups import RememberedLookups
from django_authkit.tokens.claims import AccessClaims
from django_authkit.types import AuthSession, Mode, OnLimit, RevocationReason
from support.waiting import PATIENCE, next_second, until

THREAD = "authkit-blacklist"
SESSIONS = 1_000
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def client_of(url: str, protocol: int = 3) -> Redis:
    """Return a client as ``connect`` makes it: it gives up after a second and repeats nothing."""
    return Redis.from_url(
        url, protocol=protocol, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
    )


def proposal(user_id: str = "1", **changes: Any) -> NewSession:
    """Return the argument of ``create`` for a login in JWT mode, with access tokens of five minutes."""
    buckets = changes.pop("buckets", 1)
    return replace(
        NewSession(
            sid=new_handle(bucket_of(user_id, buckets)),
            user_id=user_id,
            backend="django.contrib.auth.backends.ModelBackend",
            auth_hash="a" * 64,
            mode=Mode.JWT,
            remember=True,
            amr=("pwd",),
            address="203.0.113.7",
            label="Firefox on Linux",
            browser_mark=DEVICE.browser_mark,
            key_digest=None,
            jti_digest=token_bytes(16),
            data="",
            idle_ms=14 * DAY,
            absolute_ms=90 * DAY,
            access_ms=5 * MINUTE,
            max_sessions=None,
            on_limit=OnLimit.EVICT,
        ),
        **changes,
    )


def claims_of(session: AuthSession, *, access: int = 5 * MINUTE, issued: int | None = None) -> AccessClaims:
    """Return the claims of the access token issued for *session*, at *issued* (ms) or now."""
    at = session.created_ms if issued is None else issued
    return AccessClaims(
        subject=session.user_id,
        sid=session.sid,
        issued_at=at // 1000,
        expires_at=(at + access) // 1000,
        auth_time=session.auth_time_ms // 1000,
        stamp="",
        jti="j",
    )


def begun(store: RedisStore, user_id: str = "1", **changes: Any) -> AccessClaims:
    """Start an auth session; return the claims of its access token."""
    access = changes.get("access", 5 * MINUTE)
    made = store.create(proposal(user_id, buckets=store.buckets, **changes))
    assert isinstance(made, Created)
    return claims_of(made.session, access=access)


def followers() -> list[Thread]:
    """Return the threads of this process that follow a blacklist."""
    return [thread for thread in all_threads() if thread.name == THREAD]


class Follower:
    """
    A store, a copy of its blacklist, and the policy over both; all on one server.

    Args:
        server: Its URL, or what makes a client of it.
    """

    def __init__(
        self,
        server: str | Callable[[], Client],
        *,
        staleness: float = 1.0,
        limit: int = 100_000,
        protocol: int = 3,
        buckets: int = 1,
    ) -> None:
        client = partial(client_of, server, protocol) if isinstance(server, str) else server
        self.staleness = staleness
        self.store = RedisStore(client(), prefix="authkit:", buckets=buckets)
        self.replica = BlacklistReplica(self.store.feed(client(), limit), staleness, SESSIONS)
        self.check = ReplicaCheck(self.replica, StoreCheck(self.store))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.replica.stop()

    def begun(self, user_id: str = "1") -> AccessClaims:
        """Start an auth session that this process has seen; return the claims of its access token."""
        return begun(self.store, user_id)

    def is_certain(self, claims: AccessClaims) -> bool:
        """Tell whether the auth session would be let in without asking the store."""
        return self.replica.verdict(claims) is Verdict.LIVE

    def is_fresh(self) -> bool:
        """Tell whether the copy can be used; asking starts it."""
        self.replica.verdict(NOBODY)
        return self.replica.age < self.staleness

    def caught_up(self) -> Self:
        """Wait until the copy is fresh, and the second of its birth is over."""
        until(self.is_fresh)
        next_second()
        return self

    def admits(self, claims: AccessClaims) -> bool | None:
        """Tell whether a token is accepted; ``None`` if it cannot be checked (503)."""
        try:
            self.check.admit(claims)
        except SessionEnded:
            return False
        except StoreUnavailable:
            return None
        return True

    def is_free(self) -> bool:
        """Tell whether a fresh token is accepted without asking the store."""
        try:
            return self.is_certain(self.begun())
        except StoreUnavailable:
            return False


class KeyFollower(Follower):
    """The same for session keys: each auth session has one that follows from its sid."""

    def __init__(self, server: str | Callable[[], Client], **options: Any) -> None:
        super().__init__(server, **options)
        self.lookups = RememberedLookups(self.replica, self.store, MINUTE)

    def begun(self, user_id: str = "1") -> AccessClaims:
        """Start an auth session, and look its session key up."""
        claims = begun(self.store, user_id)
        assert isinstance(self.store.rekey(claims.sid, None, key_of(claims.sid).digest), Found)
        self.admits(claims)
        return claims

    def warm(self, claims: AccessClaims) -> None:
        """Look the session key up until the process remembers the record."""
        until(lambda: bool(self.admits(claims)) and self.is_certain(claims))

    def is_certain(self, claims: AccessClaims) -> bool:
        """Tell whether the process remembers the record."""
        return self.recalled(claims.sid) is not None

    def recalled(self, sid: str) -> Found | None:
        """Return what the process remembers."""
        return self.lookups.recall(key_of(sid), DEVICE)

    def admits(self, claims: AccessClaims) -> bool | None:
        """Tell whether the session key is accepted; ``None`` if it cannot be checked (503)."""
        key = key_of(claims.sid)
        if self.recalled(claims.sid) is not None:
            return True
        try:
            found = self.lookups.look_up(
                key, lambda: self.store.touch(key.handle, key.digest, idle=DAY, interval=MINUTE)
            )
        except StoreUnavailable:
            return None
        return isinstance(found, Found)


DEVICE = Device(address="203.0.113.7", user_agent="Mozilla/5.0")


def key_of(sid: str) -> SessionKey:
    """Return the session key of an auth session of a ``KeyFollower``."""
    return SessionKey(sid, "k" * 23)


NOBODY = AccessClaims(subject="0", sid="A" * 16, issued_at=0, expires_at=300, auth_time=0, stamp="", jti="j")


@dataclass
class Revoked:
    """A revoked token, and when its revocation returned."""

    claims: AccessClaims
    at: float


class Witness:
    """
    Tries every revoked token over and over.

    Attributes:
        latest: How long after the answer to its revocation any token was still let in, in seconds.
        refused, unknown: How many tries were 401, and 503.
    """

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._revoked: list[Revoked] = []
        self._over = Event()
        self.latest = 0.0
        self.refused = self.unknown = 0

    def revoke(self, *many: AccessClaims) -> None:
        """Revoke; the time counts from the return."""
        for claims in many:
            assert self._follower.store.revoke(claims.sid, RevocationReason.LOGOUT)
            self.expect_refusal(claims)

    def expect_refusal(self, claims: AccessClaims) -> None:
        """Try a token that is dead from now on."""
        self._revoked.append(Revoked(claims, time.monotonic()))

    def _look(self) -> None:
        while not self._over.is_set():
            for each in list(self._revoked):
                asked = time.monotonic()
                admitted = self._follower.admits(each.claims)
                if admitted:
                    self.latest = max(self.latest, asked - each.at)
                self.refused += admitted is False
                self.unknown += admitted is None
            time.sleep(0.001)

    @classmethod
    @contextmanager
    def of(cls, follower: Follower) -> Iterator["Witness"]:
        """Give a witness; afterwards check that no token was accepted longer than the bound allows."""
        witness = cls(follower)
        thread = Thread(target=witness._look, name="witness")
        thread.start()
        try:
            yield witness
        finally:
            witness._over.set()
            thread.join(PATIENCE)
        assert not thread.is_alive()
        assert witness.refused
        assert witness.latest <= follower.staleness
