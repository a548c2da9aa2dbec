"""Each change of a record that a request may see is in the list that processes follow, and no other write."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from inspect import getmembers, isfunction
from secrets import token_bytes
from typing import Final

import pytest
from redis import Redis

from django_authkit.blacklist.feed import Entry
from django_authkit.stores.outcomes import Absent, Counter, Created, Found
from django_authkit.stores.protocol import Store
from django_authkit.stores.redis import RedisStore
from stores.redis.valkey_server import Server
from support.stores import DAY, HOUR, MINUTE, Rig, Started, request

Act = Callable[[Rig, Started], object]

NEVER: Final = 2**52
KEY: Final = token_bytes(32)
"""A digest that no session key has yet."""


@dataclass(frozen=True)
class Change:
    """A call that changes the record of an auth session with a session key."""

    act: Act


@dataclass(frozen=True)
class Silent:
    """A call after which a request with the session key sees what it saw before, except for the data."""

    act: Act


CALLS: dict[str, list[Change | Silent]] = {
    "create": [
        Silent(lambda rig, _: rig.start()),
        Change(lambda rig, _: rig.store.create(rig.proposal(max_sessions=1))),
    ],
    "load": [Silent(lambda rig, one: rig.store.load(one.sid))],
    "touch": [
        Silent(lambda rig, one: rig.store.touch(one.sid, one.key, idle=14 * DAY, interval=0)),
        Silent(lambda rig, one: rig.store.touch(one.sid, one.key, idle=DAY, interval=0, issued=True)),
    ],
    "rotate": [
        Change(lambda rig, one: rig.store.rotate(request(one.sid, 1, one.jti))),
        Change(lambda rig, one: rig.store.rotate(request(one.sid, 1, one.jti, rotates=False))),
        Change(lambda rig, one: rig.store.rotate(request(one.sid, 1, one.jti, reauthenticated=True))),
        Change(lambda rig, one: rig.store.rotate(request(one.sid, 1, token_bytes(32)))),
    ],
    "rekey": [
        Change(lambda rig, one: rig.store.rekey(one.sid, one.key, KEY)),
        Change(lambda rig, one: rig.store.rekey(one.sid, one.key, KEY, reauthenticated=True)),
        Silent(lambda rig, one: rig.store.rekey(one.sid, KEY, token_bytes(32))),
    ],
    "switch_to_tokens": [
        Change(
            lambda rig, one: rig.store.switch_to_tokens(
                one.sid, one.key, proposed=KEY, held=None, advance=True, access=5 * MINUTE
            )
        )
    ],
    "switch_to_key": [
        Silent(lambda rig, one: rig.store.switch_to_key(one.sid, KEY, 1, proposed=KEY, idle=DAY))
    ],
    "renew_tokens": [
        Change(lambda rig, one: rig.store.renew_tokens(one.sid, "b" * 64, proposed=KEY, access=5 * MINUTE))
    ],
    "bind_device": [Change(lambda rig, one: rig.store.bind_device(one.sid, "{}", "nonce"))],
    "renew_binding": [
        Silent(lambda rig, one: rig.store.renew_binding(one.sid, "nonce", "other")),
    ],
    "rename": [Change(lambda rig, one: rig.store.rename(one.sid, "name"))],
    "restamp": [Change(lambda rig, one: rig.store.restamp(one.sid, "b" * 64))],
    "restamp_user": [
        Change(lambda rig, _: rig.store.restamp_user(rig.user, "a" * 64, "b" * 64)),
        Silent(lambda rig, _: rig.store.restamp_user(rig.user, "c" * 64, "b" * 64)),
    ],
    "note_device": [Change(lambda rig, one: rig.store.note_device(one.sid, "203.0.113.9", "", ""))],
    "save_data": [
        Silent(lambda rig, one: rig.store.save_data(one.sid, one.key, "cart", idle_limit=None)),
        Change(lambda rig, one: rig.store.save_data(one.sid, one.key, "cart", idle_limit=HOUR)),
    ],
    "revoke": [
        Change(lambda rig, one: rig.store.revoke(one.sid, rig.reason)),
        Silent(lambda rig, one: rig.store.revoke(one.sid, rig.reason, key_digest=KEY)),
    ],
    "revoke_user": [
        Change(lambda rig, _: rig.store.revoke_user(rig.user, rig.reason)),
        Change(lambda rig, one: rig.store.revoke_user(rig.user, rig.reason, keep=one.sid)),
        Change(lambda rig, _: rig.store.revoke_user(rig.user, rig.reason, keep_hash="a" * 64)),
    ],
    "revoke_all": [Change(lambda rig, _: rig.store.revoke_all())],
    "load_many": [Silent(lambda rig, one: rig.store.load_many([one.sid]))],
    "list_user": [Silent(lambda rig, _: rig.store.list_user(rig.user))],
    "page_of_user": [Silent(lambda rig, _: rig.store.page_of_user(rig.user, 0, 10))],
    "prune": [Silent(lambda rig, _: list(rig.store.prune(10)))],
    "statistics": [Silent(lambda rig, _: rig.store.statistics())],
    "now": [Silent(lambda rig, _: rig.store.now())],
    "create_anonymous": [Silent(lambda rig, _: rig.store.create_anonymous("AAx", KEY, "data", HOUR))],
    "load_anonymous": [Silent(lambda rig, _: rig.store.load_anonymous("AAx", KEY))],
    "load_anonymous_together": [Silent(lambda rig, _: rig.store.load_anonymous_together([("AAx", KEY)]))],
    "save_anonymous": [Silent(lambda rig, _: rig.store.save_anonymous("AAx", KEY, "data", HOUR))],
    "delete_anonymous": [Silent(lambda rig, _: rig.store.delete_anonymous("AAx", KEY))],
    "hit": [Silent(lambda rig, _: rig.store.hit([Counter(key="k", limit=1, window_ms=HOUR)]))],
    "mark": [Silent(lambda rig, _: rig.store.mark("k", HOUR))],
    "clear_attempts": [Silent(lambda rig, _: rig.store.clear_attempts("k"))],
    "attempt_statistics": [Silent(lambda rig, _: rig.store.attempt_statistics())],
}


def test_each_method_of_a_store_is_in_the_table() -> None:
    """A new method has to say whether it changes what a request sees."""
    methods = {name for name, _ in getmembers(Store, isfunction) if not name.startswith("_")}
    assert methods == CALLS.keys()


def test_the_first_use_of_a_binding_is_announced(rig: Rig, server: Server) -> None:
    """From then on requests need it; a later renewal changes nothing that a request sees."""
    one = rig.start()
    rig.store.bind_device(one.sid, "{}", "nonce")
    listed = len(_listed(server, rig.store))
    for presented, proposed in (("nonce", "nonce"), ("nonce", "next")):
        rig.store.renew_binding(one.sid, presented, proposed)
    assert len(_listed(server, rig.store)) == listed + 1


def _seen(store: Store, one: Started) -> object:
    """Return what a request with the session key sees of the record, except for when it was used."""
    found = store.touch(one.sid, one.key, idle=14 * DAY, interval=NEVER)
    return replace(found.session, last_seen_ms=0, idle_expires_ms=0) if isinstance(found, Found) else found


def _listed(server: Server, store: Store) -> list[Entry]:
    assert isinstance(store, RedisStore)
    with Redis.from_url(server.url) as client:
        feed = store.feed(client, 1000)
        [copy] = feed.snapshot().values()
        [update] = feed.follow({"AA": "0-0"}, 0.001).values()
        assert update.number == copy.number == len(update.entries)
        return list(update.entries)


@pytest.mark.parametrize(
    "call",
    [pytest.param(call, id=f"{name}-{i}") for name, calls in CALLS.items() for i, call in enumerate(calls)],
)
def test_a_change_is_announced(rig: Rig, server: Server, call: Change | Silent) -> None:
    """A process that remembers the record hears of each change, and of nothing else."""
    one = rig.start()
    before, listed = _seen(rig.store, one), _listed(server, rig.store)
    rig.wait(1000)
    call.act(rig, one)
    fresh = _listed(server, rig.store)[len(listed) :]
    concerns = [entry for entry in fresh if one.sid == entry.sid or not entry.sid]
    assert len(concerns) == len(fresh) == isinstance(call, Change), fresh
    assert isinstance(call, Change) or _seen(rig.store, one) == before


def test_an_auth_session_with_tokens_only_announces_what_tokens_need(rig: Rig, server: Server) -> None:
    """No process remembers it: a rotation adds no entry, a proof and a revocation one each."""
    one = rig.start(key_digest=None)
    _listed(server, rig.store)
    second = request(one.sid, 1, one.jti)
    rig.store.rotate(second)
    assert _listed(server, rig.store) == []
    rig.store.rotate(request(one.sid, 2, second.proposed, reauthenticated=True))
    [proof] = _listed(server, rig.store)
    assert (proof.sid, proof.generation) == (one.sid, 3)
    rig.store.revoke(one.sid, rig.reason)
    assert [entry.generation for entry in _listed(server, rig.store)] == [3, 0]


def test_nothing_is_announced_where_nobody_follows(rig: Rig, server: Server) -> None:
    """A site without copies pays for none: a session key's changes and its revocation add no entry."""
    created = rig.store.create(rig.proposal())
    assert isinstance(created, Created)
    rig.store.restamp(created.session.sid, "b" * 64)
    assert rig.store.revoke(created.session.sid, rig.reason)
    assert isinstance(rig.store.load(created.session.sid), Absent)
    assert _listed(server, rig.store) == []
