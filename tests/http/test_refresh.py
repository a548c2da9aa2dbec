"""Refresh: rotation, repeat and reuse in JWT mode; activity in session mode."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from django_authkit import sessions_of
from django_authkit.signals import refresh_repeated, refresh_reused, session_refreshed, session_revoked
from django_authkit.types import ReuseClass, RevocationReason
from support.client import ACCESS_COOKIE, REFRESH_COOKIE, Device, body, code, credential_cookies, is_cleared
from support.live_site import LiveSite, by_cookie, in_jwt_mode, in_session_mode
from support.signals import heard


@in_jwt_mode
def test_a_refresh_returns_new_tokens(site: LiveSite, ada: User, device: Device) -> None:
    """Both tokens are new and work, and belong to the same auth session."""
    old, sid = device.copy(), site.sid(device)
    with heard(session_refreshed) as said:
        assert device.refresh().status_code == 200
    assert device.credential != old.credential
    assert device.django_session != old.django_session
    assert site.sid(device) == sid
    assert site.sids(ada) == [sid]
    assert len(said) == 1
    assert device.refresh().status_code == 200


@in_session_mode
def test_a_refresh_keeps_the_session_key(site: LiveSite, ada: User, device: Device) -> None:
    """In session mode the same key comes back, and activity is recorded at once."""
    key = device.credential
    (before,) = sessions_of(ada)
    site.advance(seconds=30)  # sooner than LIFETIMES["TOUCH_INTERVAL"]
    answer = device.refresh()
    assert answer.status_code == 200
    assert device.credential == key
    (after,) = sessions_of(ada)
    assert after.last_seen_ms >= before.last_seen_ms + 29_000
    assert after.idle_expires_ms >= before.idle_expires_ms + 29_000
    assert after.expires_ms == before.expires_ms


@in_session_mode
@by_cookie
def test_a_refresh_sends_no_cookie_whose_key_is_unchanged_under_another_value(
    site: LiveSite, device: Device
) -> None:
    """If the response sets the session cookie, it sets the browser's key."""
    key = device.credential
    answer = device.refresh()
    assert all(answer.cookies[name].value == key for name in credential_cookies(answer))


@in_jwt_mode
def test_a_second_refresh_within_the_grace_is_a_repeat(site: LiveSite, device: Device) -> None:
    """Two tabs, or a retry after a lost response, get the same refresh token."""
    tabs = [device.copy() for _ in range(3)]
    with heard(refresh_repeated) as repeated, heard(refresh_reused) as reused:
        for tab in tabs:
            assert tab.refresh().status_code == 200
            site.advance(seconds=2)
    assert len({tab.secret for tab in tabs}) == 1
    assert all(tab.logged_in() for tab in tabs)
    assert (len(repeated), len(reused)) == (2, 0)
    assert tabs[0].refresh().status_code == 200


@in_jwt_mode
def test_a_repeat_does_not_extend_the_grace(site: LiveSite, device: Device) -> None:
    """The grace counts from the rotation, however often it is used."""
    late = [device.copy() for _ in range(2)]
    device.refresh()
    site.advance(seconds=8)
    assert late[0].refresh().status_code == 200
    site.advance(seconds=4)
    assert code(late[1].refresh()) == (401, "refresh_reused")


@in_jwt_mode
def test_reuse_after_the_grace_revokes_the_auth_session(site: LiveSite, ada: User, device: Device) -> None:
    """Successor and live access token of a superseded token are refused at once."""
    elsewhere = site.logged_in()
    thief = device.copy()
    thief.address = "192.0.2.66"
    device.refresh()
    site.advance(seconds=11)
    assert device.logged_in()
    with heard(refresh_reused) as reused, heard(session_revoked) as revoked:
        answer = thief.refresh()
        assert code(answer) == (401, "refresh_reused")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert code(device.call()) == (401, "session_ended")
        assert code(device.copy().refresh()) == (401, "session_ended")
        assert code(thief.copy().refresh())[0] == 401
    (call,) = reused
    assert call["reuse"] is ReuseClass.PREVIOUS
    assert timedelta(seconds=10) <= call["age"] <= timedelta(seconds=30)
    assert call["address"] == "192.0.2.66"
    assert call["session"].user_id == str(ada.pk)
    assert [e["reason"] for e in revoked] == [RevocationReason.REUSE]
    assert elsewhere.logged_in()
    assert elsewhere.refresh().status_code == 200
    assert site.sids(ada) == [site.sid(elsewhere)]


