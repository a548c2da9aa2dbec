"""Measures variants in turns, by wall clock and CPU time, and counts round trips to servers."""

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from redis.connection import AbstractConnection

from django_authkit.compare.analysis.intervals import median

WARM_UP = 30
BLOCKS = 10
"""Number of turns in which each variant is measured, together with the reference for the machine's speed."""
PAUSE = 0.0005
"""Seconds of computing between two calls of a paused act, as between those of a real view."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """
    A function to measure.

    Attributes:
        run: The measured function; called once for each argument that *make* returns.
        make: Returns the arguments for *run*; not measured.
        paused: Compute for half a millisecond before each call, and measure only the calls. A round trip
            then costs nearly twice as much as back to back.
    """

    run: Callable[[Any], Any]
    make: Callable[[], Any] = lambda: None
    paused: bool = False


@dataclass
class Variant:
    """
    One row of a table.

    Attributes:
        name: The name in the table.
        start: Sets the variant up and returns the act to measure. Called in each round.
        authkit: Our settings, if it is one of our variants, in addition to *mode*.
        settings: Other settings that it needs.
        above: Whether the reference is subtracted, which does everything except the authentication.
        wall, cpu: Microseconds of each round: the median call by wall clock, and the mean of this thread's
            CPU time.
        paced: The cost by wall clock in units of the reference.
        trips: Commands to Redis and SQL statements of one run.
    """

    name: str
    start: Callable[[], Act]
    authkit: dict[str, Any] | None = None
    mode: str = "jwt"
    settings: dict[str, Any] = field(default_factory=dict)
    above: bool = False
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    paced: list[float] = field(default_factory=list)
    trips: tuple[int, int] = (0, 0)

    @property
    def cost(self) -> float:
        """The median over the rounds."""
        return median(self.wall)


def take_turns(variants: Sequence[Variant], pace: Act, rounds: int, calls: int) -> None:
    """
    Measure all in turns, *rounds* times, so that other load affects all of them.

    The speed of a shared machine changes by a factor of two from one second to the next. So *pace*, the
    reference, is measured in short turns with each variant, and shows how fast the machine was.
    """
    for number in range(rounds):
        for variant in variants:
            with configured(variant):
                act = _warmed(variant)
                gc.collect()
                _note(variant, act, pace, calls)
                if number == 0:
                    made = act.make()
                    variant.trips = counted(lambda: act.run(made))  # noqa: B023 - called at once
        say(f"  round {number + 1} of {rounds}")


def say(text: str) -> None:
    """Print progress to stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a script


def _note(variant: Variant, act: Act, pace: Act, calls: int) -> None:
    """Measure one round of *variant*, and record the medians of its turns."""
    turns = []
    for _ in range(BLOCKS):
        wall, cpu = _measured(act, calls // BLOCKS)
        pace_wall, pace_cpu = _measured(pace, calls // BLOCKS)
        if variant.above:
            wall, cpu = wall - pace_wall, cpu - pace_cpu
        turns.append((wall, cpu, wall / pace_wall))
    for kept, each in zip((variant.wall, variant.cpu, variant.paced), zip(*turns, strict=True), strict=True):
        kept.append(median(each))


def _measured(act: Act, calls: int) -> tuple[float, float]:
    made = [act.make() for _ in range(calls)]
    run, walls, cpu = act.run, [], 0.0
    for each in made:
        if act.paused:
            _compute()
        began, worked = time.perf_counter(), time.thread_time()
        run(each)
        cpu += time.thread_time() - worked
        walls.append(time.perf_counter() - began)
    return median(walls) * 1e6, cpu / calls * 1e6


def _compute() -> None:
    until = time.perf_counter() + PAUSE
    while time.perf_counter() < until:
        pass


def _warmed(variant: Variant) -> Act:
    """Return the act to measure. With a copy of the blacklist, wait until that is fresh."""
    by_replica = (variant.authkit or {}).get("ACCESS_CHECK") == "replica"
    while True:
        act = variant.start()
        for _ in range(WARM_UP):
            act.run(act.make())
        deadline = time.monotonic() + 2
        while by_replica and counted(lambda: act.run(act.make()))[0]:  # noqa: B023 - called at once
            if time.monotonic() > deadline:
                break  # the login was before the list began: take another one
            time.sleep(0.05)
        else:
            return act


@contextmanager
def configured(variant: Variant) -> Iterator[None]:
    """Apply the settings of a variant."""
    with ExitStack() as stack:
        if variant.settings:
            stack.enter_context(override_settings(**variant.settings))
        if variant.authkit is not None:
            ours = {"RATES": {"LOGIN": None, "REFRESH": None}, **variant.authkit}
            stack.enter_context(override_settings(AUTHKIT_MODE=variant.mode, AUTHKIT=ours))
        yield


def counted(call: Callable[[], Any]) -> tuple[int, int]:
    """Return the number of Redis commands and SQL statements of this thread in one call."""
    sent = 0
    thread, send = threading.get_ident(), AbstractConnection.send_packed_command

    def counting(self: Any, command: Any, check_health: bool = True) -> None:
        nonlocal sent
        sent += threading.get_ident() == thread
        send(self, command, check_health)  # type: ignore[no-untyped-call]

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(AbstractConnection, "send_packed_command", counting))
        captured = [stack.enter_context(CaptureQueriesContext(each)) for each in connections.all()]
        call()
    return sent, sum(map(len, captured))
