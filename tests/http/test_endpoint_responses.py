"""What login, refresh, session, verify and logout answer: members, headers, cookies."""

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
    """Return the members that login and refresh answer with."""
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
    """Check all that login and refresh have in common."""
    data = body(answer)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert set(data) == expected_members(site)
    assert set(data["session"]) == {"sid", "mode", "created_at", "expires_at"}
    assert data["session"]["sid"] in site.sids(ada)
    assert data["session"]["mode"] == site.mode
    assert data["user"] == {"id": ada.pk, "username": "ada"}
    created, expires = (data["session"][name] for name in ("created_at", "expires_at"))
    assert RFC3339.fullmatch(created)
    assert RFC3339.fullmatch(expires)
    lifetime = datetime.fromisoformat(expires) - datetime.fromisoformat(created)
    assert lifetime == timedelta(days=90)
    assert abs(datetime.fromisoformat(created) - datetime.now(tz=UTC)) < timedelta(seconds=30)


def test_log_in_answers_in_the_shape_of_the_protocol(site: LiveSite, ada: User) -> None:
    """Login answers with exactly the members of its mode and transport."""
    answer = site.device().log_in()
    assert_granted(site, ada, answer)
    if site.transport is Transport.HEADER:
        assert body(answer)["token_type"] == "Bearer"
        assert body(answer)["expires_in"] == (300 if site.is_jwt else 14 * 86400)


def test_refresh_answers_in_the_shape_of_the_protocol(site: LiveSite, ada: User, device: Device) -> None:
    """Refresh answers as login does, for the same auth session."""
    before = site.sid(device)
    answer = device.refresh()
    assert_granted(site, ada, answer)
    assert body(answer)["session"]["sid"] == before


def test_only_the_cookies_of_mode_and_transport_are_set(site: LiveSite, device: Device) -> None:
    """Login sets the cookies of its mode in cookie transport and none in header transport."""
    assert own_cookies(site) == set(device.cookies) & set(CREDENTIAL_COOKIES)
    assert credential_cookies(device.refresh()) <= own_cookies(site)


def test_refresh_sets_both_token_cookies(site: LiveSite, device: Device) -> None:
    """A refresh by cookie in JWT mode answers with two new cookies."""
    before = dict(device.cookies)
    answer = device.refresh()
    if site.is_jwt and device.is_browser:
        assert credential_cookies(answer) == {ACCESS_COOKIE, REFRESH_COOKIE}
        assert device.cookies[ACCESS_COOKIE] != before[ACCESS_COOKIE]
        assert device.cookies[REFRESH_COOKIE] != before[REFRESH_COOKIE]
    else:
        assert not credential_cookies(answer) - own_cookies(site)


def test_no_credential_is_in_a_body_of_cookie_transport(site: LiveSite, device: Device) -> None:
    """What a cookie carries is in no body (ASVS 3.3.4)."""
    answers = [device.refresh(), device.who(), device.call(), site.device().log_in()]
    if device.is_browser:
        secrets = [device.cookies[name] for name in own_cookies(site)]
        assert not [secret for secret in secrets for answer in answers if secret.encode() in answer.content]
        assert not {"access", "refresh", "token_type", "expires_in"} & set(body(answers[-1]))


@pytest.mark.parametrize("remember", [True, False])
def test_credential_cookies_have_the_safe_attributes(site: LiveSite, ada: User, remember: bool) -> None:
    """The cookies are Secure, HttpOnly, Lax, for the whole host, and outlive the browser if asked to."""
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
    """Without ``remember`` the cookies end with the browser."""
    answer = site.device().log_in()
    assert not any(answer.cookies[name]["expires"] for name in own_cookies(site))


def varies_on(answer: HttpResponse) -> set[str]:
    """Return what the answer's ``Vary`` names, in lower case."""
    return {name.strip().lower() for name in answer.headers.get("Vary", "").split(",")}


def test_every_answer_of_the_endpoints_stays_out_of_caches(site: LiveSite, device: Device) -> None:
    """All endpoints answer ``no-store`` and vary on both carriers of credentials, errors too."""
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
    """``session/`` answers with ``session`` and ``user`` alone, the same as login."""
    answer = device.who()
    assert answer.status_code == 200
    assert set(body(answer)) == {"session", "user"}
    refreshed = body(device.refresh())
    assert body(answer) == {name: refreshed[name] for name in ("session", "user")}


