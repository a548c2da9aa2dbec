"""Properties of the Redis store only: round trips, space, its own keys. The rest is in ``contract/``."""

from collections.abc import Callable
from secrets import token_bytes
from typing import Any

import pytest
from redis.crc import key_slot
from redis.exceptions import ResponseError

from django_authkit.errors import StoreUnavailable
from django_authkit.stores.outcomes import Absent, Created, Found, RotationOutcome
from django_authkit.stores.protocol import SidTaken, Store
from django_authkit.stores.redis import RedisStore
from django_authkit.stores.redis.sending import Command, Sender
from django_authkit.types import OnLimit, RevocationReason
from stores.redis.valkey_server import Server
from support.stores import DAY, HOUR, MINUTE, SECOND, Rig, Started, request

Call = Callable[[Rig, Started], object]

CALLS: dict[str, Call] = {
    "create": lambda rig, _: rig.store.create(rig.proposal(max_sessions=1)),
    "load": lambda rig, started: rig.store.load(started.sid),
    "touch": lambda rig, started: rig.store.touch(started.sid, started.key, idle=DAY, interval=0),
    "rotate": lambda rig, started: rig.store.rotate(request(started.sid, 1, started.jti)),
    "rekey": lambda rig, started: rig.store.rekey(started.sid, started.key, token_bytes(32)),
    "restamp": lambda rig, started: rig.store.restamp(started.sid, "b" * 64),
    "restamp_user": lambda rig, _: rig.store.restamp_user(rig.user, "a" * 64, "b" * 64),
    "save_data": lambda rig, started: rig.store.save_data(started.sid, started.key, "x", idle_limit=None),
    "revoke": lambda rig, started: rig.store.revoke(started.sid, RevocationReason.LOGOUT),
    "revoke_user": lambda rig, _: rig.store.revoke_user(rig.user, RevocationReason.REVOKED),
    "revoke_all": lambda rig, _: rig.store.revoke_all(),
    "list_user": lambda rig, _: rig.store.list_user(rig.user),
    "now": lambda rig, _: rig.store.now(),
    "create_anonymous": lambda rig, started: rig.store.create_anonymous(started.sid, b"k" * 32, "x", DAY),
    "load_anonymous": lambda rig, started: rig.store.load_anonymous(started.sid, b"k" * 32),
    "save_anonymous": lambda rig, started: rig.store.save_anonymous(started.sid, b"k" * 32, "x", DAY),
    "delete_anonymous": lambda rig, started: rig.store.delete_anonymous(started.sid, b"k" * 32),
}


def _keys(server: Server, kind: str) -> list[bytes]:
    return list(server.direct.scan_iter(f"*}}:{kind}:*"))


def _size(server: Server, key: bytes) -> int:
    size = server.direct.memory_usage(key)
    assert size is not None
    return size


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_one_round_trip(rig: Rig, server: Server, name: str) -> None:
    """If the server knows the script, each method is one command; and one more to name whom it revoked."""
    CALLS[name](rig, rig.start())
    started = rig.start()
    with server.watched() as commands:
        CALLS[name](rig, started)
    assert [command for command, in_script in commands if not in_script] == ["EVALSHA"] * (
        2 if name == "revoke_user" else 1
    )


@pytest.mark.parametrize("name", CALLS)
def test_a_server_that_lost_the_scripts_gets_them_again(rig: Rig, server: Server, name: str) -> None:
    """A restarted server does not know a script; the call works anyway."""
    started = rig.start()
    server.direct.script_flush()
    CALLS[name](rig, started)


def test_reading_writes_nothing(rig: Rig, server: Server) -> None:
    """Neither a load nor a touch that is not due runs a command that writes."""
    started = rig.start(data="encoded")
    with server.watched() as commands:
        rig.store.load(started.sid)
        rig.store.touch(started.sid, started.key, idle=DAY, interval=MINUTE)
    assert {command for command, in_script in commands if in_script} == {"TIME", "MGET", "GET"}


