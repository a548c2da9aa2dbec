"""``bind_device`` and ``renew_binding``: the device that an auth session is bound to, and its challenges."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from secrets import token_bytes

import pytest

from django_authkit.errors import DpopProofInvalid
from django_authkit.session_keys import handle_in_bucket_of
from django_authkit.stores.outcomes import Absent, Found, Shown, SwitchOutcome
from django_authkit.stores.protocol import Store
from django_authkit.tokens.dpop import SingleUse
from django_authkit.types import AuthSession, Mode
from support.parallel import parallel_threads
from support.stores import DAY, HOUR, MINUTE, Rig, Started, request

FRESH = token_bytes(32)
KEY, OTHER = '{"crv":"P-256","kty":"EC","x":"1","y":"2"}', '{"e":"AQAB","kty":"RSA","n":"' + "n" * 342 + '"}'


def _session(found: Found | Absent) -> AuthSession:
    assert isinstance(found, Found)
    return found.session


def test_a_device_is_bound_when_it_first_uses_the_binding(rig: Rig, store: Store) -> None:
    """The key is noted at once; ``bound_ms`` is the time of the first use, and nothing else changes."""
    started = rig.start(data="encoded")
    noted = _session(store.bind_device(started.sid, KEY, "n1"))
    assert noted == replace(started.session, device_key=KEY, device_nonce="n1")
    rig.wait(MINUTE)
    used = store.renew_binding(started.sid, "n1", "n1")
    assert isinstance(used, Found)
    assert used.session == replace(noted, bound_ms=used.session.bound_ms)
    assert used.session.bound_ms >= started.session.created_ms + MINUTE
    assert used.data == "encoded"
    rig.wait(MINUTE)
    assert _session(store.renew_binding(started.sid, "n1", "n2")) == replace(used.session, device_nonce="n2")
    assert _session(store.load(started.sid)) == store.list_user(rig.user)[0]


def test_a_header_client_is_bound_from_the_beginning(rig: Rig, store: Store) -> None:
    """The record begins with its key, without a nonce, and no other key replaces it."""
    started = rig.start(device_key=KEY)
    assert (started.session.device_key, started.session.device_nonce) == (KEY, "")
    assert started.session.bound_ms == started.session.created_ms
    assert started.session.is_dpop_bound
    assert _session(store.load(started.sid)) == started.session
    assert store.bind_device(started.sid, OTHER, "n1") is Absent.SUPERSEDED
    assert not rig.start().session.is_dpop_bound


def test_statistics_count_what_is_bound(rig: Rig, store: Store) -> None:
    """Live auth sessions whose browser has used its key, and those of header clients; no others."""
    rig.start()
    rig.start(device_key=KEY)
    store.bind_device(rig.start().sid, KEY, "n1")
    for _ in range(3):
        bound = rig.start()
        store.bind_device(bound.sid, KEY, "n1")
        store.renew_binding(bound.sid, "n1", "n2")
    store.revoke(bound.sid, rig.reason)
    counted = store.statistics()
    assert (counted.device_bound, counted.dpop_bound) == (2, 1)
    assert store.statistics(count=False).device_bound is None


def test_until_the_binding_is_used_another_key_replaces_it(rig: Rig, store: Store) -> None:
    """The answer to a registration may be lost; after the first use, no key replaces the device's."""
    started = rig.start()
    store.bind_device(started.sid, OTHER, "n1")
    assert _session(store.bind_device(started.sid, KEY, "n2")).device_key == KEY
    assert store.renew_binding(started.sid, "n1", "n3") is Absent.SUPERSEDED
    store.renew_binding(started.sid, "n2", "n3")
    assert store.bind_device(started.sid, OTHER, "n4") is Absent.SUPERSEDED
    assert _session(store.load(started.sid)).device_key == KEY


