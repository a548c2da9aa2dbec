"""In a cluster a replica takes over from a primary that hangs, is cut off, or takes writes with it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import count
from threading import Timer

import pytest
from pytest_django import Settings
from redis.cluster import RedisCluster
from redis.crc import key_slot

from django_authkit.errors import StoreUnavailable
from django_authkit.session_keys import bucket_of, tag_of
from django_authkit.stores.outcomes import Absent, Found
from django_authkit.stores.redis import RedisStore, connect
from django_authkit.stores.redis.primary import EVERY
from django_authkit.types import RevocationReason
from faults.places import HERE, can_be_cut, cuttable
from faults.replicated_cluster import ClusterServer, ReplicatedCluster
from support.cluster import BINARIES, SLOTS
from support.replica_followers import begun, client_of
from support.waiting import until

pytestmark = pytest.mark.slow

BUCKETS = 16


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicatedCluster]:
    """Return a cluster whose nodes run in places that can be cut off, if there may be any."""
    with ExitStack() as stack:
        places = stack.enter_context(cuttable(3)) if can_be_cut() else [HERE] * 3
        directory = tmp_path_factory.mktemp("cluster")
        yield stack.enter_context(ReplicatedCluster.running(directory, BINARIES["valkey"], places))


@pytest.fixture(autouse=True)
def _alias(cluster: ReplicatedCluster, settings: Settings) -> None:
    settings.CACHES["cluster"] = cluster.alias(by_lines_that_stay=True)


def _store() -> RedisStore:
    """Return the store of a process that has a connection to each node."""
    client = connect("cluster")
    assert isinstance(client, RedisCluster)
    assert client.ping(target_nodes=RedisCluster.ALL_NODES)
    return RedisStore(client, buckets=BUCKETS)


def _user_of(pair: int) -> str:
    """
    Return a user whose records are on that pair of nodes.

    Each test has its own: for twice ``NODE_TIMEOUT``, nobody votes for replacing the same primary again.
    """

    def is_there(user: str) -> bool:
        tag = tag_of(bucket_of(user, BUCKETS))
        return key_slot(tag.encode()) * 3 // SLOTS == pair

    return next(filter(is_there, map(str, count())))


def _revoke_on(node: ClusterServer, sid: str) -> None:
    """Revoke an auth session, as a process does that knows who is the primary."""
    with client_of(f"redis://{node.place.reached_at}:{node.port}") as client:
        assert RedisStore(client, buckets=BUCKETS).revoke(sid, RevocationReason.LOGOUT)


def _is_gone(store: RedisStore, sid: str) -> bool:
    """Tell whether the store says so, as soon as it says anything."""
    said: list[object] = []

    def answers() -> bool:
        with suppress(StoreUnavailable):
            said.append(store.load(sid))
        return bool(said)

    until(answers)
    return said == [Absent.GONE]


def test_a_primary_that_hung_until_it_was_replaced_is_not_believed(cluster: ReplicatedCluster) -> None:
    """A process that was idle meanwhile, and asks as it goes on, refuses what was ended on the new one."""
    (old, new), idle = cluster.pairs[0], _store()
    sids = [begun(idle, _user_of(0)).sid for _ in range(20)]
    until(lambda: new.has_all_of(old))
    with old.hanging():
        until(new.is_primary)
        for sid in sids:
            _revoke_on(new, sid)
        goes_on = Timer(0.2, old.resume)
        goes_on.start()
        assert all(_is_gone(idle, sid) for sid in sids)
        goes_on.join()
    cluster.settle()


@pytest.mark.skipif(not can_be_cut(), reason="needs network namespaces")
def test_a_primary_that_the_others_have_replaced_is_not_believed(cluster: ReplicatedCluster) -> None:
    """A process that reaches it, cut off as it is, refuses what was ended on the new one."""
    (old, new), idle = cluster.pairs[2], _store()
    sid = begun(idle, _user_of(2)).sid
    until(lambda: new.has_all_of(old))
    with old.unaware(), old.place.cut_off():
        until(new.is_primary)
        _revoke_on(new, sid)
        assert old.serves()
        assert _is_gone(idle, sid)
    cluster.settle()


def test_one_primary_alone_is_not_believed(cluster: ReplicatedCluster) -> None:
    """A process that reaches no other gets no answer, before the others can have replaced it."""
    store = _store()
    sid = begun(store, _user_of(1)).sid
    one, *others = (
        first if first.is_primary() else second for first, second in cluster.pairs[1:] + cluster.pairs[:1]
    )
    with one.unaware(), ExitStack() as stack:
        for primary in others:
            stack.enter_context(primary.hanging())
        time.sleep(EVERY)
        with pytest.raises(StoreUnavailable) as raised:
            store.load(sid)
        assert "of 3 primaries" in raised.value.cause
        assert one.serves()
    assert not _is_gone(store, sid)
    cluster.settle()


def test_revocations_are_repeated_on_a_node_that_takes_over_again(
    cluster: ReplicatedCluster, caplog: pytest.LogCaptureFixture
) -> None:
    """A process with connections to it from before repeats what it has lost, and says so in the log."""
    (first, second), store = cluster.pairs[1], _store()
    ended, live = (begun(store, _user_of(1)).sid for _ in range(2))
    second.take_over()
    assert isinstance(store.load(live), Found)  # the process has noticed
    until(lambda: first.is_replica_of(second))
    with first.hanging():
        second.direct.execute_command("CLIENT", "KILL", "TYPE", "replica")
        assert store.revoke(ended, RevocationReason.LOGOUT)
        second.kill()
    try:
        until(first.is_primary)
        assert _is_gone(store, ended)
        assert isinstance(store.load(live), Found)
    finally:
        second.start()
    assert [each for each in caplog.records if getattr(each, "event", "") == "revocations_lost"]
    cluster.settle()
