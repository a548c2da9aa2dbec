"""``rotate``: every row of its table, and the changes of each outcome."""

from dataclasses import dataclass, replace
from secrets import token_bytes

import pytest

from django_authkit.session_keys import new_handle
from django_authkit.stores.outcomes import Absent, Found, RotateRequest, Rotation, RotationOutcome
from django_authkit.stores.protocol import Store
from django_authkit.types import AuthSession, Mode, ReuseClass
from support.stores import DAY, HOUR, MINUTE, SECOND, Rig, Started, request


@dataclass(frozen=True)
class Family:
    """An auth session whose refresh token was rotated once: generation 1 is the predecessor of 2."""

    started: Started
    first: RotateRequest
    after: AuthSession

    @property
    def sid(self) -> str:
        """The handle."""
        return self.started.sid


def rotated(rig: Rig, **changes: object) -> Family:
    """Begin an auth session and rotate its refresh token."""
    started = rig.start(**changes)
    first = request(started.sid, 1, started.jti)
    rotation = rig.store.rotate(first)
    assert rotation.outcome is RotationOutcome.ROTATED
    assert rotation.session is not None
    return Family(started, first, rotation.session)


def assert_over(rig: Rig, family: Family) -> None:
    """Check that no credential of the auth session works."""
    started, first = family.started, family.first
    assert rig.store.load(started.sid) is Absent.GONE
    assert rig.store.touch(started.sid, started.key, idle=DAY, interval=0) is Absent.GONE
    for generation, jti in ((1, started.jti), (2, first.proposed)):
        again = rig.store.rotate(request(started.sid, generation, jti))
        assert (again.outcome, again.session, again.lost_write) == (RotationOutcome.GONE, None, False)
    assert started.sid not in rig.sids()


def assert_reused(rotation: Rotation, reuse: ReuseClass, before: AuthSession) -> None:
    """Check that the rotation is REUSED, of which class, and shows the record as it was."""
    assert (rotation.outcome, rotation.reuse) == (RotationOutcome.REUSED, reuse)
    assert rotation.session == before
    assert rotation.sealed is None
    assert rotation.age == rotation.now - before.rotated_ms


def test_the_current_token_rotates(rig: Rig, store: Store) -> None:
    """The proposal becomes current; generation, times, mode and address change."""
    started = rig.start(mode=Mode.SESSION, idle_ms=HOUR)
    rig.wait(30 * MINUTE)
    rotation = store.rotate(request(started.sid, 1, started.jti, idle_ms=HOUR, address="2001:db8::2"))
    assert rotation.outcome is RotationOutcome.ROTATED
    assert rotation.session == replace(
        started.session,
        mode=Mode.JWT,
        address="2001:db8::2",
        last_seen_ms=rotation.now,
        idle_expires_ms=rotation.now + HOUR,
        access_until_ms=rotation.now + 5 * MINUTE,
        generation=2,
        rotated_ms=rotation.now,
    )
    assert (rotation.sealed, rotation.reuse, rotation.lost_write) == (None, None, False)
    found = store.load(started.sid)
    assert isinstance(found, Found)
    assert found.session == rotation.session


def test_the_successor_rotates_next(rig: Rig, store: Store) -> None:
    """Each successor can be rotated once, and the generation increases."""
    started = rig.start()
    presented = started.jti
    for generation in range(1, 6):
        step = request(started.sid, generation, presented)
        rotation = store.rotate(step)
        assert rotation.outcome is RotationOutcome.ROTATED
        assert rotation.session is not None
        assert rotation.session.generation == generation + 1
        presented = step.proposed


def test_rotation_keeps_key_and_data(rig: Rig, store: Store) -> None:
    """The refresh token does not affect the session key and the session data."""
    family = rotated(rig, data="encoded")
    found = store.touch(family.sid, family.started.key, idle=DAY, interval=0)
    assert isinstance(found, Found)
    assert found.data == "encoded"


