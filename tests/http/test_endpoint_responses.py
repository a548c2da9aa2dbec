"""The responses of login, refresh, session, verify and logout: members, headers, cookies."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse

from django_authkit.types import Mode, Transport
from support.client import (
    ACCESS_COOKIE,
    CREDENTIAL_COOKIES,
    CSRF_COOKIE,
    REFRESH_COOKIE,
    SESSION_COOKIE,
    Device,
    body,
    credential_cookies,
    is_cleared,
)
from support.live_site import LiveSite

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def expected_members(site: LiveSite) -> set[str]:
    """Return the members of the responses of login and refresh."""
    members = {"session", "user"}
    if site.transport is Transport.HEADER:
        members |= {"access", "token_type", "expires_in"}
        if site.is_jwt:
            members.add("refresh")
    return members


def own_cookies(site: LiveSite) -> set[str]:
    """Return the names of the cookies that login and refresh set."""
    if site.transport is Transport.HEADER:
        return set()
    return {ACCESS_COOKIE, REFRESH_COOKIE} if site.is_jwt else {SESSION_COOKIE}


def assert_granted(site: LiveSite, ada: User, answer: HttpResponse) -> None:
    """Check what login and refresh have in common."""
    data = body(answer)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert set(data) == expected_members(site)
    assert set(data["session"]) == {"sid", "mode", "created_at", "expires_at", "bound"}
    assert data["session"]["sid"] in site.sids(ada)
    assert data["session"]["mode"] == site.mode
    assert data["user"] == {"id": ada.pk, "username": "ada"}
    created, expires = (data["session"][name] for name in ("created_at", "expires_at"))
    assert RFC3339.fullmatch(created)
    assert RFC3339.fullmatch(expires)
    lifetime = datetime.fromisoformat(expires) - datetime.fromisoformat(created)
    assert lifetime == timedelta(days=90)
    assert abs(datetime.fromisoformat(created) - datetime.now(tz=UTC)) < timedelta(seconds=30)


def test_login_returns_the_documented_members(site: LiveSite, ada: User) -> None:
    """Login returns exactly the members of its mode and transport."""
    answer = site.device().log_in()
    assert_granted(site, ada, answer)
    if site.transport is Transport.HEADER:
        assert body(answer)["token_type"] == "Bearer"
        assert body(answer)["expires_in"] == (300 if site.is_jwt else 14 * 86400)


def test_refresh_returns_the_documented_members(site: LiveSite, ada: User, device: Device) -> None:
    """Refresh returns the same as login, for the same auth session."""
    before = site.sid(device)
    answer = device.refresh()
    assert_granted(site, ada, answer)
    assert body(answer)["session"]["sid"] == before


def test_only_the_cookies_of_mode_and_transport_are_set(site: LiveSite, device: Device) -> None:
    """Login sets the cookies of its mode in cookie transport and none in header transport."""
    assert own_cookies(site) == set(device.cookies) & set(CREDENTIAL_COOKIES)
    assert credential_cookies(device.refresh()) <= own_cookies(site)


def test_refresh_sets_both_token_cookies(site: LiveSite, device: Device) -> None:
    """A refresh by cookie in JWT mode sets two new cookies."""
    before = dict(device.cookies)
    answer = device.refresh()
    if site.is_jwt and device.is_browser:
        assert credential_cookies(answer) == {ACCESS_COOKIE, REFRESH_COOKIE}
        assert device.cookies[ACCESS_COOKIE] != before[ACCESS_COOKIE]
        assert device.cookies[REFRESH_COOKIE] != before[REFRESH_COOKIE]
    else:
        assert not credential_cookies(answer) - own_cookies(site)


def test_no_credential_is_in_a_body_of_cookie_transport(site: LiveSite, device: Device) -> None:
    """A credential in a cookie is in no body (ASVS 3.3.4)."""
    answers = [device.refresh(), device.who(), device.call(), site.device().log_in()]
    if device.is_browser:
        secrets = [device.cookies[name] for name in own_cookies(site)]
        assert not [secret for secret in secrets for answer in answers if secret.encode() in answer.content]
        assert not {"access", "refresh", "token_type", "expires_in"} & set(body(answers[-1]))


@pytest.mark.parametrize("remember", [True, False])
def test_credential_cookies_have_the_safe_attributes(site: LiveSite, ada: User, remember: bool) -> None:
    """The cookies are Secure, HttpOnly, Lax, for the whole host, and persistent if requested."""
    answer = site.device().log_in(remember=remember)
    for name in own_cookies(site):
        morsel = answer.cookies[name]
        assert morsel["secure"] is True
        assert morsel["httponly"] is True
        assert morsel["samesite"] == "Lax"
        assert morsel["path"] == "/"
        assert not morsel["domain"]
        assert bool(morsel["expires"]) is remember
        if remember:
            expires = datetime.strptime(morsel["expires"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
            ends = datetime.fromisoformat(body(answer)["session"]["expires_at"])
            assert abs(expires - ends) < timedelta(seconds=2)
        else:
            assert not morsel["max-age"]


def test_refreshed_cookies_last_as_long_as_the_first_ones(site: LiveSite, ada: User) -> None:
    """Whether cookies are persistent is decided at login and kept by each refresh."""
    for remember in (True, False):
        device = site.logged_in(remember=remember)
        answer = device.refresh()
        for name in credential_cookies(answer):
            assert bool(answer.cookies[name]["expires"]) is remember


def test_the_default_is_not_to_remember(site: LiveSite, ada: User) -> None:
    """Without ``remember`` the cookies expire with the browser."""
    answer = site.device().log_in()
    assert not any(answer.cookies[name]["expires"] for name in own_cookies(site))


def varies_on(answer: HttpResponse) -> set[str]:
    """Return what the response's ``Vary`` names, in lower case."""
    return {name.strip().lower() for name in answer.headers.get("Vary", "").split(",")}


