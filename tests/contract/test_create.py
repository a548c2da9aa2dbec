"""``create`` and ``load``: what a store records for a new auth session, and the limit per user."""

from dataclasses import replace
from secrets import token_bytes

import pytest

from django_authkit.session_keys import new_handle
from django_authkit.stores.outcomes import Absent, Created, Found, Refused
from django_authkit.stores.protocol import SidTaken, Store
from django_authkit.types import Mode, OnLimit
from support.stores import DAY, HOUR, MINUTE, SECOND, RedisSite, Rig, request

SAID = (
    "sid", "user_id", "backend", "auth_hash", "mode", "remember", "amr", "address", "label",
    "browser_mark", "by_header",
)  # fmt: skip


def test_a_new_session_is_what_was_asked_for(rig: Rig, store: Store) -> None:
    """The record has the values of the proposal."""
    proposal = rig.proposal(
        mode=Mode.JWT, remember=False, amr=("pwd", "otp"), by_header=True, jti_digest=token_bytes(32)
    )
    created = store.create(proposal)
    assert isinstance(created, Created)
    assert [getattr(created.session, name) for name in SAID] == [getattr(proposal, name) for name in SAID]
    assert created.revoked == ()


def test_times_count_from_the_stores_clock(rig: Rig, store: Store) -> None:
    """Creation, authentication and activity are now; the expiry times are now plus the lifetimes."""
    before = store.now()
    session = rig.start(idle_ms=HOUR, absolute_ms=DAY, access_ms=5 * MINUTE).session
    assert before <= session.created_ms <= store.now()
    assert session.auth_time_ms == session.last_seen_ms == session.created_ms
    assert session.idle_expires_ms == session.created_ms + HOUR
    assert session.expires_ms == session.created_ms + DAY
    assert session.access_until_ms == session.created_ms + 5 * MINUTE


def test_an_earlier_proof(rig: Rig) -> None:
    """Authentication before the login counts from its own time, and never from before the epoch."""
    session = rig.start(auth_age_ms=3 * HOUR).session
    assert session.auth_time_ms == session.created_ms - 3 * HOUR
    assert session.last_seen_ms == session.created_ms
    assert rig.start(auth_age_ms=10 * session.created_ms).session.auth_time_ms == 0


def test_idle_end_and_access_tokens_stop_at_the_absolute_end(rig: Rig) -> None:
    """Neither the idle expiry nor an access token extends beyond the absolute end."""
    session = rig.start(idle_ms=2 * DAY, absolute_ms=DAY, access_ms=3 * DAY).session
    assert session.idle_expires_ms == session.access_until_ms == session.expires_ms


def test_without_an_access_token_none_is_outstanding(rig: Rig, store: Store) -> None:
    """With ``access`` 0, no access token of the session can be valid."""
    session = rig.start(access_ms=0).session
    assert session.access_until_ms <= session.created_ms


def test_generation_counts_refresh_tokens(rig: Rig, store: Store) -> None:
    """A record with a refresh token starts at generation 1, another at 0."""
    with_token = rig.start().session
    assert (with_token.generation, with_token.rotated_ms) == (1, with_token.created_ms)
    without = rig.start(jti_digest=None).session
    assert (without.generation, without.rotated_ms) == (0, 0)


def test_load_returns_what_create_made(rig: Rig, store: Store) -> None:
    """A record is read as it was written, with its data and the store's time."""
    started = rig.start(data="encoded:data")
    found = store.load(started.sid)
    assert isinstance(found, Found)
    assert found.session == started.session
    assert found.data == "encoded:data"
    assert started.session.created_ms <= found.now_ms <= store.now()


def test_load_changes_nothing(rig: Rig, store: Store) -> None:
    """Reading a record is not activity."""
    started = rig.start(idle_ms=HOUR)
    rig.wait(50 * MINUTE)
    found = store.load(started.sid)
    assert isinstance(found, Found)
    assert found.session == started.session
    rig.wait(11 * MINUTE)
    assert store.load(started.sid) is Absent.GONE


def test_load_of_a_record_without_a_key(rig: Rig, store: Store) -> None:
    """``load`` needs no key, so it never returns SUPERSEDED."""
    assert isinstance(store.load(rig.start(key_digest=None).sid), Found)


