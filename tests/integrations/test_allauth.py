"""django-allauth: its forms, and its headless API for browsers and apps."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from pytest_django import Settings

from django_authkit import sessions_of
from django_authkit.types import Transport
from support.client import PASSWORD, SESSION_COOKIE, Device, body
from support.live_site import LiveSite, by_cookie, by_header, in_session_mode

APP = "/headless/app/v1/auth"
BROWSER = "/headless/browser/v1/auth"
ADA = {"username": "ada", "password": PASSWORD}


@pytest.fixture(autouse=True)
def without_other_wrappers(settings: Settings) -> None:
    """Take those out that wrap ``request.user``: with any engine, allauth then sees no app."""
    wrappers = ("django_otp.", "impersonate.")
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if not each.startswith(wrappers)]


def browser(site: LiveSite) -> Device:
    """Return a browser that has been on the site."""
    device = site.device(Transport.COOKIE)
    device.get("/auth/session/")
    return device


def name_seen(device: Device) -> str:
    """Return whom a plain view sees."""
    return str(body(device.get("/name/"))["name"])


# -- its forms -----------------------------------------------------------------------------------------------


@by_cookie
def test_its_login_form_logs_in_and_its_logout_revokes(site: LiveSite, ada: User) -> None:
    """Pages see the user in both modes; one auth session begins, and none is left."""
    device = browser(site)
    assert device.submit("/allauth/login/", login="ada", password=PASSWORD).status_code == 302
    assert name_seen(device) == "ada"
    assert device.logged_in() is not site.is_jwt
    assert len(sessions_of(ada)) == 1
    assert device.submit("/allauth/logout/").status_code == 302
    assert name_seen(device) == ""
    assert sessions_of(ada) == ()


@by_cookie
@pytest.mark.parametrize("remembered", [True, False])
def test_remember_me_decides_whether_the_cookie_outlives_the_browser(
    site: LiveSite, ada: User, *, remembered: bool
) -> None:
    """Ticked, the cookie is persistent; not ticked, it goes with the browser."""
    ticked = {"remember": "on"} if remembered else {}
    answer: Any = browser(site).submit("/allauth/login/", login="ada", password=PASSWORD, **ticked)
    assert bool(answer.cookies[SESSION_COOKIE]["max-age"]) is remembered


@by_cookie
def test_its_sign_up_form_logs_the_new_user_in(site: LiveSite) -> None:
    """In the response to the form, with one auth session."""
    device = browser(site)
    answer = device.submit("/allauth/signup/", username="eve", password1=PASSWORD, password2=PASSWORD)
    assert answer.status_code == 302
    assert name_seen(device) == "eve"
    assert len(sessions_of(User.objects.get(username="eve"))) == 1


# -- its headless API ----------------------------------------------------------------------------------------


def app_call(device: Device, method: str, path: str, token: str, content: bytes = b"") -> HttpResponse:
    """Send a request of an app of allauth's, with its session token."""
    return device.send(method, path, content, headers={"X-Session-Token": token} if token else {})


def app_token(answer: HttpResponse) -> str:
    """Return the session token that an app gets."""
    assert answer.status_code == 200, answer.content
    return str(body(answer)["meta"]["session_token"])


@by_header
@pytest.mark.parametrize("path", ["login", "signup"])
def test_an_app_gets_a_token_that_opens_allauths_endpoints(site: LiveSite, ada: User, path: str) -> None:
    """At login and at sign-up, and until it logs out."""
    device = site.device()
    name = "ada" if path == "login" else "eve"
    token = app_token(device.post(f"{APP}/{path}", {"username": name, "password": PASSWORD}))
    for _ in range(2):
        answer = app_call(device, "GET", f"{APP}/session", token)
        assert (answer.status_code, body(answer)["data"]["user"]["username"]) == (200, name)
    user = User.objects.get(username=name)
    assert len(sessions_of(user)) == 1
    assert app_call(device, "DELETE", f"{APP}/session", token).status_code == 401
    assert app_call(device, "GET", f"{APP}/session", token).status_code in {401, 410}
    assert sessions_of(user) == ()


@by_header
@in_session_mode
def test_an_apps_token_is_a_bearer_of_ours_in_session_mode(site: LiveSite, ada: User) -> None:
    """It is the session key, so the app calls the project's API with it."""
    device = site.device()
    device.access = app_token(device.post(f"{APP}/login", ADA))
    assert body(device.call())["username"] == "ada"
    assert device.log_out().status_code == 204
    assert app_call(device, "GET", f"{APP}/session", device.access).status_code in {401, 410}


@by_cookie
def test_an_apps_token_counts_before_the_browsers_own_login(site: LiveSite, ada: User, bob: User) -> None:
    """In allauth's endpoints for apps, whatever cookies come along; the browser's login goes on."""
    app, device = site.device(Transport.HEADER), site.logged_in("bob")
    token = app_token(app.post(f"{APP}/login", ADA))
    answer = app_call(device, "GET", f"{APP}/session", token)
    assert body(answer)["data"]["user"]["username"] == "ada"
    assert app_call(device, "GET", f"{APP}/session", "").status_code == 401
    assert name_seen(device) == body(device.call())["username"] == "bob"


@by_cookie
def test_its_headless_api_logs_a_browser_in(site: LiveSite, ada: User) -> None:
    """By a cookie, which pages and allauth's endpoints accept until the logout."""
    device = browser(site)
    answer = device.post(f"{BROWSER}/login", ADA)
    assert answer.status_code == 200, answer.content
    assert "session_token" not in body(answer)["meta"]
    assert body(device.get(f"{BROWSER}/session"))["data"]["user"]["username"] == "ada"
    assert name_seen(device) == "ada"
    assert device.delete(f"{BROWSER}/session").status_code == 401
    assert name_seen(device) == ""