def test_no_response_of_the_endpoints_is_cached(site: LiveSite, device: Device) -> None:
    """All endpoints return ``no-store`` and vary on both headers with credentials, even for errors."""
    stranger = site.device()
    answers = {
        "session": device.who(),
        "session 401": stranger.who(),
        "login": site.device().log_in(),
        "login failed": site.device().log_in(password="wrong"),
        "refresh": device.refresh(),
        "refresh 401": stranger.post("/auth/refresh/"),
        "verify": stranger.post("/auth/verify/", {"token": "x"}),
        "invalid": stranger.send("POST", "/auth/verify/", b"{"),
        "method": stranger.get("/auth/login/"),
        "logout": device.log_out(),
    }
    for name, answer in answers.items():
        assert "no-store" in answer.headers.get("Cache-Control", ""), name
        assert {"cookie", "authorization"} <= varies_on(answer), name


def test_session_says_who_and_until_when(site: LiveSite, ada: User, device: Device) -> None:
    """``session/`` returns ``session`` and ``user``, the same as login."""
    answer = device.who()
    assert answer.status_code == 200
    assert set(body(answer)) == {"session", "user"}
    refreshed = body(device.refresh())
    assert body(answer) == {name: refreshed[name] for name in ("session", "user")}


def test_session_hands_out_the_csrf_cookie_even_with_its_401(site: LiveSite) -> None:
    """A browser without cookies gets the CSRF cookie from ``session/``, so that it can log in."""
    stranger = site.device(Transport.COOKIE)
    answer = stranger.who()
    assert answer.status_code == 401
    assert answer.cookies[CSRF_COOKIE].value


def test_a_response_of_a_view_varies_on_the_credentials(site: LiveSite, device: Device) -> None:
    """A response that depends on the user varies on both headers with credentials."""
    for answer in (device.call(), device.get("/plain/whoami/"), site.device().get("/plain/whoami/")):
        assert {"cookie", "authorization"} <= varies_on(answer)


