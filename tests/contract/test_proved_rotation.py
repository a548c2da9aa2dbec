"""``rotate`` of an auth session that is bound to its device: not without a proof, and with one always."""

from functools import partial
from secrets import token_bytes

import pytest

from django_authkit.stores.outcomes import Found, RotateRequest, Rotation, RotationOutcome
from django_authkit.stores.protocol import Store
from django_authkit.types import AuthSession
from support.parallel import parallel_threads
from support.stores import DAY, SECOND, Rig, Started, request

KEY = '{"crv":"P-256","kty":"EC","x":"1","y":"2"}'
FRESH = token_bytes(32)
UNPROVED = 10 * SECOND


def registered(rig: Rig) -> Started:
    """Return an auth session whose device has registered its key, and not used it yet."""
    started = rig.start()
    assert isinstance(rig.store.bind_device(started.sid, KEY, "n1"), Found)
    return started


def bound(rig: Rig) -> tuple[Started, RotateRequest]:
    """Return an auth session whose device uses the binding, and the rotation by which it did."""
    started = registered(rig)
    first = proved(started, "n1", "n2")
    assert rig.store.rotate(first).outcome is RotationOutcome.ROTATED
    return started, first


def proved(started: Started, nonce: str, next_nonce: str, *, generation: int = 1) -> RotateRequest:
    """Return a rotation with a proof; by default with the first refresh token."""
    return request(
        started.sid, generation, started.jti, nonce=nonce, next_nonce=next_nonce, unproved_ms=UNPROVED
    )


def session_of(rotation: Rotation) -> AuthSession:
    """Return the record after a rotation."""
    assert rotation.session is not None
    return rotation.session


def stored(store: Store, sid: str) -> AuthSession:
    """Return the record."""
    found = store.load(sid)
    assert isinstance(found, Found)
    return found.session


def test_a_proof_rotates_and_replaces_the_nonce_in_one_step(rig: Rig, store: Store) -> None:
    """The first one puts the binding into use; repeated, the same call has the same result."""
    started = registered(rig)
    first = proved(started, "n1", "n2")
    rotation = store.rotate(first)
    session = session_of(rotation)
    assert (rotation.outcome, session.generation, session.device_nonce) == ("rotated", 2, "n2")
    assert session.bound_ms == session.rotated_ms == rotation.now
    assert session_of(store.rotate(first)) == session == stored(store, started.sid)
    rig.wait(DAY)
    second = session_of(store.rotate(proved(started, "n2", "n3", generation=1)))
    assert (second.generation, second.device_nonce, second.bound_ms) == (3, "n3", session.bound_ms)


def test_without_a_proof_nothing_is_exchanged_and_nothing_is_revoked(rig: Rig, store: Store) -> None:
    """Neither the current refresh token, nor a superseded one, nor one that does not rotate."""
    started, first = bound(rig)
    rig.wait(UNPROVED)
    before = stored(store, started.sid)
    for generation, jti in ((2, first.proposed), (1, started.jti), (2, FRESH)):
        for changes in ({}, {"rotates": False}, {"reauthenticated": True}):
            unproved = request(started.sid, generation, jti, unproved_ms=UNPROVED, **changes)
            rotation = store.rotate(unproved)
            assert (rotation.outcome, rotation.session) == (RotationOutcome.UNPROVED, before)
    assert stored(store, started.sid) == before


def test_a_proof_of_another_nonce_exchanges_nothing(rig: Rig, store: Store) -> None:
    """It was used up, or is of another auth session; the record says which one is current."""
    started, _ = bound(rig)
    for nonce in ("n1", "n3"):
        rotation = store.rotate(proved(started, nonce, "n4"))
        assert (rotation.outcome, session_of(rotation).device_nonce) == (RotationOutcome.UNPROVED, "n2")
    unbound = rig.start()
    assert store.rotate(proved(unbound, "n1", "n2")).outcome is RotationOutcome.UNPROVED
    assert stored(store, unbound.sid) == unbound.session


def test_with_a_proof_any_refresh_token_of_the_auth_session_rotates(rig: Rig, store: Store) -> None:
    """The device may have lost any number of answers; only a token that the store never knew is refused."""
    started, _ = bound(rig)
    for number in range(2, 6):
        rig.wait(60 * SECOND)
        rotation = store.rotate(proved(started, f"n{number}", f"n{number + 1}"))
        assert (rotation.outcome, session_of(rotation).generation) == (RotationOutcome.ROTATED, number + 1)
    lost = store.rotate(proved(started, "n6", "n7", generation=9))
    assert (lost.outcome, lost.lost_write) == (RotationOutcome.GONE, True)


def test_for_ten_seconds_no_proof_is_needed_yet(rig: Rig, store: Store) -> None:
    """Refreshes that were on their way when the device first used the binding have their usual outcome."""
    started, first = bound(rig)
    late = request(started.sid, 1, started.jti, unproved_ms=UNPROVED)
    assert store.rotate(late).outcome is RotationOutcome.REPEATED
    current = request(started.sid, 2, first.proposed, unproved_ms=UNPROVED)
    assert store.rotate(current).outcome is RotationOutcome.ROTATED
    rig.wait(UNPROVED)
    again = request(started.sid, 3, current.proposed, unproved_ms=UNPROVED)
    assert store.rotate(again).outcome is RotationOutcome.UNPROVED
    never = request(started.sid, 3, current.proposed)
    assert store.rotate(never).outcome is RotationOutcome.ROTATED


def test_until_the_binding_is_used_refresh_tokens_rotate_without_it(rig: Rig, store: Store) -> None:
    """The answer to the registration may be lost."""
    started = registered(rig)
    rig.wait(DAY)
    rotation = store.rotate(request(started.sid, 1, started.jti, unproved_ms=UNPROVED))
    assert (rotation.outcome, session_of(rotation).bound_ms) == (RotationOutcome.ROTATED, 0)


def test_of_simultaneous_proofs_one_rotates(rig: Rig, store: Store) -> None:
    """The others exchange nothing, and the generation rises by one."""
    started, _ = bound(rig)
    calls = [partial(store.rotate, proved(started, "n2", f"m{number}")) for number in range(6)]
    with parallel_threads(6) as threads:
        outcomes = [each.outcome for each in threads.at_once(calls)]
    assert sorted(outcomes) == [RotationOutcome.ROTATED] + [RotationOutcome.UNPROVED] * 5
    assert stored(store, started.sid).generation == 3


@pytest.mark.parametrize("how", ["revoked", "expired", "a new key"])
def test_a_proof_does_not_bring_back_what_has_ended(rig: Rig, store: Store, how: str) -> None:
    """A revoked or expired auth session, or one whose refresh token was deleted, stays so."""
    started, _ = bound(rig)
    if how == "revoked":
        store.revoke(started.sid, rig.reason)
    elif how == "expired":
        rig.wait(91 * DAY)
    else:
        store.rekey(started.sid, started.key, FRESH, reauthenticated=True)
    assert store.rotate(proved(started, "n2", "n3")).outcome is RotationOutcome.GONE
