"""
The copy of the blacklist while its server fails: no revoked token is accepted beyond the bound.

A witness tries every revoked token all the time. Afterwards the copy is free again: fresh tokens cost
nothing.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NoReturn, Self

import pytest
from redis import Redis

from django_authkit import outages
from django_authkit.blacklist.replica import Verdict
from django_authkit.errors import StoreUnavailable
from django_authkit.stores.outcomes import Absent, Found
from django_authkit.stores.redis import RedisStore
from django_authkit.stores.redis import feed as redis_feed
from django_authkit.types import RevocationReason
from faults.stoppable_servers import StoppableValkey
from support.replica_followers import Follower, KeyFollower, Witness, begun, client_of, proposal
from support.servers import free_port
from support.stores import request
from support.waiting import next_second, until

STALENESS = 0.6
LIST, STATE = "authkit::{AA}:l", "authkit::{AA}:m"


@pytest.fixture(scope="module")
def valkey() -> Iterator[StoppableValkey]:
    """Return a running Valkey of this module's own that may be stopped."""
    with StoppableValkey.running() as server:
        yield server


@pytest.fixture
def follower(valkey: StoppableValkey, request: pytest.FixtureRequest) -> Iterator[Follower]:
    """Return a copy that has caught up with an empty list."""
    valkey.direct.flushall()
    kind = getattr(request, "param", Follower)
    with kind(valkey.url, staleness=STALENESS, limit=200) as follower:
        begun(follower.store)
        follower.caught_up()
        _is_free_again(follower)
        yield follower


by_both = pytest.mark.parametrize(
    "follower", [Follower, KeyFollower], ids=["tokens", "session keys"], indirect=True
)
"""With access tokens, and with session keys that the process remembers."""


@pytest.fixture
def witness(follower: Follower) -> Iterator[Witness]:
    """Return a witness that watches from the start."""
    with Witness.of(follower) as witness:
        witness.revoke(*(follower.begun(str(number)) for number in range(3)))
        yield witness


def _is_free_again(follower: Follower) -> None:
    """Wait until fresh tokens need no round trip."""
    until(follower.is_free)


@by_both
def test_stopped(follower: Follower, witness: Witness, valkey: StoppableValkey) -> None:
    """The server stops and comes back with its data: 503 meanwhile, then all as before."""
    live = follower.begun("live")
    with valkey.down():
        time.sleep(STALENESS * 2)
        assert follower.admits(live) is None
        assert not follower.is_certain(live)
    until(lambda: follower.admits(live) is True)
    witness.revoke(follower.begun("after"))
    _is_free_again(follower)


@pytest.mark.parametrize(
    "follower",
    [
        pytest.param(Follower, id="tokens"),
        pytest.param(KeyFollower, id="session keys", marks=pytest.mark.slow),
    ],
    indirect=True,
)
def test_hung(follower: Follower, witness: Witness, valkey: StoppableValkey) -> None:
    """The server hangs for a while: the copy is used for ``MAX_STALENESS``, and then not."""
    live = follower.begun("live")
    with valkey.hung():
        hung = time.monotonic()
        until(lambda: not follower.is_certain(live))
        assert time.monotonic() - hung < STALENESS + 0.2
        time.sleep(STALENESS * 2)
        assert follower.admits(live) is None
    witness.revoke(follower.begun("after"), live)
    _is_free_again(follower)


@by_both
def test_revoked_while_the_line_is_dead(
    follower: Follower, witness: Witness, valkey: StoppableValkey
) -> None:
    """Every connection is cut after each of many revocations: none is missed."""
    with Redis.from_url(valkey.url) as killer:
        for number in range(20):
            witness.revoke(follower.begun(f"cut {number}"))
            killer.client_kill_filter(_type="normal", skipme=True)
            time.sleep(0.02)
    _is_free_again(follower)


@by_both
def test_restarted_empty(follower: Follower, witness: Witness, valkey: StoppableValkey) -> None:
    """The server comes back empty: everything is gone, and nothing that was revoked is accepted."""
    live = follower.begun("live")
    valkey.kill()
    valkey.forget()
    witness.expect_refusal(live)  # its record is lost: ended, or unknown
    valkey.start()
    until(lambda: follower.admits(live) is False)
    _is_free_again(follower)