def test_a_create_repeated_late_does_not_resurrect(rig: Rig) -> None:
    """After a revocation in between the repetition gets its result, and the session stays dead."""
    proposal = rig.proposal()
    first = rig.store.create(proposal)
    rig.store.revoke(proposal.sid, RevocationReason.LOGOUT)
    assert rig.store.create(proposal) == first
    assert rig.store.load(proposal.sid) is Absent.GONE
    assert rig.sids() == []


def test_the_handle_of_a_revoked_session_stays_taken(rig: Rig) -> None:
    """Another auth session does not get the sid of one that has just been revoked."""
    started = rig.start()
    rig.store.revoke(started.sid, RevocationReason.LOGOUT)
    with pytest.raises(SidTaken, match="taken"):
        rig.store.create(rig.proposal(sid=started.sid))


def test_a_revoked_session_is_deleted_in_time(rig: Rig, server: Server) -> None:
    """It is deleted when its access tokens have expired, and after a minute at the soonest."""
    for access, left in ((0, MINUTE), (5 * MINUTE, 5 * MINUTE)):
        started = rig.start(access_ms=access, data="encoded")
        rig.store.revoke(started.sid, RevocationReason.LOGOUT)
        (key,) = server.direct.keys(f"*{started.sid}")
        assert left - 10 * SECOND < server.direct.pttl(key) <= left


def test_live_keys_expire_by_themselves(rig: Rig, server: Server) -> None:
    """Record, data and index expire with the idle timeout."""
    started = rig.start(idle_ms=HOUR, data="encoded")
    rig.store.rotate(request(started.sid, 1, started.jti, idle_ms=2 * HOUR, grace_ms=10 * SECOND))
    for kind in "sdu":
        (key,) = _keys(server, kind)
        assert 2 * HOUR - 10 * SECOND < server.direct.pttl(key) <= 2 * HOUR


def test_the_index_lives_as_long_as_its_longest_session(rig: Rig, server: Server) -> None:
    """A shorter auth session of the same user does not shorten the index's lifetime."""
    rig.start(idle_ms=2 * HOUR)
    rig.start(idle_ms=HOUR)
    (index,) = _keys(server, "u")
    assert server.direct.pttl(index) > HOUR


def test_no_successor_is_kept_without_grace(rig: Rig, server: Server) -> None:
    """With a grace of 0 nothing is sealed, and what an earlier rotation left is removed."""
    started = rig.start()
    second = request(started.sid, 1, started.jti)
    rig.store.rotate(second)
    rig.store.rotate(third := request(started.sid, 2, second.proposed, grace_ms=0))
    (record,) = _keys(server, "s")
    packed: Any = server.direct.get(record)
    assert third.proposed in packed
    assert second.sealed not in packed
    assert third.sealed not in packed


def test_no_repeat_is_lost_to_an_eviction(rig: Rig, server: Server) -> None:
    """All of a family is in one key: a full server cannot evict the successor and keep the record."""
    started = rig.start(user_id="ada")
    rig.store.rotate(request(started.sid, 1, started.jti))
    (record,) = [key for key in server.direct.keys("*") if started.sid.encode() in key]
    assert record == _keys(server, "s")[0]
    again = rig.store.rotate(request(started.sid, 1, started.jti))
    assert again.outcome is RotationOutcome.REPEATED


@pytest.mark.parametrize(
    ("secret", "rotated", "most"),
    [("jti_digest", False, 400), ("key_digest", False, 400), ("jti_digest", True, 480)],
)
def test_a_session_is_small(rig: Rig, server: Server, secret: str, rotated: bool, most: int) -> None:
    """Bytes of an auth session with an IPv6 address and an index of its own: at login, and once rotated."""
    digests = {"jti_digest": None, "key_digest": None, secret: token_bytes(32)}
    started = rig.start(
        address="2001:db8:85a3:8d3:1319:8a2e:370:7348",
        label="Chrome Mobile on Android",
        auth_hash="0123456789abcdef" * 4,
        user_id="1234567",
        access_ms=5 * MINUTE if secret == "jti_digest" else 0,
        **digests,
    )
    if rotated:
        rig.store.rotate(request(started.sid, 1, started.jti, sealed=token_bytes(71)))
    sizes = [_size(server, key) for kind in "su" for key in _keys(server, kind)]
    assert len(sizes) == 2
    assert sum(sizes) <= most


