"""A clock that moves Python's time and the stores' time together."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

import time_machine


class HasOffset(Protocol):
    """A store, as far as a clock is concerned."""

    clock_offset: int


class Clock:
    """
    Moves time forward. It keeps running meanwhile.

    Stores run on their server's clock, which no test can move; they add ``clock_offset`` to it.
    """

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._stores: list[HasOffset] = []
        self._travel: time_machine.travel | None = None

    def follow(self, store: HasOffset) -> None:
        """Let *store* follow this clock from now on."""
        store.clock_offset = self._milliseconds
        self._stores.append(store)

    def advance(self, span: timedelta) -> None:
        """Move time forward by *span*, for Python and for the stores that follow."""
        self._ahead += span
        self._restart()
        for store in self._stores:
            store.clock_offset = self._milliseconds

    def advance_milliseconds(self, span: int) -> None:
        """Move time forward by *span* milliseconds."""
        self.advance(timedelta(milliseconds=span))

    @property
    def _milliseconds(self) -> int:
        return self._ahead // timedelta(milliseconds=1)

    def _restart(self) -> None:
        self._stop()
        self._travel = time_machine.travel(time.time() + self._ahead.total_seconds(), tick=True)
        self._travel.start()

    def _stop(self) -> None:
        if self._travel is not None:
            self._travel.stop()
            self._travel = None

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Clock"]:
        """Give a clock; afterwards the time is the real one again."""
        clock = cls()
        try:
            yield clock
        finally:
            clock._stop()
            for store in clock._stores:
                store.clock_offset = 0
