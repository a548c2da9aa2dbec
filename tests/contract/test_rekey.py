"""``rekey``, ``restamp``, ``restamp_user`` and ``save_data``: changes to a live record."""

from dataclasses import replace
from secrets import token_bytes

import pytest

from django_authkit.session_keys import new_handle
from django_authkit.stores.outcomes import Absent, Found, RotationOutcome
from django_authkit.stores.protocol import Store
from django_authkit.types import AuthSession, Mode
from support.stores import DAY, HOUR, MINUTE, Rig, request


def loaded(store: Store, sid: str) -> AuthSession:
    """Return the live record with that sid."""
    found = store.load(sid)
    assert isinstance(found, Found)
    return found.session


def test_rekey_gives_a_new_key(rig: Rig, store: Store) -> None:
    """The new key opens the same record with the same data; the old one is superseded."""
    started = rig.start(mode=Mode.JWT, data="encoded")
    replacement = token_bytes(32)
    found = store.rekey(started.sid, started.key, replacement)
    assert isinstance(found, Found)
    assert found.session == replace(started.session, mode=Mode.SESSION, least_generation=2)
    assert loaded(store, started.sid) == found.session
    again = store.touch(started.sid, replacement, idle=14 * DAY, interval=MINUTE)
    assert isinstance(again, Found)
    assert again.data == "encoded"
    assert store.touch(started.sid, started.key, idle=DAY, interval=0) is Absent.SUPERSEDED


def test_rekey_replaces_the_hash_in_the_same_step(rig: Rig, store: Store) -> None:
    """At a password change, key and hash are replaced together, or neither of them."""
    started = rig.start()
    for presented, expected in ((token_bytes(32), "a" * 64), (started.key, "b" * 64)):
        store.rekey(started.sid, presented, token_bytes(32), auth_hash="b" * 64)
        assert loaded(store, started.sid).auth_hash == expected


def test_rekey_with_another_key_changes_nothing(rig: Rig, store: Store) -> None:
    """Only the holder of the current key gets a new one."""
    started = rig.start(mode=Mode.JWT)
    replacement = token_bytes(32)
    assert store.rekey(started.sid, token_bytes(32), replacement) is Absent.SUPERSEDED
    assert loaded(store, started.sid) == started.session
    assert store.touch(started.sid, replacement, idle=DAY, interval=0) is Absent.SUPERSEDED
    assert isinstance(store.touch(started.sid, started.key, idle=DAY, interval=0), Found)


def test_the_same_rekey_again(rig: Rig, store: Store) -> None:
    """A repeated call gets the same result, although the presented key has been replaced."""
    started = rig.start()
    replacement = token_bytes(32)
    first = store.rekey(started.sid, started.key, replacement, reauthenticated=True)
    rig.wait(MINUTE)
    again = store.rekey(started.sid, started.key, replacement, reauthenticated=True)
    assert isinstance(first, Found)
    assert isinstance(again, Found)
    assert again.session == first.session
    assert isinstance(store.touch(started.sid, replacement, idle=DAY, interval=0), Found)


def test_the_first_key_of_a_record_goes_to_the_first_caller(rig: Rig, store: Store) -> None:
    """Of several callers without a key one wins; if the winner repeats its call, it wins again."""
    started = rig.start(mode=Mode.JWT, key_digest=None)
    mine, theirs = token_bytes(32), token_bytes(32)
    assert isinstance(store.rekey(started.sid, None, mine), Found)
    assert store.rekey(started.sid, None, theirs) is Absent.SUPERSEDED
    assert isinstance(store.rekey(started.sid, None, mine), Found)
    assert isinstance(store.touch(started.sid, mine, idle=DAY, interval=0), Found)
    assert loaded(store, started.sid).mode is Mode.SESSION


def test_no_key_is_not_the_key_of_a_record_that_has_one(rig: Rig, store: Store) -> None:
    """``None`` does not replace the key of a record."""
    started = rig.start()
    assert store.rekey(started.sid, None, token_bytes(32)) is Absent.SUPERSEDED
    assert isinstance(store.touch(started.sid, started.key, idle=DAY, interval=0), Found)


