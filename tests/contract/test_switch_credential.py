"""``switch_to_tokens`` and ``switch_to_key``: an additional credential of the other form."""

from dataclasses import replace
from secrets import token_bytes

from django_authkit.stores.outcomes import Absent, Found, RotationOutcome, Switch, SwitchOutcome
from django_authkit.stores.protocol import Store
from django_authkit.types import Mode, ReuseClass, RevocationReason
from support.stores import DAY, MINUTE, SECOND, Rig, Started, request


def to_tokens(store: Store, one: Started, proposed: bytes, **changes: object) -> Switch:
    """Request tokens in addition to the session key."""
    arguments: dict[str, object] = {"held": None, "advance": True, "access": 5 * MINUTE, **changes}
    return store.switch_to_tokens(one.sid, one.key, proposed=proposed, **arguments)  # type: ignore[arg-type]


def to_key(store: Store, one: Started, proposed: bytes, generation: int | None = None) -> Switch:
    """Request a session key in addition to the refresh token; by default for the current generation."""
    if generation is None:
        found = store.load(one.sid)
        generation = found.session.generation if isinstance(found, Found) else 1
    return store.switch_to_key(one.sid, one.jti, generation, proposed=proposed, idle=14 * DAY)


def with_key(rig: Rig, **changes: object) -> Started:
    """Start an auth session that has a session key only."""
    return rig.start(mode=Mode.SESSION, jti_digest=None, access_ms=0, **changes)


def with_tokens(rig: Rig, **changes: object) -> Started:
    """Start an auth session that has tokens only."""
    return rig.start(mode=Mode.JWT, key_digest=None, **changes)


def test_tokens_in_addition_to_a_key(rig: Rig, store: Store) -> None:
    """The first refresh token starts the family; the session key stays valid with all data."""
    one, proposed = with_key(rig, data="encoded"), token_bytes(32)
    rig.wait(SECOND)
    switch = to_tokens(store, one, proposed)
    assert switch.outcome is SwitchOutcome.SWITCHED
    assert switch.found is not None
    session, now = switch.found.session, switch.found.now_ms
    assert now - one.session.created_ms < 10 * SECOND
    assert session == replace(
        one.session,
        mode=Mode.JWT,
        generation=1,
        rotated_ms=session.rotated_ms,
        access_until_ms=session.access_until_ms,
    )
    assert 0 <= now - session.rotated_ms < SECOND
    assert 0 <= now + 5 * MINUTE - session.access_until_ms < SECOND
    found = store.touch(one.sid, one.key, idle=DAY, interval=0)
    assert isinstance(found, Found)
    assert found.data == switch.found.data == "encoded"
    assert store.rotate(request(one.sid, 1, proposed)).outcome is RotationOutcome.ROTATED


def test_tokens_again_after_a_lost_response(rig: Rig, store: Store) -> None:
    """The same proposal is the same refresh token, however late, until it was used."""
    one, proposed = with_key(rig), token_bytes(32)
    first = to_tokens(store, one, proposed)
    rig.wait(20 * MINUTE)
    again = to_tokens(store, one, proposed)
    assert first.found is not None
    assert again.found is not None
    assert again.outcome is SwitchOutcome.SWITCHED
    assert (again.found.session.generation, again.found.session.rotated_ms) == (
        1,
        first.found.session.rotated_ms,
    )
    assert again.found.session.access_until_ms >= first.found.session.access_until_ms + 19 * MINUTE
    store.rotate(request(one.sid, 1, proposed))
    assert to_tokens(store, one, proposed) == Switch(outcome=SwitchOutcome.KEPT)


def test_tokens_that_another_caller_got(rig: Rig, store: Store) -> None:
    """Another proposal (of a worker with another secret, for example) has no effect if there are tokens."""
    one, proposed = with_key(rig), token_bytes(32)
    to_tokens(store, one, proposed)
    assert to_tokens(store, one, token_bytes(32)).outcome is SwitchOutcome.KEPT
    assert store.rotate(request(one.sid, 1, proposed)).outcome is RotationOutcome.ROTATED


