"""An auth session that was revoked stays revoked, whatever was in progress."""

from collections.abc import Callable
from functools import partial
from secrets import token_bytes

import pytest

from django_authkit.stores.outcomes import Absent, Rotation, RotationOutcome
from django_authkit.stores.protocol import Store
from django_authkit.types import AuthSession, RevocationReason
from support.parallel import parallel_threads
from support.profile import rounds
from support.stores import DAY, MINUTE, Rig, Started, request

pytestmark = pytest.mark.slow

Act = Callable[[Store, Started], object]
PARALLEL = 4
"""Threads of each activity; the auth session is revoked in between."""

ENDINGS: dict[str, Act] = {
    "revoke": lambda store, one: store.revoke(one.sid, RevocationReason.LOGOUT),
    "revoke_user": lambda store, one: store.revoke_user(one.session.user_id, RevocationReason.USER_DISABLED),
    "revoke_all": lambda store, _: store.revoke_all(),
    "reuse": lambda store, one: store.rotate(request(one.sid, 1, token_bytes(32))),
}
ACTIVITIES: dict[str, Act] = {
    "touch": lambda store, one: store.touch(one.sid, one.key, idle=DAY, interval=0),
    "rotate": lambda store, one: store.rotate(request(one.sid, 1, one.jti)),
    "save_data": lambda store, one: store.save_data(one.sid, one.key, "new", idle_limit=None),
    "rekey": lambda store, one: store.rekey(one.sid, one.key, token_bytes(32)),
    "to_tokens": lambda store, one: store.switch_to_tokens(
        one.sid, one.key, proposed=token_bytes(32), held=None, advance=True, access=MINUTE
    ),
    "to_key": lambda store, one: store.switch_to_key(one.sid, one.jti, 1, proposed=token_bytes(32), idle=DAY),
    "restamp": lambda store, one: store.restamp(one.sid, "b" * 64),
    "restamp_user": lambda store, one: store.restamp_user(one.session.user_id, "a" * 64, "b" * 64),
    "list_user": lambda store, one: store.list_user(one.session.user_id),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_ended_stays_ended(rig: Rig, store: Store, ending: str) -> None:
    """In a race with all activities, a revocation is final."""
    # After a renewal of the session key there is no refresh token that could be reused.
    beside = {name for name in ACTIVITIES if (ending, name) != ("reuse", "rekey")}
    acts = [act for name, act in ACTIVITIES.items() if name in beside for _ in range(PARALLEL)]
    acts.insert(len(acts) // 2, ENDINGS[ending])
    with parallel_threads(len(acts)) as threads:
        for _ in range(rounds(50)):
            one = rig.start()
            threads.at_once([partial(act, store, one) for act in acts])
            assert store.load(one.sid) is Absent.GONE
            assert store.touch(one.sid, one.key, idle=DAY, interval=0) is Absent.GONE
            assert store.rotate(request(one.sid, 1, one.jti)).outcome is RotationOutcome.GONE
            assert rig.sids() == []


@pytest.mark.parametrize("ending", ["revoke", "revoke_user"])
@pytest.mark.parametrize("activity", ACTIVITIES)
def test_one_against_one(rig: Rig, store: Store, ending: str, activity: str) -> None:
    """Each activity against each kind of revocation, many times, so that they interleave at every point."""
    with parallel_threads(2) as threads:
        for _ in range(rounds(50)):
            one = rig.start()
            pair = [partial(ENDINGS[ending], store, one), partial(ACTIVITIES[activity], store, one)]
            threads.at_once(pair)
            assert store.load(one.sid) is Absent.GONE
            assert rig.sids() == []


def test_only_one_caller_revoked_it(rig: Rig, store: Store) -> None:
    """If many revoke one auth session, one gets the record."""
    with parallel_threads(16) as threads:
        for _ in range(rounds(50)):
            one = rig.start()
            by_sid = [partial(store.revoke, one.sid, RevocationReason.LOGOUT)] * 8
            by_key = [partial(store.revoke, one.sid, RevocationReason.LOGOUT, key_digest=one.key)] * 8
            ended = [record for record in threads.at_once(by_sid + by_key) if record is not None]
            assert ended == [one.session]


def test_a_deleted_anonymous_session_stays_deleted(rig: Rig, store: Store) -> None:
    """A save that was in flight does not revive it."""
    with parallel_threads(8) as threads:
        for _ in range(rounds(50)):
            handle, key = rig.proposal().sid, token_bytes(32)
            store.create_anonymous(handle, key, "old", DAY)
            saves: list[Callable[[], object]] = [
                partial(store.save_anonymous, handle, key, "new", DAY) for _ in range(7)
            ]
            saves.insert(3, partial(store.delete_anonymous, handle, key))
            threads.at_once(saves)
            assert store.load_anonymous(handle, key) is None


def test_the_revoking_caller_gets_the_current_record(rig: Rig, store: Store) -> None:
    """A rotation that came first is in the returned record; ``access_until`` depends on it."""
    with parallel_threads(2) as threads:
        for _ in range(rounds(200)):
            one = rig.start(access_ms=0)
            calls: list[Callable[[], object]] = [
                partial(store.revoke, one.sid, RevocationReason.LOGOUT),
                partial(store.rotate, request(one.sid, 1, one.jti)),
            ]
            ended, rotation = threads.at_once(calls)
            assert isinstance(ended, AuthSession)
            assert isinstance(rotation, Rotation)
            rotated = rotation.outcome is RotationOutcome.ROTATED
            assert ended == (rotation.session if rotated else one.session)
