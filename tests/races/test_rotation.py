"""One refresh token, many concurrent callers: one winner, one successor, one family."""

import multiprocessing
from collections import Counter
from functools import partial
from multiprocessing.synchronize import Barrier
from secrets import token_bytes

import pytest

from django_authkit.stores.outcomes import Absent, RotateRequest, Rotation, RotationOutcome
from django_authkit.stores.protocol import Store
from django_authkit.types import ReuseClass
from support.parallel import PATIENCE, parallel_threads
from support.profile import rounds
from support.stores import DAY, SECOND, Rig, Site, request

pytestmark = pytest.mark.slow

THREADS = 64
PROCESSES = 4


def proposals(sid: str, generation: int, presented: bytes, count: int, grace: int) -> list[RotateRequest]:
    """Return *count* requests with one token, each with its own proposal."""
    return [request(sid, generation, presented, grace_ms=grace) for _ in range(count)]


def successor_of(asked: list[RotateRequest], answers: list[Rotation], generation: int) -> RotateRequest:
    """Return the winner's request, after checking that all others got its successor."""
    outcomes = Counter(answer.outcome for answer in answers)
    assert outcomes == {RotationOutcome.ROTATED: 1, RotationOutcome.REPEATED: len(asked) - 1}
    winner = next(
        call for call, answer in zip(asked, answers, strict=True) if answer.outcome is RotationOutcome.ROTATED
    )
    for answer in answers:
        assert answer.sealed == (None if answer.outcome is RotationOutcome.ROTATED else winner.sealed)
        assert answer.session is not None
        assert answer.session.generation == generation + 1
    return winner


def test_threads_get_the_same_successor(rig: Rig, store: Store) -> None:
    """In each round one thread gets ROTATED and all others its successor, which the next round uses."""
    started = rig.start()
    presented = started.jti
    with parallel_threads(THREADS) as threads:
        for generation in range(1, rounds(50) + 1):
            asked = proposals(started.sid, generation, presented, THREADS, 60 * SECOND)
            answers = threads.at_once([partial(store.rotate, call) for call in asked])
            presented = successor_of(asked, answers, generation).proposed
    assert rig.sids() == [started.sid]


def test_threads_without_a_grace(rig: Rig, store: Store) -> None:
    """With a grace of 0 one wins, one gets REUSED, and the rest GONE: the session is revoked."""
    with parallel_threads(THREADS) as threads:
        for _ in range(rounds(50)):
            started = rig.start()
            asked = proposals(started.sid, 1, started.jti, THREADS, 0)
            answers = threads.at_once([partial(store.rotate, call) for call in asked])
            outcomes = Counter(answer.outcome for answer in answers)
            assert outcomes == {
                RotationOutcome.ROTATED: 1,
                RotationOutcome.REUSED: 1,
                RotationOutcome.GONE: THREADS - 2,
            }
            assert {answer.reuse for answer in answers} == {ReuseClass.PREVIOUS, None}
            assert store.load(started.sid) is Absent.GONE


def test_the_same_call_from_many_threads(rig: Rig, store: Store) -> None:
    """One call repeated concurrently rotates once, and all get ROTATED, with a grace of 0, too."""
    with parallel_threads(8) as threads:
        for _ in range(rounds(50)):
            started = rig.start()
            call = request(started.sid, 1, started.jti, grace_ms=0)
            answers = threads.at_once([partial(store.rotate, call)] * 8)
            assert {answer.outcome for answer in answers} == {RotationOutcome.ROTATED}
            after = store.rotate(request(started.sid, 2, call.proposed))
            assert after.outcome is RotationOutcome.ROTATED


def rotate_elsewhere(
    site: Site, barrier: Barrier, calls: list[RotateRequest], answers: "multiprocessing.Queue[list[Rotation]]"
) -> None:
    """Rotate with each of *calls*, at the same time as the other processes."""
    from django.db import connections

    store = site.connect()
    store.now()
    made = []
    for call in calls:
        barrier.wait(PATIENCE)
        made.append(store.rotate(call))
    answers.put(made)
    connections.close_all()


def test_processes_get_the_same_successor(rig: Rig) -> None:
    """The same for processes that share only the store."""
    count = rounds(50)
    started = [rig.start() for _ in range(count)]
    asked = [
        [request(one.sid, 1, one.jti, grace_ms=60 * SECOND) for one in started] for _ in range(PROCESSES)
    ]
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    queues = [context.Queue() for _ in asked]
    processes = [
        context.Process(target=rotate_elsewhere, args=(rig.site, barrier, calls, queue))
        for calls, queue in zip(asked, queues, strict=True)
    ]
    for process in processes:
        process.start()
    answers = [queue.get(timeout=PATIENCE) for queue in queues]
    for process in processes:
        process.join(PATIENCE)
        assert process.exitcode == 0
    for number, one in enumerate(started):
        calls = [column[number] for column in asked]
        winner = successor_of(calls, [column[number] for column in answers], 1)
        after = rig.store.rotate(request(one.sid, 2, winner.proposed))
        assert after.outcome is RotationOutcome.ROTATED


def test_first_keys(rig: Rig, store: Store) -> None:
    """If many give a record its first session key, one wins, and only its key opens the record."""
    with parallel_threads(16) as threads:
        for _ in range(rounds(50)):
            started = rig.start(key_digest=None)
            keys = [token_bytes(32) for _ in range(16)]
            answers = threads.at_once([partial(store.rekey, started.sid, None, key) for key in keys])
            losers = [answer for answer in answers if answer is Absent.SUPERSEDED]
            assert len(losers) == 15
            for key, answer in zip(keys, answers, strict=True):
                touched = store.touch(started.sid, key, idle=DAY, interval=DAY)
                assert (touched is Absent.SUPERSEDED) is (answer is Absent.SUPERSEDED)
