"""``REDIS["WAIT"]``: what only the primary knows is not called done."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from pytest_django import Settings
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.crc import key_slot
from redis.retry import Retry

from django_authkit.errors import StoreUnavailable
from django_authkit.service import external_epochs
from django_authkit.stores.outcomes import Absent, Found, RotateRequest, RotationOutcome
from django_authkit.stores.redis import RedisStore
from django_authkit.types import AuthSession, RevocationReason
from faults.stoppable_servers import StoppableValkey
from support.cluster import BINARIES, Cluster
from support.replica_followers import DAY, MINUTE, client_of, proposal
from support.stores import request
from support.waiting import until

WAIT = (1, 200)
KEY, JTI = b"k" * 32, b"j" * 32
Servers = tuple[StoppableValkey, StoppableValkey]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Return a primary and its replica."""
    with ExitStack() as stack:
        primary, replica = (stack.enter_context(StoppableValkey.running()) for _ in range(2))
        replica.direct.replicaof("127.0.0.1", str(primary.port))
        until(lambda: replica.direct.info("replication")["master_link_status"] == "up")
        yield primary, replica


@pytest.fixture
def store(servers: Servers) -> RedisStore:
    """Return a store that waits for the replica, which has caught up."""
    until(lambda: servers[0].direct.info("replication").get("slave0", {}).get("lag") in {0, 1})
    return RedisStore(client_of(servers[0].url), prefix="authkit:", wait=WAIT)


def _created(store: RedisStore) -> AuthSession:
    created: Any = store.create(replace(proposal(), key_digest=KEY, jti_digest=JTI))
    session: AuthSession = created.session
    return session


def test_a_write_is_on_the_replica_when_it_is_reported(store: RedisStore, servers: Servers) -> None:
    """A login and a revocation are there at once, in one round trip each."""
    there = RedisStore(client_of(servers[1].url), prefix="authkit:")
    for _ in range(20):
        session = _created(store)
        assert isinstance(there.load(session.sid), Found)
        assert store.revoke(session.sid, RevocationReason.LOGOUT)
        assert there.load(session.sid) is Absent.GONE


CALLS: dict[str, Callable[[RedisStore, AuthSession], object]] = {
    "create": lambda store, _: _created(store),
    "rotate": lambda store, session: store.rotate(_rotation(session)),
    "rekey": lambda store, session: store.rekey(session.sid, KEY, b"r" * 32),
    "renew_tokens": lambda store, session: store.renew_tokens(session.sid, "h", proposed=KEY, access=MINUTE),
    "bind_device": lambda store, session: store.bind_device(session.sid, "{}", "nonce"),
    "restamp": lambda store, session: store.restamp(session.sid, "b" * 64),
    "revoke": lambda store, session: store.revoke(session.sid, RevocationReason.LOGOUT),
    "revoke_user": lambda store, session: store.revoke_user(session.user_id, RevocationReason.LOGOUT),
    "revoke_all": lambda store, _: store.revoke_all(),
    "create_anonymous": lambda store, _: store.create_anonymous("AAkept", KEY, "", MINUTE, durable=True),
}


@pytest.mark.parametrize("name", CALLS)
def test_without_acknowledgement_there_is_no_answer_however_often_it_is_asked_for(
    store: RedisStore, servers: Servers, name: str
) -> None:
    """A call is 503 while the replica hangs, and its repetition too, which changes nothing any more."""
    session = _created(store)
    with servers[1].hung():
        for _ in range(2):
            with pytest.raises(StoreUnavailable) as raised:
                CALLS[name](store, session)
            assert "0 of 1 replicas" in str(raised.value.cause)
    CALLS[name](store, session)


def test_a_primary_that_is_deposed_while_it_waits_gives_no_answer() -> None:
    """It breaks the wait off, so whether the write will last is not known: 503."""
    with StoppableValkey.running() as primary, StoppableValkey.running() as replica:
        replica.direct.replicaof("127.0.0.1", str(primary.port))
        until(lambda: replica.direct.info("replication")["master_link_status"] == "up")
        until(lambda: primary.direct.info("replication").get("slave0", {}).get("lag") in {0, 1})
        store = RedisStore(client_of(primary.url), prefix="authkit:", wait=(1, 800))
        session = _created(store)
        depose = Timer(0.2, primary.direct.replicaof, ("127.0.0.1", str(replica.port)))
        with replica.hung():
            depose.start()
            with pytest.raises(StoreUnavailable) as raised:
                store.revoke(session.sid, RevocationReason.LOGOUT)
            depose.join()
        assert "UNBLOCKED" in str(raised.value.cause)