def test_rotation_stops_at_the_absolute_end(rig: Rig, store: Store) -> None:
    """Neither the idle expiry nor an access token extends beyond the absolute end."""
    started = rig.start(idle_ms=HOUR, absolute_ms=HOUR)
    rig.wait(50 * MINUTE)
    rotation = store.rotate(request(started.sid, 1, started.jti, idle_ms=DAY, access_ms=DAY))
    assert rotation.session is not None
    assert rotation.session.idle_expires_ms == rotation.session.access_until_ms == started.session.expires_ms
    assert rotation.session.expires_ms == started.session.expires_ms


def test_a_shorter_access_lifetime_does_not_move_access_until_back(rig: Rig, store: Store) -> None:
    """``access_until`` is the expiry of the last access token, which may be an earlier one."""
    started = rig.start(access_ms=HOUR)
    rotation = store.rotate(request(started.sid, 1, started.jti, access_ms=MINUTE))
    assert rotation.session is not None
    assert rotation.session.access_until_ms == started.session.access_until_ms


@pytest.mark.parametrize("grace", [0, 10 * SECOND])
@pytest.mark.parametrize("pause", [0, 5 * SECOND, HOUR])
def test_the_same_call_again_is_rotated_again(rig: Rig, store: Store, grace: int, pause: int) -> None:
    """A call repeated after a lost reply gets the same successor, with any grace, and a new access token."""
    started = rig.start()
    call = request(started.sid, 1, started.jti, grace_ms=grace)
    first = store.rotate(call)
    rig.wait(pause)
    again = store.rotate(call)
    assert again.outcome is RotationOutcome.ROTATED
    assert again.session is not None
    assert first.session is not None
    assert (again.session.generation, again.session.rotated_ms) == (2, first.session.rotated_ms)
    assert (again.sealed, again.reuse) == (None, None)
    lives_until = min(again.now + 5 * MINUTE, again.session.idle_expires_ms)
    assert abs(again.session.access_until_ms - lives_until) < 2 * SECOND
    assert store.rotate(request(started.sid, 2, call.proposed)).outcome is RotationOutcome.ROTATED


@pytest.mark.parametrize("outcome", [RotationOutcome.ROTATED, RotationOutcome.REPEATED])
def test_what_is_issued_again_is_covered(rig: Rig, store: Store, outcome: RotationOutcome) -> None:
    """An access token issued at the result's ``now`` expires by ``access_until``, in a repetition, too."""
    family = rotated(rig)
    rig.wait(5 * SECOND)
    again = request(family.sid, 1, family.started.jti)
    rotation = store.rotate(family.first if outcome is RotationOutcome.ROTATED else again)
    assert rotation.outcome is outcome
    assert rotation.session is not None
    assert rotation.now + 5 * MINUTE <= rotation.session.access_until_ms


def test_the_same_call_at_once_gets_the_same_record(rig: Rig, store: Store) -> None:
    """The repeated result shows the same record."""
    started = rig.start()
    call = request(started.sid, 1, started.jti)
    assert store.rotate(call).session == store.rotate(call).session


def test_the_predecessor_is_a_repeat_within_the_grace(rig: Rig, store: Store) -> None:
    """It gets the sealed successor, and only ``access_until`` changes."""
    family = rotated(rig)
    rig.wait(6 * SECOND)
    rotation = store.rotate(request(family.sid, 1, family.started.jti, address="198.51.100.66", idle_ms=DAY))
    assert (rotation.outcome, rotation.sealed) == (RotationOutcome.REPEATED, family.first.sealed)
    assert (rotation.reuse, rotation.lost_write) == (None, False)
    assert rotation.session == replace(family.after, access_until_ms=rotation.now + 5 * MINUTE)
    found = store.load(family.sid)
    assert isinstance(found, Found)
    assert found.session == rotation.session


def test_every_repeat_gets_the_same_successor(rig: Rig, store: Store) -> None:
    """All repeats within the grace get one successor, which works."""
    family = rotated(rig)
    for _ in range(5):
        rotation = store.rotate(request(family.sid, 1, family.started.jti))
        assert (rotation.outcome, rotation.sealed) == (RotationOutcome.REPEATED, family.first.sealed)
    assert store.rotate(request(family.sid, 2, family.first.proposed)).outcome is RotationOutcome.ROTATED