def test_a_bucket_is_one_hash_slot(rig: Rig, server: Server) -> None:
    """All keys of a bucket have the same hash slot in a cluster."""
    started = rig.start(data="encoded")
    rig.store.rotate(request(started.sid, 1, started.jti))
    rig.store.create(rig.proposal(max_sessions=1, user_id="other"))
    rig.store.create_anonymous(started.sid, b"k" * 32, "x", DAY)
    rig.store.revoke_user(rig.user, RevocationReason.REVOKED)
    rig.store.revoke_all()
    keys = list(server.direct.scan_iter())
    assert len(keys) >= 6
    assert len({key_slot(key) for key in keys}) == 1


def test_a_prefix_with_braces_is_refused(server: Server) -> None:
    """It would be taken for the hash tag."""
    with pytest.raises(ValueError, match="braces"):
        RedisStore(server.direct, prefix="{mine}")


def test_a_long_past_is_trimmed_in_bounded_steps(rig: Rig, server: Server) -> None:
    """Of ten thousand dead members of an index each call removes a thousand without reading them."""
    started = rig.start()
    (index,) = _keys(server, "u")
    server.direct.zadd(index, {f"AA{number:014}": number for number in range(10_000)})
    with server.watched() as commands:
        assert rig.sids() == [started.sid]
    assert len(commands) < 12
    assert server.direct.zcard(index) == 9_001


def test_an_index_heals(rig: Rig, server: Server) -> None:
    """A record that the server lost is removed from the index when the user's sessions are listed."""
    kept, lost = rig.start(), rig.start()
    (index,) = _keys(server, "u")
    server.direct.delete(*server.direct.keys(f"*:s:{lost.sid}"))
    assert server.direct.zcard(index) == 2
    assert rig.sids() == [kept.sid]
    assert server.direct.zcard(index) == 1


def test_revoke_all_reaches_what_a_faster_clock_dated(rig: Rig, server: Server) -> None:
    """After a failover to a server whose clock is 5 seconds behind, nobody's login is in the future."""
    before = [rig.start() for _ in range(5)]
    behind = RedisStore(server.direct, prefix="authkit:")
    behind.clock_offset = rig.store.clock_offset - 5 * SECOND
    behind.revoke_all()
    assert [rig.store.load(started.sid) for started in before] == [Absent.GONE] * 5
    after = behind.create(rig.proposal())
    assert isinstance(after, Created)
    assert isinstance(behind.load(after.session.sid), Found)


def test_revoke_all_tells_apart_within_a_millisecond(rig: Rig) -> None:
    """However fast login and revoke_all alternate, earlier sessions are dead and later ones live."""
    for _ in range(100):
        before = rig.start()
        rig.store.revoke_all()
        after = rig.start()
        assert rig.store.load(before.sid) is Absent.GONE
        assert isinstance(rig.store.load(after.sid), Found)


def test_a_full_server_still_revokes(rig: Rig, server: Server) -> None:
    """A full server refuses logins, but not logouts and reads."""
    first, second, third = rig.start(), rig.start(), rig.start()
    with server.configured("maxmemory", 1):
        with pytest.raises(StoreUnavailable):
            rig.start()
        assert isinstance(rig.store.load(first.sid), Found)
        assert rig.store.revoke(first.sid, RevocationReason.LOGOUT) is not None
        assert len(rig.store.revoke_user(rig.user, RevocationReason.REVOKED, keep=third.sid)) == 1
        assert rig.store.load(second.sid) is Absent.GONE
        rig.store.revoke_all()
    assert rig.store.load(third.sid) is Absent.GONE


