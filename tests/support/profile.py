"""
The size of a test run, as two environment variables say.

``AUTHKIT_TEST_PROFILE`` changes the number of rounds of a race. ``AUTHKIT_TEST_HALF`` (1 or 2) takes half
of the combinations of store, mode and transport of each test: CI runs the suite on two pairs of Python and
Django, and each combination on one of them.
"""

import os
from collections import defaultdict
from collections.abc import Iterable

import pytest

_SHARES = {"full": 1, "ci": 5}
_AXES = {"site", "where", "stage", "mode", "transport"}


def rounds(full: int) -> int:
    """Return how often to repeat a race: all, a fifth (ci) or a tenth, as ``AUTHKIT_TEST_PROFILE`` says."""
    return max(1, full // _SHARES.get(os.environ.get("AUTHKIT_TEST_PROFILE", ""), 10))


def in_other_half(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """
    Return the tests that ``AUTHKIT_TEST_HALF`` leaves to the other half; without it, none.

    Every second combination belongs to a half, so each half has every store, every mode and every transport,
    and every two of them together. A test without a combination in one of the halves runs in both.
    """
    half = os.environ.get("AUTHKIT_TEST_HALF")
    if half is None:
        return set()
    tests: dict[str, tuple[set[pytest.Item], set[pytest.Item]]] = defaultdict(lambda: (set(), set()))
    for item in items:
        tests[item.nodeid.partition("[")[0]][_number(item) % 2].add(item)
    mine = int(half) - 1
    return set().union(*(each[1 - mine] for each in tests.values() if each[mine]))


def _number(item: pytest.Item) -> int:
    """Return the number of a test's combination of store, mode and transport."""
    call = getattr(item, "callspec", None)
    return 0 if call is None else sum(call.indices.get(name, 0) for name in _AXES)
