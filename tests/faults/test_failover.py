"""
After a failover every process goes to the new primary, and no copy of the old one is trusted for too long.

The old primary is up, accepts connections, and takes itself for the primary for some ten seconds.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from pytest_django import Settings
from redis import sentinel as redis_sentinel
from redis.backoff import NoBackoff
from redis.retry import Retry

from django_authkit.bridge import run
from django_authkit.errors import StoreUnavailable
from django_authkit.stores.outcomes import Found
from django_authkit.stores.redis import EVERY, RedisStore, connect
from django_authkit.stores.redis.primary import Agreement
from django_authkit.types import RevocationReason
from faults.sentinel_servers import WatchedServers
from faults.stoppable_servers import StoppableValkey
from stores.redis.valkey_server import LossyLine
from support.parallel import parallel_threads
from support.replica_followers import Follower, Witness, begun, client_of
from support.servers import free_port
from support.waiting import next_second, until

BOUND = 1.0
ALIAS = "watched"


@pytest.fixture(scope="module")
def all_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedServers]:
    """Return servers and Sentinels of this module's own."""
    with WatchedServers.running(tmp_path_factory.mktemp("sentinel")) as servers:
        yield servers


@pytest.fixture
def servers(all_servers: WatchedServers, settings: Settings) -> WatchedServers:
    """Return them with the replica in step, and the alias that leads to the primary."""
    all_servers.settle()
    settings.CACHES[ALIAS] = all_servers.alias()
    return all_servers


def _store() -> RedisStore:
    return RedisStore(connect(ALIAS), prefix="authkit:")


def test_a_process_with_open_connections_writes_to_the_new_primary(servers: WatchedServers) -> None:
    """Within half the bound of a failover a login of an old process is on the new primary."""
    old_process = _store()
    begun(old_process)
    servers.fail_over()
    named = time.monotonic()
    lost = []
    while time.monotonic() - named < 3 * BOUND:
        sent = time.monotonic() - named
        claims = begun(old_process)
        if not isinstance(_store().load(claims.sid), Found):
            lost.append(sent)
        time.sleep(0.02)
    assert max(lost, default=0) <= BOUND / 2


def test_an_event_loop_with_open_connections_writes_to_the_new_primary(servers: WatchedServers) -> None:
    """Its calls follow the Sentinels too, whom a thread asks for all of them."""

    async def main() -> list[float]:
        old_process = _store()
        await asyncio.gather(*(run(begun, old_process, str(number)) for number in range(10)))
        await asyncio.to_thread(servers.fail_over)
        named, lost = time.monotonic(), []
        while time.monotonic() - named < 2 * BOUND:
            sent = time.monotonic() - named
            claims = await run(begun, old_process)
            if not isinstance(await asyncio.to_thread(_store().load, claims.sid), Found):
                lost.append(sent)
            await asyncio.sleep(0.02)
        return lost

    assert max(asyncio.run(main()), default=0) <= BOUND / 2


def test_no_copy_calls_a_token_live_that_was_revoked_on_the_new_primary(servers: WatchedServers) -> None:
    """A copy that followed the deposed primary is not believed beyond ``MAX_STALENESS``."""
    with Follower(lambda: connect(ALIAS), staleness=BOUND) as follower:
        claims = [begun(follower.store, str(number)) for number in range(5)]
        follower.caught_up()
        with Witness.of(follower) as witness:
            servers.fail_over()
            fresh = _store()
            for each in claims:
                assert fresh.revoke(each.sid, RevocationReason.LOGOUT)
                witness.expect_refusal(each)
            time.sleep(3 * BOUND)
        next_second()
        until(follower.is_free)


def test_one_sentinel_that_hangs_stops_nobody(servers: WatchedServers) -> None:
    """The others are asked instead, and the next time they are asked first."""
    process = _store()
    claims = begun(process)
    with servers.hung(1):
        for _ in range(10):
            asked = time.monotonic()
            assert isinstance(process.load(claims.sid), Found)
            time.sleep(EVERY / 2)
        assert time.monotonic() - asked < EVERY


def test_a_minority_of_the_sentinels_does_not_say_which_server_is_the_primary(
    servers: WatchedServers,
) -> None:
    """Cut off with one Sentinel of three, a process answers 503: the others may have chosen another."""
    process = _store()
    claims = begun(process)
    assert isinstance(process.load(claims.sid), Found)
    with servers.hung(2):
        time.sleep(EVERY)
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                process.load(claims.sid)
    until(lambda: _answers(process))
    assert isinstance(process.load(claims.sid), Found)


def test_threads_that_ask_at_once_count_all_sentinels(servers: WatchedServers) -> None:
    """One of three decides nothing, however many threads put those that fail to respond last."""
    ports = [servers.sentinels[0].port, free_port(), free_port()]
    addresses = [("127.0.0.1", port) for port in ports]
    once = {"retry": Retry(NoBackoff(), 0)}
    agreement = Agreement(redis_sentinel.Sentinel(addresses, sentinel_kwargs=once))  # type: ignore[no-untyped-call]
    named: list[object] = []

    def ask() -> None:
        for _ in range(150):
            with suppress(redis_sentinel.MasterNotFoundError):
                named.append(agreement.discover_master("primary"))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with parallel_threads(8) as threads:
            threads.at_once([ask] * 8)
    finally:
        sys.setswitchinterval(interval)
    assert not named


def _answers(store: RedisStore) -> bool:
    try:
        store.now()
    except StoreUnavailable:
        return False
    return True


@pytest.mark.parametrize("sign", ["READONLY", "NOREPLICAS"])
def test_a_server_that_was_deposed_is_left(sign: str) -> None:
    """Without Sentinel too: a name that leads to another server now is looked up again."""
    with StoppableValkey.running() as old, StoppableValkey.running() as new:
        line = LossyLine(old.port)
        store = RedisStore(client_of(f"redis://127.0.0.1:{line.port}/0"), prefix="authkit:")
        begun(store)
        line.lead_to(new.port)
        if sign == "READONLY":
            old.direct.replicaof("127.0.0.1", str(new.port))
        else:
            old.direct.config_set("min-replicas-to-write", 1)
        with pytest.raises(StoreUnavailable):
            begun(store)
        assert new.direct.dbsize() == 0
        begun(store)
        assert new.direct.dbsize() > 0
        line.close()
