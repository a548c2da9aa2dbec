"""Waiting for something that happens soon, and for the next second."""

import time
from collections.abc import Callable

PATIENCE = 20.0


def until(happens: Callable[[], bool], patience: float = PATIENCE, pause: float = 0.002) -> None:
    """Wait for something that has to happen soon."""
    deadline = time.monotonic() + patience
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(pause)


def next_second() -> None:
    """Wait until the current second is over, since times in tokens are in seconds."""
    time.sleep(1.01 - time.time() % 1)
