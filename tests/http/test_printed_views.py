"""Views that the guides print, run as they are printed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.contrib.auth.views import LogoutView
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import include, path

from django_authkit import sessions_of
from django_authkit.errors import CsrfFailed
from support.client import CREDENTIAL_COOKIES, PASSWORD, Device, body
from support.guides import printed
from support.live_site import LiveSite, by_cookie, by_header, in_session_mode
from support.pages import opened


@by_header
@in_session_mode
def test_an_async_login_for_apps_and_browsers(site: LiveSite, ada: User) -> None:
    """An app gets its credential without a CSRF token, and a browser without one nothing."""
    view = printed("async.md", "after_passkey")

    async def verify_passkey(request: object) -> User:
        return ada

    view["verify_passkey"] = verify_passkey
    log_in = async_to_sync(view["after_passkey"])
    factory = RequestFactory(enforce_csrf_checks=True)
    answer = log_in(factory.post("/", headers={"X-Authkit-Transport": "header"}, secure=True))
    assert json.loads(answer.content)["access"]
    assert not answer.cookies
    with pytest.raises(CsrfFailed):
        log_in(factory.post("/", secure=True))


@pytest.fixture
def printed_pages(site: LiveSite) -> None:
    """Serve what the guides print for pages, with Django's own logout."""
    key = printed("reauthentication.md", "api_key_page")
    key["render"] = lambda *_: HttpResponse("the key")
    views = printed("your-own-login.md", "whoami") | printed("errors-in-your-views.md", "greeting")
    site.settings.ROOT_URLCONF = (
        path("", include("projects.urls")),
        path("key/", key["api_key_page"]),
        path("whoami/", views["whoami"]),
        path("greeting/", views["greeting"]),
        path("accounts/logout/", LogoutView.as_view(next_page="/greeting/")),
    )


def log_in_by_django(browser: Device) -> None:
    """Log in by the form of the admin, which calls Django's ``login()``."""
    browser.get("/admin/login/")
    answer = browser.submit("/admin/login/?next=/key/", username="chief", password=PASSWORD)
    assert answer.status_code == 302, answer.content


def log_in_by_endpoint(browser: Device) -> None:
    """Log in by our endpoint."""
    assert browser.log_in("chief").status_code == 200


@by_cookie
@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
@pytest.mark.parametrize("log_in", [log_in_by_django, log_in_by_endpoint])
@pytest.mark.usefixtures("printed_pages")
def test_pages_see_each_kind_of_login(site: LiveSite, log_in: Callable[[Device], None]) -> None:
    """They see who it is and how recent the login is, and Django's ``LogoutView`` ends it."""
    chief = site.add_user("chief", is_staff=True)
    browser = site.device()
    assert body(browser.get("/whoami/")) == {"user": None}
    assert body(browser.get("/greeting/")) == {"hello": "world"}
    log_in(browser)
    assert body(browser.get("/whoami/"))["user"] == chief.pk
    assert body(browser.get("/greeting/")) == {"hello": "chief"}
    assert browser.get("/key/").content == b"the key"
    site.advance(minutes=11)
    assert opened(browser, "/key/").headers["Location"] == "/accounts/login/?next=/key/"
    log_in(browser)
    assert browser.get("/key/").content == b"the key"
    assert browser.submit("/accounts/logout/").headers["Location"] == "/greeting/"
    assert sessions_of(chief) == ()
    assert not {*CREDENTIAL_COOKIES} & {*browser.cookies}
    assert body(browser.get("/whoami/")) == {"user": None}


def test_a_consumer_tells_an_anonymous_client_why() -> None:
    """It accepts the socket before it closes it, because a client learns no code of a handshake."""
    consumer = printed("websockets.md", "connect")["Notes"]

    async def opened() -> tuple[tuple[bool, Any], dict[str, Any]]:
        socket = WebsocketCommunicator(consumer.as_asgi(), "/ws/notes/")
        socket.scope["auth"] = None
        return await socket.connect(), await socket.receive_output()

    (accepted, _), closed = async_to_sync(opened)()
    assert accepted
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)
