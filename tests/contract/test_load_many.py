"""``load_many``: which of many auth sessions are live."""

from django_authkit.session_keys import new_handle
from django_authkit.stores.outcomes import Found
from django_authkit.stores.protocol import Store
from support.profile import rounds
from support.stores import HOUR, MINUTE, Rig


def test_the_live_ones_are_returned(rig: Rig, store: Store) -> None:
    """Of any users, each as ``load`` returns it."""
    started = [rig.start(data="encoded"), rig.start(user_id=rig.site.add_user(), amr=())]
    found = store.load_many(each.sid for each in started)
    assert found == {each.sid: each.session for each in started}
    for sid, session in found.items():
        loaded = store.load(sid)
        assert isinstance(loaded, Found)
        assert loaded.session == session


def test_what_is_not_live_is_missing(rig: Rig, store: Store) -> None:
    """Unknown, revoked by itself, with its user's others, and expired."""
    other_user = rig.site.add_user()
    live, revoked, expired = rig.start(), rig.start(), rig.start(idle_ms=MINUTE)
    of_other, kept = rig.start(user_id=other_user), rig.start(user_id=other_user)
    store.revoke(revoked.sid, rig.reason)
    store.revoke_user(other_user, rig.reason, keep=kept.sid)
    rig.wait(MINUTE)
    all_of_them = [each.sid for each in (live, revoked, expired, of_other, kept)]
    assert set(store.load_many([*all_of_them, new_handle(0)])) == {live.sid, kept.sid}
    store.revoke_all()
    assert store.load_many(all_of_them) == {}


def test_it_is_no_activity(rig: Rig, store: Store) -> None:
    """The idle end does not move."""
    started = rig.start(idle_ms=HOUR)
    rig.wait(50 * MINUTE)
    store.load_many([started.sid])
    rig.wait(10 * MINUTE)
    assert store.load_many([started.sid]) == {}


def test_more_than_one_step_reads(rig: Rig, store: Store) -> None:
    """However many there are, all of them are found."""
    started = [rig.start().sid for _ in range(rounds(1_200))]
    assert set(store.load_many(started)) == set(started)
    assert store.load_many([]) == {}