def test_load_of_what_never_was(rig: Rig, store: Store) -> None:
    """An unknown sid is GONE."""
    assert store.load(new_handle(0)) is Absent.GONE


@pytest.mark.parametrize(("idle", "absolute"), [(HOUR, DAY), (2 * HOUR, HOUR)], ids=["idle", "absolute"])
def test_expired_is_absent(rig: Rig, store: Store, idle: int, absolute: int) -> None:
    """A record exists until its idle or absolute expiry."""
    started = rig.start(idle_ms=idle, absolute_ms=absolute)
    rig.wait(HOUR - 10 * SECOND)
    assert isinstance(store.load(started.sid), Found)
    rig.wait(10 * SECOND)
    assert store.load(started.sid) is Absent.GONE
    assert rig.sids() == []


@pytest.mark.parametrize(
    "text",
    ["Mözilla/5.0 (Уфа; 東京) 🦊🔥", "'; DROP TABLE x; --", 'a|b\tc\nd\\e"f:{g}', "\u202ertl", "x" * 60],
    ids=["unicode", "quotes", "separators", "bidi", "long"],
)
def test_text_comes_back_as_it_was(rig: Rig, store: Store, text: str) -> None:
    """Labels may be any text; printable characters come back unchanged."""
    found = store.load(rig.start(label=text, address="2001:db8::1", data=text).sid)
    assert isinstance(found, Found)
    assert (found.session.label, found.data) == (text, text)


def test_empty_texts_come_back_empty(rig: Rig, store: Store) -> None:
    """Unknown address and label are empty, and an empty ``amr`` has no values."""
    found = store.load(rig.start(label="", address="", amr=(), auth_hash="").sid)
    assert isinstance(found, Found)
    session = found.session
    assert (session.label, session.address, session.amr, session.auth_hash) == ("", "", (), "")


def test_large_data_comes_back_whole(rig: Rig, store: Store) -> None:
    """Session data may be long."""
    data = "0123456789abcdef" * 8_192
    found = store.load(rig.start(data=data).sid)
    assert isinstance(found, Found)
    assert found.data == data


@pytest.mark.parametrize("user_id", ["0b5e…-ü", "a:b|c", "{x}", "6f2a1b50-9e6f-4d5e-8f0a-0c6f7b8d9e10", "-1"])
def test_user_ids_are_any_text(rig: Rig, store: Store, user_id: str) -> None:
    """If no row has to exist, a user id may be any text, and different ids have different keys."""
    if not isinstance(rig.site, RedisSite):
        user_id = rig.site.add_user()
    started = rig.start(user_id=user_id)
    assert rig.sids(user_id) == [started.sid]
    assert rig.sids() == []
    assert store.revoke_user(user_id, rig.reason) == (started.session,)


def test_the_same_call_again_gets_the_same_answer(rig: Rig, store: Store) -> None:
    """A repeated ``create`` finds its own record and creates no second one."""
    proposal = rig.proposal(jti_digest=token_bytes(32), data="kept", max_sessions=1)
    first = store.create(proposal)
    again = store.create(proposal)
    assert isinstance(first, Created)
    assert again == first
    assert rig.sids() == [proposal.sid]


def test_the_same_call_again_is_not_refused_by_itself(rig: Rig, store: Store) -> None:
    """The record of the first call does not count against its repetition."""
    proposal = rig.proposal(max_sessions=1, on_limit=OnLimit.REFUSE)
    assert isinstance(store.create(proposal), Created)
    assert isinstance(store.create(proposal), Created)


def test_the_same_call_again_revokes_no_others(rig: Rig, store: Store) -> None:
    """A repetition revokes no additional session, and returns the same revoked ones."""
    started = []
    for _ in range(3):
        started.append(rig.start())
        rig.wait(SECOND)
    proposal = rig.proposal(max_sessions=2)
    first = store.create(proposal)
    assert isinstance(first, Created)
    assert {session.sid for session in first.revoked} == {one.sid for one in started[:2]}
    assert store.create(proposal) == first
    assert set(rig.sids()) == {proposal.sid, started[2].sid}