def test_a_server_without_replicas_enough_is_no_answer(rig: Rig, server: Server) -> None:
    """A server that refuses writes for reasons of its own is unavailable."""
    with server.configured("min-replicas-to-write", 1), pytest.raises(StoreUnavailable):
        rig.start()


def test_a_mistake_is_not_an_outage(rig: Rig, server: Server) -> None:
    """For a key of the wrong type, reads find no auth session and writes raise an error."""
    started = rig.start()
    (record,) = _keys(server, "s")
    server.direct.delete(record)
    server.direct.rpush(record, "not ours")
    assert rig.store.load(started.sid) is Absent.GONE
    with pytest.raises(ResponseError):
        rig.store.revoke(started.sid, RevocationReason.LOGOUT)


def test_invalid_text_is_replaced(rig: Rig) -> None:
    """A lone surrogate in a client's header does not break the record; NUL and quotes are kept."""
    created = rig.store.create(rig.proposal(label='a\udcffb\0"\\/\u2028é'))
    assert isinstance(created, Created)
    assert created.session.label == 'a?b\0"\\/\u2028é'


def test_an_invalid_handle_is_absent(rig: Rig) -> None:
    """A sid of an impossible form is not found."""
    for sid in ("", "}", "{}}aaaaaaaaaaaaa", "\udcff" * 16):
        assert rig.store.load(sid) is Absent.GONE


def test_revoked_sessions_are_returned_from_least_recent_on(rig: Rig) -> None:
    """Several that are revoked at once are returned oldest activity first."""
    started = [rig.start() for _ in range(3)]
    rig.wait(MINUTE)
    rig.store.touch(started[0].sid, started[0].key, idle=DAY, interval=0)
    created = rig.store.create(rig.proposal(max_sessions=2, on_limit=OnLimit.EVICT))
    assert isinstance(created, Created)
    assert created.revoked[-1].sid != started[0].sid
    assert len(created.revoked) == 2
    assert rig.store.rotate(request(started[0].sid, 1, started[0].jti)).outcome is RotationOutcome.ROTATED


def test_it_implements_the_protocol(rig: Rig) -> None:
    """Type checkers accept it as a store; pruning does nothing."""
    store: Store = rig.store
    assert list(store.prune(100)) == []


@pytest.mark.parametrize("auth_hash", ["0f" * 32, "0F" * 32, "0" * 63, "", "é" * 9, "~" + "a" * 64])
def test_a_packed_record_is_the_same_again(rig: Rig, auth_hash: str) -> None:
    """Times and hexadecimal digits are packed shorter, and read as they were written, whatever they are."""
    store = rig.store
    created = store.create(rig.proposal(auth_hash=auth_hash, auth_age_ms=HOUR, access_ms=0))
    assert isinstance(created, Created)
    session = created.session
    assert (session.auth_hash, session.access_until_ms) == (auth_hash, 0)
    assert session.created_ms - session.auth_time_ms == HOUR
    found = store.load(session.sid)
    assert isinstance(found, Found)
    assert found.session == session == store.list_user(rig.user)[0]


class _OneBehind:
    """Gives each call the reply to the call before it, as a connection does on which a reply was left."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._left: list[Any] | None = None

    def send(self, *commands: Command) -> list[Any]:
        replies, self._left = self._left, self._sender.send(*commands)
        return replies or self._left

    def drop_idle_connections(self) -> None:
        self._sender.drop_idle_connections()


@pytest.mark.parametrize("name", ["create", "load", "touch", "rotate", "rekey", "revoke"])
def test_the_reply_to_another_call_is_no_answer(rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A reply that belongs to somebody else's call gives nobody their auth session: it is an outage."""
    assert isinstance(rig.store, RedisStore)
    somebody_else, oneself = rig.start(), rig.start()
    scripts = rig.store._scripts  # noqa: SLF001 - where the reply comes from
    monkeypatch.setattr(scripts, "_sender", _OneBehind(scripts._sender))  # noqa: SLF001
    CALLS[name](rig, somebody_else)
    with pytest.raises(StoreUnavailable):
        CALLS[name](rig, oneself)
