"""``note_device``, ``rename``, and how ``rotate`` handles the address and re-authentication."""

from dataclasses import replace
from secrets import token_bytes

import pytest

from django_authkit.session_keys import new_handle
from django_authkit.stores.outcomes import Absent, Found, RotationOutcome
from django_authkit.stores.protocol import Store
from django_authkit.types import AuthSession, RevocationReason
from support.stores import DAY, HOUR, MINUTE, SECOND, Rig, request


def loaded(store: Store, sid: str) -> AuthSession:
    """Return the live record with that sid."""
    found = store.load(sid)
    assert isinstance(found, Found)
    return found.session


@pytest.mark.parametrize(
    ("address", "label", "mark"),
    [
        ("203.0.113.99", "Safari on iOS", "Sf2cD-"),
        ("", "", ""),
        ("2001:db8::1", "日本語 \U0001f511 'quoted\" {x}", "______"),
    ],
)
def test_a_device_is_noted(rig: Rig, store: Store, address: str, label: str, mark: str) -> None:
    """Address, label and browser mark change in the record and in the list, and nothing else does."""
    started = rig.start(data="encoded")
    rig.wait(MINUTE)
    store.note_device(started.sid, address, label, mark)
    expected = replace(started.session, address=address, label=label, browser_mark=mark)
    assert loaded(store, started.sid) == expected
    assert store.list_user(rig.user) == (expected,)
    found = store.touch(started.sid, started.key, idle=14 * DAY, interval=DAY)
    assert isinstance(found, Found)
    assert found.data == "encoded"
    assert store.rotate(request(started.sid, 1, started.jti)).outcome is RotationOutcome.ROTATED


def test_noting_twice_is_noting_once(rig: Rig, store: Store) -> None:
    """The call can be repeated."""
    started = rig.start()
    for _ in range(2):
        store.note_device(started.sid, "203.0.113.99", "Safari on iOS", "Sf2cD-")
    assert loaded(store, started.sid).address == "203.0.113.99"


def test_noting_extends_nothing(rig: Rig, store: Store) -> None:
    """It is not activity: the record expires when it would have."""
    started = rig.start(idle_ms=HOUR)
    rig.wait(HOUR - MINUTE)
    store.note_device(started.sid, "203.0.113.99", "Safari on iOS", "Sf2cD-")
    assert loaded(store, started.sid).idle_expires_ms == started.session.idle_expires_ms
    rig.wait(MINUTE)
    assert store.load(started.sid) is Absent.GONE


def test_noting_revives_nothing(rig: Rig, store: Store) -> None:
    """An expired, revoked or unknown session stays absent."""
    expired, ended, never = rig.start(idle_ms=HOUR), rig.start(), new_handle(0)
    store.revoke(ended.sid, RevocationReason.REVOKED)
    rig.wait(HOUR)
    for sid in (expired.sid, ended.sid, never):
        store.note_device(sid, "203.0.113.99", "Safari on iOS", "Sf2cD-")
        assert store.load(sid) is Absent.GONE
    assert rig.sids() == []


def test_noting_concerns_one_record(rig: Rig, store: Store) -> None:
    """Other records of the user do not change."""
    started, other = rig.start(), rig.start()
    store.note_device(started.sid, "203.0.113.99", "Safari on iOS", "Sf2cD-")
    assert loaded(store, other.sid) == other.session


@pytest.mark.parametrize(("given", "kept"), [("", "203.0.113.7"), ("203.0.113.9", "203.0.113.9")])
def test_an_empty_address_leaves_the_recorded_one(rig: Rig, store: Store, given: str, kept: str) -> None:
    """A rotation records the given address; without one it keeps the old one."""
    started = rig.start()
    rotation = store.rotate(request(started.sid, 1, started.jti, address=given))
    assert rotation.session is not None
    assert rotation.session.address == loaded(store, started.sid).address == kept


@pytest.mark.parametrize("proved", [True, False])
def test_a_rotation_may_include_reauthentication(rig: Rig, store: Store, proved: bool) -> None:
    """With it, ``auth_time`` is the time of the rotation; without it, it does not change."""
    started = rig.start()
    rig.wait(HOUR)
    rotation = store.rotate(request(started.sid, 1, started.jti, reauthenticated=proved))
    assert rotation.session is not None
    assert rotation.session.auth_time_ms == (rotation.now if proved else started.session.auth_time_ms)
    assert loaded(store, started.sid) == rotation.session