def test_a_nonce_is_used_once(rig: Rig, store: Store) -> None:
    """The same call repeated has the same result; another call with that nonce changes nothing."""
    started = rig.start()
    first = store.bind_device(started.sid, KEY, "n1")
    assert _session(store.bind_device(started.sid, KEY, "n1")) == _session(first)
    renewed = _session(store.renew_binding(started.sid, "n1", "n2"))
    assert _session(store.renew_binding(started.sid, "n1", "n2")) == renewed
    assert store.renew_binding(started.sid, "n1", "n3") is Absent.SUPERSEDED
    assert _session(store.load(started.sid)) == renewed


def test_of_simultaneous_proofs_with_one_nonce_one_succeeds(rig: Rig, store: Store) -> None:
    """The others are SUPERSEDED."""
    started = rig.start()
    store.bind_device(started.sid, KEY, "n1")

    calls = [partial(store.renew_binding, started.sid, "n1", f"m{number}") for number in range(6)]
    with parallel_threads(6) as threads:
        outcomes = threads.at_once(calls)
    assert sum(isinstance(each, Found) for each in outcomes) == 1
    assert outcomes.count(Absent.SUPERSEDED) == 5


def _touched(store: Store, started: Started, use: SingleUse) -> Found | Absent:
    return store.touch(started.sid, started.key, idle=DAY, interval=0, shown=Shown(single_use=use))


def _use(proof: bytes = b"p" * 32) -> SingleUse:
    return SingleUse(digest=proof, request=token_bytes(32), lifetime_ms=HOUR)


def test_of_simultaneous_requests_with_one_proof_one_succeeds(rig: Rig, store: Store) -> None:
    """Whichever lookup notes its use, or the call for none; the others are refused, and are no activity."""
    started = rig.start()
    sid, uses = started.sid, [_use() for _ in range(6)]

    def create(use: SingleUse) -> object:
        handle = handle_in_bucket_of(sid, use.digest)
        if not store.create_anonymous(handle, use.request, "", use.lifetime_ms):
            raise DpopProofInvalid
        return True

    def refused(look_up: Callable[[], object]) -> bool:
        try:
            look_up()
        except DpopProofInvalid:
            return True
        return False

    kinds: list[Callable[[SingleUse], object]] = [
        partial(store.load, sid),
        partial(_touched, store, started),
        create,
    ]
    calls = [partial(refused, partial(kind, use)) for kind, use in zip(kinds * 2, uses, strict=True)]
    with parallel_threads(6) as threads:
        assert sorted(threads.at_once(calls)) == [False] + [True] * 5


