"""Many threads, or processes, that act at the same time."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

from django.db import connections

T = TypeVar("T")

PATIENCE = 120
"""Seconds that each waits for the others."""


class ParallelThreads:
    """Threads that are reused, each with connections of its own."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    def at_once(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Start all *calls* at once, each in a thread of its own; return their results in order."""
        barrier = Barrier(len(calls))

        def run(call: Callable[[], T]) -> T:
            barrier.wait(PATIENCE)
            return call()

        return list(self._executor.map(run, calls))


@contextmanager
def parallel_threads(size: int) -> Iterator[ParallelThreads]:
    """Give *size* threads; close their database connections afterwards."""
    with ThreadPoolExecutor(size) as executor:
        threads = ParallelThreads(executor)
        try:
            yield threads
        finally:
            threads.at_once([connections.close_all] * size)