def test_a_repeat_gets_no_access_past_the_end(rig: Rig, store: Store) -> None:
    """An access token issued for a repeat expires with the auth session, too."""
    family = rotated(rig, absolute_ms=HOUR)
    rotation = store.rotate(request(family.sid, 1, family.started.jti, access_ms=DAY))
    assert rotation.session is not None
    assert rotation.session.access_until_ms == family.after.expires_ms


def test_a_repeat_never_moves_access_until_back(rig: Rig, store: Store) -> None:
    """A repeat never moves ``access_until`` back."""
    family = rotated(rig, access_ms=HOUR)
    rotation = store.rotate(request(family.sid, 1, family.started.jti, access_ms=SECOND))
    assert rotation.session is not None
    assert rotation.session.access_until_ms == family.after.access_until_ms


def test_repeats_do_not_extend_the_grace(rig: Rig, store: Store) -> None:
    """The grace counts from the rotation, not from the last repeat."""
    family = rotated(rig)
    rig.wait(7 * SECOND)
    assert store.rotate(request(family.sid, 1, family.started.jti)).outcome is RotationOutcome.REPEATED
    rig.wait(4 * SECOND)
    assert store.rotate(request(family.sid, 1, family.started.jti)).outcome is RotationOutcome.REUSED


def test_the_grace_is_the_callers(rig: Rig, store: Store) -> None:
    """A longer grace in the call allows a repeat that a shorter one would not."""
    family = rotated(rig)
    rig.wait(30 * SECOND)
    rotation = store.rotate(request(family.sid, 1, family.started.jti, grace_ms=MINUTE))
    assert rotation.outcome is RotationOutcome.REPEATED


def test_the_predecessor_after_the_grace_is_reuse(rig: Rig, store: Store) -> None:
    """After the grace the predecessor revokes the auth session with all its credentials."""
    family = rotated(rig)
    rig.wait(11 * SECOND)
    rotation = store.rotate(request(family.sid, 1, family.started.jti))
    assert_reused(rotation, ReuseClass.PREVIOUS, family.after)
    assert rotation.age >= 11 * SECOND
    assert_over(rig, family)


def test_without_a_grace_the_predecessor_is_reuse_at_once(rig: Rig, store: Store) -> None:
    """With a grace of 0 there is no repeat."""
    family = rotated(rig)
    rotation = store.rotate(request(family.sid, 1, family.started.jti, grace_ms=0))
    assert_reused(rotation, ReuseClass.PREVIOUS, family.after)
    assert_over(rig, family)


@pytest.mark.parametrize("pause", [0, MINUTE])
def test_an_older_generation_is_reuse(rig: Rig, store: Store, pause: int) -> None:
    """A token two generations old is reuse even within the grace, since the successor was used."""
    family = rotated(rig)
    second = store.rotate(request(family.sid, 2, family.first.proposed))
    assert second.session is not None
    rig.wait(pause)
    rotation = store.rotate(request(family.sid, 1, family.started.jti))
    assert_reused(rotation, ReuseClass.OLDER, second.session)
    assert_over(rig, family)


@pytest.mark.parametrize("generation", [1, 2], ids=["previous", "current"])
@pytest.mark.parametrize("grace", [0, 10 * SECOND])
def test_another_id_of_a_known_generation_is_reuse(
    rig: Rig, store: Store, generation: int, grace: int
) -> None:
    """A token of the current generation with an id that was never issued is mismatched."""
    family = rotated(rig)
    rotation = store.rotate(request(family.sid, generation, token_bytes(32), grace_ms=grace))
    assert_reused(rotation, ReuseClass.MISMATCHED, family.after)
    assert_over(rig, family)


