"""Counting a part of the auth sessions, on each store."""

import pytest

from django_authkit.stores.database import statistics as database
from django_authkit.stores.protocol import Store
from django_authkit.stores.redis import statistics as redis
from django_authkit.types import Mode
from support.stores import Rig

PART, REVOKED, LIVE = 100, 40, 240


@pytest.mark.slow
def test_many_are_estimated_from_a_part(rig: Rig, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The estimate is close and says that it is one; a count of every one, in steps, is exact."""
    monkeypatch.setattr(database, "_STEP", PART)
    monkeypatch.setattr(redis, "_LOOKED_AT", PART)
    for number in range(REVOKED + LIVE):
        started = rig.start(user_id=rig.user, max_sessions=None)
        if number < REVOKED:
            store.revoke(started.sid, rig.reason)
        store.create_anonymous(f"AB{number:014}", b"k" * 32, "cart", 60_000)
    exact, estimate = store.statistics(), store.statistics(every=False)
    assert exact.live is not None
    assert estimate.live is not None
    assert (exact.estimated, estimate.estimated) == (False, True)
    assert exact.live[Mode.SESSION].live == LIVE
    assert 0.5 * LIVE < estimate.live[Mode.SESSION].live < 1.6 * LIVE
    assert exact.records in {LIVE, LIVE + REVOKED}  # Redis deletes what is revoked
    assert 0.5 * exact.records < (estimate.records or 0) < 1.6 * exact.records
    assert estimate.live[Mode.JWT].live == 0


def test_few_are_counted(rig: Rig, store: Store) -> None:
    """Below the size of a part the numbers are exact without being asked for."""
    for _ in range(3):
        rig.start()
    counted = store.statistics(every=False)
    assert counted.live is not None
    assert (counted.estimated, counted.live[Mode.SESSION].live, counted.records) == (False, 3, 3)
