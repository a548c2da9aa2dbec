"""A process's copy of the blacklist: what it decides itself, how soon, and what it leaves to the store."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from django_authkit.blacklist.replica import BlacklistReplica, Verdict
from django_authkit.stores.redis import RedisStore
from django_authkit.stores.redis.feed import RedisFeed
from django_authkit.tokens.claims import AccessClaims
from django_authkit.types import OnLimit, RevocationReason
from faults.stoppable_servers import StoppableValkey
from stores.redis.valkey_server import Server
from support.profile import rounds
from support.replica_followers import MINUTE, Follower, begun, claims_of, client_of, followers, proposal
from support.stores import request
from support.waiting import next_second, until

STALENESS = 1.0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return a running Valkey of this module's own."""
    with StoppableValkey.running() as server:
        yield server


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def follower(server: Server, request: pytest.FixtureRequest) -> Iterator[Follower]:
    """Return a copy that has caught up with an empty list."""
    server.direct.flushall()
    with Follower(server.url, protocol=request.param) as follower:
        begun(follower.store)  # widens the window
        yield follower.caught_up()
    assert not followers()


def test_a_fresh_token_costs_nothing(follower: Follower, server: Server) -> None:
    """A token issued since the list began is accepted without a command to the server."""
    claims = begun(follower.store)
    with server.watched() as seen:
        admitted = [follower.check.admit(claims) for _ in range(2_000)]
    assert admitted == [None] * 2_000
    follows = [name for name, in_script in seen if not in_script]
    assert set(follows) <= {"INFO", "TIME", "HMGET", "XREAD", "ECHO", "PING"}
    assert len(follows) < 80  # those of the thread, a few a second