def test_a_proof_is_used_up_by_a_lookup(rig: Rig, store: Store) -> None:
    """By one request, which may look again, for as long as it is noted; without a record, none is used."""
    started = rig.start()
    use, other = _use(), _use()
    assert store.load("AA" + "x" * 14, other) is Absent.GONE
    assert _session(store.load(started.sid, use)).sid == started.sid
    used = _session(_touched(store, started, use))
    assert use.is_noted
    rig.wait(HOUR // 2)
    for refused in (partial(store.load, started.sid, other), partial(_touched, store, started, other)):
        with pytest.raises(DpopProofInvalid):
            refused()
    assert not other.is_noted
    assert _session(store.load(started.sid)) == used
    assert _session(store.load(started.sid, _use(b"q" * 32))).sid == started.sid
    rig.wait(HOUR // 2)
    assert _session(store.load(started.sid, other)).sid == started.sid


def test_without_a_binding_there_is_nothing_to_renew(rig: Rig, store: Store) -> None:
    """A proof for another auth session, or for one that is not live, changes nothing."""
    started, bound = rig.start(), rig.start(idle_ms=HOUR)
    store.bind_device(bound.sid, KEY, "n1")
    assert store.renew_binding(started.sid, "n1", "n2") is Absent.SUPERSEDED
    assert _session(store.load(started.sid)) == started.session
    rig.wait(HOUR)
    assert store.renew_binding(bound.sid, "n1", "n2") is Absent.GONE
    assert store.bind_device(bound.sid, KEY, "n3") is Absent.GONE
    store.revoke(started.sid, rig.reason)
    assert store.bind_device(started.sid, KEY, "n1") is Absent.GONE


@pytest.mark.parametrize(
    ("binds", "own", "other"),
    [
        ({"device_key": KEY}, Shown(key=KEY), Shown(key=OTHER)),
        ({}, Shown(has_cookie=True), Shown(key=KEY, has_cookie=False)),
    ],
    ids=["app", "browser"],
)
def test_the_use_by_another_device_is_no_activity(
    rig: Rig, store: Store, binds: dict[str, str], own: Shown, other: Shown
) -> None:
    """The record stays as it is, in its mode, once its own device has used the binding."""
    started = rig.start(idle_ms=HOUR, mode=Mode.JWT, **binds)
    if not binds:
        store.bind_device(started.sid, KEY, "n1")
        rig.wait(MINUTE)
        touched = _session(store.touch(started.sid, started.key, idle=HOUR, interval=0, shown=other))
        assert touched.last_seen_ms > started.session.last_seen_ms
        store.renew_binding(started.sid, "n1", "n2")
    before = _session(store.load(started.sid))
    rig.wait(50 * MINUTE)
    touch = partial(store.touch, started.sid, started.key, idle=HOUR, interval=0, issued=True)
    assert _session(touch(shown=other)) == before == _session(store.load(started.sid))
    counted = _session(touch(shown=own))
    assert (counted.mode, counted.last_seen_ms > before.last_seen_ms) == (Mode.SESSION, True)


def test_a_switch_to_a_key_waits_for_the_proof(rig: Rig, store: Store) -> None:
    """A binding that has been used for longer than it may be without one: nothing is changed."""
    one = rig.start(mode=Mode.JWT, key_digest=None)
    switch = partial(store.switch_to_key, one.sid, one.jti, 1, proposed=FRESH, idle=HOUR)
    store.bind_device(one.sid, KEY, "n1")
    store.renew_binding(one.sid, "n1", "n2")
    rig.wait(MINUTE)
    before = _session(store.load(one.sid))
    refused = switch(unproved_ms=MINUTE)
    assert refused.outcome is SwitchOutcome.UNPROVED
    assert refused.found is not None
    assert refused.found.session == before == _session(store.load(one.sid))
    outdated = store.switch_to_key(one.sid, b"x" * 32, 1, proposed=FRESH, idle=HOUR, unproved_ms=MINUTE)
    assert outdated.outcome is SwitchOutcome.KEPT
    assert switch(unproved_ms=2 * MINUTE).outcome is SwitchOutcome.SWITCHED
    assert switch(unproved_ms=MINUTE).outcome is SwitchOutcome.UNPROVED, "by a repeated call either"
    assert switch().outcome is SwitchOutcome.SWITCHED


LATER: dict[str, Callable[[Store, Started], object]] = {
    "activity": lambda store, one: store.touch(one.sid, one.key, idle=DAY, interval=0),
    "a new key": lambda store, one: store.rekey(one.sid, one.key, FRESH, reauthenticated=True),
    "new tokens": lambda store, one: store.renew_tokens(one.sid, "b" * 64, proposed=FRESH, access=0),
    "a rotation": lambda store, one: store.rotate(request(one.sid, 1, one.jti)),
    "a switch": lambda store, one: store.switch_to_key(one.sid, one.jti, 1, proposed=FRESH, idle=DAY),
}


@pytest.mark.parametrize("later", LATER)
def test_the_binding_stays_whatever_the_credential_becomes(rig: Rig, store: Store, later: str) -> None:
    """Re-keyed, rotated, switched or used: the record keeps the key, the nonce and the first use."""
    started = rig.start()
    store.bind_device(started.sid, KEY, "n1")
    bound = _session(store.renew_binding(started.sid, "n1", "n2"))
    LATER[later](store, started)
    now = _session(store.load(started.sid))
    assert (now.device_key, now.device_nonce, now.bound_ms) == (KEY, "n2", bound.bound_ms)
