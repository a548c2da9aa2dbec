"""Counting attempts: exactly the allowed number, in all counters or in none."""

from django_authkit.stores.outcomes import AttemptStatistics, Counter
from django_authkit.stores.protocol import Store
from support.stores import HOUR, MINUTE, SECOND, Rig


def counter(key: str = "a", limit: int = 3, unless: str | None = None) -> Counter:
    """Return a counter with a window of one minute."""
    return Counter(key=key, limit=limit, window_ms=MINUTE, unless=unless)


def test_the_allowed_number_is_counted(rig: Rig, store: Store) -> None:
    """Three attempts are allowed; the fourth has to wait until the window of the first is over."""
    assert [store.hit([counter()]).wait_ms for _ in range(3)] == [0, 0, 0]
    rig.wait(20 * SECOND)
    assert 0 < store.hit([counter()]).wait_ms <= 40 * SECOND
    rig.wait(40 * SECOND)
    assert store.hit([counter()]).wait_ms == 0


def test_a_refused_attempt_does_not_extend_the_wait(rig: Rig, store: Store) -> None:
    """Repeated attempts do not make the wait longer."""
    for _ in range(3):
        store.hit([counter()])
    for _ in range(10):
        rig.wait(5 * SECOND)
        assert store.hit([counter()]).wait_ms > 0
    rig.wait(10 * SECOND)
    assert store.hit([counter()]).wait_ms == 0


def test_a_limit_of_none_allows_nothing(store: Store) -> None:
    """With the limit 0 every attempt has to wait."""
    assert store.hit([counter(limit=0)]).wait_ms > 0


def test_an_attempt_that_one_counter_refuses_is_counted_in_none(store: Store) -> None:
    """Attempts that a narrow counter refuses do not use up the allowance of a wide one."""
    narrow, wide = counter("narrow", 1), counter("wide", 2)
    assert store.hit([narrow, wide]).wait_ms == 0
    assert all(store.hit([narrow, wide]).wait_ms > 0 for _ in range(5))
    assert store.hit([wide]).wait_ms == 0
    assert store.hit([wide]).wait_ms > 0


def test_keys_are_counted_separately(store: Store) -> None:
    """Another key has an allowance of its own."""
    assert store.hit([counter("a", 1)]).wait_ms == 0
    assert store.hit([counter("b", 1)]).wait_ms == 0
    assert store.hit([counter("a", 1)]).wait_ms > 0


def test_a_marked_key_is_exempt(rig: Rig, store: Store) -> None:
    """A counter does not apply while its mark exists, and exempt attempts are not counted."""
    guarded = counter("guarded", 1, unless="known")
    store.mark("known", HOUR)
    store.mark("known", HOUR)
    assert [store.hit([guarded]).wait_ms for _ in range(3)] == [0, 0, 0]
    rig.wait(HOUR)
    assert store.hit([guarded]).wait_ms == 0
    assert store.hit([guarded]).wait_ms > 0


def test_another_mark_exempts_nobody(store: Store) -> None:
    """Only a mark of the counter's own key counts."""
    store.mark("known", HOUR)
    assert store.hit([counter("guarded", 1, unless="unknown")]).wait_ms == 0
    assert store.hit([counter("guarded", 1, unless="unknown")]).wait_ms > 0


def test_clearing_by_a_part_of_the_key(store: Store) -> None:
    """All keys with the part are deleted, including marks, and no others."""
    for key in ("l:ada:home", "l:ada:office", "l:bob:home"):
        store.hit([counter(key, 1)])
    store.mark("ada:home", HOUR)
    assert store.clear_attempts("ada") == 3
    assert store.clear_attempts("ada") == 0
    assert store.hit([counter("l:ada:home", 1)]).wait_ms == 0
    assert store.hit([counter("l:bob:home", 1)]).wait_ms > 0


def test_statistics_count_the_exhausted(store: Store) -> None:
    """The number of counters, and how many of them refuse."""
    assert store.attempt_statistics() == AttemptStatistics(counters=0, exhausted=0)
    store.hit([counter("a", 1), counter("b", 2)])
    assert store.attempt_statistics() == AttemptStatistics(counters=2, exhausted=1)


def test_prune_deletes_what_is_over(rig: Rig, store: Store) -> None:
    """Counters whose window is over are deleted by the store or by ``prune``."""
    store.hit([counter()])
    store.mark("known", MINUTE)
    rig.wait(MINUTE)
    pruned = sum(store.prune(10))
    assert pruned == (0 if rig.site.reclaims_by_itself else 2)
    assert store.attempt_statistics().counters == 0 or rig.site.reclaims_by_itself
