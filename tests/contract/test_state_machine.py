"""
Every store against a small model: after any sequence of calls both have the same state.

The model counts minutes. The store's clock runs on by less than half a minute in each example, so
the minute of an instant is the model's minute of it.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from secrets import token_bytes

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from django_authkit.stores.outcomes import Absent, Created, Found, Refused, RotationOutcome
from django_authkit.types import AuthSession, Mode, OnLimit, ReuseClass, RevocationReason
from support.profile import rounds
from support.stores import MINUTE, SECOND, Site, request, rigged

GRACE = 90 * SECOND
"""The grace ends between the first and the second minute."""
INTERVAL = 30 * SECOND
"""Activity is written once per minute."""
SPANS = st.integers(min_value=1, max_value=9)


@dataclass
class Expected:
    """What the model knows about an auth session. Times and durations are in minutes."""

    user: str
    mode: Mode
    key: bytes | None
    jtis: list[bytes]
    generation: int
    last_seen: int
    idle_until: int
    ends: int
    rotated: int
    idle_limit: int | None = None
    own_idle: int = 0
    auth_hash: str = "a"
    data: str = ""
    ended: bool = False
    has_tokens: bool = True


class StoreMachine(RuleBasedStateMachine):
    """Calls the store and the model in the same way."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.rig = self.stack.enter_context(rigged(site))
        self.store = self.rig.store
        self.users = [self.rig.user, site.add_user()]
        self.started = self.store.now()
        self.minute = 0
        self.records: dict[str, Expected] = {}

    def teardown(self) -> None:
        """Leave the store empty."""
        self.stack.close()

    def live(self, user: str) -> dict[str, Expected]:
        """Return the user's auth sessions that should be live."""
        return {sid: one for sid, one in self.records.items() if one.user == user and self.alive(one)}

    def alive(self, one: Expected) -> bool:
        """Tell whether an auth session should be live."""
        return not one.ended and self.minute < min(one.idle_until, one.ends)

    def slide(self, one: Expected, idle: int) -> None:
        """Record activity now."""
        one.last_seen = self.minute
        one.idle_until = min(self.minute + idle, one.ends)

    def minute_of(self, instant: int) -> int:
        """Return the minute in the model for a time of the store."""
        return (instant - self.started) // MINUTE

    def pick(self, number: int) -> str | None:
        """Return the sid of one of all records so far."""
        sids = list(self.records)
        return sids[number % len(sids)] if sids else None

    @rule(
        user=st.integers(0, 1),
        keyed=st.booleans(),
        tokened=st.booleans(),
        idle=SPANS,
        absolute=SPANS,
        own_idle=st.just(0) | SPANS,
        limit=st.none() | st.integers(1, 4),
        policy=st.sampled_from(OnLimit),
    )
    def create(
        self,
        user: int,
        keyed: bool,
        tokened: bool,
        idle: int,
        absolute: int,
        own_idle: int,
        limit: int | None,
        policy: OnLimit,
    ) -> None:
        """Log in."""
        proposal = self.rig.proposal(
            user_id=self.users[user],
            auth_hash="a",
            key_digest=token_bytes(32) if keyed else None,
            jti_digest=token_bytes(32) if tokened else None,
            idle_ms=idle * MINUTE,
            absolute_ms=absolute * MINUTE,
            idle_timeout=own_idle * MINUTE,
            max_sessions=limit,
            on_limit=policy,
        )
        live = self.live(proposal.user_id)
        answer = self.store.create(proposal)
        assert self.store.create(proposal) == answer
        full = limit is not None and len(live) >= limit
        if full and policy is OnLimit.REFUSE:
            assert answer == Refused(live=len(live))
            return
        assert isinstance(answer, Created)
        self.expect_ended(
            answer, live, 0 if not full else 1 if policy is OnLimit.REVOKE_OTHERS else limit or 0
        )
        self.records[proposal.sid] = Expected(
            user=proposal.user_id,
            mode=Mode.SESSION,
            key=proposal.key_digest,
            jtis=[proposal.jti_digest] if proposal.jti_digest else [],
            generation=int(tokened),
            last_seen=self.minute,
            idle_until=self.minute + min(idle, own_idle or idle, absolute),
            ends=self.minute + absolute,
            rotated=self.minute,
            own_idle=own_idle,
        )

    def expect_ended(self, answer: Created, live: dict[str, Expected], left: int) -> None:
        """Check which were revoked: none, or all but *left* with the new one, oldest activity first."""
        ended = [session.sid for session in answer.revoked]
        assert len(ended) == len(set(ended)) == (len(live) - left + 1 if left else 0)
        assert set(ended) <= set(live)
        kept = [one.last_seen for sid, one in live.items() if sid not in ended]
        for sid in ended:
            assert all(live[sid].last_seen <= other for other in kept)
            live[sid].ended = True

    @rule(number=st.integers(0, 9), right=st.booleans(), idle=SPANS)
    def touch(self, number: int, right: bool, idle: int) -> None:
        """Present a session key."""
        sid = self.pick(number)
        if sid is None:
            return
        one = self.records[sid]
        key = one.key if right and one.key else token_bytes(32)
        answer = self.store.touch(sid, key, idle=idle * MINUTE, interval=INTERVAL)
        if self.expect_key(one, key, answer) and one.last_seen < self.minute:
            self.slide(one, min(idle, one.own_idle or idle, one.idle_limit or idle))

    def expect_key(self, one: Expected, key: bytes | None, answer: Found | Absent) -> bool:
        """Check which of the three results it is; tell whether it is the record."""
        if not self.alive(one):
            assert answer is Absent.GONE
        elif one.key != key:
            assert answer is Absent.SUPERSEDED
        else:
            assert isinstance(answer, Found)
        return isinstance(answer, Found)

    @rule(
        number=st.integers(0, 9),
        behind=st.integers(-1, 3),
        genuine=st.booleans(),
        rotates=st.booleans(),
        idle=SPANS,
    )
    def rotate(self, number: int, behind: int, genuine: bool, rotates: bool, idle: int) -> None:
        """Present a refresh token that is *behind* generations old."""
        sid = self.pick(number)
        if sid is None:
            return
        one = self.records[sid]
        generation = max(1, one.generation - behind)
        behind = one.generation - generation
        known = genuine and behind >= 0
        call = request(
            sid,
            generation,
            one.jtis[generation - 1] if known else token_bytes(32),
            grace_ms=GRACE,
            idle_ms=idle * MINUTE,
            rotates=rotates,
        )
        answer = self.store.rotate(call)
        expected = self.expected_outcome(one, behind, known, rotates)
        assert (answer.outcome, answer.reuse, answer.lost_write) == expected
        if answer.outcome is RotationOutcome.ROTATED:
            one.jtis.append(call.proposed)
            one.generation, one.rotated = one.generation + 1, self.minute
        if answer.outcome in {RotationOutcome.ROTATED, RotationOutcome.KEPT}:
            one.mode = Mode.JWT
            self.slide(one, min(idle, one.own_idle or idle, one.idle_limit or idle))
        if answer.outcome is RotationOutcome.ROTATED:
            assert self.store.rotate(call).session == answer.session
        one.ended = one.ended or answer.outcome is RotationOutcome.REUSED

    def expected_outcome(
        self, one: Expected, behind: int, known: bool, rotates: bool
    ) -> tuple[RotationOutcome, ReuseClass | None, bool]:
        """Return the outcome by the table."""
        if not self.alive(one) or behind < 0:
            return RotationOutcome.GONE, None, self.alive(one)
        if not one.has_tokens:
            return RotationOutcome.GONE, None, False
        if behind >= 2:
            return RotationOutcome.REUSED, ReuseClass.OLDER, False
        if not known:
            return RotationOutcome.REUSED, ReuseClass.MISMATCHED, False
        if behind == 0:
            return RotationOutcome.ROTATED if rotates else RotationOutcome.KEPT, None, False
        if self.minute - one.rotated <= 1:
            return RotationOutcome.REPEATED, None, False
        return RotationOutcome.REUSED, ReuseClass.PREVIOUS, False

    @rule(number=st.integers(0, 9), right=st.booleans(), none=st.booleans())
    def rekey(self, number: int, right: bool, none: bool) -> None:
        """Ask for a new session key."""
        sid = self.pick(number)
        if sid is None:
            return
        one = self.records[sid]
        presented = None if none else one.key if right and one.key else token_bytes(32)
        replacement = token_bytes(32)
        if self.expect_key(one, presented, self.store.rekey(sid, presented, replacement)):
            one.key, one.mode = replacement, Mode.SESSION
            one.has_tokens = one.has_tokens and presented is None

    @rule(number=st.integers(0, 9), data=st.sampled_from(["", "x", "ü" * 500]), limit=st.none() | SPANS)
    def save_data(self, number: int, data: str, limit: int | None) -> None:
        """Save Django session data with the right key, if there is one."""
        sid = self.pick(number)
        if sid is None:
            return
        one = self.records[sid]
        idle_limit = None if limit is None else limit * MINUTE
        saved = self.store.save_data(sid, one.key or token_bytes(32), data, idle_limit=idle_limit)
        assert saved is (self.alive(one) and one.key is not None)
        if saved:
            one.data, one.idle_limit = data, limit
            one.idle_until = min(one.idle_until, one.idle_until if limit is None else self.minute + limit)

    @rule(user=st.sampled_from([0, 1]), old=st.sampled_from("ab"), new=st.sampled_from("ab"))
    def restamp_user(self, user: int, old: str, new: str) -> None:
        """Replace a hash on all of a user's."""
        stale = [one for one in self.live(self.users[user]).values() if one.auth_hash == old]
        assert self.store.restamp_user(self.users[user], old, new) == len(stale)
        for one in stale:
            one.auth_hash = new

    @rule(number=st.integers(0, 9), by_key=st.booleans())
    def revoke(self, number: int, by_key: bool) -> None:
        """Log out, by sid or with a key that may be wrong."""
        sid = self.pick(number)
        if sid is None:
            return
        one = self.records[sid]
        ended = self.store.revoke(
            sid, RevocationReason.LOGOUT, key_digest=token_bytes(32) if by_key else None
        )
        assert (ended is not None) is (self.alive(one) and not by_key)
        one.ended = one.ended or ended is not None

    @rule(
        user=st.sampled_from([0, 1]),
        keep=st.none() | st.integers(0, 9),
        keep_hash=st.none() | st.sampled_from("ab"),
    )
    def revoke_user(self, user: int, keep: int | None, keep_hash: str | None) -> None:
        """Revoke all of a user, optionally except one or only with another hash."""
        kept = None if keep is None else self.pick(keep)
        live = self.live(self.users[user]).items()
        expected = {sid for sid, one in live if sid != kept and one.auth_hash != keep_hash}
        ended = self.store.revoke_user(
            self.users[user], RevocationReason.REVOKED, keep=kept, keep_hash=keep_hash
        )
        assert sorted(session.sid for session in ended) == sorted(expected)
        for sid in expected:
            self.records[sid].ended = True

    @rule(certain=st.integers(0, 5))
    def revoke_all(self, certain: int) -> None:
        """Revoke everything."""
        if certain == 0:
            self.store.revoke_all()
            for one in self.records.values():
                one.ended = True

    @rule(minutes=st.integers(1, 3))
    def wait(self, minutes: int) -> None:
        """Let time pass."""
        self.rig.wait(minutes * MINUTE)
        self.minute += minutes

    @rule()
    def prune(self) -> None:
        """Prune, which has no visible effect."""
        assert all(0 < step <= 2 for step in self.store.prune(2))

    @invariant()
    def every_record_is_as_expected(self) -> None:
        """Live records match the model; others are gone."""
        for sid, one in self.records.items():
            found = self.store.load(sid)
            if not self.alive(one):
                assert found is Absent.GONE
                continue
            assert isinstance(found, Found)
            assert found.data == one.data
            self.expect_fields(found.session, one)

    def expect_fields(self, session: AuthSession, one: Expected) -> None:
        """Check one record, field by field."""
        assert (session.mode, session.generation, session.auth_hash) == (
            one.mode,
            one.generation,
            one.auth_hash,
        )
        assert self.minute_of(session.last_seen_ms) == one.last_seen
        assert self.minute_of(session.idle_expires_ms) == one.idle_until
        assert self.minute_of(session.expires_ms) == one.ends

    @invariant()
    def lists_are_of_what_lives(self) -> None:
        """Each user's list has the live ones, most recently seen first."""
        for user in self.users:
            listed = self.store.list_user(user)
            assert sorted(session.sid for session in listed) == sorted(self.live(user))
            seen = [session.last_seen_ms for session in listed]
            assert seen == sorted(seen, reverse=True)


def machine_on(site: Site) -> type[RuleBasedStateMachine]:
    """Return the state machine for one store, in the form that Hypothesis needs."""

    class Machine(StoreMachine):
        def __init__(self) -> None:
            super().__init__(site)

    return Machine


@pytest.mark.slow
def test_every_store_agrees_with_the_model(site: Site) -> None:
    """No sequence of calls makes a store and the model disagree."""
    profile = settings(
        max_examples=rounds(150),
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine_on(site), settings=profile)