@pytest.mark.parametrize("presented", [token_bytes(32), b"\0" * 32], ids=["random", "zeros"])
def test_a_key_is_not_the_key_of_a_record_without_one(rig: Rig, store: Store, presented: bytes) -> None:
    """A record without a key is not re-keyed by a call that presents one."""
    started = rig.start(key_digest=None)
    assert store.rekey(started.sid, presented, token_bytes(32)) is Absent.SUPERSEDED


@pytest.mark.parametrize("reauthenticated", [True, False])
def test_only_reauthentication_moves_auth_time(rig: Rig, store: Store, reauthenticated: bool) -> None:
    """``auth_time`` is when the user last authenticated."""
    started = rig.start()
    rig.wait(HOUR)
    found = store.rekey(started.sid, started.key, token_bytes(32), reauthenticated=reauthenticated)
    assert isinstance(found, Found)
    assert found.session.auth_time_ms == (found.now_ms if reauthenticated else started.session.auth_time_ms)
    assert loaded(store, started.sid).auth_time_ms == found.session.auth_time_ms


def test_rekey_invalidates_refresh_tokens(rig: Rig, store: Store) -> None:
    """The old refresh token and its predecessor become invalid, without counting as reuse."""
    started = rig.start()
    first = request(started.sid, 1, started.jti)
    store.rotate(first)
    store.rekey(started.sid, started.key, token_bytes(32))
    for generation, jti in ((1, started.jti), (2, first.proposed)):
        assert store.rotate(request(started.sid, generation, jti)).outcome is RotationOutcome.GONE
    assert loaded(store, started.sid).mode is Mode.SESSION


def test_a_first_key_leaves_refresh_tokens_alone(rig: Rig, store: Store) -> None:
    """A record without a key keeps its tokens."""
    started = rig.start(key_digest=None)
    store.rekey(started.sid, None, token_bytes(32))
    rotation = store.rotate(request(started.sid, 1, started.jti))
    assert rotation.outcome is RotationOutcome.ROTATED
    assert loaded(store, started.sid).mode is Mode.JWT


@pytest.mark.parametrize("presented", ["key", None])
def test_rekey_of_a_revoked_session(rig: Rig, store: Store, presented: str | None) -> None:
    """A revoked record gets no new key, and no record is created."""
    started = rig.start(idle_ms=HOUR, **({} if presented else {"key_digest": None}))
    rig.wait(HOUR)
    key = started.key if presented else None
    assert store.rekey(started.sid, key, token_bytes(32)) is Absent.GONE
    assert store.rekey(new_handle(0), key, token_bytes(32)) is Absent.GONE
    assert store.load(started.sid) is Absent.GONE


def test_restamp_records_the_new_hash(rig: Rig, store: Store) -> None:
    """The hash is replaced on that record only."""
    started, other = rig.start(), rig.start()
    assert store.restamp(started.sid, "b" * 64) is True
    assert store.restamp(started.sid, "b" * 64) is True
    assert loaded(store, started.sid) == replace(started.session, auth_hash="b" * 64)
    assert loaded(store, other.sid) == other.session


def test_restamp_of_a_revoked_session(rig: Rig, store: Store) -> None:
    """Nothing is recorded for a revoked record."""
    started = rig.start(idle_ms=HOUR)
    rig.wait(HOUR)
    assert store.restamp(started.sid, "b" * 64) is False
    assert store.restamp(new_handle(0), "b" * 64) is False
    assert store.load(started.sid) is Absent.GONE


def test_restamp_user_replaces_one_hash_by_another(rig: Rig, store: Store) -> None:
    """The user's live records with the old hash get the new one, and are counted."""
    stale = [rig.start(auth_hash="a" * 64) for _ in range(3)]
    fresh = rig.start(auth_hash="c" * 64)
    expired = rig.start(auth_hash="a" * 64, idle_ms=MINUTE)
    other = rig.start(auth_hash="a" * 64, user_id=rig.site.add_user())
    rig.wait(MINUTE)
    assert store.restamp_user(rig.user, "a" * 64, "b" * 64) == 3
    assert {loaded(store, one.sid).auth_hash for one in stale} == {"b" * 64}
    assert loaded(store, fresh.sid) == fresh.session
    assert loaded(store, other.sid) == other.session
    assert store.load(expired.sid) is Absent.GONE