def test_requests_that_write_nothing_of_the_kind_do_not_wait(store: RedisStore, servers: Servers) -> None:
    """A look-up and a mark of activity go on while the replica hangs."""
    session = _created(store)
    with servers[1].hung():
        assert isinstance(store.load(session.sid), Found)
        assert isinstance(store.touch(session.sid, KEY, idle=DAY, interval=0), Found)


def test_the_revocation_of_logins_to_adopt_waits(
    store: RedisStore, servers: Servers, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That no older login be adopted is 503 while the replica hangs; an anonymous session is not."""
    settings.AUTHKIT = {**settings.AUTHKIT, "ADOPT": ["session"]}
    monkeypatch.setattr(external_epochs, "get_store", lambda: store)
    for _ in range(2):
        with servers[1].hung(), pytest.raises(StoreUnavailable):
            external_epochs.revoke_external_logins("user")
        external_epochs.revoke_external_logins("user")
        assert external_epochs.is_revoked("user", int(time.time() * 1000) - 1000)
        time.sleep(0.01)
        began = int(time.time() * 1000)
        external_epochs.revoke_external_logins("user")
        assert external_epochs.is_revoked("user", began)
    with servers[1].hung():
        assert store.create_anonymous("AAanonymous", KEY, "data", MINUTE)
        assert store.save_anonymous("AAanonymous", KEY, "data", MINUTE)


def test_the_repetition_says_what_was_done(store: RedisStore, servers: Servers) -> None:
    """A rotation that nobody acknowledged is done once: the repetition gets its successor."""
    session = _created(store)
    with servers[1].hung(), pytest.raises(StoreUnavailable):
        store.rotate(_rotation(session))
    assert store.rotate(_rotation(session, b"o" * 32)).outcome is RotationOutcome.REPEATED


def test_a_repetition_by_another_process_waits_too(store: RedisStore, servers: Servers) -> None:
    """What only the primary knows is not called done on a connection that has written nothing either."""
    session = _created(store)
    with servers[1].hung():
        for each in (store, RedisStore(client_of(servers[0].url), prefix="authkit:", wait=WAIT)):
            with pytest.raises(StoreUnavailable):
                each.revoke(session.sid, RevocationReason.LOGOUT)


def test_nothing_is_written_while_too_few_replicas_follow(store: RedisStore, servers: Servers) -> None:
    """Once the primary has noticed, a refresh is 503 and uses no token up, so that any process carries on."""
    session = _created(store)
    before, listed = store.load(session.sid), store.list_user(session.user_id)
    assert isinstance(before, Found)
    with servers[1].hung():
        until(lambda: servers[0].direct.info("replication")["slave0"]["lag"] > 2)
        for name in ("create", "rotate", "create_anonymous"):
            with pytest.raises(StoreUnavailable) as raised:
                CALLS[name](store, session)
            assert "follow closely" in str(raised.value.cause)
        now = store.load(session.sid)
        assert isinstance(now, Found)
        assert now.session == before.session
        assert store.list_user(session.user_id) == listed
    until(lambda: servers[0].direct.info("replication")["slave0"]["lag"] < 2)
    assert store.rotate(_rotation(session, b"o" * 32)).outcome is RotationOutcome.ROTATED


def test_a_server_without_replicas_is_unavailable(servers: Servers) -> None:
    """Two replicas are asked for, and there is one: nobody logs in."""
    store = RedisStore(client_of(servers[0].url), prefix="authkit:", wait=(2, 100))
    with pytest.raises(StoreUnavailable):
        _created(store)


@pytest.mark.slow
def test_a_cluster_is_asked_who_has_taken_over(tmp_path: Path) -> None:
    """Where the node that had a bucket is gone, the call goes to the one that has it now, at once."""
    with Cluster.running(BINARIES["valkey"], tmp_path) as cluster:
        slot = key_slot(b"authkit:{AA}:m")
        holder = cluster.holder(slot)
        client = RedisCluster.from_url(cluster.url, retry=Retry(NoBackoff(), 0))
        store = RedisStore(client, prefix="authkit:", wait=(0, 100))
        session = _created(store)
        migration = cluster.migration(slot)
        migration.begin()
        migration.end()
        holder.direct.shutdown(nosave=True)
        assert store.revoke(session.sid, RevocationReason.LOGOUT)
        client.close()


def _rotation(session: AuthSession, proposed: bytes = b"n" * 32) -> RotateRequest:
    return request(session.sid, 1, JTI, proposed=proposed)