def test_session_hands_out_the_csrf_cookie_even_with_its_401(site: LiveSite) -> None:
    """A browser that knows nothing yet gets from ``session/`` what it needs to log in."""
    stranger = site.device(Transport.COOKIE)
    answer = stranger.who()
    assert answer.status_code == 401
    assert answer.cookies[CSRF_COOKIE].value


def test_an_answer_of_a_view_varies_on_what_it_was_decided_by(site: LiveSite, device: Device) -> None:
    """An answer that depends on the user varies on both carriers of credentials."""
    for answer in (device.call(), device.get("/plain/whoami/"), site.device().get("/plain/whoami/")):
        assert {"cookie", "authorization"} <= varies_on(answer)


def verify_members() -> set[str]:
    """Return the members of RFC 7662 that a good credential is described by."""
    return {"active", "sub", "sid", "iat", "exp", "token_type"}


def test_verify_describes_a_good_credential(site: LiveSite, ada: User, device: Device) -> None:
    """``verify/`` answers in the shape of RFC 7662 for what opens views."""
    answer = site.device(Transport.HEADER).verify(device.credential)
    assert answer["active"] is True
    assert verify_members() <= set(answer)
    assert answer["sub"] == str(ada.pk)
    assert answer["sid"] == site.sid(device)
    assert isinstance(answer["iat"], int)
    assert isinstance(answer["exp"], int)
    assert answer["exp"] > answer["iat"]


def junk(site: LiveSite, device: Device) -> list[str]:
    """Return what opens no view."""
    key = device.credential
    changed = key[:-2] + ("AA" if key[-2:] != "AA" else "BB")
    return ["x", "a.b.c", "a.b.c.d.e", changed, *([device.django_session] if site.is_jwt else [])]


def test_verify_says_one_word_of_a_bad_one(site: LiveSite, device: Device) -> None:
    """``verify/`` answers ``{"active": false}`` and nothing else for whatever opens no view."""
    for token in junk(site, device):
        assert site.device(Transport.HEADER).verify(token) == {"active": False}
    device.log_out()


def test_verify_sees_the_end_of_the_auth_session(site: LiveSite, device: Device) -> None:
    """``verify/`` says no after logout."""
    token = device.credential
    device.log_out()
    assert site.device(Transport.HEADER).verify(token) == {"active": False}


def test_verify_never_slides(site: LiveSite, device: Device) -> None:
    """Asking about a credential is no activity: the store is not written, and the idle end stays."""
    token = device.credential
    site.advance(minutes=4)
    before = site.snapshot()
    assert site.device(Transport.HEADER).verify(token)["active"] is True
    assert site.snapshot() == before


def test_log_out_answers_nothing_and_clears_its_cookies(site: LiveSite, device: Device) -> None:
    """Logout is 204 without a body; the browser forgets its credential cookies and no others."""
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
def test_times_are_whole_in_every_answer(site: LiveSite, device: Device, field: str) -> None:
    """Times do not change from answer to answer."""
    seen: set[Any] = {body(device.refresh())["session"][field], body(device.who())["session"][field]}
    assert len(seen) == 1


def test_the_sid_is_no_credential(site: LiveSite, device: Device) -> None:
    """The public handle opens nothing."""
    sid = site.sid(device)
    stranger = site.device(Transport.HEADER)
    assert stranger.get("/api/whoami/", {"Authorization": f"Bearer {sid}"}).status_code == 401
    assert stranger.verify(sid) == {"active": False}
    assert stranger.post("/auth/logout/", headers={"Authorization": f"Bearer {sid}"}).status_code == 204
    assert device.logged_in()


def test_the_mode_of_the_credential_is_told(site: LiveSite, device: Device) -> None:
    """``session/`` says which mode the request was recognised by."""
    assert body(device.who())["session"]["mode"] == site.mode
    assert device.mode is site.mode
    assert site.mode in {Mode.SESSION, Mode.JWT}
