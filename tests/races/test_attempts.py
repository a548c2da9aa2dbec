"""Many concurrent attempts: exactly the allowed number is counted."""

from functools import partial
from secrets import token_hex

import pytest

from django_authkit.stores.outcomes import Counter
from django_authkit.stores.protocol import Store
from support.parallel import parallel_threads
from support.profile import rounds
from support.stores import MINUTE

pytestmark = pytest.mark.slow

ATTEMPTS = 50
LIMIT = 5


def test_exactly_the_allowed_number_is_counted(store: Store) -> None:
    """Of fifty concurrent attempts five are allowed, with a new counter and with an existing one."""
    with parallel_threads(ATTEMPTS) as threads:
        for number in range(rounds(10)):
            narrow = Counter(key=token_hex(8), limit=LIMIT, window_ms=MINUTE)
            wide = Counter(key=token_hex(8), limit=1000, window_ms=MINUTE)
            counters, begun = [wide, narrow], number % 2
            if begun:
                store.hit(counters)
            hits = threads.at_once([partial(store.hit, counters)] * ATTEMPTS)
            assert [hit.wait_ms for hit in hits].count(0) == LIMIT - begun