@by_both
def test_flushed(follower: Follower, witness: Witness, valkey: StoppableValkey) -> None:
    """The database is emptied: older tokens are refused once this is noticed."""
    live = follower.begun("live")
    valkey.direct.flushall()
    witness.expect_refusal(live)
    until(lambda: follower.admits(live) is False)
    _is_free_again(follower)


@by_both
def test_flushed_and_filled_at_once(follower: Follower, witness: Witness, valkey: StoppableValkey) -> None:
    """New revocations right after a flush are not mistaken for the continuation of the old list."""
    before = [follower.begun(f"before {number}") for number in range(5)]
    valkey.direct.flushall()
    for claims in before:
        witness.expect_refusal(claims)
    for number in range(6):
        witness.revoke(follower.begun(f"after {number}"))
    until(lambda: not any(map(follower.admits, before)))
    _is_free_again(follower)


@by_both
def test_restarted_from_an_old_dump(follower: Follower, witness: Witness, valkey: StoppableValkey) -> None:
    """A restart loses the latest writes: a copy that missed a revocation does not accept its token."""
    valkey.save()
    since = [follower.begun(f"since {number}") for number in range(5)]
    witness.revoke(*since)
    birth = int(valkey.direct.hget(STATE, "birth") or 0)
    valkey.kill()
    valkey.start()
    for number in range(5):  # the count is the same as before the loss
        claims = follower.begun(f"again {number}")
        witness.revoke(claims)
    # The copy from before the restart may still be fresh enough: wait for the next one.
    until(lambda: int(valkey.direct.hget(STATE, "birth") or 0) > birth)
    _is_free_again(follower)


