"""
What changed since an earlier run, by more than the noise.

Two runs are hours or machines apart, so figures in time are taken relative to the same view without a login,
round by round: what makes the whole machine slower cancels out. Counts and bytes are compared as they are.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django_authkit.compare.analysis.contest import CPU, LATENCY
from django_authkit.compare.analysis.intervals import CONFIDENCE, Interval, Rounds, shared_confidence
from django_authkit.compare.analysis.metrics import REQUEST_MEASURES, Measure, bytes_a_session
from django_authkit.compare.analysis.statements import facts_of
from django_authkit.compare.errors import CannotCompare
from django_authkit.compare.http_client import called
from django_authkit.compare.measurements import Samples, usual
from django_authkit.compare.variants import BASELINE

THROUGHPUT = next(each for each in REQUEST_MEASURES if each.key == "rate")
_TIMED = {"latency": LATENCY, "cpu": CPU, "throughput": THROUGHPUT}
_COUNTED: dict[str, Callable[[Samples, str], float | None]] = {
    "trips": lambda each, path: usual(each.paths[path].trips),
    "queries": lambda each, path: usual(each.paths[path].queries),
}
_OF_ALL_PATHS: dict[str, Callable[[Samples], float | None]] = {
    "bytes": lambda each: each.credential_bytes,
    "memory": bytes_a_session,
}
_NAMES = {
    "latency": "median latency",
    "cpu": "CPU of the workers",
    "throughput": "throughput",
    "trips": "round trips to Redis",
    "queries": "SQL statements",
    "bytes": "bytes of the credential",
    "memory": "bytes of a live session",
}
_MEMORY_NOISE = 0.01
"""A table grows by pages, and a hash table in steps."""
_BUDGET = re.compile(rf"({'|'.join(_NAMES)})([+-])(\d+(?:\.\d+)?)%")


@dataclass(frozen=True, slots=True)
class Change:
    """By which share a figure of a variant changed; ``path`` is empty where it has none."""

    figure: str
    variant: str
    path: str
    share: Interval

    @property
    def text(self) -> str:
        """One sentence."""
        where = f" at {called(self.path)}" if self.path else ""
        lead = f"{self.variant}{where}: {_NAMES[self.figure]} {self.share.value:+.0%}"
        if self.share.low == self.share.high:
            return f"{lead}."
        return f"{lead} ({self.share.low:+.0%} to {self.share.high:+.0%})."


@dataclass(frozen=True, slots=True)
class Budget:
    """By which share a figure may rise (``sign`` is 1) or fall (-1)."""

    figure: str
    sign: int
    limit: float

    @classmethod
    def parsed(cls, text: str) -> "Budget":
        """
        Return the budget that *text* says: ``latency+10%``.

        Raises:
            CannotCompare: It says none.
        """
        match = _BUDGET.fullmatch(text.replace(" ", ""))
        if match is None:
            message = f"{text!r} is no budget: one is like latency+10%, of {', '.join(_NAMES)}."
            raise CannotCompare(message)
        return cls(match[1], 1 if match[2] == "+" else -1, float(match[3]) / 100)

    def is_broken_by(self, change: Change) -> bool:
        """Whether *change*, which is more than the noise, goes beyond the limit."""
        return change.figure == self.figure and change.share.value * self.sign > self.limit


def changes(old: Sequence[Samples], new: Sequence[Samples]) -> list[Change]:
    """Return what changed by more than the noise, of the variants and paths that both runs have."""
    before = {each.variant: each for each in old if not each.left_out}
    pairs = [(before[each.variant], each) for each in new if not each.left_out and each.variant in before]
    timed = sum(len(_TIMED) * len(_shared_paths(*pair)) for pair in pairs)
    confidence = shared_confidence(timed, CONFIDENCE)
    bare = next((pair for pair in pairs if pair[1].variant.kind == BASELINE), None)
    found = [
        change
        for pair in pairs
        if pair[1].variant.logs_in
        for change in (*(_timed(pair, bare, confidence) if bare else ()), *_counted(pair))
    ]
    return [change for change in found if change.share.excludes_zero]


def changed_facts(old: Sequence[Samples], new: Sequence[Samples]) -> list[str]:
    """Return the statements whose answer changed, a sentence each."""
    before = {(each.variant, fact.key): fact for each in old for fact in facts_of(each)}
    return [
        f"{each.variant.name}: {fact.statement}: {former.answer} before, {fact.answer} now."
        for each in new
        for fact in facts_of(each)
        if (former := before.get((each.variant, fact.key))) and former.holds is not fact.holds
    ]


def _shared_paths(old: Samples, new: Samples) -> list[str]:
    return [path for path in new.paths if path in old.paths]


def _timed(
    pair: tuple[Samples, Samples], bare: tuple[Samples, Samples], confidence: float
) -> Iterator[Change]:
    for path in _shared_paths(*pair):
        for name, measure in _TIMED.items():
            before, now = (
                _relative(measure, each, without, path, confidence)
                for each, without in zip(pair, bare, strict=True)
            )
            yield Change(name, pair[1].variant.name, path, _share(before, now))


def _relative(measure: Measure, samples: Samples, bare: Samples, path: str, confidence: float) -> Interval:
    """Return the logarithm of how many times the figure is that of the view without a login."""
    return measure.figure.between(
        _logarithms(measure.samples(samples, path)), _logarithms(measure.samples(bare, path)), confidence
    )


def _logarithms(rounds: Rounds) -> Rounds:
    return tuple(tuple(math.log(max(value, 1e-9)) for value in each) for each in rounds)


def _share(before: Interval, now: Interval) -> Interval:
    """Return by which share a figure changed, from the logarithms of both; the runs are independent."""
    value = now.value - before.value
    reach = math.hypot(now.high - now.value, before.high - before.value)
    return Interval(*(math.expm1(each) for each in (value, value - reach, value + reach)))


def _counted(pair: tuple[Samples, Samples]) -> Iterator[Change]:
    name = pair[1].variant.name
    for path in _shared_paths(*pair):
        for figure, count in _COUNTED.items():
            yield from _exact(figure, name, path, [count(each, path) for each in pair])
    for figure, count_all in _OF_ALL_PATHS.items():
        yield from _exact(figure, name, "", [count_all(each) for each in pair])


def _exact(figure: str, name: str, path: str, values: Sequence[float | None]) -> Iterator[Change]:
    before, now = values
    if before is None or now is None or before == now:
        return
    share = (now - before) / before if before else math.inf
    if figure != "memory" or abs(share) > _MEMORY_NOISE:
        yield Change(figure, name, path, Interval(share, share, share))
