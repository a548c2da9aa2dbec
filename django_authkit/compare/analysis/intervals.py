"""
Figures with the noise they carry, from samples that were taken in rounds.

Samples of one round are correlated: whatever the machine did then affected all of them. So the
unit is the round and not the request, and each interval is Student's with one degree of freedom less
than there are rounds. What lies in the middle (a median, a mean) is compared round by round, since the
variants took turns: what slowed all of them down cancels out. This does not help the tail, which depends
on a few samples and has a wide interval.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Protocol, TypeAlias

Rounds: TypeAlias = tuple[tuple[float, ...], ...]
"""The samples of each round. No round is empty."""

CONFIDENCE = 0.95
LEAST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Interval:
    """
    A figure and its confidence interval.

    Attributes:
        value: The figure of all samples.
        low, high: The interval of the requested confidence; infinite if the
            samples are too few.
    """

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the figure differs from zero by more than the noise."""
        return self.low > 0 or self.high < 0


class Figure(Protocol):
    """A figure computed from samples."""

    def of(self, rounds: Rounds, confidence: float = CONFIDENCE) -> Interval:
        """
        Return the figure of all samples.

        Raises:
            ValueError: There are too few rounds to tell noise from signal.
        """

    def between(self, one: Rounds, other: Rounds, confidence: float = CONFIDENCE) -> Interval:
        """
        Return by how much the figure of *one* is above that of *other*.

        Round *i* of both was taken at about the same time.

        Raises:
            ValueError: The numbers of rounds differ, or are too small.
        """


@dataclass(frozen=True, slots=True)
class Middle:
    """
    A figure that no single sample moves by much.

    Source:
        The delete-a-group jackknife, one round at a time: Efron & Tibshirani, "An Introduction to the
        Bootstrap", §11.5.
    """

    figure: Callable[[Sequence[float]], float]

    def of(self, rounds: Rounds, confidence: float = CONFIDENCE) -> Interval:
        """Return the figure of all samples."""
        return _jackknifed(self.figure(_pooled(rounds)), _without_each(self.figure, rounds), confidence)

    def between(self, one: Rounds, other: Rounds, confidence: float = CONFIDENCE) -> Interval:
        """Return by how much the figure of *one* is above that of *other*."""
        value = self.figure(_pooled(one)) - self.figure(_pooled(other))
        pairs = zip(_without_each(self.figure, one), _without_each(self.figure, other), strict=True)
        return _jackknifed(value, [a - b for a, b in pairs], confidence)


@lru_cache(maxsize=512)
def _without_each(figure: Callable[[Sequence[float]], float], rounds: Rounds) -> list[float]:
    """Return the figure with each round left out; kept, since each variant is compared with many."""
    return [figure(_pooled(rounds[:i] + rounds[i + 1 :])) for i in range(len(rounds))]


@dataclass(frozen=True, slots=True)
class Tail:
    """
    The figure below which *share* of the samples are, where few are above it or there are few at all.

    Source:
        Woodruff 1952 for the interval: that of the share, read off at the samples; the share's own noise
        is taken between rounds. Two are combined by MOVER (Zou & Donner 2008), since it is lopsided.
    """

    share: float

    def of(self, rounds: Rounds, confidence: float = CONFIDENCE) -> Interval:
        """Return the figure of all samples; without an upper end if too few are above it."""
        ordered = sorted(_pooled(rounds))
        value = quantile(ordered, self.share)
        below = [sum(sample <= value for sample in each) / len(each) for each in rounds]
        by_rounds = _standard_error(below)
        by_chance = math.sqrt(self.share * (1 - self.share) / len(ordered))
        reach = max(by_rounds, by_chance) * _reach(confidence, len(rounds))
        low, high = self.share - reach, self.share + reach
        return Interval(
            value,
            quantile(ordered, low) if low > 0 else -math.inf,
            quantile(ordered, high) if high < 1 - 1 / len(ordered) else math.inf,
        )

    def between(self, one: Rounds, other: Rounds, confidence: float = CONFIDENCE) -> Interval:
        """Return by how much the figure of *one* is above that of *other*."""
        a, b = self.of(one, confidence), self.of(other, confidence)
        value = a.value - b.value
        down = math.hypot(a.value - a.low, b.high - b.value)
        up = math.hypot(a.high - a.value, b.value - b.low)
        return Interval(value, value - down, value + up)


def median(samples: Sequence[float]) -> float:
    """Return the median."""
    return quantile(sorted(samples), 0.5)


def mean(samples: Sequence[float]) -> float:
    """Return the mean."""
    return math.fsum(samples) / len(samples)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return what *share* of the *ordered* samples are below, by proportion between its neighbors."""
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def shared_confidence(statements: int, confidence: float = CONFIDENCE) -> float:
    """
    Return the confidence that each of many *statements* needs for all of them to hold together.

    Bonferroni correction: of fifty comparisons at 95 %, two or three would differ by chance alone.
    """
    return 1 - (1 - confidence) / max(1, statements)


def _jackknifed(value: float, replicates: Sequence[float], confidence: float) -> Interval:
    count = len(replicates)
    error = (count - 1) * _standard_error(replicates)
    reach = error * _reach(confidence, count)
    return Interval(value, value - reach, value + reach)


def _standard_error(values: Sequence[float]) -> float:
    """Return the standard error of the mean of *values*."""
    count = len(values)
    if count < LEAST_ROUNDS:
        message = f"{count} rounds are too few: take {LEAST_ROUNDS} or more."
        raise ValueError(message)
    middle = mean(values)
    return math.sqrt(math.fsum((each - middle) ** 2 for each in values) / (count - 1) / count)


def _reach(confidence: float, rounds: int) -> float:
    return students_t(1 - (1 - confidence) / 2, rounds - 1)


def _pooled(rounds: Rounds) -> list[float]:
    return [sample for each in rounds for sample in each]


@cache
def students_t(probability: float, freedom: int) -> float:
    """
    Return the quantile of Student's t, for a *probability* above one half.

    Source:
        The distribution in closed form for whole degrees of freedom: Abramowitz & Stegun, 26.7.3 and 4.
    """
    low, high = 0.0, 1.0
    while _below(high, freedom) < probability:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle, freedom) < probability else (low, middle)
    return high


def _below(t: float, freedom: int) -> float:
    """Return the probability that Student's t is below *t*."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term = total = cosine if odd else 1.0
    for step in range(2 + odd, freedom - 1, 2):
        term *= (step - 1) / step * cosine**2
        total += term
    if freedom == 1:
        return 0.5 + angle / math.pi
    if odd:
        return 0.5 + (angle + math.sin(angle) * total) / math.pi
    return 0.5 + math.sin(angle) * total / 2