@pytest.mark.parametrize("way", ["one", "user", "all"])
def test_what_a_restart_from_an_old_dump_brought_back_is_revoked_again(
    follower: Follower, valkey: StoppableValkey, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """A process that saw revocations which the server has lost repeats them, and says so in the log."""
    store = follower.store
    ended = [begun(store, "ended") for _ in range(3)]
    other = begun(store, "other")
    valkey.save()
    elsewhere = _another_process(valkey)
    if way == "one":
        for claims in ended:
            elsewhere.revoke(claims.sid, RevocationReason.LOGOUT)
    elif way == "user":
        elsewhere.revoke_user("ended", RevocationReason.REVOKED)
    else:
        elsewhere.revoke_all()
    until(lambda: follower.replica.verdict(ended[-1]) is not Verdict.LIVE)  # it has seen all of them
    valkey.kill()
    valkey.start()
    until(lambda: all(store.load(claims.sid) is Absent.GONE for claims in ended))
    assert not any(map(follower.admits, ended))
    assert isinstance(store.load(other.sid), Absent if way == "all" else Found)
    assert any("authkit_revoke --all" in record.message for record in caplog.records)
    _is_free_again(follower)


def _another_process(valkey: StoppableValkey) -> RedisStore:
    """Return the store of a process that does not come back, so it cannot repeat its own revocations."""
    return RedisStore(client_of(valkey.url), prefix="authkit:")


def _restarted_from_a_dump(
    follower: Follower, valkey: StoppableValkey, lost: Callable[[], object]
) -> Callable[[], None]:
    """Lose what *lost* does in a restart; return how a process that saw it repeats it."""
    follower.replica.stop()  # which would repeat it by itself
    feed = follower.store.feed(client_of(valkey.url), 1000)
    valkey.save()
    lost()
    seen = feed.snapshot()["AA"]
    valkey.kill()
    valkey.start()
    return lambda: feed.repeat("AA", feed.snapshot()["AA"].lost_since(seen))


@pytest.mark.parametrize("way", ["user", "all"])
def test_a_lost_revocation_ends_nothing_that_began_after_it(
    follower: Follower, valkey: StoppableValkey, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is repeated with the time that it had, once, and a user who has logged in since stays logged in."""
    store, elsewhere = follower.store, _another_process(valkey)
    ended = begun(store, "ended")
    ways = {
        "user": lambda: elsewhere.revoke_user("ended", RevocationReason.REVOKED),
        "all": elsewhere.revoke_all,
    }
    repeat = _restarted_from_a_dump(follower, valkey, ways[way])
    assert isinstance(store.load(ended.sid), Found)
    later = begun(store, "ended")
    repeat()
    assert store.load(ended.sid) is Absent.GONE
    assert isinstance(store.load(later.sid), Found)
    caplog.clear()
    repeat()
    assert not caplog.records
    last = begun(store, "ended")
    store.revoke_user("ended", RevocationReason.PASSWORD_CHANGED, keep_hash="h")
    assert store.load(ended.sid) is Absent.GONE
    assert not isinstance(store.load(last.sid), Found)


def test_what_came_back_is_refused_before_it_is_revoked_again(
    follower: Follower, valkey: StoppableValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that saw the revocation refuses the token while it cannot read the list, too."""
    store = follower.store
    ended = begun(store, "ended")
    valkey.save()
    _another_process(valkey).revoke(ended.sid, RevocationReason.LOGOUT)
    until(lambda: follower.replica.verdict(ended) is Verdict.REVOKED)
    monkeypatch.setattr(redis_feed.RedisFeed, "snapshot", _no_list)
    valkey.kill()
    valkey.start()
    until(lambda: follower.replica.age > STALENESS)
    assert isinstance(store.load(ended.sid), Found)
    assert follower.admits(ended) is False


def _no_list(_: redis_feed.RedisFeed) -> NoReturn:
    raise StoreUnavailable


def test_tokens_that_were_issued_since_a_lost_revocation_are_refused(
    follower: Follower, valkey: StoppableValkey
) -> None:
    """A process that knows nothing of it refuses what an auth session that came back has got meanwhile."""
    store = follower.store
    ended = begun(store, "ended")
    repeat = _restarted_from_a_dump(
        follower, valkey, lambda: store.revoke_user("ended", RevocationReason.REVOKED)
    )
    with Follower(valkey.url, staleness=STALENESS) as other:
        other.caught_up()
        since = replace(ended, issued_at=int(time.time()), expires_at=int(time.time()) + 300)
        assert other.replica.verdict(since) is Verdict.LIVE
        repeat()
        until(lambda: other.admits(since) is False)
        until(other.is_free)
        assert other.admits(since) is False


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_lost_proof_ends_the_auth_session(
    follower: Follower, valkey: StoppableValkey, is_lost: bool
) -> None:
    """Only tokens of before the proof would open it; where the server knows of the proof, it goes on."""
    store = follower.store
    made: Any = store.create(replace(proposal(), jti_digest=b"j" * 32))
    sid = made.session.sid

    def prove() -> None:
        store.rotate(request(sid, 1, b"j" * 32, reauthenticated=True, proposed=b"n" * 32))
        if not is_lost:
            valkey.save()

    _restarted_from_a_dump(follower, valkey, prove)()
    assert isinstance(store.load(sid), Absent if is_lost else Found)


def test_a_revocation_that_was_only_trimmed_ends_nothing_that_began_after_it(
    follower: Follower, valkey: StoppableValkey
) -> None:
    """A restart loses no revocation of a user, its entry is trimmed, and the next auth session goes on."""
    store = follower.store
    ended = begun(store, "ended")
    store.revoke_user("ended", RevocationReason.PASSWORD_CHANGED, keep_hash="h")
    until(lambda: follower.replica.verdict(ended) is not Verdict.LIVE)
    later = begun(store, "ended")
    last = begun(store, "last")
    time.sleep(0.06)  # so that it has an entry of its own in the stream
    store.revoke(last.sid, RevocationReason.LOGOUT)
    until(lambda: follower.replica.verdict(last) is Verdict.REVOKED)
    for name in valkey.direct.keys("*:l"):
        valkey.direct.xtrim(name, maxlen=1, approximate=False)
    birth = int(valkey.direct.hget(STATE, "birth") or 0)
    valkey.save()
    valkey.kill()
    valkey.start()
    until(lambda: int(valkey.direct.hget(STATE, "birth") or 0) > birth)
    time.sleep(STALENESS)
    _is_free_again(follower)
    assert store.load(ended.sid) is Absent.GONE
    assert isinstance(store.load(later.sid), Found)


@by_both
def test_restarted_between_two_reads(
    follower: Follower, witness: Witness, valkey: StoppableValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client reconnects silently after a restart, but the server's run id reveals it."""
    valkey.save()
    lost = follower.begun("lost")  # no entry: the count of the list is the same after the restart
    reading, go_on = _paused(monkeypatch)
    until(lambda: bool(reading))
    valkey.kill()
    valkey.start()
    witness.expect_refusal(lost)
    go_on.append(True)
    until(lambda: follower.replica.age < STALENESS)
    time.sleep(STALENESS)
    assert follower.admits(lost) is False
    _is_free_again(follower)


def _paused(monkeypatch: pytest.MonkeyPatch) -> tuple[list[bool], list[bool]]:
    """Pause the copy's thread between two reads; return events for paused and continue."""
    reading: list[bool] = []
    go_on: list[bool] = []
    follow = redis_feed.RedisFeed.follow

    def held(feed: redis_feed.RedisFeed, *arguments: object) -> object:
        reading.append(True)
        while not go_on:
            time.sleep(0.001)
        return follow(feed, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(redis_feed.RedisFeed, "follow", held)
    return reading, go_on


def test_too_many(follower: Follower, witness: Witness, valkey: StoppableValkey) -> None:
    """The list holds only so many: for a copy that is made later, the oldest are checked in the store."""
    for number in range(450):  # the limit is 200
        witness.revoke(begun(follower.store, f"many {number}"))
    with Follower(valkey.url, limit=200) as newcomer:
        newcomer.caught_up()
        assert len(newcomer.replica) <= 200
    next_second()
    _is_free_again(follower)


def test_a_full_list_concerns_only_copies_that_are_made_later(
    follower: Follower,
    valkey: StoppableValkey,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever followed the list knows what it has removed; the log says that it is too small."""
    monkeypatch.setattr(outages, "_logged_at", {})
    before = begun(follower.store, "before")
    revoked = [begun(follower.store, str(number)) for number in range(250)]  # the limit is 200
    for number, claims in enumerate(revoked, 1):
        follower.store.revoke(claims.sid, RevocationReason.LOGOUT)
        if number % 50 == 0:  # the copy is never late by the half that is removed
            until(lambda number=number: len(follower.replica) == number)  # type: ignore[misc]
    assert follower.replica.verdict(before) is Verdict.LIVE
    assert all(follower.replica.verdict(claims) is Verdict.REVOKED for claims in revoked)
    until(lambda: 'REPLICA["SIZE"]' in caplog.text)
    with Follower(valkey.url, limit=200) as newcomer:
        assert newcomer.caught_up().replica.verdict(before) is Verdict.UNKNOWN


@pytest.mark.parametrize("part", ["stream", "one entry", "state", "last entries"])
def test_entries_were_taken_out(
    follower: Follower, witness: Witness, valkey: StoppableValkey, part: str
) -> None:
    """Parts of the list vanish (by eviction or by hand): no copy trusts the rest, a new one neither."""
    gone = [begun(follower.store, f"gone {number}") for number in range(4)]
    for claims in gone:
        time.sleep(0.06)  # so that each has an entry of its own in the stream
        witness.revoke(claims)
    listed: Any = valkey.direct.xrange(LIST)
    ids = [position for position, _ in listed]
    {
        "stream": lambda: valkey.direct.delete(LIST),
        "one entry": lambda: valkey.direct.xdel(LIST, ids[1]),
        "state": lambda: valkey.direct.delete(STATE),
        "last entries": lambda: valkey.direct.xdel(LIST, *ids[-2:]),
    }[part]()
    with Follower(valkey.url, staleness=STALENESS) as newcomer, Witness.of(newcomer) as second:
        for claims in gone:
            second.expect_refusal(claims)
        until(newcomer.is_fresh)
        assert not any(map(newcomer.admits, gone))
        witness.revoke(begun(follower.store, "after"))
        _is_free_again(newcomer)
        _is_free_again(follower)
        birth = valkey.direct.hget(STATE, "birth")
        time.sleep(0.3)
        assert valkey.direct.hget(STATE, "birth") == birth  # two copies do not make each other start over


def test_demoted(follower: Follower, witness: Witness, valkey: StoppableValkey) -> None:
    """A server that became a replica is not trusted, since its data may be old."""
    live = begun(follower.store, "live")
    valkey.direct.replicaof("127.0.0.1", "1")
    try:
        until(lambda: follower.replica.verdict(live) is Verdict.UNKNOWN)
        time.sleep(STALENESS)
        assert follower.replica.verdict(live) is Verdict.UNKNOWN
    finally:
        valkey.direct.replicaof("NO", "ONE")
    _is_free_again(follower)


@pytest.mark.parametrize("kind", [Follower, KeyFollower], ids=["tokens", "session keys"])
def test_failed_over(kind: type[Follower]) -> None:
    """A replica takes over without the latest writes: credentials revoked by them are refused or checked."""
    with Pair.running() as pair, kind(pair.line.url, staleness=STALENESS) as follower:
        begun(follower.store)
        follower.caught_up()
        _is_free_again(follower)
        with Witness.of(follower) as witness:
            kept = follower.begun("kept")
            witness.revoke(kept)
            pair.promote_second()
            witness.revoke(*(follower.begun(f"lost {number}") for number in range(3)))
            pair.line.lead_to(pair.second.port)
            # Nobody reads from the first now.
            until(lambda: len(pair.first.direct.client_list(_type="normal")) == 1)
            witness.revoke(*(follower.begun(f"new {number}") for number in range(3)))
            _is_free_again(follower)
            time.sleep(STALENESS)


@pytest.mark.parametrize("kind", [Follower, KeyFollower], ids=["tokens", "session keys"])
def test_a_deposed_primary_that_goes_on_answering(kind: type[Follower]) -> None:
    """What the new primary revokes is refused in time, although connections to the old one stay open."""
    with Pair.running() as pair, kind(pair.line.url, staleness=STALENESS) as follower:
        _is_free_again(follower)
        claims = follower.begun("kept")
        pair.promote_second()
        pair.line.lead_to(pair.second.port, cut=False)
        pair.first.direct.replicaof("127.0.0.1", free_port())  # and has nobody to learn from
        assert _another_process(pair.second).revoke(claims.sid, RevocationReason.LOGOUT)
        time.sleep(2 * STALENESS)  # for a busy machine
        assert not follower.admits(claims)
        _is_free_again(follower)


def _offset(server: StoppableValkey, name: str) -> int:
    return int(server.direct.info("replication")[name])


@dataclass(frozen=True)
class Pair:
    """A primary, its replica, and an address that leads to one of them."""

    first: StoppableValkey
    second: StoppableValkey
    line: "Switch"

    @classmethod
    @contextmanager
    def running(cls) -> "Iterator[Self]":
        """Run both; the address leads to the first."""
        with StoppableValkey.running() as first, StoppableValkey.running() as second:
            line = Switch(first.port)
            second.direct.replicaof("127.0.0.1", str(first.port))
            until(lambda: second.direct.info("replication")["master_link_status"] == "up")
            yield cls(first, second, line)
            line.close()

    def promote_second(self) -> None:
        """Let the second take over when it has all that the first has; from here on it receives nothing."""
        until(lambda: _offset(self.first, "master_repl_offset") == _offset(self.second, "slave_repl_offset"))
        self.second.direct.replicaof("NO", "ONE")


class Switch:
    """An address that leads first to one server, then to another, like Sentinel's."""

    def __init__(self, port: int) -> None:
        from stores.redis.valkey_server import LossyLine

        self._line = LossyLine(port)
        self.url = f"redis://127.0.0.1:{self._line.port}/0"

    def lead_to(self, port: int, *, cut: bool = True) -> None:
        """Direct new connections there, and cut the old ones."""
        self._line.lead_to(port, cut=cut)

    def close(self) -> None:
        """Stop listening."""
        self._line.close()
