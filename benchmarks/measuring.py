"""How things are measured: in turns, by wall clock and by processor, with the trips to servers counted."""

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
"""In so many turns each variant is measured, and with it what tells the pace of the machine."""
PAUSE = 0.0005
"""Seconds of computing between two calls of what is measured by itself, as between those of a real view."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """
    Something to be measured.

    Attributes:
        run: Is measured, once for each thing that *make* returns.
        make: Makes what *run* takes; not measured.
        paused: Compute for half a millisecond before each call, and measure the calls alone. A round trip
            costs nearly twice as much then as back to back.
    """

    run: Callable[[Any], Any]
    make: Callable[[], Any] = lambda: None
    paused: bool = False


@dataclass
class Variant:
    """
    One row of a table.

    Attributes:
        name: As the table has it.
        start: Sets up what it needs and returns what is to be measured. Called in each round.
        authkit: Our settings, where it is one of ours; *mode* beside them.
        settings: Other settings that it needs.
        above: Whether what tells the pace is subtracted: it does the same and all but what is asked for.
        wall, cpu: Microseconds of each round: the median call by the clock, and the mean of this thread's
            processor time.
        paced: What it costs by the clock in units of what tells the pace.
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
        """The median of the rounds."""
        return median(self.wall)


def take_turns(variants: Sequence[Variant], pace: Act, rounds: int, calls: int) -> None:
    """
    Measure all in turn, *rounds* times, so that what the machine does meanwhile hits all alike.

    The processor of a shared machine changes its speed by a factor of two from one second to the next. So
    *pace* is measured in short turns with each variant, and tells how fast the machine was meanwhile.
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
    """Tell whoever waits."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a script


def _note(variant: Variant, act: Act, pace: Act, calls: int) -> None:
    """Measure one round of *variant*, and note the medians over its turns."""
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
    """Return what is to be measured; where there is a copy of the blacklist, once it answers by itself."""
    by_replica = (variant.authkit or {}).get("ACCESS_CHECK") == "replica"
    while True:
        act = variant.start()
        for _ in range(WARM_UP):
            act.run(act.make())
        deadline = time.monotonic() + 2
        while by_replica and counted(lambda: act.run(act.make()))[0]:  # noqa: B023 - called at once
            if time.monotonic() > deadline:
                break  # the login was before the list began, and is the store's for ever: another one
            time.sleep(0.05)
        else:
            return act


@contextmanager
def configured(variant: Variant) -> Iterator[None]:
    """Put the settings of a variant in force."""
    with ExitStack() as stack:
        if variant.settings:
            stack.enter_context(override_settings(**variant.settings))
        if variant.authkit is not None:
            ours = {"RATES": {"LOGIN": None, "REFRESH": None}, **variant.authkit}
            stack.enter_context(override_settings(AUTHKIT_MODE=variant.mode, AUTHKIT=ours))
        yield


def counted(call: Callable[[], Any]) -> tuple[int, int]:
    """Return how often this thread sends to Redis in one call, and how many SQL statements it makes."""
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