def test_the_current_id_under_the_previous_generation_is_mismatched(rig: Rig, store: Store) -> None:
    """Generation and id must match."""
    family = rotated(rig)
    rotation = store.rotate(request(family.sid, 1, family.first.proposed))
    assert_reused(rotation, ReuseClass.MISMATCHED, family.after)


def test_the_previous_id_under_the_current_generation_is_mismatched(rig: Rig, store: Store) -> None:
    """Generation and id must match."""
    family = rotated(rig)
    rotation = store.rotate(request(family.sid, 2, family.started.jti))
    assert_reused(rotation, ReuseClass.MISMATCHED, family.after)


def test_another_id_of_the_first_generation_is_mismatched(rig: Rig, store: Store) -> None:
    """A record that was never rotated detects mismatched tokens, too."""
    started = rig.start()
    rotation = store.rotate(request(started.sid, 1, token_bytes(32)))
    assert_reused(rotation, ReuseClass.MISMATCHED, started.session)
    assert store.load(started.sid) is Absent.GONE


def test_reuse_is_reported_once(rig: Rig, store: Store) -> None:
    """The first call with a reused token gets REUSED; for the next one the record is gone."""
    family = rotated(rig)
    reused = request(family.sid, 1, family.started.jti, grace_ms=0)
    outcomes = [store.rotate(replace(reused, proposed=token_bytes(32))).outcome for _ in range(3)]
    assert outcomes == [RotationOutcome.REUSED, RotationOutcome.GONE, RotationOutcome.GONE]


def test_the_same_reuse_again_is_of_the_same_class(rig: Rig, store: Store) -> None:
    """The forked rotation that revoked the auth session is recorded with the revocation."""
    family = rotated(rig)
    copied = request(family.sid, 1, family.started.jti, copy="another", most_forks=0)
    first, again = store.rotate(copied), store.rotate(copied)
    assert_reused(first, ReuseClass.FOLLOWED, family.after)
    assert (again.outcome, again.reuse) == (RotationOutcome.REUSED, ReuseClass.FOLLOWED)


def test_reuse_revokes_no_other_session(rig: Rig, store: Store) -> None:
    """The user's other logins are not affected."""
    other, family = rig.start(), rotated(rig)
    store.rotate(request(family.sid, 1, family.started.jti, grace_ms=0))
    assert rig.sids() == [other.sid]
    assert store.rotate(request(other.sid, 1, other.jti)).outcome is RotationOutcome.ROTATED


def test_a_newer_generation_is_a_lost_write(rig: Rig, store: Store) -> None:
    """A token that is newer than the record is not theft: GONE, and nothing is revoked."""
    family = rotated(rig)
    rotation = store.rotate(request(family.sid, 3, token_bytes(32)))
    assert (rotation.outcome, rotation.lost_write, rotation.session) == (RotationOutcome.GONE, True, None)
    found = store.load(family.sid)
    assert isinstance(found, Found)
    assert found.session == family.after


def test_a_record_without_refresh_tokens_reports_lost_writes(rig: Rig, store: Store) -> None:
    """Every refresh token is newer than generation 0."""
    started = rig.start(jti_digest=None)
    rotation = store.rotate(request(started.sid, 1, token_bytes(32)))
    assert (rotation.outcome, rotation.lost_write) == (RotationOutcome.GONE, True)
    assert isinstance(store.load(started.sid), Found)


def test_an_unknown_sid_is_gone(rig: Rig, store: Store) -> None:
    """A token without a record is GONE, without a lost write."""
    rotation = store.rotate(request(new_handle(0), 1, token_bytes(32)))
    assert (rotation.outcome, rotation.lost_write, rotation.session) == (RotationOutcome.GONE, False, None)
    assert abs(rotation.now - store.now()) < 10 * SECOND


