"""
What the page shows first: the variants by what matters, in words and shapes, with two bars each.

A mark means the same in every column: a check is good, a cross is bad, a tilde is in between.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django_authkit.compare.analysis.contest import CPU, LATENCY
from django_authkit.compare.analysis.intervals import Interval
from django_authkit.compare.analysis.metrics import bytes_a_session
from django_authkit.compare.analysis.statements import Fact, facts_of
from django_authkit.compare.analysis.what_if import FORMULAS, Size, slopes
from django_authkit.compare.measurements import Samples
from django_authkit.compare.report.model import Report
from django_authkit.compare.variants import BASELINE
from django_authkit.compare.words import duration, listed, number, size

GOOD, FAIR, BAD, NONE = "good", "fair", "bad", "none"
_ORDER = (GOOD, FAIR, BAD, NONE)
_ROOM = 1.15
"""How far the axis reaches beyond the longest bar: intervals that reach further are cut off there."""

HEADINGS = (
    "After logout",
    "Store unreachable",
    "Copied credential",
    "Parallel refreshes",
    "Contents",
    "Another service",
)
COSTS = {
    "latency": "Latency, ms",
    "cores": "Cores",
    "wire": "Credentials on the wire a day",
    "memory": "Memory of the store",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What a variant does. ``level`` is one of ``GOOD``, ``FAIR``, ``BAD`` and ``NONE``: not tested."""

    level: str
    text: str

    @property
    def order(self) -> int:
        """Its place when sorted."""
        return _ORDER.index(self.level)


@dataclass(frozen=True, slots=True)
class Bar:
    """
    A figure as a bar; places are percentages of the width.

    Attributes:
        low, high: The ends of its interval, cut off at those of the axis.
        is_cut: Whether the interval reaches further.
    """

    value: float
    at: float
    low: float
    high: float
    is_cut: bool
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A variant's line; ``cells`` by heading, ``costs`` by name."""

    key: str
    name: str
    about: str
    latency: Bar | None
    cpu: Bar | None
    cells: Sequence[tuple[str, Cell]]
    credential: int
    stored: float | None
    costs: Sequence[tuple[str, float | None, str]]


def contents(report: Report) -> dict[str, Any]:
    """Return what the templates of the first screen need."""
    path, present = report.measured.paths[0], report.present
    latencies = _bars([_over_the_bare_view(each, present, path) for each in present])
    cpu = _bars([CPU.of(each, path) for each in present])
    lines = [_line(*each, report) for each in zip(present, latencies, cpu, strict=True)]
    measured = {each.variant.key: slopes(each, path) for each in present}
    return {
        "headings": HEADINGS,
        "lines": lines,
        "size": Size(),
        "cost_headings": [(COSTS[key], formula) for key, formula in FORMULAS.items()],
        "slopes": {key: asdict(each) for key, each in measured.items() if each},
    }


def _over_the_bare_view(samples: Samples, present: Sequence[Samples], path: str) -> Interval | None:
    """Return how much longer a request takes than without a login."""
    bare = next((each for each in present if each.variant.kind == BASELINE), None)
    if bare is None or samples is bare:
        return None
    return LATENCY.figure.between(LATENCY.samples(samples, path), LATENCY.samples(bare, path))


def _bars(intervals: Sequence[Interval | None]) -> list[Bar | None]:
    end = _ROOM * max((each.value for each in intervals if each), default=1.0)
    return [_bar(each, end) if each else None for each in intervals]


def _bar(interval: Interval, end: float) -> Bar:
    def place(value: float) -> float:
        return round(100 * min(max(value / end, 0), 1), 2) if end > 0 else 0.0

    margin = (interval.high - interval.low) / 2
    noise = f" ±{number(float(f'{margin:.2g}'))}" if math.isfinite(margin) else ""
    return Bar(
        value=interval.value,
        at=place(interval.value),
        low=place(interval.low),
        high=place(interval.high),
        is_cut=interval.high > end,
        text=f"{number(interval.value)}{noise}",
    )


def _line(samples: Samples, latency: Bar | None, cpu: Bar | None, report: Report) -> Line:
    found = slopes(samples, report.measured.paths[0])
    costs = found.costs(Size()) if found else dict.fromkeys(COSTS)
    return Line(
        key=samples.variant.key,
        name=samples.variant.name,
        about=samples.variant.about,
        latency=latency,
        cpu=cpu,
        cells=list(zip(HEADINGS, _cells(samples, report), strict=True)),
        credential=samples.credential_bytes,
        stored=bytes_a_session(samples),
        costs=[(COSTS[key], value, _cost(key, value)) for key, value in costs.items()],
    )


def _cost(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    return size(value) if key in {"wire", "memory"} else number(value)


def _cells(samples: Samples, report: Report) -> list[Cell]:
    found = samples.behavior
    if not found:
        return [Cell(NONE, "-")] * len(HEADINGS)
    facts = {fact.key: fact for fact in facts_of(samples)}
    return [
        _after_logout(found["revocation"], report, expires=samples.variant.is_unchecked),
        _store_lost(found.get("outage"), facts),
        Cell(GOOD, "noticed") if facts["theft_noticed"].holds else Cell(BAD, "goes unnoticed"),
        _race(found.get("race")),
        Cell(BAD, f"{len(found['payload'])} readable claims") if found["payload"] else Cell(GOOD, "opaque"),
        _elsewhere(found["algorithm"], verifiable=bool(facts["verifiable"].holds)),
    ]


def _after_logout(revocation: dict[str, Any], report: Report, *, expires: bool) -> Cell:
    if None in revocation["delays"]:
        bound = f", {duration(report.situation.access_seconds)}" if expires else ""
        return Cell(BAD, f"works until it expires{bound}")
    if any(revocation["let_in"]):
        return Cell(FAIR, f"works for {duration(max(revocation['delays']) / 1000)} more")
    return Cell(GOOD, "refused at once")


def _store_lost(outage: dict[str, Any] | None, facts: Mapping[str, Fact]) -> Cell:
    if outage is None:
        return Cell(NONE, "not tested")
    statuses = listed([str(each or "no answer") for each in dict.fromkeys(outage["down"])])
    if facts["works_without_store"].holds:
        return Cell(GOOD, "goes on answering")
    if facts["outage_is_no_log_out"].holds:
        return Cell(FAIR, f"{statuses}; still logged in when it is back")
    return Cell(BAD, f"{statuses}; {'told' if outage['kept'] else 'is'} logged out")


def _race(race: dict[str, Any] | None) -> Cell:
    if race is None:
        return Cell(NONE, "no refresh")
    lost = race["clients"] - min(race["logged_in"], race["carry_on"])
    if lost:
        return Cell(BAD, f"{lost} of {race['clients']} are logged out")
    return Cell(BAD, "the family forks") if race["successors"] > 1 else Cell(GOOD, "all stay logged in")


def _elsewhere(algorithm: str | None, *, verifiable: bool) -> Cell:
    if algorithm is None:
        return Cell(BAD, "has to ask this one")
    return Cell(GOOD, "verifies it") if verifiable else Cell(FAIR, f"needs the secret ({algorithm})")
