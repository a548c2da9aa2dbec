"""``touch``: a lookup by key that extends the idle timeout."""

from secrets import token_bytes

import pytest

from django_authkit.session_keys import new_handle
from django_authkit.stores.outcomes import Absent, Found
from django_authkit.stores.protocol import Store
from support.stores import DAY, HOUR, MINUTE, SECOND, Rig, request


def test_touch_finds_the_record_by_its_key(rig: Rig, store: Store) -> None:
    """The right key returns the record and its data."""
    started = rig.start(data="encoded")
    found = store.touch(started.sid, started.key, idle=14 * DAY, interval=MINUTE)
    assert isinstance(found, Found)
    assert (found.session, found.data) == (started.session, "encoded")


def test_touch_extends_the_idle_timeout(rig: Rig, store: Store) -> None:
    """Activity sets ``last_seen`` to now and the idle expiry to now plus the idle timeout."""
    started = rig.start(idle_ms=HOUR)
    rig.wait(50 * MINUTE)
    found = store.touch(started.sid, started.key, idle=HOUR, interval=MINUTE)
    assert isinstance(found, Found)
    assert found.session.last_seen_ms == found.now_ms >= started.session.created_ms + 50 * MINUTE
    assert found.session.idle_expires_ms == found.now_ms + HOUR
    rig.wait(50 * MINUTE)
    after = store.load(started.sid)
    assert isinstance(after, Found)
    assert after.session == found.session


def test_an_idle_timeout_of_its_own_holds_for_every_activity(rig: Rig, store: Store) -> None:
    """It limits the idle end at login, at activity of both forms, and after session data was saved."""
    started = rig.start(idle_timeout=20 * MINUTE)
    assert started.session.idle_timeout == 20 * MINUTE
    assert started.session.idle_expires_ms == started.session.created_ms + 20 * MINUTE
    assert started.session.access_until_ms == started.session.created_ms + 5 * MINUTE
    rig.wait(15 * MINUTE)
    assert store.save_data(started.sid, started.key, "data", idle_limit=None)
    touched = store.touch(started.sid, started.key, idle=14 * DAY, interval=MINUTE)
    assert isinstance(touched, Found)
    assert touched.session.idle_expires_ms == touched.now_ms + 20 * MINUTE
    loaded = store.load(started.sid)
    assert isinstance(loaded, Found)
    assert loaded.session == touched.session
    rig.wait(15 * MINUTE)
    rotated = store.rotate(request(started.sid, 1, started.jti))
    assert rotated.session is not None
    assert rotated.session.idle_expires_ms == rotated.now + 20 * MINUTE
    rig.wait(20 * MINUTE)
    assert store.load(started.sid) is Absent.GONE


def test_the_shortest_idle_timeout_applies(rig: Rig, store: Store) -> None:
    """A longer one than the settings have now extends nothing; a shorter one of the session data applies."""
    started = rig.start(idle_timeout=20 * MINUTE)
    rig.wait(5 * MINUTE)
    touched = store.touch(started.sid, started.key, idle=10 * MINUTE, interval=0)
    assert isinstance(touched, Found)
    assert touched.session.idle_expires_ms == touched.now_ms + 10 * MINUTE
    assert store.save_data(started.sid, started.key, "data", idle_limit=7 * MINUTE)
    rig.wait(MINUTE)
    touched = store.touch(started.sid, started.key, idle=14 * DAY, interval=0)
    assert isinstance(touched, Found)
    assert touched.session.idle_expires_ms == touched.now_ms + 7 * MINUTE


def test_touch_changes_nothing_else(rig: Rig, store: Store) -> None:
    """Creation, authentication, absolute expiry and refresh tokens do not change."""
    started = rig.start()
    rig.wait(HOUR)
    found = store.touch(started.sid, started.key, idle=14 * DAY, interval=0)
    assert isinstance(found, Found)
    for name in (
        "created_ms",
        "auth_time_ms",
        "expires_ms",
        "access_until_ms",
        "generation",
        "rotated_ms",
        "address",
        "mode",
    ):
        assert getattr(found.session, name) == getattr(started.session, name)


