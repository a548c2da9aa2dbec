"""The store's client: timeouts, and exactly one repetition."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings
from redis import Redis

from django_authkit.errors import StoreUnavailable
from django_authkit.stores.outcomes import Created, Found, RotationOutcome
from django_authkit.stores.redis import RedisStore, connect
from django_authkit.stores.redis.scripts import script
from django_authkit.types import OnLimit, ReuseClass, RevocationReason
from stores.redis.valkey_server import LossyLine, Server
from support.parallel import parallel_threads
from support.servers import free_port
from support.stores import DAY, Rig, request

BACKEND = "django_redis.cache.RedisCache"
WITHIN = 2.5
"""Seconds: two timeouts of one second each, and something for a slow machine."""


@pytest.fixture(autouse=True)
def aliases(settings: Settings, server: Server, line: LossyLine) -> None:
    """Name the server, the connection that loses replies, and a port without a server."""
    locations = {
        "plain": f"{server.url}/0",
        "resp3": f"{server.url}/0?protocol=3",
        "lossy": f"redis://127.0.0.1:{line.port}/0",
        "nobody": f"redis://127.0.0.1:{free_port()}/0",
    }
    settings.CACHES = {
        name: {"BACKEND": BACKEND, "LOCATION": location} for name, location in locations.items()
    }
    settings.CACHES["memory"] = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}


def _store(alias: str) -> RedisStore:
    return RedisStore(connect(alias))


@pytest.mark.parametrize("alias", ["plain", "resp3"])
def test_a_hung_server_times_out_soon(server: Server, alias: str) -> None:
    """With the default timeouts a call to a hung server fails soon, on old and new connections."""
    pooled, fresh = _store(alias), _store(alias)
    pooled.now()
    for store in (pooled, fresh):
        with server.hung():
            begun = monotonic()
            with pytest.raises(StoreUnavailable):
                store.now()
            assert monotonic() - begun < WITHIN
        assert store.now() > 0


def test_many_calls_at_once_each_get_a_connection(server: Server) -> None:
    """More calls at once than the pool of redis-py has connections, as under ASGI, are all answered."""
    store, number = _store("plain"), 150
    with ThreadPoolExecutor(1) as aside, parallel_threads(number) as threads:
        with server.hung():  # so that none gives its connection back
            asked = aside.submit(threads.at_once, [store.now] * number)
            sleep(0.4)
        assert len(asked.result()) == number


def test_a_refused_connection_fails_at_once() -> None:
    """A refused connection fails immediately."""
    store = _store("nobody")
    begun = monotonic()
    with pytest.raises(StoreUnavailable) as raised:
        store.now()
    assert monotonic() - begun < 0.5
    assert isinstance(raised.value.__cause__, Exception)


REPEATED = ("create", "rotate", "rekey", "revoke", "revoke_user", "restamp_user", "create_anonymous")


@pytest.fixture
def lossy(rig: Rig, server: Server, line: LossyLine) -> Iterator[RedisStore]:
    """
    Return a store whose next reply gets lost; it has its records where *rig* has them.

    The server knows the scripts, so that what gets lost is an answer and no NOSCRIPT.
    """
    for name in REPEATED:
        server.direct.script_load(script(name).text)
    store = RedisStore(connect("lossy"), prefix="authkit:")
    store.now()
    line.lose_next()
    yield store
    assert line.lost == 1


def test_a_lost_create_is_repeated(rig: Rig, lossy: RedisStore) -> None:
    """The repetition returns the same revoked sessions as the first call."""
    former = rig.start()
    proposal = rig.proposal(max_sessions=1, on_limit=OnLimit.EVICT)
    created = lossy.create(proposal)
    assert isinstance(created, Created)
    assert created.session.sid == proposal.sid
    assert created.revoked == (former.session,)
    assert rig.sids() == [proposal.sid]


def test_a_lost_rotation_is_repeated(rig: Rig, lossy: RedisStore) -> None:
    """It rotates once and returns ROTATED."""
    started = rig.start()
    rotation = lossy.rotate(request(started.sid, 1, started.jti, grace_ms=0))
    assert rotation.outcome is RotationOutcome.ROTATED
    assert rotation.session is not None
    assert rotation.session.generation == 2


def test_a_lost_reuse_is_repeated(rig: Rig, lossy: RedisStore) -> None:
    """The call that found the reuse gets its class and age; the next one does not."""
    started = rig.start()
    rig.store.rotate(request(started.sid, 1, started.jti, grace_ms=0))
    late = request(started.sid, 1, started.jti)
    rotation = lossy.rotate(late)
    assert (rotation.outcome, rotation.reuse) == (RotationOutcome.REUSED, ReuseClass.PREVIOUS)
    assert lossy.rotate(late).age == rotation.age
    other = lossy.rotate(request(started.sid, 1, started.jti))
    assert other.outcome is RotationOutcome.GONE


def test_a_lost_revocation_is_repeated(rig: Rig, lossy: RedisStore) -> None:
    """The call that revoked the session gets the record, although it ran twice; another call does not."""
    started = rig.start()
    assert lossy.revoke(started.sid, RevocationReason.LOGOUT) == started.session
    assert lossy.revoke(started.sid, RevocationReason.LOGOUT) is None


def test_a_lost_revocation_of_all_of_a_user_is_repeated(rig: Rig, lossy: RedisStore) -> None:
    """The revoked sessions are returned, although they were gone in the second run."""
    started = rig.start()
    assert lossy.revoke_user(rig.user, RevocationReason.REVOKED) == (started.session,)


def test_a_lost_restamp_of_a_user_is_repeated(rig: Rig, lossy: RedisStore) -> None:
    """The count is that of the first run."""
    rig.start(auth_hash="old")
    assert lossy.restamp_user(rig.user, "old", "new") == 1


def test_a_lost_rekey_is_repeated(rig: Rig, lossy: RedisStore) -> None:
    """The new key is in place, and the caller has it."""
    started = rig.start()
    assert isinstance(lossy.rekey(started.sid, started.key, b"n" * 32), Found)
    assert isinstance(lossy.touch(started.sid, b"n" * 32, idle=DAY, interval=0), Found)


def test_silence_is_repeated_like_a_closed_connection(rig: Rig, line: LossyLine, lossy: RedisStore) -> None:
    """A reply that never comes, on an open connection, times out, and the call is repeated."""
    line.closing = False
    started = rig.start()
    assert lossy.revoke(started.sid, RevocationReason.LOGOUT) == started.session


def test_a_lost_anonymous_create_is_repeated(rig: Rig, lossy: RedisStore) -> None:
    """The handle is the caller's own, not taken by another one."""
    assert lossy.create_anonymous("AAaaaaaaaaaaaaaa", b"k" * 32, "x", DAY)