def test_restamp_user_of_a_stranger(rig: Rig, store: Store) -> None:
    """For a user without live records nothing is changed."""
    assert store.restamp_user(rig.site.add_user(), "a" * 64, "b" * 64) == 0


def test_save_data_replaces_the_data(rig: Rig, store: Store) -> None:
    """The next read has the new data, even if it is shorter."""
    started = rig.start(data="old" * 1_000)
    for data in ("new 🦊", "", "more" * 10_000):
        assert store.save_data(started.sid, started.key, data, idle_limit=None) is True
        found = store.touch(started.sid, started.key, idle=14 * DAY, interval=MINUTE)
        assert isinstance(found, Found)
        assert found.data == data


def test_save_data_moves_no_security_field(rig: Rig, store: Store) -> None:
    """Session data is separate from user and times."""
    started = rig.start()
    store.save_data(started.sid, started.key, "new", idle_limit=None)
    assert loaded(store, started.sid) == started.session


def test_save_data_with_another_key_writes_nothing(rig: Rig, store: Store) -> None:
    """Only the holder of the key can write."""
    started = rig.start(data="mine")
    assert store.save_data(started.sid, token_bytes(32), "theirs", idle_limit=MINUTE) is False
    found = store.load(started.sid)
    assert isinstance(found, Found)
    assert (found.session, found.data) == (started.session, "mine")


def test_save_data_of_a_record_without_a_key_writes_nothing(rig: Rig, store: Store) -> None:
    """No digest matches a key that was never issued."""
    started = rig.start(key_digest=None)
    for digest in (token_bytes(32), b"\0" * 32):
        assert store.save_data(started.sid, digest, "new", idle_limit=None) is False


def test_save_data_creates_no_record(rig: Rig, store: Store) -> None:
    """A deleted or unknown record is not written."""
    started = rig.start(idle_ms=HOUR)
    rig.wait(HOUR)
    assert store.save_data(started.sid, started.key, "new", idle_limit=None) is False
    sid = new_handle(0)
    assert store.save_data(sid, token_bytes(32), "new", idle_limit=None) is False
    assert store.load(started.sid) is store.load(sid) is Absent.GONE


def test_an_idle_limit_shortens_the_present_idle_end(rig: Rig, store: Store) -> None:
    """The limit counts from now, so it applies to the current idle period."""
    started = rig.start(idle_ms=14 * DAY)
    assert store.save_data(started.sid, started.key, "", idle_limit=HOUR) is True
    session = loaded(store, started.sid)
    assert abs(session.idle_expires_ms - (store.now() + HOUR)) < MINUTE
    rig.wait(HOUR)
    assert store.load(started.sid) is Absent.GONE


def test_an_idle_limit_caps_every_touch(rig: Rig, store: Store) -> None:
    """Touch extends by the smaller of setting and limit, until the limit is removed."""
    started = rig.start(idle_ms=14 * DAY)
    store.save_data(started.sid, started.key, "", idle_limit=HOUR)
    for limit, idle in ((HOUR, HOUR), (3 * HOUR, 2 * HOUR), (None, 2 * HOUR)):
        store.save_data(started.sid, started.key, "", idle_limit=limit)
        rig.wait(MINUTE)
        found = store.touch(started.sid, started.key, idle=2 * HOUR, interval=0)
        assert isinstance(found, Found)
        assert found.session.idle_expires_ms == found.now_ms + idle


def test_an_idle_limit_never_lengthens(rig: Rig, store: Store) -> None:
    """A limit longer than the remaining time changes nothing."""
    started = rig.start(idle_ms=HOUR, absolute_ms=2 * HOUR)
    store.save_data(started.sid, started.key, "", idle_limit=DAY)
    assert loaded(store, started.sid).idle_expires_ms == started.session.idle_expires_ms
    found = store.touch(started.sid, started.key, idle=DAY, interval=0)
    assert isinstance(found, Found)
    assert found.session.idle_expires_ms == started.session.expires_ms
