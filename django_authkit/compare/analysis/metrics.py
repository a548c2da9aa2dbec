"""The figures computed from the samples, with intervals, and the differences between variants."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from django_authkit.compare.analysis.intervals import (
    Figure,
    Interval,
    Middle,
    Rounds,
    Tail,
    mean,
    median,
    shared_confidence,
)
from django_authkit.compare.measurements import OPERATIONS, Requests, Samples

_MS = 1e-6
"""From nanoseconds to milliseconds; a request's milliseconds are a thousand requests' seconds."""


@dataclass(frozen=True, slots=True)
class Measure:
    """
    A figure that is reported for every variant.

    Attributes:
        key: The identifier.
        name: The display name.
        unit: Of its figures.
        figure: How the figure is computed.
        samples: Returns the samples; empty if there are none.
        better: ``low`` or ``high``.
    """

    key: str
    name: str
    unit: str
    figure: Figure
    samples: Callable[[Samples, str], Rounds]
    better: str = "low"

    def of(self, samples: Samples, path: str) -> Interval | None:
        """Return the figure of one variant; ``None`` if it has none."""
        rounds = self.samples(samples, path)
        return self.figure.of(rounds) if rounds else None


def _latencies(samples: Samples, path: str) -> Rounds:
    return _scaled(samples.paths[path].latencies)


def _each(name: str, scale: float) -> Callable[[Samples, str], Rounds]:
    def of(samples: Samples, path: str) -> Rounds:
        kept: Requests = samples.paths[path]
        return _scaled([[value] for value in getattr(kept, name)], scale)

    return of


def _operation(name: str) -> Callable[[Samples, str], Rounds]:
    def of(samples: Samples, _path: str) -> Rounds:
        kept = samples.operations.get(name)
        return _scaled(kept.latencies) if kept else ()

    return of


def _scaled(rounds: Sequence[Sequence[float]], scale: float = _MS) -> Rounds:
    return tuple(tuple(value * scale for value in each) for each in rounds)


REQUEST_MEASURES = (
    Measure("p50", "median latency", "ms", Middle(median), _latencies),
    Measure("p95", "95th percentile of latency", "ms", Tail(0.95), _latencies),
    Measure("p99", "99th percentile of latency", "ms", Tail(0.99), _latencies),
    Measure("rate", "throughput", "requests/s", Middle(mean), _each("rates", 1), "high"),
    Measure("cpu", "CPU of the workers", "s per 1,000 requests", Middle(mean), _each("cpu", _MS)),
    Measure(
        "store_cpu", "CPU of the Redis server", "s per 1,000 requests", Middle(mean), _each("store_cpu", _MS)
    ),
)
# A few in each round are too few for the jackknife: the same logout twice differed too often.
OPERATION_MEASURES = tuple(Measure(name, name, "ms", Tail(0.5), _operation(name)) for name in OPERATIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """
    Two variants by one measure.

    Attributes:
        difference: How much *one* is above *other*; at a confidence at which all comparisons by this
            measure hold together.
    """

    measure: Measure
    path: str
    one: Samples
    other: Samples
    difference: Interval

    @property
    def is_tie(self) -> bool:
        """Whether they differ by no more than the noise."""
        return not self.difference.excludes_zero


def compared(measure: Measure, path: str, samples: Sequence[Samples]) -> Iterator[Comparison]:
    """Yield every pair of the variants that have the measure."""
    present = [each for each in samples if not each.left_out and measure.samples(each, path)]
    pairs = list(combinations(present, 2))
    confidence = shared_confidence(len(pairs))
    for one, other in pairs:
        rounds = measure.samples(one, path), measure.samples(other, path)
        yield Comparison(
            measure=measure,
            path=path,
            one=one,
            other=other,
            difference=measure.figure.between(*rounds, confidence),
        )


def all_comparisons(samples: Sequence[Samples], paths: Sequence[str]) -> list[Comparison]:
    """Return every pair by every measure; logins and the like once, and requests for each path."""
    found = [c for path in paths for measure in REQUEST_MEASURES for c in compared(measure, path, samples)]
    return found + [c for measure in OPERATION_MEASURES for c in compared(measure, "", samples)]


def bytes_a_session(samples: Samples) -> float | None:
    """Return the bytes that each live session takes, indexes included, at the largest size reached."""
    if len(samples.memory) < 2:
        return None
    empty, *_, last = samples.memory
    return float(last["bytes"] - empty["bytes"]) / float(last["sessions"])
