"""Revoking auth sessions (one, a user's, all), listing live ones, and pruning."""

from functools import partial
from secrets import token_bytes

import pytest

from django_authkit.session_keys import new_handle
from django_authkit.stores.outcomes import Absent, Found, RotationOutcome
from django_authkit.stores.protocol import Store
from django_authkit.types import RevocationReason
from support.stores import DAY, HOUR, MINUTE, SECOND, Rig, Started, request


def assert_over(store: Store, started: Started) -> None:
    """Check that no method finds the auth session, and none revives it."""
    sid, key = started.sid, started.key
    assert store.load(sid) is Absent.GONE
    assert store.touch(sid, key, idle=DAY, interval=0) is Absent.GONE
    assert store.rotate(request(sid, 1, started.jti)).outcome is RotationOutcome.GONE
    assert store.rekey(sid, key, token_bytes(32)) is Absent.GONE
    assert store.rekey(sid, None, token_bytes(32)) is Absent.GONE
    assert store.restamp(sid, "b" * 64) is False
    assert store.save_data(sid, key, "new", idle_limit=None) is False
    assert store.revoke(sid, RevocationReason.LOGOUT) is None
    assert sid not in {session.sid for session in store.list_user(started.session.user_id)}
    assert store.load(sid) is Absent.GONE


@pytest.mark.parametrize("reason", RevocationReason)
def test_revoke_revokes_the_session(rig: Rig, store: Store, reason: RevocationReason) -> None:
    """For every reason: the record is returned as it was, and no credential of it works."""
    started, other = rig.start(), rig.start()
    assert store.revoke(started.sid, reason) == started.session
    assert_over(store, started)
    assert rig.sids() == [other.sid]


def test_revoke_of_what_is_not_live(rig: Rig, store: Store) -> None:
    """Only the call that revoked it gets the record; others get ``None``."""
    started, expired = rig.start(), rig.start(idle_ms=MINUTE)
    rig.wait(MINUTE)
    assert store.revoke(started.sid, RevocationReason.LOGOUT) is not None
    assert store.revoke(started.sid, RevocationReason.LOGOUT) is None
    assert store.revoke(expired.sid, RevocationReason.LOGOUT) is None
    assert store.revoke(new_handle(0), RevocationReason.LOGOUT) is None


def test_revoke_with_the_key(rig: Rig, store: Store) -> None:
    """A call that names a key must name the right one."""
    started = rig.start()
    assert store.revoke(started.sid, RevocationReason.LOGOUT, key_digest=token_bytes(32)) is None
    assert rig.sids() == [started.sid]
    assert store.revoke(started.sid, RevocationReason.LOGOUT, key_digest=started.key) == started.session
    assert_over(store, started)


@pytest.mark.parametrize("digest", [token_bytes(32), b"\0" * 32], ids=["random", "zeros"])
def test_revoke_with_a_key_of_a_record_without_one(rig: Rig, store: Store, digest: bytes) -> None:
    """No key matches a record without one."""
    started = rig.start(key_digest=None)
    assert store.revoke(started.sid, RevocationReason.LOGOUT, key_digest=digest) is None
    assert rig.sids() == [started.sid]


def test_revoke_with_a_superseded_key(rig: Rig, store: Store) -> None:
    """A key that was replaced revokes nothing."""
    started = rig.start()
    store.rekey(started.sid, started.key, token_bytes(32))
    assert store.revoke(started.sid, RevocationReason.LOGOUT, key_digest=started.key) is None
    assert rig.sids() == [started.sid]


def test_revoke_user_revokes_all_of_a_user(rig: Rig, store: Store) -> None:
    """All live ones are revoked and returned; no other user's, and none that was dead already."""
    mine = [rig.start() for _ in range(3)]
    rig.start(idle_ms=MINUTE)
    theirs = rig.start(user_id=rig.site.add_user())
    rig.wait(MINUTE)
    ended = store.revoke_user(rig.user, RevocationReason.PASSWORD_CHANGED)
    assert sorted(ended, key=lambda session: session.sid) == sorted(
        (one.session for one in mine), key=lambda session: session.sid
    )
    for one in mine:
        assert_over(store, one)
    assert rig.sids(theirs.session.user_id) == [theirs.sid]
    assert store.revoke_user(rig.user, RevocationReason.PASSWORD_CHANGED) == ()


