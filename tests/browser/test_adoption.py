"""A browser that was logged in by Django's own sessions before the migration."""

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from django_authkit import sessions_of
from django_authkit.types import Mode
from support.client import PASSWORD
from support.live_site import LiveSite
from support.origins import origins

if TYPE_CHECKING:
    from playwright.sync_api import Page

ENGINE = "django.contrib.sessions.backends.signed_cookies"
ADOPT = [{"adapter": "django_sessions", "engine": ENGINE}]
OURS = {
    Mode.SESSION: {"__Host-sessionid"},
    Mode.JWT: {"__Host-authkit_access", "__Host-authkit_refresh"},
}
LOG_IN = """async ([username, password]) => {
    await fetch("/auth/session/")
    const token = document.cookie.match(/csrftoken=([^;]+)/)[1]
    const body = new URLSearchParams({username, password})
    return (await fetch("/plain/login/", {method: "POST", body, headers: {"X-CSRFToken": token}})).status
}"""
ASK = """async (count) => Promise.all(
    Array.from({length: count}, async () => (await (await fetch("/plain/whoami/")).json()).id)
)"""


def kept(page: "Page") -> dict[str, Any]:
    """Return the browser's cookies, by name."""
    return {cookie["name"]: cookie for cookie in page.context.cookies()}


@pytest.fixture
def logged_in(page: "Page", shop: LiveSite, ada: User) -> "Page":
    """Return a tab of a browser that logged in before the migration."""
    settings = shop.settings
    middleware, engine, name = settings.MIDDLEWARE, settings.SESSION_ENGINE, settings.SESSION_COOKIE_NAME
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    settings.SESSION_ENGINE, settings.SESSION_COOKIE_NAME = ENGINE, "sessionid"
    with origins() as before:
        page.goto(f"{before.shop}/plain/whoami/")
        assert page.evaluate(LOG_IN, ["ada", PASSWORD]) == 204
        assert page.evaluate(ASK, 1) == [ada.pk]
    assert kept(page).keys() == {"csrftoken", "sessionid"}
    settings.MIDDLEWARE, settings.SESSION_ENGINE, settings.SESSION_COOKIE_NAME = middleware, engine, name
    shop.configure(ADOPT=ADOPT)
    return page


def test_the_next_page(logged_in: "Page", shop: LiveSite, ada: User) -> None:
    """The response is the usual one. Afterwards the browser has our cookies and not the old one."""
    with origins() as after:
        logged_in.goto(f"{after.shop}/plain/whoami/")
        assert f'"id": {ada.pk}' in logged_in.content()
        cookies = kept(logged_in)
        assert cookies.keys() == OURS[shop.mode] | {"csrftoken"}
        assert all(cookies[name]["httpOnly"] and cookies[name]["secure"] for name in OURS[shop.mode])
        assert logged_in.evaluate(ASK, 3) == [ada.pk] * 3
        assert len(sessions_of(ada)) == 1


def test_many_at_once(logged_in: "Page", shop: LiveSite, ada: User) -> None:
    """All concurrent first requests succeed, and there is one auth session."""
    with origins() as after:
        logged_in.route("**/blank", lambda route: route.fulfill(body="<p>", content_type="text/html"))
        logged_in.goto(f"{after.shop}/blank")  # never reaches the site
        assert logged_in.evaluate(ASK, 8) == [ada.pk] * 8
        assert kept(logged_in).keys() == OURS[shop.mode] | {"csrftoken"}
        assert logged_in.evaluate(ASK, 1) == [ada.pk]
        assert len(sessions_of(ada)) == 1