def test_tokens_that_the_client_has(rig: Rig, store: Store) -> None:
    """A client with the current refresh token gets no other; only ``access_until`` changes."""
    one = rig.start(mode=Mode.SESSION)
    rig.wait(20 * MINUTE)
    switch = to_tokens(store, one, token_bytes(32), held=one.jti, advance=False)
    assert switch.outcome is SwitchOutcome.HELD
    assert switch.found is not None
    assert (switch.found.session.generation, switch.found.session.mode) == (1, Mode.JWT)
    assert switch.found.session.access_until_ms >= one.session.access_until_ms + 19 * MINUTE
    assert store.rotate(request(one.sid, 1, one.jti)).outcome is RotationOutcome.ROTATED


def test_tokens_do_not_supersede_those_in_use(rig: Rig, store: Store) -> None:
    """Without ``advance`` an existing family does not change; with it, the older token becomes reuse."""
    one, proposed = rig.start(mode=Mode.SESSION), token_bytes(32)
    for held in (None, token_bytes(32)):
        assert to_tokens(store, one, proposed, held=held, advance=False).outcome is SwitchOutcome.KEPT
    switch = to_tokens(store, one, proposed)
    assert switch.found is not None
    assert switch.found.session.generation == 2
    assert store.rotate(request(one.sid, 2, proposed)).outcome is RotationOutcome.ROTATED
    reused = store.rotate(request(one.sid, 1, one.jti))
    assert (reused.outcome, reused.reuse) == (RotationOutcome.REUSED, ReuseClass.OLDER)


def test_a_key_in_addition_to_tokens(rig: Rig, store: Store) -> None:
    """The session key opens the record; the refresh token is still current."""
    one, proposed = with_tokens(rig, data="encoded"), token_bytes(32)
    rig.wait(SECOND)
    switch = to_key(store, one, proposed)
    assert switch.outcome is SwitchOutcome.SWITCHED
    assert switch.found is not None
    assert switch.found.data == "encoded"
    session = switch.found.session
    assert session == replace(
        one.session,
        mode=Mode.SESSION,
        last_seen_ms=session.last_seen_ms,
        idle_expires_ms=session.idle_expires_ms,
    )
    assert session.last_seen_ms >= one.session.last_seen_ms + SECOND
    assert isinstance(store.touch(one.sid, proposed, idle=DAY, interval=MINUTE), Found)
    assert store.rotate(request(one.sid, 1, one.jti)).outcome is RotationOutcome.ROTATED


def test_a_key_again_after_a_lost_response(rig: Rig, store: Store) -> None:
    """The same refresh token gets the same key, and no second one while that is in use."""
    one, proposed = with_tokens(rig), token_bytes(32)
    to_key(store, one, proposed)
    rig.wait(MINUTE)
    assert to_key(store, one, proposed).outcome is SwitchOutcome.SWITCHED
    assert to_key(store, one, token_bytes(32)).outcome is SwitchOutcome.KEPT
    assert isinstance(store.touch(one.sid, proposed, idle=DAY, interval=MINUTE), Found)


def test_a_rotation_in_between_needs_another_key(rig: Rig, store: Store) -> None:
    """Only the current refresh token gets a key; others are neither reuse nor revoke anything."""
    one, lost = with_tokens(rig), token_bytes(32)
    to_key(store, one, lost)
    rotation = request(one.sid, 1, one.jti)
    store.rotate(rotation)
    assert to_key(store, one, lost).outcome is SwitchOutcome.KEPT
    newer, proposed = replace(one, jti=rotation.proposed), token_bytes(32)
    assert to_key(store, newer, proposed).outcome is SwitchOutcome.SWITCHED
    assert isinstance(store.touch(one.sid, proposed, idle=DAY, interval=MINUTE), Found)
    assert store.touch(one.sid, lost, idle=DAY, interval=MINUTE) is Absent.SUPERSEDED


def test_a_token_of_another_generation_gets_no_key(rig: Rig, store: Store) -> None:
    """Even if its ``jti`` is the current one again, as can happen for a successor."""
    one = with_tokens(rig)
    for generation in (0, 2):
        assert to_key(store, one, token_bytes(32), generation).outcome is SwitchOutcome.KEPT
    assert to_key(store, one, token_bytes(32), 1).outcome is SwitchOutcome.SWITCHED