def test_the_cache_keeps_its_own_connections(server: Server) -> None:
    """The cache and the store do not share a pool, and neither do two stores."""
    one, other = connect("plain"), connect("plain")
    assert isinstance(one, Redis)
    assert isinstance(other, Redis)
    cache = caches["plain"].client.get_client()  # type: ignore[attr-defined]
    pools = {one.connection_pool, other.connection_pool, cache.connection_pool}
    assert len(pools) == 3


def test_replies_are_bytes_whatever_the_alias_says(settings: Settings, rig: Rig) -> None:
    """An alias that decodes replies does not break sealed tokens."""
    settings.CACHES["plain"]["OPTIONS"] = {"CONNECTION_POOL_KWARGS": {"decode_responses": True}}
    store = RedisStore(connect("plain"), prefix="authkit:")
    started = rig.start()
    first = request(started.sid, 1, started.jti, sealed=b"\xff\x00")
    rig.store.rotate(first)
    assert store.rotate(request(started.sid, 1, started.jti)).sealed == b"\xff\x00"


@pytest.mark.parametrize("alias", ["memory", "unknown"])
def test_an_alias_must_be_of_django_redis(alias: str) -> None:
    """Another cache, or none, is an error in the settings."""
    with pytest.raises(ImproperlyConfigured, match=alias):
        connect(alias)