@pytest.mark.parametrize("other", ["key_digest", "jti_digest"])
def test_a_taken_sid_is_an_error(rig: Rig, store: Store, other: str) -> None:
    """A sid of another record is refused, and that record is not changed."""
    proposal = rig.proposal(jti_digest=token_bytes(32), data="mine")
    created = store.create(proposal)
    assert isinstance(created, Created)
    with pytest.raises(SidTaken, match="sid"):
        store.create(replace(proposal, **{other: token_bytes(32)}, data="other"))  # type: ignore[arg-type]
    found = store.load(proposal.sid)
    assert isinstance(found, Found)
    assert (found.session, found.data) == (created.session, "mine")


def test_a_sid_taken_by_another_user_is_an_error(rig: Rig, store: Store) -> None:
    """No user gets a sid that another user has."""
    proposal = rig.proposal()
    store.create(proposal)
    other = rig.site.add_user()
    with pytest.raises(SidTaken, match="sid"):
        store.create(replace(proposal, user_id=other, key_digest=token_bytes(32)))
    assert rig.sids(other) == []


def test_a_taken_sid_revokes_nobody(rig: Rig, store: Store) -> None:
    """A call that fails revokes nothing."""
    proposal = rig.proposal()
    store.create(proposal)
    older = rig.start().sid
    with pytest.raises(SidTaken, match="sid"):
        store.create(replace(proposal, key_digest=token_bytes(32), max_sessions=1))
    assert set(rig.sids()) == {older, proposal.sid}


def test_no_limit(rig: Rig, store: Store) -> None:
    """Without a limit a user has as many auth sessions as logins."""
    started = {rig.start(max_sessions=None, on_limit=OnLimit.REFUSE).sid for _ in range(12)}
    assert set(rig.sids()) == started


def test_evict_revokes_the_least_recently_seen(rig: Rig, store: Store) -> None:
    """The auth session with the oldest activity is revoked, not the one with the oldest login."""
    first, second = rig.start(), rig.start()
    rig.wait(MINUTE)
    store.touch(first.sid, first.key, idle=DAY, interval=0)
    rig.wait(MINUTE)
    created = store.create(rig.proposal(max_sessions=2))
    assert isinstance(created, Created)
    assert created.revoked == (second.session,)
    assert rig.sids() == [created.session.sid, first.sid]
    assert store.load(second.sid) is Absent.GONE
    assert store.touch(second.sid, second.key, idle=DAY, interval=0) is Absent.GONE


def test_evict_revokes_as_many_as_needed(rig: Rig, store: Store) -> None:
    """A limit that was lowered revokes several at the next login."""
    started = []
    for _ in range(5):
        started.append(rig.start())
        rig.wait(SECOND)
    created = store.create(rig.proposal(max_sessions=2))
    assert isinstance(created, Created)
    assert {ended.sid for ended in created.revoked} == {one.sid for one in started[:4]}
    assert rig.sids() == [created.session.sid, started[4].sid]


def test_evict_with_a_limit_of_one(rig: Rig, store: Store) -> None:
    """With a limit of one the newest login stays."""
    older = rig.start()
    created = store.create(rig.proposal(max_sessions=1))
    assert isinstance(created, Created)
    assert created.revoked == (older.session,)
    assert rig.sids() == [created.session.sid]


def test_revoke_others_revokes_all_when_the_limit_would_be_passed(rig: Rig, store: Store) -> None:
    """REVOKE_OTHERS leaves only the new auth session if the limit would be exceeded."""
    limit = {"max_sessions": 2, "on_limit": OnLimit.REVOKE_OTHERS}
    older = {rig.start(**limit).sid, rig.start(**limit).sid}
    assert set(rig.sids()) == older
    created = store.create(rig.proposal(**limit))
    assert isinstance(created, Created)
    assert {ended.sid for ended in created.revoked} == older
    assert rig.sids() == [created.session.sid]


def test_refuse_refuses(rig: Rig, store: Store) -> None:
    """REFUSE creates nothing, returns the number of live ones, and does so again when repeated."""
    limit = {"max_sessions": 2, "on_limit": OnLimit.REFUSE}
    older = {rig.start(**limit).sid, rig.start(**limit).sid}
    proposal = rig.proposal(**limit)
    assert store.create(proposal) == Refused(live=2)
    assert store.create(proposal) == Refused(live=2)
    assert store.load(proposal.sid) is Absent.GONE
    assert set(rig.sids()) == older