@pytest.mark.parametrize("issued", [False, True])
def test_touch_writes_once_per_interval(rig: Rig, store: Store, issued: bool) -> None:
    """Nothing is written within the interval; after it, one write starts the next interval."""
    started = rig.start(idle_ms=HOUR)
    for minutes, writes in ((4, False), (2, True), (4, False), (2, True)):
        before = store.load(started.sid)
        rig.wait(minutes * MINUTE)
        found = store.touch(started.sid, started.key, idle=HOUR, interval=5 * MINUTE, issued=issued)
        assert found is not Absent.GONE
        after = store.load(started.sid)
        assert isinstance(before, Found)
        assert isinstance(after, Found)
        assert (after.session != before.session) is writes


def test_the_idle_timeout_stops_at_the_absolute_end(rig: Rig, store: Store) -> None:
    """Activity does not extend an auth session beyond its absolute lifetime."""
    started = rig.start(idle_ms=HOUR, absolute_ms=2 * HOUR)
    rig.wait(50 * MINUTE)
    store.touch(started.sid, started.key, idle=HOUR, interval=0)
    rig.wait(50 * MINUTE)
    found = store.touch(started.sid, started.key, idle=HOUR, interval=0)
    assert isinstance(found, Found)
    assert found.session.idle_expires_ms == found.session.expires_ms == started.session.expires_ms
    rig.wait(21 * MINUTE)
    assert store.touch(started.sid, started.key, idle=HOUR, interval=0) is Absent.GONE


def test_a_shorter_setting_shortens(rig: Rig, store: Store) -> None:
    """The idle expiry is now plus the current timeout, even if that is sooner than before."""
    started = rig.start(idle_ms=14 * DAY)
    rig.wait(HOUR)
    found = store.touch(started.sid, started.key, idle=HOUR, interval=MINUTE)
    assert isinstance(found, Found)
    assert found.session.idle_expires_ms == found.now_ms + HOUR


def test_touch_revives_no_expired_session(rig: Rig, store: Store) -> None:
    """After the idle expiry touch finds nothing, however often it is called."""
    started = rig.start(idle_ms=HOUR)
    rig.wait(HOUR)
    for _ in range(2):
        assert store.touch(started.sid, started.key, idle=HOUR, interval=0) is Absent.GONE
    assert store.load(started.sid) is Absent.GONE


def test_another_key_is_superseded(rig: Rig, store: Store) -> None:
    """A live record with another key is SUPERSEDED, and is not extended."""
    started = rig.start(idle_ms=HOUR)
    rig.wait(50 * MINUTE)
    assert store.touch(started.sid, token_bytes(32), idle=HOUR, interval=0) is Absent.SUPERSEDED
    rig.wait(11 * MINUTE)
    assert store.touch(started.sid, started.key, idle=HOUR, interval=0) is Absent.GONE


@pytest.mark.parametrize("digest", [token_bytes(32), b"\0" * 32], ids=["random", "zeros"])
def test_a_record_without_a_key_has_no_key_that_fits(rig: Rig, store: Store, digest: bytes) -> None:
    """No key opens a record for which none was issued."""
    started = rig.start(key_digest=None)
    assert store.touch(started.sid, digest, idle=HOUR, interval=0) is Absent.SUPERSEDED


def test_an_unknown_sid_is_gone(rig: Rig, store: Store) -> None:
    """A key for nothing finds nothing."""
    assert store.touch(new_handle(0), token_bytes(32), idle=HOUR, interval=0) is Absent.GONE


def test_a_key_of_an_expired_record_is_gone_not_superseded(rig: Rig, store: Store) -> None:
    """Only a live record is SUPERSEDED."""
    started = rig.start(idle_ms=HOUR)
    rig.wait(HOUR)
    assert store.touch(started.sid, token_bytes(32), idle=HOUR, interval=0) is Absent.GONE


def test_the_same_touch_again(rig: Rig, store: Store) -> None:
    """A repeated touch returns the record again and does not change it."""
    started = rig.start(idle_ms=HOUR)
    rig.wait(10 * MINUTE)
    first = store.touch(started.sid, started.key, idle=HOUR, interval=MINUTE)
    again = store.touch(started.sid, started.key, idle=HOUR, interval=MINUTE)
    assert isinstance(first, Found)
    assert isinstance(again, Found)
    assert again.session == first.session


def test_now_is_the_stores_clock(rig: Rig, store: Store) -> None:
    """The clock runs forward, in milliseconds since the epoch, and tests can move it."""
    first = store.now()
    assert 1_700_000_000_000 < first < 5_000_000_000_000
    rig.wait(HOUR)
    assert first + HOUR <= store.now() < first + HOUR + 30 * SECOND
