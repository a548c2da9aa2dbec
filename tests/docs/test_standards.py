"""The page about standards names tests that exist, for each requirement that is met."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "standards.md").read_text("utf-8")
_ROW = re.compile(r"^\| ([\d.]+) \| ([^|]+) \| ([^|]+) \| ?([^|]*)\|$", re.MULTILINE)
_TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
_ASVS = {
    "6.3": 8,
    "7.1": 3,
    "7.2": 4,
    "7.3": 2,
    "7.4": 5,
    "7.5": 3,
    "7.6": 2,
    "9.1": 3,
    "9.2": 4,
    "10.1": 2,
    "10.3": 5,
}
"""The sections of ASVS 5.0, and how many requirements each has."""
_OF_TOKENS = ["10.4.5", "10.4.8", "10.4.9", "10.4.14"]
"""Those for authorization servers that are about tokens."""
_NO_TEST = ("no", "not applicable", "yes: no")


def test_every_requirement_is_there() -> None:
    """All forty, and those of the chapters of ASVS, have a row."""
    numbers = [number for number, *_ in _ROW.findall(PAGE)]
    assert numbers[:40] == [str(number) for number in range(1, 41)]
    of_sections = [f"{section}.{number}" for section, last in _ASVS.items() for number in range(1, last + 1)]
    assert numbers[40:] == of_sections + _OF_TOKENS


def test_what_is_met_names_a_test() -> None:
    """Each row says whether it is met, and what is met or in part has a test."""
    for number, _, met, tests in _ROW.findall(PAGE):
        assert met.startswith(("yes", "in part", "no", "not applicable")), number
        assert _TEST.findall(tests) or met.startswith(_NO_TEST), number


def test_every_consideration_of_dpop_has_a_row() -> None:
    """Each section of RFC 9449's security considerations has a row, which names a test."""
    rows = re.findall(r"^\| 11\.(\d+) [^|]+\|[^|]+\|([^|]+)\|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 12))
    assert all(_TEST.findall(tests) for _, tests in rows)


def test_named_tests_exist() -> None:
    """Each named test is a function of the named file."""
    named = _TEST.findall(PAGE)
    assert len(named) > 100
    missing = [f"{path}::{name}" for path, name in named if name not in _functions(path)]
    assert not missing


def _functions(path: str) -> set[str]:
    module = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
    return {
        node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
