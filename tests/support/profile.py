"""
The size of a test run, as two environment variables say.

``AUTHKIT_TEST_PROFILE`` changes the number of rounds of a race. ``AUTHKIT_TEST_HALF`` (1 or 2) takes half of
the suite: CI runs it on two pairs of Python and Django, one half on each.
"""

import os
from collections.abc import Collection
from zlib import crc32

import pytest

_SHARES = {"full": 1, "ci": 5}
_AXES = {"site", "where", "stage", "kind", "mode", "transport"}
_WHOLE_SITES = {"browser", "compare", "example", "faults"}
"""Folders whose tests start servers of their own, so that each takes seconds."""


def rounds(full: int) -> int:
    """Return how often to repeat a race: all, a fifth (ci) or a tenth, as ``AUTHKIT_TEST_PROFILE`` says."""
    return max(1, full // _SHARES.get(os.environ.get("AUTHKIT_TEST_PROFILE", ""), 10))


def in_other_half(items: Collection[pytest.Item]) -> set[pytest.Item]:
    """
    Return the tests that ``AUTHKIT_TEST_HALF`` leaves to the other half; without it, none.

    Of a test that runs on several stores, modes and transports, every second combination belongs to a half,
    so each half has every store, every mode and every transport, and every two of them together. A test
    without a combination in one of the halves runs in both, except where tests start servers: there it runs
    in one.
    """
    half = os.environ.get("AUTHKIT_TEST_HALF")
    if half is None:
        return set()
    is_mine = {item: _number(item) % 2 == int(half) - 1 for item in items}
    has_some_here = {test_of(item) for item in items if is_mine[item]}
    return {
        item
        for item in items
        if not is_mine[item] and (test_of(item) in has_some_here or _starts_servers(item))
    }


def is_second_half() -> bool:
    """Tell whether this is the half whose rules are measured in the first one."""
    return os.environ.get("AUTHKIT_TEST_HALF") == "2"


def _number(item: pytest.Item) -> int:
    """Return a number whose last bit says in which half a test with its combination belongs."""
    call = getattr(item, "callspec", None)
    combination = 0 if call is None else sum(call.indices.get(name, 0) for name in _AXES)
    return combination + (crc32(test_of(item).encode()) if _starts_servers(item) else 0)


def _starts_servers(item: pytest.Item) -> bool:
    return not _WHOLE_SITES.isdisjoint(item.path.parts)


def test_of(item: pytest.Item) -> str:
    """Return the name of a test without its combination."""
    return item.nodeid.partition("[")[0]
