"""Many concurrent logins of one user: the limit holds."""

from functools import partial

import pytest

from django_authkit.session_keys import new_handle
from django_authkit.stores.outcomes import Created, Refused
from django_authkit.stores.protocol import SidTaken, Store
from django_authkit.types import OnLimit
from support.parallel import parallel_threads
from support.profile import rounds
from support.stores import Rig

pytestmark = pytest.mark.slow

LOGINS = 50
LIMIT = 3


@pytest.mark.parametrize("policy", OnLimit)
def test_the_limit_holds(rig: Rig, store: Store, policy: OnLimit) -> None:
    """Never more than the limit are live, and each revoked one is returned to exactly one caller."""
    with parallel_threads(LOGINS) as threads:
        for _ in range(rounds(10)):
            user = rig.site.add_user()
            asked = [rig.proposal(user_id=user, max_sessions=LIMIT, on_limit=policy) for _ in range(LOGINS)]
            answers = threads.at_once([partial(store.create, call) for call in asked])
            created = [answer for answer in answers if isinstance(answer, Created)]
            ended = [session.sid for answer in created for session in answer.revoked]
            live = set(rig.sids(user))
            assert 1 <= len(live) <= LIMIT
            assert len(ended) == len(set(ended))
            assert live == {answer.session.sid for answer in created} - set(ended)
            if policy is OnLimit.REFUSE:
                assert (len(live), len(ended)) == (LIMIT, 0)
                refused = [answer for answer in answers if isinstance(answer, Refused)]
                assert refused == [Refused(live=LIMIT)] * (LOGINS - LIMIT)
            if policy is OnLimit.EVICT:
                assert len(live) == LIMIT


def test_the_limit_holds_where_the_users_are_elsewhere(rig: Rig, store: Store) -> None:
    """The database of the auth sessions does not need a row of the user."""
    with parallel_threads(LOGINS) as threads:
        for user in range(1_000_000_001, 1_000_000_001 + rounds(5)):
            asked = [rig.proposal(user_id=str(user), max_sessions=LIMIT) for _ in range(LOGINS)]
            threads.at_once([partial(store.create, call) for call in asked])
            assert len(rig.sids(str(user))) == LIMIT
            assert sum(store.prune(100)) >= LOGINS - LIMIT or rig.site.reclaims_by_itself


def test_one_sid_has_one_owner(rig: Rig, store: Store) -> None:
    """If many callers propose one sid, one gets it."""
    with parallel_threads(16) as threads:
        for _ in range(rounds(50)):
            sid = new_handle(0)
            asked = [rig.proposal(sid=sid) for _ in range(16)]

            def attempt(number: int) -> bool:
                try:
                    return isinstance(store.create(asked[number]), Created)  # noqa: B023 - run in this round
                except SidTaken:
                    return False

            assert sum(threads.at_once([partial(attempt, number) for number in range(16)])) == 1


def test_many_concurrent_logins_without_a_limit(rig: Rig, store: Store) -> None:
    """Without a limit all of many concurrent logins are live and listed."""
    with parallel_threads(LOGINS) as threads:
        user = rig.site.add_user()
        asked = [rig.proposal(user_id=user) for _ in range(LOGINS)]
        threads.at_once([partial(store.create, call) for call in asked])
        assert set(rig.sids(user)) == {call.sid for call in asked}