@pytest.mark.parametrize("generation", [1, 2, 3], ids=["previous", "current", "newer"])
def test_expired_is_gone(rig: Rig, store: Store, generation: int) -> None:
    """After the idle expiry every refresh token is GONE: the grace does not apply, and it is not theft."""
    family = rotated(rig, idle_ms=2 * SECOND)
    store.touch(family.sid, family.started.key, idle=2 * SECOND, interval=0)
    rig.wait(3 * SECOND)
    presented = {1: family.started.jti, 2: family.first.proposed, 3: token_bytes(32)}[generation]
    rotation = store.rotate(request(family.sid, generation, presented))
    assert (rotation.outcome, rotation.lost_write, rotation.session) == (RotationOutcome.GONE, False, None)


def test_the_same_call_after_a_revocation_is_gone(rig: Rig, store: Store) -> None:
    """A repeated call revives no revoked record."""
    family = rotated(rig)
    store.revoke(family.sid, rig.reason)
    assert store.rotate(family.first).outcome is RotationOutcome.GONE
    assert store.load(family.sid) is Absent.GONE


def test_a_token_that_does_not_rotate_stays_current(rig: Rig, store: Store) -> None:
    """On each use times, mode and address change as in a rotation; generation and id do not."""
    started = rig.start(mode=Mode.SESSION, idle_ms=HOUR)
    for _ in range(3):
        rig.wait(30 * MINUTE)
        rotation = store.rotate(
            request(started.sid, 1, started.jti, idle_ms=HOUR, address="2001:db8::2", rotates=False)
        )
        assert rotation.outcome is RotationOutcome.KEPT
        assert rotation.session == replace(
            started.session,
            mode=Mode.JWT,
            address="2001:db8::2",
            last_seen_ms=rotation.now,
            idle_expires_ms=rotation.now + HOUR,
            access_until_ms=rotation.now + 5 * MINUTE,
        )
        found = store.load(started.sid)
        assert isinstance(found, Found)
        assert found.session == rotation.session


def test_a_token_that_does_not_rotate_stops_at_the_absolute_end(rig: Rig, store: Store) -> None:
    """Neither the idle expiry nor an access token extends beyond the absolute end; then it is GONE."""
    started = rig.start(idle_ms=HOUR, absolute_ms=HOUR)
    rig.wait(50 * MINUTE)
    call = request(started.sid, 1, started.jti, idle_ms=DAY, access_ms=DAY, rotates=False)
    rotation = store.rotate(call)
    assert rotation.session is not None
    assert rotation.session.idle_expires_ms == rotation.session.access_until_ms == started.session.expires_ms
    rig.wait(11 * MINUTE)
    assert store.rotate(call).outcome is RotationOutcome.GONE


def test_a_revoked_token_that_does_not_rotate_is_gone(rig: Rig, store: Store) -> None:
    """It works any number of times, but not after a revocation."""
    started = rig.start()
    call = request(started.sid, 1, started.jti, rotates=False)
    assert store.rotate(call).outcome is RotationOutcome.KEPT
    store.revoke(started.sid, rig.reason)
    assert store.rotate(call).outcome is RotationOutcome.GONE
    assert store.load(started.sid) is Absent.GONE


def test_a_superseded_token_that_does_not_rotate_is_reuse(rig: Rig, store: Store) -> None:
    """A superseded token that does not rotate is treated as any other: repeat in the grace, then reuse."""
    family = rotated(rig)
    call = request(family.sid, 1, family.started.jti, rotates=False)
    assert store.rotate(call).outcome is RotationOutcome.REPEATED
    rig.wait(11 * SECOND)
    rotation = store.rotate(replace(call, proposed=token_bytes(32)))
    assert (rotation.outcome, rotation.reuse) == (RotationOutcome.REUSED, ReuseClass.PREVIOUS)
    assert_over(rig, family)


def test_a_forged_token_that_does_not_rotate_is_reuse(rig: Rig, store: Store) -> None:
    """The right generation with another id is not the current token."""
    started = rig.start()
    rotation = store.rotate(request(started.sid, 1, token_bytes(32), rotates=False))
    assert (rotation.outcome, rotation.reuse) == (RotationOutcome.REUSED, ReuseClass.MISMATCHED)
    assert store.load(started.sid) is Absent.GONE
