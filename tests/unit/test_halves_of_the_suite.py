"""How CI divides the suite between two pairs of Python and Django."""

from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.profile import in_other_half

AXES = {"where": range(3), "mode": range(2), "transport": range(2)}


@dataclass(frozen=True)
class Combination:
    """A test that pytest collected, with the places of its values in the axes."""

    values: tuple[int, ...]
    nodeid: str = "test_x[values]"
    path: Path = Path("tests/http/test_x.py")

    @property
    def callspec(self) -> Any:
        """What pytest says of the values."""
        return SimpleNamespace(indices=dict(zip(AXES, self.values, strict=True)))


def halves(items: list[Any], monkeypatch: pytest.MonkeyPatch) -> list[set[Any]]:
    """Return what runs in each half."""
    kept = []
    for half in ("1", "2"):
        monkeypatch.setenv("AUTHKIT_TEST_HALF", half)
        kept.append(set(items) - in_other_half(items))
    return kept


def test_each_combination_is_in_one_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both halves are the whole, and in each, every two values of different axes occur together."""
    items: list[Any] = [Combination(values) for values in product(*AXES.values())]
    first, second = halves(items, monkeypatch)
    assert first | second == set(items)
    assert not first & second
    for half in (first, second):
        for one, other in combinations(range(3), 2):
            seen = {(each.values[one], each.values[other]) for each in half}
            assert len(seen) == len({each.values[one] for each in items}) * 2


def test_a_test_with_one_combination_is_in_both_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that has no combination in one of the halves is left out of neither."""
    items: list[Any] = [Combination((1, 0, 0))]
    assert halves(items, monkeypatch) == [set(items)] * 2


def test_a_test_that_starts_servers_is_in_one_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a test takes seconds, it runs once, and its folder is divided between the halves."""
    folder = Path("tests/browser/test_x.py")
    items: list[Any] = [Combination((0, 0, 0), f"{folder}::test_{number}", folder) for number in range(100)]
    first, second = halves(items, monkeypatch)
    assert first | second == set(items)
    assert not first & second
    assert 30 < len(first) < 70


def test_without_the_variable_everything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out unless CI asks for it."""
    monkeypatch.delenv("AUTHKIT_TEST_HALF", raising=False)
    items: list[Any] = [Combination(values) for values in product(*AXES.values())]
    assert not in_other_half(items)