def test_revoke_user_keeps_one(rig: Rig, store: Store) -> None:
    """The auth session to keep does not change."""
    kept, ended = rig.start(), rig.start()
    assert store.revoke_user(rig.user, RevocationReason.REVOKED, keep=kept.sid) == (ended.session,)
    assert store.list_user(rig.user) == (kept.session,)


def test_revoke_user_keeps_nobody_elses(rig: Rig, store: Store) -> None:
    """A sid of another user as the one to keep has no effect, and is not revoked."""
    mine, theirs = rig.start(), rig.start(user_id=rig.site.add_user())
    assert store.revoke_user(rig.user, RevocationReason.REVOKED, keep=theirs.sid) == (mine.session,)
    assert rig.sids(theirs.session.user_id) == [theirs.sid]


def test_revoke_user_of_very_many(rig: Rig, store: Store) -> None:
    """All are over and named, however many there are, but the one that is kept and those with the hash."""
    kept, *others = (rig.start() for _ in range(220))
    spared = [rig.start(auth_hash="b" * 64) for _ in range(3)]
    revoked = store.revoke_user(rig.user, RevocationReason.REVOKED, keep=kept.sid, keep_hash="b" * 64)
    assert {session.sid for session in revoked} == {one.sid for one in others}
    assert_over(store, others[0])
    assert_over(store, others[-1])
    assert set(rig.sids()) == {kept.sid, *(one.sid for one in spared)}


def test_revoke_user_again_and_again(rig: Rig, store: Store) -> None:
    """What one call kept another revokes, and nothing that was revoked is kept by a later one."""
    old, new, other = (rig.start(auth_hash=letter * 64) for letter in "abc")
    revoke = partial(store.revoke_user, rig.user, RevocationReason.PASSWORD_CHANGED)
    assert {session.sid for session in revoke(keep=old.sid, keep_hash="b" * 64)} == {other.sid}
    assert revoke(keep_hash="b" * 64) == (old.session,)
    assert_over(store, old)
    assert rig.sids() == [new.sid]
    assert revoke(keep_hash="a" * 64) == (new.session,)  # the first password again
    assert rig.sids() == []
    assert_over(store, old)
    assert rig.start(auth_hash="a" * 64).sid in rig.sids()
    assert_over(store, old)


def test_a_restamped_one_outlives_what_spared_it(rig: Rig, store: Store) -> None:
    """One that was kept for its hash lives on when that hash is upgraded."""
    rig.start(auth_hash="a" * 64)
    spared = rig.start(auth_hash="b" * 64)
    store.revoke_user(rig.user, RevocationReason.PASSWORD_CHANGED, keep_hash="b" * 64)
    assert store.restamp_user(rig.user, "b" * 64, "c" * 64) == 1
    assert rig.sids() == [spared.sid]
    assert isinstance(store.load(spared.sid), Found)


def test_revoke_user_of_a_stranger(rig: Rig, store: Store) -> None:
    """For a user without auth sessions nothing is revoked."""
    assert store.revoke_user(rig.site.add_user(), RevocationReason.REVOKED) == ()


def test_revoke_all_revokes_what_began_before(rig: Rig, store: Store) -> None:
    """Every auth session of every user is revoked, in every method."""
    started = [rig.start(), rig.start(user_id=rig.site.add_user())]
    store.revoke_all()
    for one in started:
        assert_over(store, one)
        assert store.revoke_user(one.session.user_id, RevocationReason.REVOKED) == ()


def test_revoke_all_keeps_what_begins_after(rig: Rig, store: Store) -> None:
    """A login after it is valid and one before it is not, even within a millisecond."""
    for _ in range(25):
        before = rig.start()
        store.revoke_all()
        after = rig.start()
        assert store.load(before.sid) is Absent.GONE
        assert rig.sids() == [after.sid]


