"""
The timings: every variant is measured in every round, in a changing order.

So disturbances affect all variants alike; the remaining noise is between rounds, which ``intervals``
takes into account.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Barrier, Thread

from django_authkit.compare import redis_server
from django_authkit.compare.http_client import Answer, Client
from django_authkit.compare.measurements import OPERATIONS, Operation, Requests, Samples
from django_authkit.stores.redis.sending import Client as RedisClient

_WARM_UP = 8
_LEAST_REQUESTS = 10
_OPERATIONS_A_ROUND = 3
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """
    How long everything takes.

    Attributes:
        duration: Seconds of single requests of each variant and path, and as many under load.
        rounds: Number of rounds that they are divided into.
        concurrency: Number of concurrent clients under load.
        looks: How many times all of this at most, until the main comparison is settled.
    """

    duration: float
    rounds: int
    concurrency: int
    looks: int = 1

    @property
    def slot(self) -> int:
        """Nanoseconds of one round."""
        return int(self.duration / self.rounds * _NANO)


@dataclass(frozen=True, slots=True)
class Subject:
    """A variant that is up: what was measured so far, how a client is made, and how many workers it has."""

    samples: Samples
    new_client: Callable[[], Client]
    redis: RedisClient | None
    workers: int


def measure(subjects: Sequence[Subject], paths: Sequence[str], pace: Pace, tick: Callable[[], None]) -> None:
    """Measure all rounds; *tick* is called after each variant of each."""
    order = random.Random(0)  # noqa: S311 - the same sequence in each run
    for _ in range(pace.rounds):
        for subject in order.sample(subjects, len(subjects)):
            _one_round(subject, paths, pace)
            tick()


def _one_round(subject: Subject, paths: Sequence[str], pace: Pace) -> None:
    client = subject.new_client()
    if subject.samples.variant.logs_in:
        _operations(subject, client)
        client.log_in()
        subject.samples.credential_bytes = client.credential_bytes()
    for path in paths:
        kept = subject.samples.paths.setdefault(path, Requests())
        for _ in range(_WARM_UP):
            client.get(path)
        _alone(client, path, kept, pace.slot)
        _under_load(subject, client, path, kept, pace)
    if subject.samples.variant.logs_in:
        client.log_out()
    client.close()


def _operations(subject: Subject, client: Client) -> None:
    """Log in, refresh and log out a few times."""
    client.prepare()
    kept = [subject.samples.operations.setdefault(name, Operation()) for name in OPERATIONS]
    taken: list[list[int]] = [[], [], []]
    for _ in range(_OPERATIONS_A_ROUND):
        for operation, times, act in zip(kept, taken, _acts(client), strict=True):
            if act is not None:
                answer = act()
                times.append(answer.took)
                _count(operation, answer)
        client.prepare()
    for operation, times in zip(kept, taken, strict=True):
        if times:
            operation.latencies.append(times)


def _acts(client: Client) -> list[Callable[[], Answer] | None]:
    return [client.log_in, client.refresh if client.variant.refreshes else None, client.log_out]


def _count(kept: Requests | Operation, answer: Answer) -> None:
    kept.failures += not answer.fine
    kept.trips.append(answer.trips)
    kept.queries.append(answer.queries)
    kept.request_bytes, kept.response_bytes = answer.sent, answer.received


def _alone(client: Client, path: str, kept: Requests, slot: int) -> None:
    """One request after the other, for the length of a slot."""
    times: list[int] = []
    end = time.monotonic_ns() + slot
    while time.monotonic_ns() < end or len(times) < _LEAST_REQUESTS:
        answer = client.get(path)
        times.append(answer.took)
        _count(kept, answer)
    kept.latencies.append(times)


def _under_load(subject: Subject, client: Client, path: str, kept: Requests, pace: Pace) -> None:
    """Several clients at once, for the length of a slot."""
    twins = [client.copy() for _ in range(pace.concurrency)]
    answers: list[list[Answer]] = [[] for _ in twins]
    start = Barrier(len(twins) + 1)

    def ask(twin: Client, mine: list[Answer]) -> None:
        twin.get(path)  # connects
        start.wait()
        end = time.monotonic_ns() + pace.slot
        while time.monotonic_ns() < end:
            mine.append(twin.get(path))

    threads = [Thread(target=ask, args=pair, daemon=True) for pair in zip(twins, answers, strict=True)]
    for thread in threads:
        thread.start()
    before = redis_server.cpu_seconds(subject.redis) if subject.redis else 0.0
    start.wait()
    for thread in threads:
        thread.join()
    after = redis_server.cpu_seconds(subject.redis) if subject.redis else 0.0
    for twin in twins:
        twin.close()
    _keep_load(kept, [each for mine in answers for each in mine], after - before if subject.redis else None)


def _keep_load(kept: Requests, answers: list[Answer], store_cpu: float | None) -> None:
    took = (max(each.ended for each in answers) - min(each.began for each in answers)) / _NANO
    kept.rates.append(sum(each.fine for each in answers) / took)
    kept.failures += sum(not each.fine for each in answers)
    kept.cpu.append(_cpu_a_request(answers))
    if store_cpu is not None:
        kept.store_cpu.append(store_cpu * _NANO / len(answers))


def _cpu_a_request(answers: list[Answer]) -> float:
    """Return the workers' CPU time per request, from the first and last report of each."""
    spent = requests = 0
    for process in {each.process for each in answers}:
        told = [each.cpu for each in answers if each.process == process]
        spent += max(told) - min(told)
        requests += len(told) - 1
    return spent / max(1, requests)