def test_a_worker_whose_clock_is_ahead_forgets_nothing(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was revoked is kept until its tokens have expired by the store's clock: ours may be set back."""
    monkeypatch.setattr("django_authkit.blacklist.replica._EXPIRE_EVERY", 0)
    present = time.time
    monkeypatch.setattr(time, "time", lambda: present() + 24 * 3600)
    claims, other = begun(follower.store, "7"), begun(follower.store, "8")
    for each in (claims, other):  # the second is read after the first could have been forgotten
        follower.store.revoke(each.sid, RevocationReason.LOGOUT)
        until(lambda each=each: follower.replica.verdict(each) is Verdict.REVOKED, STALENESS)  # type: ignore[misc]
    time.sleep(2 * STALENESS)
    monkeypatch.setattr(time, "time", present)
    assert follower.replica.verdict(claims) is Verdict.REVOKED
    assert not follower.admits(claims)


ENDINGS: dict[str, Callable[[RedisStore, AccessClaims], object]] = {
    "revoke": lambda store, claims: store.revoke(claims.sid, RevocationReason.LOGOUT),
    "revoke_user": lambda store, claims: store.revoke_user(claims.subject, RevocationReason.PASSWORD_CHANGED),
    "revoke_all": lambda store, _: store.revoke_all(),
    "reuse": lambda store, claims: store.rotate(request(claims.sid, 1, b"stolen" * 5)),
    "evicted": lambda store, claims: store.create(
        proposal(claims.subject, max_sessions=1, on_limit=OnLimit.EVICT)
    ),
    "others ended": lambda store, claims: store.create(
        proposal(claims.subject, max_sessions=1, on_limit=OnLimit.REVOKE_OTHERS)
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_revocation_is_noticed(follower: Follower, ending: str) -> None:
    """However an auth session is revoked, the copy stops accepting its token."""
    claims, other = begun(follower.store, "7"), begun(follower.store, "8")
    assert follower.replica.verdict(claims) is Verdict.LIVE
    ENDINGS[ending](follower.store, claims)
    until(lambda: follower.replica.verdict(claims) is not Verdict.LIVE, STALENESS)
    assert follower.admits(claims) is False
    assert follower.admits(other) is (ending != "revoke_all")


def test_a_token_within_the_leeway_can_be_revoked(follower: Follower) -> None:
    """An expired token is accepted within the leeway, but not after a revocation."""
    claims = begun(follower.store)
    follower.store.clock_offset = 5 * MINUTE + 1_000
    assert follower.replica.verdict(claims) is Verdict.LIVE
    assert follower.store.revoke(claims.sid, RevocationReason.LOGOUT)
    until(lambda: follower.replica.verdict(claims) is Verdict.REVOKED, STALENESS)


def test_what_a_copy_cannot_tell(follower: Follower, server: Server) -> None:
    """Tokens that the list may not know are checked in the store."""
    replica = follower.replica
    live = begun(follower.store)
    birth = int(server.direct.hget("authkit::{AA}:m", "birth") or 0)
    session = follower.store.load(live.sid).session  # type: ignore[union-attr]
    assert replica.verdict(live) is Verdict.LIVE
    assert replica.verdict(claims_of(session, issued=birth - 1)) is Verdict.UNKNOWN  # in its second, too
    assert replica.verdict(claims_of(session, issued=birth - birth % 1000 + 1000)) is Verdict.LIVE
    assert replica.verdict(claims_of(session, access=5 * MINUTE + 1000)) is Verdict.UNKNOWN
    assert replica.verdict(replace(claims_of(session), sid="B" * 16)) is Verdict.UNKNOWN  # no such bucket
    follower.store.revoke_all()
    until(lambda: replica.verdict(live) is Verdict.UNKNOWN)
    again = begun(follower.store)
    assert replica.verdict(again) is Verdict.UNKNOWN  # in the second of the epoch
    assert follower.admits(again)
    next_second()
    assert replica.verdict(begun(follower.store)) is Verdict.LIVE


def test_a_copy_that_is_not_fresh_yet(server: Server) -> None:
    """The first question goes to the store and starts the only thread."""
    server.direct.flushall()
    with Follower(server.url) as follower:
        claims = begun(follower.store)
        assert not followers()
        assert follower.replica.age == float("inf")
        assert follower.replica.verdict(claims) is Verdict.UNKNOWN
        follower.admits(claims)
        assert len(followers()) == 1
    assert not followers()


def test_a_stopped_copy_starts_again(server: Server) -> None:
    """After ``stop`` the next question starts a thread, and the copy catches up."""
    with Follower(server.url) as follower:
        begun(follower.store)
        follower.caught_up()
        follower.replica.stop()
        assert not followers()
        follower.caught_up()
        assert follower.is_free()
    assert not followers()


def test_a_longer_wait_than_the_client_has(server: Server) -> None:
    """Even with a high staleness limit, a read ends before the client's timeout."""
    server.direct.flushall()
    server.direct.config_resetstat()
    with Follower(server.url, staleness=30) as follower:
        begun(follower.store)
        follower.caught_up()
        time.sleep(2.5)
        claims = begun(follower.store)
        assert follower.replica.verdict(claims) is Verdict.LIVE
        assert follower.replica.age < 2
        assert server.direct.info("commandstats")["cmdstat_xrange"]["calls"] == 1  # no snapshot but the first
        follower.store.revoke(claims.sid, RevocationReason.LOGOUT)
        until(lambda: follower.replica.verdict(claims) is Verdict.REVOKED, 2)


def test_a_shorter_lifetime_elsewhere_loses_nothing(server: Server) -> None:
    """A worker with a shorter ``LIFETIMES["ACCESS"]`` removes no entry that a longer-lived token needs."""
    server.direct.flushall()
    with Follower(server.url) as first, Follower(server.url) as second:
        first.caught_up()
        long = begun(first.store, "long", access_ms=60 * MINUTE)
        first.store.revoke(long.sid, RevocationReason.LOGOUT)
        for number in range(300):
            short = begun(second.store, str(number), access_ms=1_000)
            second.store.revoke(short.sid, RevocationReason.LOGOUT)
        second.caught_up()
        assert second.replica.verdict(long) is Verdict.REVOKED


def test_entries_outlive_every_leeway(server: Server) -> None:
    """An entry is removed when no worker's leeway accepts its token any more, not when the token expires."""
    server.direct.flushall()
    with Follower(server.url) as follower:
        follower.caught_up()
        claims = begun(follower.store, access_ms=1_000)
        follower.store.revoke(claims.sid, RevocationReason.LOGOUT)
        for number in range(200):  # the server frees whole nodes of 100 entries
            follower.store.revoke(
                begun(follower.store, str(number), access_ms=1_000).sid, RevocationReason.LOGOUT
            )
        time.sleep(1.2)
        follower.store.revoke(begun(follower.store, "last", access_ms=1_000).sid, RevocationReason.LOGOUT)
        with Follower(server.url) as newcomer:
            assert newcomer.caught_up().replica.verdict(claims) is Verdict.REVOKED


def _tell_of_revocations(url: str, sids: Any, seen: Any) -> None:
    """Follow in a process of its own; report when each token is first refused."""
    with Follower(url, staleness=STALENESS) as follower:
        until(follower.is_fresh)
        seen.put(0.0)
        for claims in iter(sids.get, None):
            assert follower.replica.verdict(claims) is Verdict.LIVE
            seen.put(0.0)
            while follower.replica.verdict(claims) is Verdict.LIVE:
                time.sleep(0.0002)
            seen.put(time.clock_gettime(time.CLOCK_MONOTONIC))


def test_how_soon_another_process_knows(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """In another process a revoked token is refused within the bound, and usually in milliseconds."""
    server.direct.flushall()
    store = RedisStore(client_of(server.url), prefix="authkit:")
    begun(store)
    context = multiprocessing.get_context("spawn")
    sids, seen = context.Queue(), context.Queue()
    process = context.Process(target=_tell_of_revocations, args=(server.url, sids, seen), daemon=True)
    process.start()
    try:
        seen.get(timeout=60)
        next_second()
        delays = []
        for _ in range(25):
            time.sleep(0.21 * STALENESS)  # one right after another waits for the next read
            claims = begun(store)
            sids.put(claims)
            seen.get(timeout=20)
            store.revoke(claims.sid, RevocationReason.LOGOUT)
            answered = time.clock_gettime(time.CLOCK_MONOTONIC)
            delays.append(max(0.0, seen.get(timeout=20) - answered))
        sids.put(None)
        process.join(20)
    finally:
        process.kill()
    *_, p99 = statistics.quantiles(delays, n=100)
    with capsys.disabled():
        print(  # noqa: T201 - the figures are the point
            f"\nrevocation to refusal elsewhere, ms: median {statistics.median(delays) * 1e3:.2f}, "
            f"p99 {p99 * 1e3:.2f}, most {max(delays) * 1e3:.2f}"
        )
    assert max(delays) <= STALENESS


@pytest.mark.parametrize("interval", [0.04, 0.0], ids=["slow", "fast"])
def test_reads_do_not_grow_with_the_revocations(server: Server, interval: float) -> None:
    """A copy reads a few times within the bound, however many revocations there are, and runs no script."""
    server.direct.flushall()
    # No call is repeated, however slow the machine is.
    patient = partial(Redis.from_url, server.url, protocol=3, socket_timeout=60, retry=Retry(NoBackoff(), 0))
    with Follower(patient, staleness=STALENESS) as follower:
        many = [begun(follower.store, str(number)) for number in range(1_000)]
        follower.store.revoke(many.pop().sid, RevocationReason.LOGOUT)  # the server knows the script now
        follower.caught_up()
        begin = time.monotonic()
        server.direct.config_resetstat()
        revoked = 0
        while time.monotonic() - begin < 0.6 * STALENESS and revoked < len(many):
            follower.store.revoke(many[revoked].sid, RevocationReason.LOGOUT)
            revoked += 1
            time.sleep(interval)
        until(lambda: len(follower.replica) == revoked + 1)
        calls = {name: stats["calls"] for name, stats in server.direct.info("commandstats").items()}
        took = time.monotonic() - begin  # all that was counted
    assert 0 < calls["cmdstat_xread"] <= 5 * took / STALENESS + 2
    assert "cmdstat_eval" not in calls
    assert calls["cmdstat_evalsha"] == revoked


def test_what_is_revoked_together_is_one_entry_of_the_stream(follower: Follower, server: Server) -> None:
    """The server has few entries to send to each copy, and no copy learns of one later."""
    many = [begun(follower.store, str(number)) for number in range(100)]
    begin = time.monotonic()
    for claims in many:
        follower.store.revoke(claims.sid, RevocationReason.LOGOUT)
    took = time.monotonic() - begin
    until(lambda: all(follower.replica.verdict(claims) is Verdict.REVOKED for claims in many), STALENESS)
    assert server.direct.xlen("authkit::{AA}:l") <= 3 + took / 0.05
    with Follower(server.url) as newcomer:
        assert len(newcomer.caught_up().replica) == len(many)


def test_copies_are_not_made_anew_at_the_same_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a list is lost, the processes do not all read it again in the same moment."""
    snapshot, begun_at = RedisFeed.snapshot, dict[RedisFeed, float]()

    def noted(feed: RedisFeed) -> Any:
        begun_at.setdefault(feed, time.monotonic())
        return snapshot(feed)

    server.direct.flushall()
    with ExitStack() as stack:
        copies = [stack.enter_context(Follower(server.url, staleness=STALENESS)) for _ in range(8)]
        begun(copies[0].store)
        for each in copies:
            each.caught_up()
        monkeypatch.setattr(RedisFeed, "snapshot", noted)
        server.direct.delete("authkit::{AA}:m")
        until(lambda: all(each.is_fresh() for each in copies) and len(begun_at) == len(copies))
    at = begun_at.values()
    crowd = max(sum(begin <= each < begin + STALENESS / 10 for each in at) for begin in at)
    assert crowd <= 5


@pytest.mark.slow
def test_many_at_once(server: Server) -> None:
    """A burst of revocations by several clients is noticed completely."""
    server.direct.flushall()
    with Follower(server.url) as follower:
        begun(follower.store)
        follower.caught_up()
        many = [begun(follower.store, str(number)) for number in range(rounds(20_000))]
        begin = time.monotonic()
        for claims in many:
            follower.store.revoke(claims.sid, RevocationReason.LOGOUT)
        until(lambda: len(follower.replica) == len(many))
        assert all(follower.replica.verdict(claims) is Verdict.REVOKED for claims in many)
        assert time.monotonic() - begin < 60


def test_one_copy_for_each_feed(server: Server) -> None:
    """A copy has only the entries of its own prefix."""
    server.direct.flushall()
    with Follower(server.url) as follower:
        other = RedisStore(client_of(server.url), prefix="other")
        begun(follower.store)
        follower.caught_up()
        claims = begun(other)
        other.revoke(claims.sid, RevocationReason.LOGOUT)
        time.sleep(0.3)
        assert len(follower.replica) == 0
        assert isinstance(follower.replica, BlacklistReplica)