@pytest.mark.parametrize("policy", OnLimit)
def test_what_has_ended_does_not_count(rig: Rig, store: Store, policy: OnLimit) -> None:
    """Expired and revoked auth sessions do not count."""
    rig.start(idle_ms=MINUTE)
    store.revoke(rig.start().sid, rig.reason)
    rig.wait(MINUTE)
    created = store.create(rig.proposal(max_sessions=1, on_limit=policy))
    assert isinstance(created, Created)
    assert created.revoked == ()


@pytest.mark.parametrize("policy", OnLimit)
def test_other_users_do_not_count(rig: Rig, store: Store, policy: OnLimit) -> None:
    """The limit applies to each user, and revokes no other user's sessions."""
    other = rig.site.add_user()
    theirs = rig.start(user_id=other)
    created = store.create(rig.proposal(max_sessions=1, on_limit=policy))
    assert isinstance(created, Created)
    assert created.revoked == ()
    assert rig.sids(other) == [theirs.sid]


@pytest.mark.parametrize("policy", OnLimit)
def test_the_unused_make_room_first(rig: Rig, store: Store, policy: OnLimit) -> None:
    """One that was never seen again, since its login's response was lost, makes room under every policy."""
    used = rig.start()
    rig.wait(MINUTE)
    store.touch(used.sid, used.key, idle=DAY, interval=0)
    lost = rig.start(jti_digest=None, access_ms=0)
    rig.wait(10 * MINUTE)
    created = store.create(rig.proposal(max_sessions=2, on_limit=policy))
    assert isinstance(created, Created)
    assert created.revoked == (lost.session,)
    assert set(rig.sids()) == {created.session.sid, used.sid}


def test_refuse_is_sure_that_one_is_unused(rig: Rig, store: Store) -> None:
    """One that could have been used unrecorded, or that was used, is not revoked under REFUSE."""
    limit = {"max_sessions": 1, "on_limit": OnLimit.REFUSE}
    older = rig.start(**limit)
    rig.wait(9 * MINUTE)
    assert store.create(rig.proposal(**limit)) == Refused(live=1)
    store.rotate(request(older.sid, 1, older.jti))
    rig.wait(HOUR)
    assert store.create(rig.proposal(**limit)) == Refused(live=1)
    assert rig.sids() == [older.sid]


def test_one_unused_is_not_enough(rig: Rig, store: Store) -> None:
    """REFUSE revokes nothing if the login would be refused all the same."""
    limit = {"max_sessions": 1, "on_limit": OnLimit.REFUSE}
    lost, used = rig.start(), rig.start()
    rig.wait(10 * MINUTE)
    store.touch(used.sid, used.key, idle=DAY, interval=0)
    assert store.create(rig.proposal(**limit)) == Refused(live=2)
    assert set(rig.sids()) == {lost.sid, used.sid}


@pytest.mark.parametrize("policy", [OnLimit.EVICT, OnLimit.REVOKE_OTHERS])
def test_a_limit_that_was_lowered_by_much(rig: Rig, store: Store, policy: OnLimit) -> None:
    """However many have to be revoked, all are and are named; a repeated call names the same."""
    older = {rig.start().sid for _ in range(70)}
    proposal = rig.proposal(max_sessions=2, on_limit=policy)
    created = store.create(proposal)
    assert isinstance(created, Created)
    assert len(created.revoked) == (69 if policy is OnLimit.EVICT else 70)
    assert {session.sid for session in created.revoked} == older - set(rig.sids())
    assert store.create(proposal) == created


def test_room_among_what_an_epoch_ended(rig: Rig, store: Store) -> None:
    """What ``revoke_all`` ended is not counted, however many there are."""
    for _ in range(150):
        rig.start()
    store.revoke_all()
    assert isinstance(store.create(rig.proposal(max_sessions=1, on_limit=OnLimit.REFUSE)), Created)
    assert len(rig.sids()) == 1
