"""The promises of cookies: names that cannot be planted, paths, sizes, and logout."""

import logging
from http.cookies import Morsel

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from pytest_django import Settings

from django_authkit.types import Transport
from support.client import ACCESS_COOKIE, REFRESH_COOKIE, SESSION_COOKIE, Device, code, is_cleared
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode

DISGUISES = ["\u2000", "\u3000", "\x85", "\xa0", "\u2028", "\x1c"]
"""Python treats them as white space; to a browser each is part of the name."""
SECURE_REFRESH = "__Secure-authkit_refresh"


def raw(pairs: list[tuple[str, str]]) -> str:
    """Return a Cookie header as a WSGI server passes it: bytes, decoded as Latin-1."""
    return "; ".join(f"{name}={value}" for name, value in pairs).encode().decode("latin-1")


def named(device: Device) -> list[tuple[str, str]]:
    """Return the device's cookies as pairs."""
    return list(device.cookies.items())


# -- names ----------------------------------------------------------------------------------------


@by_cookie
@pytest.mark.parametrize("disguise", DISGUISES, ids=ascii)
def test_a_disguised_name_is_another_cookie(
    site: LiveSite, ada: User, bob: User, device: Device, disguise: str
) -> None:
    """A cookie that a sibling host plants under a similar name is not used."""
    planted = [(f"{disguise}{name}", value) for name, value in named(site.logged_in("bob"))]
    for path in ("/auth/session/", "/api/whoami/", "/plain/whoami/"):
        alone = device.send("GET", path, headers={"Cookie": raw(planted)})
        assert alone.status_code == 401 or b"bob" not in alone.content
        for pairs in (named(device) + planted, planted + named(device)):
            answer = device.send("GET", path, headers={"Cookie": raw(pairs)})
            assert b"bob" not in answer.content
            assert answer.status_code == 200


@in_jwt_mode
@by_cookie
def test_a_disguised_refresh_token_is_not_exchanged(site: LiveSite, bob: User, device: Device) -> None:
    """It is not set in the browser either, and a logout revokes nothing of its owner's."""
    others = site.logged_in("bob")
    planted = [(f"\u2000{REFRESH_COOKIE}", others.cookies[REFRESH_COOKIE])]
    cookie = {"Cookie": raw([*planted, ("csrftoken", device.cookies["csrftoken"])]), **device.csrf()}
    assert code(device.send("POST", "/auth/refresh/", headers=cookie)) == (401, "not_authenticated")
    assert device.send("POST", "/auth/logout/", headers=cookie).status_code == 204
    assert others.refresh().status_code == 200


@in_session_mode
@by_cookie
def test_names_without_a_prefix_are_read_as_django_does(settings: Settings, site: LiveSite) -> None:
    """These names promise nothing; of two cookies the valid one counts."""
    settings.SESSION_COOKIE_NAME = "sessionid"
    site.add_user()
    device = site.device()
    device.who()
    device.log_in()
    key = device.cookies["sessionid"]
    for pairs in ([("sessionid", "x"), ("sessionid", key)], [("sessionid", key), ("sessionid", "x")]):
        assert device.send("GET", "/api/whoami/", headers={"Cookie": raw(pairs)}).status_code == 200


@by_cookie
def test_of_two_cookies_of_a_name_the_valid_one_counts(site: LiveSite, ada: User, device: Device) -> None:
    """An old cookie for another path or domain never logs anybody out."""
    name = ACCESS_COOKIE if site.is_jwt else SESSION_COOKIE
    good = (name, device.cookies[name])
    for pairs in ([(name, "x"), good], [good, (name, "x")]):
        assert device.send("GET", "/api/whoami/", headers={"Cookie": raw(pairs)}).status_code == 200


# -- the refresh cookie to the endpoints only -----------------------------------------------------


@in_jwt_mode
@by_cookie
def test_the_refresh_cookie_can_have_a_path_of_its_own(site: LiveSite, ada: User) -> None:
    """It is set and cleared with that path, under a name that this path allows."""
    site.configure(COOKIE={"REFRESH_PATH": "/auth/"})
    device = site.device()
    device.who()
    for answer in (device.log_in(), device.refresh(), device.reauthenticate()):
        assert answer.status_code == 200
        assert _scope(answer, SECURE_REFRESH) == ("/auth/", True, True)
        assert _scope(answer, ACCESS_COOKIE) == ("/", True, True)
        assert REFRESH_COOKIE not in answer.cookies
    answer = device.log_out()
    for name, path in ((SECURE_REFRESH, "/auth/"), (ACCESS_COOKIE, "/")):
        assert is_cleared(answer.cookies[name])
        assert answer.cookies[name]["path"] == path
    assert site.sids(ada) == []


def _scope(answer: HttpResponse, name: str) -> tuple[str, bool, bool]:
    morsel: Morsel[str] = answer.cookies[name]
    return morsel["path"], bool(morsel["secure"]), bool(morsel["httponly"])


@in_jwt_mode
@by_cookie
def test_a_planted_refresh_cookie_is_refused_beside_ones_own_access_cookie(
    site: LiveSite, ada: User, bob: User
) -> None:
    """Nobody continues another user's login, even if the access token has expired; nothing is revoked."""
    site.configure(COOKIE={"REFRESH_PATH": "/auth/"})
    victim, attacker = site.device(), site.device()
    for device, name in ((victim, "ada"), (attacker, "bob")):
        device.who()
        device.log_in(name)
    own = victim.cookies[SECURE_REFRESH]
    site.advance(minutes=6)
    before = site.snapshot()
    victim.cookies[SECURE_REFRESH] = attacker.cookies[SECURE_REFRESH]
    answer = victim.refresh()
    assert code(answer) == (401, "token_invalid")
    assert not {ACCESS_COOKIE, SECURE_REFRESH} & set(answer.cookies)
    assert site.snapshot() == before
    victim.cookies[SECURE_REFRESH] = own
    assert victim.refresh().json()["user"]["username"] == "ada"  # type: ignore[attr-defined]
    assert attacker.refresh().status_code == 200


