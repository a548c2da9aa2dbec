"""What a process remembers of session keys: for how long, until which changes, and how soon it forgets."""

import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from django_authkit.blacklist.memory import Remembered, SessionMemory
from django_authkit.http.client_info import Device
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Absent, Found
from django_authkit.types import RevocationReason
from faults.stoppable_servers import StoppableValkey
from stores.redis.test_announced_changes import CALLS, Change, Silent
from stores.redis.valkey_server import Server
from support.clock import Clock
from support.profile import rounds
from support.replica_followers import DAY, DEVICE, MINUTE, KeyFollower, claims_of, key_of
from support.stores import RedisSite, Rig
from support.waiting import until

STALENESS = 1.0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return a running Valkey of this module's own."""
    with StoppableValkey.running() as server:
        yield server


@pytest.fixture(scope="module")
def running(server: Server) -> Iterator[KeyFollower]:
    """Return a process's memory, which lookups enter."""
    server.direct.flushall()
    with KeyFollower(server.url, staleness=STALENESS) as follower:
        follower.caught_up()
        yield follower


@pytest.fixture
def follower(running: KeyFollower) -> Iterator[KeyFollower]:
    """Return the same, when it is fresh and has forgotten its last lookups or not."""
    until(running.is_free)
    yield running
    running.store.clock_offset = 0


def test_a_remembered_key_costs_nothing(follower: KeyFollower, server: Server) -> None:
    """A session key that was looked up is accepted again without a command to the server."""
    claims = follower.begun()
    with server.watched() as seen:
        admitted = {follower.admits(claims) for _ in range(2_000)}
    assert admitted == {True}
    assert not [name for name, in_script in seen if name == "EVALSHA" and not in_script]


def test_the_data_is_not_remembered(follower: KeyFollower) -> None:
    """The record is the store's last answer, without the data, and its clock goes on."""
    claims = follower.begun()
    stored = follower.store.load(claims.sid)
    time.sleep(0.05)
    recalled = follower.recalled(claims.sid)
    assert isinstance(stored, Found)
    assert recalled is not None
    assert recalled.session == stored.session
    assert recalled.data is None
    assert 45 <= recalled.now_ms - stored.now_ms < 1_000


def test_only_for_the_same_key_and_device(follower: KeyFollower) -> None:
    """Another key of the auth session, and another device than the recorded one, are left to the store."""
    claims = follower.begun()
    key = key_of(claims.sid)
    assert follower.lookups.recall(key, DEVICE)
    assert follower.lookups.recall(SessionKey(claims.sid, "x" * 23), DEVICE) is None
    assert follower.lookups.recall(key, Device(address="203.0.113.8", user_agent=DEVICE.user_agent)) is None


@pytest.mark.parametrize("milliseconds", [MINUTE, DAY], ids=["activity is due", "idle for long"])
def test_activity_is_written_when_it_is_due(follower: KeyFollower, milliseconds: int) -> None:
    """A key is looked up again when its activity has to be written, at the latest when it has expired."""
    claims = follower.begun()
    follower.store.clock_offset = milliseconds - 5_000
    assert follower.is_certain(claims) is (milliseconds == MINUTE)
    follower.store.clock_offset = milliseconds + 100
    assert not follower.is_certain(claims)


def test_not_beyond_the_idle_end(follower: KeyFollower) -> None:
    """An auth session that expires before its activity is due is not remembered for longer."""
    claims = follower.begun()
    assert follower.store.save_data(claims.sid, key_of(claims.sid).digest, "", idle_limit=10_000)
    until(lambda: not follower.is_certain(claims))
    assert follower.admits(claims)
    assert follower.is_certain(claims)
    follower.store.clock_offset = 10_100
    assert not follower.is_certain(claims)
    assert not follower.admits(claims)