def test_revoke_all_takes_no_place(rig: Rig, store: Store) -> None:
    """The revoked ones do not count against a limit."""
    rig.start()
    store.revoke_all()
    assert rig.start(max_sessions=1).session.sid in rig.sids()


def test_revoke_all_twice(rig: Rig, store: Store) -> None:
    """The second call revokes what began between the two."""
    store.revoke_all()
    between = rig.start()
    rig.wait(SECOND)
    store.revoke_all()
    assert_over(store, between)


def test_list_is_most_recently_seen_first(rig: Rig, store: Store) -> None:
    """The order is by activity, not by login."""
    started = []
    for _ in range(3):
        started.append(rig.start())
        rig.wait(MINUTE)
    first, second, third = started
    assert rig.sids() == [third.sid, second.sid, first.sid]
    store.touch(first.sid, first.key, idle=DAY, interval=0)
    rig.wait(MINUTE)
    store.rotate(request(second.sid, 1, second.jti))
    assert rig.sids() == [second.sid, first.sid, third.sid]


def test_list_is_of_live_records(rig: Rig, store: Store) -> None:
    """Expired and revoked ones are not listed; all others are listed unchanged."""
    live, revoked = rig.start(), rig.start()
    rig.start(idle_ms=MINUTE)
    rig.start(absolute_ms=MINUTE)
    store.revoke(revoked.sid, RevocationReason.LOGOUT)
    rig.wait(MINUTE)
    assert store.list_user(rig.user) == (live.session,)
    assert store.list_user(rig.user) == (live.session,)


def test_a_page_of_the_list(rig: Rig, store: Store) -> None:
    """A page is a part of the list, and says how many there are; a first page is like the list."""
    for _ in range(5):
        rig.start()
        rig.wait(MINUTE)
    first, second, beyond = (store.page_of_user(rig.user, skipped, 3) for skipped in (0, 3, 5))
    assert first.sessions + second.sessions == store.list_user(rig.user)
    assert [page.there_are for page in (first, second, beyond)] == [5, 5, 5]
    assert (len(first.sessions), beyond.sessions) == (3, ())


def test_a_page_after_an_epoch(rig: Rig, store: Store) -> None:
    """What ``revoke_all`` ended takes no place on a page."""
    for _ in range(7):
        rig.start(idle_ms=20 * DAY)
    store.revoke_all()
    live = [rig.start().sid for _ in range(3)]
    page = store.page_of_user(rig.user, 0, 2)
    assert {session.sid for session in page.sessions} < set(live)
    assert (len(page.sessions), store.page_of_user(rig.user, 2, 2).there_are) == (2, 3)


def test_list_keeps_users_apart(rig: Rig, store: Store) -> None:
    """No user sees another's."""
    rig.start()
    assert store.list_user(rig.site.add_user()) == ()


def test_prune_deletes_dead_records(rig: Rig, store: Store) -> None:
    """At most a batch per step, all that expired, and no live one."""
    live = [rig.start(), rig.start(user_id=rig.site.add_user())]
    for _ in range(5):
        rig.start(idle_ms=MINUTE)
    rig.wait(HOUR)
    steps = list(store.prune(2))
    if rig.site.reclaims_by_itself:
        assert steps == []
    else:
        assert sum(steps) == 5
        assert max(steps) <= 2
    for one in live:
        assert rig.sids(one.session.user_id) == [one.sid]
    assert sum(store.prune(2)) == 0


def test_prune_deletes_what_an_epoch_revoked(rig: Rig, store: Store) -> None:
    """After ``revoke_all``, only records that began later are kept."""
    for _ in range(3):
        rig.start()
    store.revoke_all()
    after = rig.start()
    reclaimed = sum(store.prune(100))
    assert reclaimed == (0 if rig.site.reclaims_by_itself else 3)
    assert rig.sids() == [after.sid]