def test_a_renewed_key_is_not_replaced_by_an_older_token(rig: Rig, store: Store) -> None:
    """A copy of the refresh token from before re-authentication gets no key, and invalidates none."""
    one, given, renewed = with_tokens(rig), token_bytes(32), token_bytes(32)
    to_key(store, one, given)
    assert isinstance(store.rekey(one.sid, given, renewed, reauthenticated=True), Found)
    assert to_key(store, one, token_bytes(32), 1).outcome is SwitchOutcome.KEPT
    assert store.rotate(request(one.sid, 1, one.jti)).outcome is RotationOutcome.GONE
    assert isinstance(store.touch(one.sid, renewed, idle=DAY, interval=MINUTE), Found)
    again = to_tokens(store, replace(one, key=renewed), token_bytes(32))
    assert again.outcome is SwitchOutcome.SWITCHED


def test_nothing_for_dead_sessions(rig: Rig, store: Store) -> None:
    """A revoked auth session, or one whose credential differs, gets nothing."""
    one = rig.start(mode=Mode.SESSION)
    stranger = replace(one, key=token_bytes(32), jti=token_bytes(32))
    assert to_tokens(store, stranger, token_bytes(32)).outcome is SwitchOutcome.GONE
    assert to_key(store, stranger, token_bytes(32)).outcome is SwitchOutcome.KEPT
    store.revoke(one.sid, RevocationReason.REVOKED)
    assert to_tokens(store, one, token_bytes(32)).outcome is SwitchOutcome.GONE
    assert to_key(store, one, token_bytes(32)).outcome is SwitchOutcome.GONE


def test_neither_passes_the_absolute_end(rig: Rig, store: Store) -> None:
    """Neither access tokens nor the idle expiry extend beyond the absolute end."""
    one = with_key(rig, idle_ms=2 * MINUTE, absolute_ms=3 * MINUTE)
    switch = to_tokens(store, one, token_bytes(32))
    assert switch.found is not None
    assert switch.found.session.access_until_ms == one.session.idle_expires_ms
    other = with_tokens(rig, idle_ms=2 * MINUTE, absolute_ms=3 * MINUTE)
    rig.wait(MINUTE)
    switch = to_key(store, other, token_bytes(32))
    assert switch.found is not None
    assert switch.found.session.idle_expires_ms == switch.found.session.expires_ms == other.session.expires_ms


def test_switching_back_and_forth(rig: Rig, store: Store) -> None:
    """A record can be switched back and forth any number of times."""
    one = with_key(rig, data="encoded")
    for generation in range(1, 5):
        proposed, key = token_bytes(32), token_bytes(32)
        assert to_tokens(store, one, proposed).outcome is SwitchOutcome.SWITCHED
        one = replace(one, jti=proposed)
        switch = to_key(store, one, key)
        assert switch.outcome is SwitchOutcome.SWITCHED
        assert switch.found is not None
        assert (switch.found.session.generation, switch.found.data) == (generation, "encoded")
        one = replace(one, key=key)


def test_a_key_in_use_changes_the_mode(rig: Rig, store: Store) -> None:
    """Where session keys are issued, the key's next use changes the record's mode; not elsewhere."""
    one = rig.start(mode=Mode.JWT)
    store.touch(one.sid, one.key, idle=DAY, interval=MINUTE)
    unchanged = store.load(one.sid)
    assert isinstance(unchanged, Found)
    assert unchanged.session == one.session
    found = store.touch(one.sid, one.key, idle=DAY, interval=MINUTE, issued=True)
    loaded = store.load(one.sid)
    assert isinstance(found, Found)
    assert isinstance(loaded, Found)
    assert found.session.mode is loaded.session.mode is Mode.SESSION


def test_the_statistics_say_how_long(rig: Rig, store: Store) -> None:
    """For each form: the number, and when the last of them expires."""
    one, two = with_key(rig), with_key(rig, idle_ms=3 * DAY, absolute_ms=100 * DAY)
    live = store.statistics().live
    assert live is not None
    assert live[Mode.SESSION].live == 2
    assert live[Mode.SESSION].idle_expires_ms == one.session.idle_expires_ms
    assert live[Mode.SESSION].expires_ms == two.session.expires_ms
    assert (live[Mode.JWT].live, live[Mode.JWT].idle_expires_ms, live[Mode.JWT].expires_ms) == (0, None, None)
    to_tokens(store, two, token_bytes(32))
    live = store.statistics().live
    assert live is not None
    assert (live[Mode.SESSION].live, live[Mode.JWT].live) == (1, 1)
