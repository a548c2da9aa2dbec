"""401s: codes and challenges; and invalid credentials block neither login nor logout."""

import re
from importlib import import_module

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from django_authkit.api.exception_handler import exception_handler
from django_authkit.permissions import IsAuthenticated
from django_authkit.types import Transport
from support.client import ACCESS_COOKIE, REFRESH_COOKIE, SESSION_COOKIE, Device, body, code
from support.live_site import LiveSite, in_jwt_mode
from testapp.views import WhoAmI

VIEWS = ["/api/whoami/", "/auth/session/"]
CHALLENGE = re.compile(r'Bearer realm="[^"]*"(, error="invalid_token", error_description="[ !#-\[\]-~]*")?')
"""RFC 6750, section 3, including the characters of a description."""


@pytest.mark.parametrize("path", VIEWS)
def test_nothing_presented_is_a_401_without_an_error(site: LiveSite, path: str) -> None:
    """A missing login is a 401 with a bare challenge, never DRF's 403."""
    answer = site.device().get(path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_missing_login_has_its_code(site: LiveSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ``not_authenticated``: from the endpoints, and from views with our permission class."""
    monkeypatch.setattr(WhoAmI, "permission_classes", (IsAuthenticated,))
    for path in VIEWS:
        answer = site.device().get(path)
        assert code(answer) == (401, "not_authenticated")
        assert set(body(answer)) == {"detail", "code"}
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_our_exception_handler_gives_every_view_its_codes(
    site: LiveSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With our handler a project's own views have our error format, even for DRF's own errors."""
    monkeypatch.setattr(WhoAmI, "get_exception_handler", lambda _: exception_handler)
    assert code(site.device().get("/api/whoami/")) == (401, "not_authenticated")
    assert code(site.device().send("DELETE", "/api/whoami/"))[0] in {401, 405}
    assert code(site.device().send("DELETE", "/api/whoami/"))[1]


@pytest.mark.parametrize("path", VIEWS)
def test_a_dead_credential_is_a_401_with_an_error(site: LiveSite, device: Device, path: str) -> None:
    """A credential whose auth session is dead is 401 ``session_ended``, by each transport."""
    stale = device.copy()
    device.log_out()
    answer = stale.get(path)
    assert code(answer) == (401, "session_ended")
    challenge = answer.headers["WWW-Authenticate"]
    assert CHALLENGE.fullmatch(challenge)
    assert 'error="invalid_token"' in challenge


def test_a_dead_credential_is_a_401_on_open_views_too(site: LiveSite, device: Device) -> None:
    """A public DRF view refuses a dead credential, so that the client learns to refresh."""
    stale = device.copy()
    assert stale.get("/api/open/").status_code == 200
    device.log_out()
    assert code(stale.get("/api/open/")) == (401, "session_ended")
    assert site.device().get("/api/open/").status_code == 200


def test_a_stale_cookie_makes_plain_views_anonymous(site: LiveSite, device: Device) -> None:
    """In plain Django views a dead cookie is anonymous; a dead bearer is a 401."""
    stale = device.copy()
    device.log_out()
    for path in ("/plain/whoami/", "/plain/whoami-async/"):
        answer = stale.get(path)
        if stale.is_browser:
            assert body(answer)["id"] is None
        else:
            assert code(answer) == (401, "session_ended")


@in_jwt_mode
def test_an_expired_access_token_is_called_so(site: LiveSite, device: Device) -> None:
    """``token_expired`` tells a client to refresh; after that it works again."""
    site.advance(minutes=4, seconds=50)
    assert device.logged_in()
    site.advance(seconds=20)  # past the leeway too
    for path in VIEWS:
        assert code(device.get(path)) == (401, "token_expired")
    assert device.refresh().status_code == 200
    assert device.logged_in()


def test_a_tampered_credential_is_refused(site: LiveSite, device: Device) -> None:
    """A credential with one changed character is refused; the original still works."""
    credential = device.credential
    place = len(credential) - 5
    changed = credential[:place] + ("A" if credential[place] != "A" else "B") + credential[place + 1 :]
    stranger = site.device(Transport.HEADER)
    answer = stranger.get("/api/whoami/", {"Authorization": f"Bearer {changed}"})
    assert code(answer) == (401, "token_invalid" if site.is_jwt else "session_ended")
    assert device.logged_in()


JUNK = [
    "x",
    "a.b.c",
    "a.b.c.d.e",
    "A" * 40,
    "AA" + "B" * 14 + "." + "C" * 23,
    "AA" + "B" * 14 + "~" + "C" * 23,
]


@pytest.mark.parametrize("junk", JUNK)
def test_junk_blocks_no_login(site: LiveSite, ada: User, junk: str) -> None:
    """A browser with junk in every cookie, or an app with a junk bearer, can log in."""
    device = site.device()
    if device.is_browser:
        device.who()
        device.cookies |= dict.fromkeys((SESSION_COOKIE, ACCESS_COOKIE, REFRESH_COOKIE), junk)
        assert device.log_in().status_code == 200
    else:
        answer = device.post(
            "/auth/login/",
            {"username": "ada", "password": "correct horse battery staple"},
            headers={"Authorization": f"Bearer {junk}", "X-Authkit-Transport": "header"},
        )
        assert answer.status_code == 200
        device.access = body(answer)["access"]
    assert device.logged_in()


@pytest.mark.parametrize("junk", JUNK)
def test_junk_blocks_no_logout(site: LiveSite, ada: User, junk: str) -> None:
    """Logout returns 204, and the browser deletes the junk."""
    device = site.device()
    if device.is_browser:
        device.who()
        mine = (ACCESS_COOKIE, REFRESH_COOKIE) if site.is_jwt else (SESSION_COOKIE,)
        device.cookies |= dict.fromkeys(mine, junk)
    else:
        device.access = junk
    assert device.log_out().status_code == 204
    if device.is_browser:
        assert not {SESSION_COOKIE, ACCESS_COOKIE, REFRESH_COOKIE} & set(device.cookies)


def test_a_revoked_credential_blocks_no_login(site: LiveSite, device: Device) -> None:
    """A device whose auth session was revoked can log in again."""
    stale = device.copy()
    device.log_out()
    assert stale.log_in().status_code == 200
    assert stale.logged_in()


def test_an_expired_access_token_blocks_no_login(site: LiveSite, ada: User, device: Device) -> None:
    """A device whose access token has expired logs in again; the old auth session is revoked."""
    old = site.sids(ada)
    site.advance(minutes=20)
    headers = {"X-Authkit-Transport": str(site.transport)}
    answer = device.post(
        "/auth/login/", {"username": "ada", "password": "correct horse battery staple"}, headers=headers
    )
    assert answer.status_code == 200
    assert site.sids(ada) == [body(answer)["session"]["sid"]] != old


def test_a_dead_session_still_gets_its_csrf_cookie(site: LiveSite, device: Device) -> None:
    """``session/`` sets the CSRF cookie with the 401 for a dead credential."""
    stale = device.copy()
    device.log_out()
    stale.cookies.pop("csrftoken", None)
    answer = stale.who()
    assert code(answer) == (401, "session_ended")
    assert "csrftoken" in answer.cookies


def test_a_superseded_or_unknown_cookie_is_left_alone(site: LiveSite, device: Device) -> None:
    """A 401 clears no cookie, except for failed refreshes, login and logout: a new one may be on its way."""
    stale = device.copy()
    device.log_out()
    for path in (*VIEWS, "/api/open/", "/plain/whoami/", "/plain/whoami-async/"):
        answer = stale.get(path)
        assert not {SESSION_COOKIE, ACCESS_COOKIE, REFRESH_COOKIE} & set(answer.cookies), path


def test_errors_have_one_format(site: LiveSite, device: Device) -> None:
    """``detail`` and ``code``, and ``fields`` only if a body was invalid."""
    stranger = site.device()
    for answer in (
        stranger.get("/auth/session/"),
        stranger.post("/auth/refresh/"),
        stranger.get("/auth/login/"),
        site.device().log_in(password="wrong"),
    ):
        assert set(body(answer)) == {"detail", "code"}
        assert all(isinstance(value, str) for value in body(answer).values())
    invalid = site.device(Transport.HEADER).post("/auth/verify/", {"token": 7})
    assert code(invalid) == (400, "invalid_request")
    assert set(body(invalid)) == {"detail", "code", "fields"}
    assert "token" in body(invalid)["fields"]


@pytest.mark.parametrize("path", ["login", "refresh", "logout", "verify"])
def test_a_wrong_method_has_a_code(site: LiveSite, path: str) -> None:
    """An unsupported method is 405 with a code."""
    answer = site.device().get(f"/auth/{path}/")
    assert code(answer) == (405, "invalid_request")


@pytest.mark.parametrize("address", ["/plain/whoami/", "/plain/whoami-async/"])
def test_a_stale_bearer_is_a_401_where_django_requires_a_login(
    site: LiveSite, device: Device, settings: Settings, address: str
) -> None:
    """With ``LoginRequiredMiddleware``, too, which reads the user before the view."""
    if device.is_browser:
        pytest.skip("a stale cookie is a stranger, who is sent to log in")
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert device.get(address).status_code == 200
    stale = device.copy()
    device.log_out()
    answer = stale.get(address)
    assert code(answer) == (401, "session_ended")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("urls", ["urls", "pages.urls", "compat.simplejwt.urls"])
def test_no_endpoint_is_redirected_to_a_login_page(urls: str) -> None:
    """With ``LoginRequiredMiddleware`` each endpoint decides itself whether a login is missing."""
    views = [pattern.callback for pattern in import_module(f"django_authkit.{urls}").urlpatterns]
    assert views
    assert not [view for view in views if getattr(view, "login_required", True)]
