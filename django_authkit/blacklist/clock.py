"""A clock that counts the time the machine slept."""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

seconds: Final[Callable[[], float]] = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic  # the nearest that the system has
)
"""Returns seconds on that clock."""
