"""As many buckets as a large site has, on a cluster of three nodes."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any

import pytest
from pytest_django import Settings
from redis.cluster import RedisCluster
from redis.connection import AbstractConnection

from django_authkit.blacklist.replica import Verdict
from django_authkit.session_keys import tag_of
from django_authkit.stores.outcomes import Absent
from django_authkit.stores.redis import RedisStore, connect
from django_authkit.stores.redis.primary import EVERY
from django_authkit.stores.redis.sending import Client
from django_authkit.types import RevocationReason
from support.cluster import BINARIES, Cluster
from support.replica_followers import Follower, begun
from support.waiting import until

BUCKETS = 1_024
USERS = [str(number) for number in range(60)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a cluster of three nodes."""
    with Cluster.running(BINARIES["valkey"], tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Cluster, settings: Settings) -> Client:
    """Return a client of that cluster, which is empty."""
    cluster.flush()
    options = {"REDIS_CLIENT_CLASS": "redis.cluster.RedisCluster"}
    backend = "django_redis.cache.RedisCache"
    settings.CACHES["cluster"] = {"BACKEND": backend, "LOCATION": cluster.url, "OPTIONS": options}
    return connect("cluster")


@pytest.fixture
def store(client: Client) -> RedisStore:
    """Return a store with many buckets."""
    return RedisStore(client, buckets=BUCKETS)


@contextmanager
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Counter[int], Counter[int]]]:
    """Count what is sent to each port meanwhile, and how often that asks who serves the slots."""
    counts: Counter[int] = Counter()
    questions: Counter[int] = Counter()
    send = AbstractConnection.send_packed_command

    def counting(connection: Any, command: Any, check_health: bool = True) -> None:
        asks = b"CLUSTER" in b"".join([command] if isinstance(command, bytes) else command)
        (questions if asks else counts)[connection.port] += 1
        send(connection, command, check_health)  # type: ignore[no-untyped-call]

    with monkeypatch.context() as patched:
        patched.setattr(AbstractConnection, "send_packed_command", counting)
        yield counts, questions


def test_all_are_revoked_in_few_round_trips(
    store: RedisStore, client: Client, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``revoke_all`` asks each node once for each hundred of its buckets, and reaches every bucket."""
    assert isinstance(client, RedisCluster)
    store.revoke_all()  # the nodes know the script now
    sids = [begun(store, user).sid for user in USERS]
    begin = time.monotonic()
    with sent(monkeypatch) as (counts, questions):
        store.revoke_all()
    took = time.monotonic() - begin
    bases = [f"authkit:{{{tag_of(bucket)}}}" for bucket in range(BUCKETS)]
    nodes = Counter(client.get_node_from_key(base).port for base in bases)  # type: ignore[no-untyped-call]
    assert counts == {port: ceil(buckets / 100) for port, buckets in nodes.items()}
    assert max(questions.values(), default=0) <= 1 + took / EVERY
    assert set(counts) == {node.port for node in cluster.nodes}
    assert all(store.load(sid) is Absent.GONE for sid in sids)
    assert not isinstance(store.load(begun(store).sid), Absent)


def test_a_node_that_has_forgotten_the_script_revokes_all_too(store: RedisStore, cluster: Cluster) -> None:
    """What fails for a hundred buckets at once is done for each by itself."""
    store.revoke_all()
    sids = [begun(store, user).sid for user in USERS]
    cluster.nodes[1].direct.script_flush()
    store.revoke_all()
    assert all(store.load(sid) is Absent.GONE for sid in sids)


def test_a_copy_follows_every_bucket_on_one_connection_to_each_node(client: Client, cluster: Cluster) -> None:
    """A revocation in any bucket is heard, and the copy has one connection to each node at most."""
    with Follower(lambda: connect("cluster"), buckets=BUCKETS) as follower:
        before = [len(node.direct.client_list()) for node in cluster.nodes]
        follower.caught_up()
        after = [len(node.direct.client_list()) for node in cluster.nodes]
        revoked = [begun(follower.store, user) for user in USERS]
        for claims in revoked:
            follower.store.revoke(claims.sid, RevocationReason.LOGOUT)
        until(lambda: all(follower.replica.verdict(each) is Verdict.REVOKED for each in revoked))
        until(follower.is_fresh)
    assert all(now - then <= 1 for now, then in zip(after, before, strict=True))