def verify_members() -> set[str]:
    """Return the members of RFC 7662 that describe a valid credential."""
    return {"active", "sub", "sid", "iat", "exp", "token_type"}


def test_verify_describes_a_good_credential(site: LiveSite, ada: User, device: Device) -> None:
    """``verify/`` returns the members of RFC 7662 for a credential that authenticates views."""
    answer = site.device(Transport.HEADER).verify(device.credential)
    assert answer["active"] is True
    assert verify_members() <= set(answer)
    assert answer["sub"] == str(ada.pk)
    assert answer["sid"] == site.sid(device)
    assert isinstance(answer["iat"], int)
    assert isinstance(answer["exp"], int)
    assert answer["exp"] > answer["iat"]


def junk(site: LiveSite, device: Device) -> list[str]:
    """Return strings that authenticate nothing."""
    key = device.credential
    changed = key[:-2] + ("AA" if key[-2:] != "AA" else "BB")
    return ["x", "a.b.c", "a.b.c.d.e", changed, *([device.django_session] if site.is_jwt else [])]


def test_verify_says_one_word_of_a_bad_one(site: LiveSite, device: Device) -> None:
    """``verify/`` returns ``{"active": false}`` and nothing else for any other string."""
    for token in junk(site, device):
        assert site.device(Transport.HEADER).verify(token) == {"active": False}
    device.log_out()


def test_verify_notices_a_revocation(site: LiveSite, device: Device) -> None:
    """``verify/`` returns inactive after a logout."""
    token = device.credential
    device.log_out()
    assert site.device(Transport.HEADER).verify(token) == {"active": False}


def test_verify_is_not_activity(site: LiveSite, device: Device) -> None:
    """Verifying is not activity: nothing is written, and the idle timeout is not extended."""
    token = device.credential
    site.advance(minutes=4)
    before = site.snapshot()
    assert site.device(Transport.HEADER).verify(token)["active"] is True
    assert site.snapshot() == before


def test_logout_has_no_body_and_clears_its_cookies(site: LiveSite, device: Device) -> None:
    """Logout is 204 without a body; the browser deletes its credential cookies and no others."""
    answer = device.log_out()
    assert answer.status_code == 204
    assert answer.content == b""
    assert credential_cookies(answer) == own_cookies(site)
    for name in own_cookies(site):
        assert is_cleared(answer.cookies[name])
        assert answer.cookies[name]["path"] == "/"
        assert answer.cookies[name]["secure"] is True  # or browsers ignore it for a __Host- name
    assert not set(device.cookies) & set(CREDENTIAL_COOKIES)


@pytest.mark.parametrize("field", ["created_at", "expires_at"])
def test_times_are_the_same_in_every_response(site: LiveSite, device: Device, field: str) -> None:
    """Times do not differ between responses."""
    seen: set[Any] = {body(device.refresh())["session"][field], body(device.who())["session"][field]}
    assert len(seen) == 1


def test_the_sid_is_no_credential(site: LiveSite, device: Device) -> None:
    """The public handle authenticates nothing."""
    sid = site.sid(device)
    stranger = site.device(Transport.HEADER)
    assert stranger.get("/api/whoami/", {"Authorization": f"Bearer {sid}"}).status_code == 401
    assert stranger.verify(sid) == {"active": False}
    assert stranger.post("/auth/logout/", headers={"Authorization": f"Bearer {sid}"}).status_code == 204
    assert device.logged_in()


def test_the_mode_of_the_credential_is_told(site: LiveSite, device: Device) -> None:
    """``session/`` says by which mode the request was authenticated."""
    assert body(device.who())["session"]["mode"] == site.mode
    assert device.mode is site.mode
    assert site.mode in {Mode.SESSION, Mode.JWT}