# -- plain http -----------------------------------------------------------------------------------


@in_jwt_mode
@by_cookie
def test_plain_http_changes_names_and_secure_together(settings: Settings, site: LiveSite, ada: User) -> None:
    """With ``DEBUG`` on, browsers keep the cookies over plain HTTP; with it off nothing changes."""
    site.configure(COOKIE={"PLAIN_HTTP": True})
    for debug, names in (
        (True, ("authkit_access", "authkit_refresh")),
        (False, (ACCESS_COOKIE, REFRESH_COOKIE)),
    ):
        settings.DEBUG = debug
        site.keep_time()
        device = site.device()
        device.who()
        answer = device.log_in()
        for name in names:
            assert bool(answer.cookies[name]["secure"]) is not debug
            assert answer.cookies[name]["httponly"]
        assert device.refresh().status_code == 200
        assert device.logged_in()


# -- what a logout leaves ------------------------------------------------------------------------

FORGET = "Clear-Site-Data"


def test_a_log_out_can_clear_the_sites_data(site: LiveSite, ada: User) -> None:
    """Each way to log out clears it, in both transports; nothing else does; by default nothing is cleared."""
    assert FORGET not in site.logged_in().log_out().headers
    site.configure(CLEAR_SITE_DATA=("cache", "storage"))
    device = site.logged_in()
    for answer in (
        device.call(),
        device.refresh(),
        device.reauthenticate(),
        device.delete("/auth/sessions/"),
    ):
        assert answer.status_code == 200
        assert FORGET not in answer.headers
    assert device.log_out().headers[FORGET] == '"cache", "storage"'
    device = site.logged_in()
    answer = device.delete(f"/auth/sessions/{site.sid(device)}/")
    assert answer.headers[FORGET] == '"cache", "storage"'


@by_cookie
def test_django_log_outs_clear_it_too(site: LiveSite, ada: User) -> None:
    """The device page's button and Django's ``logout()`` clear it, too."""
    site.configure(CLEAR_SITE_DATA=("storage",))
    device = site.logged_in()
    answer = device.submit("/account/devices/", revoke=site.sid(device))
    assert answer.headers[FORGET] == '"storage"'
    assert site.logged_in().post("/plain/logout/").headers[FORGET] == '"storage"'


def test_nobody_else_can_have_it_cleared(site: LiveSite, ada: User, device: Device) -> None:
    """A logout without a credential, which any page can send, clears nothing."""
    site.configure(CLEAR_SITE_DATA=("storage",))
    stranger = site.device(Transport.COOKIE)
    answer = stranger.send("POST", "/auth/logout/")
    assert answer.status_code == 204
    assert FORGET not in answer.headers
    answer = stranger.send("POST", "/auth/logout/", b'{"refresh": "x"}')
    assert answer.status_code == 204
    assert FORGET not in answer.headers
    if device.is_browser:
        assert FORGET not in device.send("POST", "/auth/logout/").headers
    assert device.logged_in()


# -- size -----------------------------------------------------------------------------------------


@in_jwt_mode
@by_cookie
def test_a_login_that_fits_no_cookie_fails(
    settings: Settings, site: LiveSite, ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    """Up to 4096 bytes it works; beyond, it is a 500 with a code and a log record, and no auth session."""
    settings.PADDING = 0
    site.configure(EXTRA_CLAIMS="testapp.claims.padding")
    device = site.device()
    device.who()
    size = len(device.log_in(remember=True).cookies[ACCESS_COOKIE].OutputString())
    settings.PADDING = (4096 - size) * 3 // 4  # base64: four characters for three bytes
    answer = device.log_in(remember=True)
    assert 4090 <= len(answer.cookies[ACCESS_COOKIE].OutputString()) <= 4096
    kept = site.sids(ada)
    settings.PADDING += 6
    another = site.device()
    another.who()
    with caplog.at_level(logging.ERROR, "django_authkit.cookies"):
        answer = another.log_in(remember=True)
    assert code(answer) == (500, "cookie_too_large")
    assert not {ACCESS_COOKIE, REFRESH_COOKIE} & set(answer.cookies)
    [record] = [each for each in caplog.records if each.name == "django_authkit.cookies"]
    assert ACCESS_COOKIE in record.getMessage()
    assert "EXTRA_CLAIMS" in record.getMessage()
    assert f"The login of user {ada.pk} from 198.51.100.7 was revoked (session " in record.getMessage()
    assert site.sids(ada) == kept


@in_jwt_mode
@by_cookie
def test_a_refresh_that_fits_no_cookie_is_not_reuse(settings: Settings, site: LiveSite, ada: User) -> None:
    """If the claims have grown, the auth session is revoked at once, not as reuse later."""
    settings.PADDING = 0
    site.configure(EXTRA_CLAIMS="testapp.claims.padding")
    device = site.logged_in()
    settings.PADDING = 4096
    assert code(device.refresh()) == (500, "cookie_too_large")
    assert site.sids(ada) == []
    site.advance(minutes=1)
    assert code(device.refresh()) == (401, "session_ended")


@in_jwt_mode
@by_header
def test_the_limit_does_not_apply_to_headers(settings: Settings, site: LiveSite, ada: User) -> None:
    """The limit is for cookies only."""
    settings.PADDING = 4096
    site.configure(EXTRA_CLAIMS="testapp.claims.padding")
    device = site.logged_in()
    assert device.refresh().status_code == 200
    assert device.logged_in()
