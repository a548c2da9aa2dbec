"""Intervals are correct: known quantiles, known differences, and no difference where there is none."""

import math
import random

import pytest

from django_authkit.compare.analysis.intervals import (
    Figure,
    Middle,
    Rounds,
    Tail,
    mean,
    median,
    shared_confidence,
    students_t,
)

FIGURES: dict[str, Figure] = {
    "median": Middle(median),
    "mean": Middle(mean),
    "p95": Tail(0.95),
    "p99": Tail(0.99),
}


def drifting(chance: random.Random, drift: list[float], count: int, scale: float = 1.0) -> Rounds:
    """Return rounds of a machine whose speed changes between them, with a tail of slow samples."""
    return tuple(
        tuple(
            scale * speed * chance.lognormvariate(0, 0.2) * (3 if chance.random() < 0.02 else 1)
            for _ in range(count)
        )
        for speed in drift
    )


@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    [(0.975, 1, 12.706), (0.975, 2, 4.303), (0.975, 9, 2.262), (0.975, 10, 2.228), (0.995, 11, 3.106)],
)
def test_students_t(probability: float, freedom: int, quantile: float) -> None:
    """The quantiles are those of published tables."""
    assert students_t(probability, freedom) == pytest.approx(quantile, abs=0.001)


@pytest.mark.parametrize("name", FIGURES)
def test_equals_differ_by_no_more_than_the_noise(name: str) -> None:
    """Of two hundred comparisons of a thing with itself, at most about one in twenty differs."""
    chance = random.Random(7)
    figure = FIGURES[name]
    found = 0
    for _ in range(200):
        drift = [1 + chance.random() * 0.3 for _ in range(12)]
        one, other = drifting(chance, drift, 40), drifting(chance, drift, 40)
        found += figure.between(one, other).excludes_zero
    assert found <= 18  # 10 are expected; more than 18 occur by chance once in two hundred runs


def test_a_difference_is_found_under_drift() -> None:
    """A difference of 50 % is found in every round, although the machine drifts by a third."""
    chance = random.Random(11)
    for _ in range(50):
        drift = [1 + chance.random() * 0.3 for _ in range(12)]
        slow, fast = drifting(chance, drift, 40, 1.5), drifting(chance, drift, 40)
        difference = Middle(median).between(slow, fast, shared_confidence(45))
        assert difference.low > 0
        assert difference.low < 0.5 * 1.15 < difference.high * 1.3


def test_a_tail_without_samples_has_no_upper_end() -> None:
    """If no sample can be above the figure, its upper end is unknown, and nothing is claimed."""
    few: Rounds = tuple(tuple(float(i) for i in range(10)) for _ in range(4))
    assert math.isinf(Tail(0.99).of(few).high)
    slower: Rounds = tuple(tuple(10 * value for value in each) for each in few)
    assert not Tail(0.99).between(slower, few).excludes_zero


def test_too_few_rounds_are_refused() -> None:
    """Two rounds are not enough to distinguish noise from a difference."""
    with pytest.raises(ValueError, match="2 rounds are too few"):
        Middle(mean).of(((1.0,), (2.0,)))