def test_a_lookup_during_a_change_is_not_remembered(follower: KeyFollower) -> None:
    """What was read before a change, and arrives after the process has heard of it, is not remembered."""
    claims = follower.begun()
    key = key_of(claims.sid)
    answer = follower.store.touch(key.handle, key.digest, idle=DAY, interval=MINUTE)

    def slow() -> Found | Absent:
        assert follower.store.revoke(claims.sid, RevocationReason.LOGOUT)
        until(lambda: not follower.is_certain(claims))
        return answer

    assert follower.lookups.look_up(key, slow) == answer
    assert not follower.is_certain(claims)
    assert not follower.admits(claims)


EVERY = [
    pytest.param(call, id=f"{name}-{i}") for name, calls in CALLS.items() for i, call in enumerate(calls)
]


@pytest.mark.parametrize("call", EVERY)
def test_every_change_is_noticed(follower: KeyFollower, server: Server, call: Change | Silent) -> None:
    """After each method that changes what a request sees the store is asked; after the others it is not."""
    rig = Rig(RedisSite(f"{server.url}/0", 3), Clock())
    one = rig.start(key_digest=key_of("").digest, browser_mark=DEVICE.browser_mark)
    claims = claims_of(one.session)
    follower.warm(claims)
    call.act(rig, one)
    if isinstance(call, Change):
        until(lambda: not follower.is_certain(claims), STALENESS)
    else:
        time.sleep(0.05)
        assert follower.is_certain(claims)


def test_the_memory_is_bounded(follower: KeyFollower) -> None:
    """The record that was looked up first makes room, and the memory can be turned off."""
    session = follower.store.load(follower.begun().sid)
    assert isinstance(session, Found)
    records = [
        Remembered(b"", replace(session.session, sid=f"AA{number}"), 0, 0.0, 10.0) for number in range(5)
    ]
    memory, none = SessionMemory(3), SessionMemory(0)
    for each in (*records, records[2]):
        memory.put(memory.mark, each)
        none.put(none.mark, each)
    assert [memory.get(each.session.sid, b"", 0.0) for each in records] == [None, None, *records[2:]]
    memory.put(memory.mark, replace(records[0], until=5.0))
    assert memory.get("AA3", b"", 0.0) is None  # the one that was looked up again was younger
    memory.forget_expired(5.0)
    assert (len(memory), len(none)) == (2, 0)


def test_a_forked_process_begins_anew(follower: KeyFollower) -> None:
    """A child does not answer from its parent's memory, which nobody keeps up to date for it."""
    claims = follower.begun()
    assert follower.is_certain(claims)
    child = os.fork()
    if not child:
        os._exit(follower.is_certain(claims) or follower.replica.remembered)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert follower.is_certain(claims)


def _tell_of_revocations(url: str, given: Any, seen: Any) -> None:
    """Remember session keys in a process of its own; report when each is first refused."""
    with KeyFollower(url, staleness=STALENESS) as follower:
        until(follower.is_free)
        seen.put(0.0)
        for claims in iter(given.get, None):
            follower.warm(claims)
            seen.put(0.0)
            while follower.admits(claims):
                time.sleep(0.0005)
            seen.put(time.clock_gettime(time.CLOCK_MONOTONIC))


@pytest.mark.slow
def test_how_soon_another_process_forgets(
    follower: KeyFollower, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of many revocations in one process, each is felt within the bound in another that remembers the key."""
    context = multiprocessing.get_context("spawn")
    given, seen = context.Queue(), context.Queue()
    process = context.Process(target=_tell_of_revocations, args=(server.url, given, seen), daemon=True)
    process.start()
    try:
        seen.get(timeout=60)
        delays = []
        for number in range(rounds(200)):
            claims = follower.begun(str(number))
            given.put(claims)
            seen.get(timeout=20)
            assert follower.store.revoke(claims.sid, RevocationReason.LOGOUT)
            answered = time.clock_gettime(time.CLOCK_MONOTONIC)
            delays.append(max(0.0, seen.get(timeout=20) - answered))
        given.put(None)
        process.join(20)
    finally:
        process.kill()
    with capsys.disabled():
        print(  # noqa: T201 - the figures are the point
            f"\n{len(delays)} revocations to refusal elsewhere, ms: "
            f"median {statistics.median(delays) * 1e3:.2f}, most {max(delays) * 1e3:.2f}"
        )
    assert max(delays) <= STALENESS