@in_jwt_mode
def test_a_token_two_generations_old_is_reuse_at_once(site: LiveSite, ada: User, device: Device) -> None:
    """The grace is only for the predecessor."""
    thief = device.copy()
    device.refresh()
    device.refresh()
    with heard(refresh_reused) as reused:
        assert code(thief.refresh()) == (401, "refresh_reused")
    assert [call["reuse"] for call in reused] == [ReuseClass.OLDER]
    assert site.sids(ada) == []


@in_jwt_mode
def test_without_a_grace_a_second_refresh_is_reuse(site: LiveSite, ada: User, device: Device) -> None:
    """``LIFETIMES["REFRESH_GRACE"]`` 0 is allowed."""
    site.configure(LIFETIMES={"REFRESH_GRACE": timedelta(0)})
    second = device.copy()
    assert device.refresh().status_code == 200
    assert code(second.refresh()) == (401, "refresh_reused")
    assert not device.logged_in()


@in_jwt_mode
@by_cookie
def test_a_failed_refresh_clears_the_cookies(site: LiveSite, device: Device) -> None:
    """A cookie that can never work again is deleted."""
    late = device.copy()
    device.refresh()
    site.advance(seconds=11)
    for expected in ("refresh_reused", "session_ended"):
        answer = (late if expected == "refresh_reused" else device).refresh()
        assert code(answer) == (401, expected)
        assert credential_cookies(answer) == {ACCESS_COOKIE, REFRESH_COOKIE}
        assert all(is_cleared(answer.cookies[name]) for name in (ACCESS_COOKIE, REFRESH_COOKIE))


@pytest.mark.parametrize("how", ["body", "cookie", "header"])
def test_junk_does_not_refresh(site: LiveSite, device: Device, how: str) -> None:
    """It is 401 with a code, and clears only token cookies."""
    stranger = site.device()
    stranger.cookies = {"csrftoken": "a" * 32}
    name = REFRESH_COOKIE if site.is_jwt else "__Host-sessionid"
    junk = "AA" + "B" * 14 + "." + "C" * 23 if not site.is_jwt else "a.b.c"
    if how == "cookie":
        stranger.cookies[name] = junk
    headers = {**stranger.csrf(), **({"Authorization": f"Bearer {junk}"} if how == "header" else {})}
    answer = stranger.post("/auth/refresh/", {"refresh": junk} if how == "body" else None, headers=headers)
    assert answer.status_code == 401
    assert body(answer)["code"] in {"token_malformed", "token_invalid", "session_ended"}
    assert bool(credential_cookies(answer)) is (how == "cookie" and site.is_jwt)
    assert device.logged_in()


def test_nothing_to_refresh_is_a_bare_401(site: LiveSite) -> None:
    """Without a credential it is ``not_authenticated`` with a bare challenge."""
    answer = site.device().post("/auth/refresh/")
    assert code(answer) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_refresh_notices_a_changed_password_that_sent_no_signal(
    site: LiveSite, ada: User, device: Device
) -> None:
    """
    ``queryset.update()`` sends no signal, but refresh and every request notice it.

    A session cookie is deleted at once, as Django does, so there is nothing left to refresh with.
    """
    User.objects.filter(pk=ada.pk).update(password="!")
    assert code(device.call()) == (401, "session_ended")
    flushed = device.is_browser and not site.is_jwt
    assert code(device.refresh()) == (401, "not_authenticated" if flushed else "session_ended")
    assert site.sids(ada) == []


def test_a_refresh_notices_a_disabled_user_that_sent_no_signal(
    site: LiveSite, ada: User, device: Device
) -> None:
    """The same for an account that was deactivated without a signal."""
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert code(device.call()) == (401, "session_ended")
    assert code(device.refresh()) == (401, "session_ended")
