"""The session cookie and its auth session in rare cases of ``request.session``."""

import json

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from pytest_django import Settings

from django_authkit import sessions_of
from django_authkit.session_keys import SessionKey
from projects import urls
from support.client import PASSWORD, SESSION_COOKIE, Device
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode

ADDRESS = "198.51.100.7"


@csrf_exempt
def clear(request: HttpRequest) -> HttpResponse:
    """Empty the session with Django's ``clear``, without reading it before."""
    request.session.clear()
    return JsonResponse({})


@csrf_exempt
def flush(request: HttpRequest) -> HttpResponse:
    """Flush the session."""
    request.session.flush()
    return JsonResponse({})


@csrf_exempt
def fill(request: HttpRequest) -> HttpResponse:
    """Add something to the session."""
    request.session["x"] = 1
    return JsonResponse({})


@csrf_exempt
def new_password(request: HttpRequest) -> HttpResponse:
    """Change the password without a signal."""
    user = request.user
    assert isinstance(user, User)
    user.set_password("another one entirely")
    user.save()
    return JsonResponse({})


urlpatterns = [
    path("edge/clear/", clear),
    path("edge/flush/", flush),
    path("edge/fill/", fill),
    path("edge/new-password/", new_password),
    *urls.urlpatterns,
]


@pytest.fixture(autouse=True)
def edges(settings: Settings) -> None:
    """Add the views."""
    settings.ROOT_URLCONF = __name__


def post(cookie: str, path: str) -> HttpResponse:
    """Send a request with exactly this ``Cookie`` header."""
    response: HttpResponse = Client().post(path, secure=True, headers={"Cookie": cookie}, REMOTE_ADDR=ADDRESS)  # type: ignore[assignment]
    return response


def dead_key() -> str:
    """Return a key of the right form that does not exist."""
    return SessionKey.new("AA" + "x" * 14).text


@by_cookie
@in_session_mode
def test_clear_logs_out(site: LiveSite, device: Device) -> None:
    """``request.session.clear()`` removes the login, even in a view that did not read the session."""
    assert post(f"{SESSION_COOKIE}={device.credential}", "/edge/clear/").status_code == 200
    assert not device.logged_in()


@by_cookie
@in_session_mode
def test_flush_revokes_the_valid_one_of_two_cookies(site: LiveSite, device: Device) -> None:
    """A planted second cookie does not prevent the revocation."""
    cookie = f"{SESSION_COOKIE}={device.credential}; {SESSION_COOKIE}={dead_key()}"
    assert post(cookie, "/edge/flush/").status_code == 200
    assert not device.logged_in()


@by_cookie
@in_session_mode
@pytest.mark.parametrize("planted", [False, True])
def test_a_superseded_cookie_is_not_replaced(site: LiveSite, device: Device, planted: bool) -> None:
    """An anonymous session does not overwrite the successor's cookie, with a planted cookie neither."""
    old = device.credential
    assert device.reauthenticate().status_code == 200
    assert device.credential != old
    before = f"{SESSION_COOKIE}={dead_key()}; " if planted else ""
    response = post(f"{before}{SESSION_COOKIE}={old}", "/edge/fill/")
    assert SESSION_COOKIE not in response.cookies


@by_cookie
def test_reauthentication_uses_the_valid_one_of_two_cookies(site: LiveSite, device: Device) -> None:
    """A planted second cookie does not make the right password fail."""
    name = SESSION_COOKIE if not site.is_jwt else "__Host-authkit_refresh"
    own = "; ".join(f"{name}={value}" for name, value in device.cookies.items())
    response = Client().post(
        "/auth/reauthenticate/",
        json.dumps({"password": PASSWORD}),
        content_type="application/json",
        secure=True,
        headers={"Cookie": f"{own}; {name}={dead_key()}", **device.csrf()},
        REMOTE_ADDR=ADDRESS,
    )
    assert response.status_code == 200, response.content


@by_header
@in_jwt_mode
def test_another_users_django_session_keeps_no_session(site: LiveSite, ada: User, bob: User) -> None:
    """A password change revokes the bearer's session, despite another user's Django session."""
    site.settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    device = site.logged_in("ada")
    browser = Client()
    browser.force_login(bob)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    headers = {"Authorization": f"Bearer {device.credential}", "Cookie": cookie}
    assert Client().post("/edge/new-password/", secure=True, headers=headers).status_code == 200
    assert sessions_of(ada) == ()