def test_the_same_call_with_reauthentication_again(rig: Rig, store: Store) -> None:
    """A call repeated later gets the same record and another access token, and moves no ``auth_time``."""
    started = rig.start()
    asked = request(started.sid, 1, started.jti, reauthenticated=True)
    first = store.rotate(asked)
    rig.wait(5 * SECOND)
    again = store.rotate(asked)
    assert first.session is not None
    assert again.session is not None
    lives_on = replace(first.session, access_until_ms=again.session.access_until_ms)
    assert (again.outcome, again.session) == (RotationOutcome.ROTATED, lives_on)


def test_a_proof_with_the_predecessor_gets_a_successor_of_its_own(rig: Rig, store: Store) -> None:
    """Within the grace; the one that was issued without the proof is dead, and its use is no theft."""
    started = rig.start()
    first = request(started.sid, 1, started.jti)
    store.rotate(first)
    rig.wait(5 * SECOND)
    proof = request(started.sid, 1, started.jti, reauthenticated=True)
    proved = store.rotate(proof)
    assert proved.outcome is RotationOutcome.ROTATED
    assert proved.session is not None
    assert (proved.session.generation, proved.session.least_generation) == (3, 3)
    assert proved.session.auth_time_ms == proved.session.rotated_ms == proved.now
    assert store.rotate(proof) == proved
    for generation, jti in ((1, started.jti), (2, first.proposed)):
        dead = store.rotate(request(started.sid, generation, jti))
        assert (dead.outcome, dead.session) == (RotationOutcome.SUPERSEDED, None)
    assert loaded(store, started.sid) == proved.session
    assert store.rotate(request(started.sid, 3, proof.proposed)).outcome is RotationOutcome.ROTATED


def test_a_proof_ends_the_session_key(rig: Rig, store: Store) -> None:
    """The credential of the other form has proved nothing."""
    started = rig.start()
    store.rotate(request(started.sid, 1, started.jti, reauthenticated=True))
    assert store.touch(started.sid, started.key, idle=HOUR, interval=0) is Absent.SUPERSEDED


def test_renewed_tokens_replace_all_others(rig: Rig, store: Store) -> None:
    """Session key and refresh token of before are dead; a repeated call gets the same result."""
    started, proposed = rig.start(), token_bytes(32)
    for _ in range(2):
        found = store.renew_tokens(started.sid, "b" * 64, proposed=proposed, access=5 * MINUTE)
        assert isinstance(found, Found)
        assert (found.session.generation, found.session.least_generation) == (2, 2)
        assert (found.session.auth_hash, found.session.auth_time_ms) == (
            "b" * 64,
            started.session.auth_time_ms,
        )
    assert store.touch(started.sid, started.key, idle=HOUR, interval=0) is Absent.SUPERSEDED
    assert store.rotate(request(started.sid, 1, started.jti)).outcome is RotationOutcome.SUPERSEDED
    assert store.rotate(request(started.sid, 2, proposed)).outcome is RotationOutcome.ROTATED
    store.revoke(started.sid, rig.reason)
    assert store.renew_tokens(started.sid, "c" * 64, proposed=token_bytes(32), access=1) is Absent.GONE


def test_reuse_is_not_excused_by_reauthentication(rig: Rig, store: Store) -> None:
    """Reuse revokes the record, despite re-authentication."""
    started = rig.start()
    store.rotate(request(started.sid, 1, started.jti))
    rig.wait(MINUTE)
    stolen = store.rotate(request(started.sid, 1, started.jti, reauthenticated=True))
    assert stolen.outcome is RotationOutcome.REUSED
    assert stolen.session is not None
    assert stolen.session.auth_time_ms == started.session.auth_time_ms
    assert store.load(started.sid) is Absent.GONE


def test_a_device_is_renamed(store: Store, rig: Rig) -> None:
    """The label of the live record changes and nothing else; one that is not live has no name to change."""
    started = rig.start()
    assert store.rename(started.sid, "日本語 \U0001f511")
    assert loaded(store, started.sid) == replace(started.session, label="日本語 \U0001f511")
    store.revoke(started.sid, RevocationReason.LOGOUT)
    assert not store.rename(started.sid, "too late")
    assert not store.rename(new_handle(0), "nobody's")
