"""Front ends on another origin, with django-cors-headers: what works, and which settings are needed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypeAlias

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from support.browser_front_end import FrontEnd
from support.client import PASSWORD
from support.live_site import LiveSite, in_jwt_mode
from support.origins import Origins, origins

if TYPE_CHECKING:
    from playwright.sync_api import Page

APP, ELSEWHERE = "app.example.test", "app.other.test"
"""Another host of the site's domain, which is the same site to a browser; and a host of another one."""

Serving: TypeAlias = Callable[[str, str], AbstractContextManager[Origins]]


@pytest.fixture
def serving(shop: LiveSite, settings: Settings) -> Serving:
    """Return a function that serves the API for a front end on *host*, as the documentation says."""

    @contextmanager
    def serving(host: str, csrf: str) -> Iterator[Origins]:
        settings.MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE]
        settings.CORS_ALLOW_CREDENTIALS = True
        settings.CORS_ALLOWED_ORIGIN_REGEXES = [rf"^https://{host}:\d+$"]  # the port is not known yet
        if host == ELSEWHERE:
            settings.SESSION_COOKIE_SAMESITE = settings.CSRF_COOKIE_SAMESITE = "None"
            shop.configure(COOKIE={"SAMESITE": "None"})
        shop.configure(CSRF=csrf)
        with origins() as at:
            settings.CSRF_TRUSTED_ORIGINS = [at.of(host)]
            yield at

    return serving


@pytest.mark.parametrize("csrf", ["token", "fetch-metadata"])
@pytest.mark.parametrize("host", [APP, ELSEWHERE])
def test_a_front_end_on_another_origin_works(
    page: "Page", serving: Serving, ada: User, host: str, csrf: str
) -> None:
    """The whole API works from a sibling host and from another site."""
    with serving(host, csrf) as at:
        front = FrontEnd.on(page, at, host)
        assert front.send("GET", "/auth/session/") == 401
        if csrf == "token":
            front.fetch_token()
        assert front.log_in() == 200
        if csrf == "token":
            front.fetch_token()  # login has changed it
        assert front.send("GET", "/auth/session/") == 200
        assert front.answer["user"]["username"] == "ada"
        assert front.send("POST", "/api/rename/") == 201
        assert front.send("POST", "/plain/notes/", {}) == 201
        assert front.send("POST", "/auth/refresh/") == 200
        assert front.send("POST", "/auth/reauthenticate/", {"password": PASSWORD}) == 200
        assert front.send("DELETE", "/auth/sessions/") == 200
        assert front.log_out() == 204
        assert front.send("GET", "/auth/session/") == 401


@in_jwt_mode
def test_another_site_gets_no_lax_cookies(
    settings: Settings, page: "Page", serving: Serving, shop: LiveSite, ada: User
) -> None:
    """``SameSite=None`` is needed: with Lax the login returns 200, but the browser drops the cookies."""
    with serving(ELSEWHERE, "fetch-metadata") as at:
        shop.configure(COOKIE={"SAMESITE": "Lax"})
        front = FrontEnd.on(page, at, ELSEWHERE)
        assert front.log_in() == 200
        assert front.send("GET", "/auth/session/") == 401


@in_jwt_mode
@pytest.mark.parametrize("csrf", ["token", "fetch-metadata"])
def test_an_origin_that_only_cors_lets_in_is_refused(
    settings: Settings, page: "Page", serving: Serving, ada: User, csrf: str
) -> None:
    """An origin that may read responses is not trusted for requests with cookies."""
    with serving(APP, csrf) as at:
        settings.CSRF_TRUSTED_ORIGINS = []
        front = FrontEnd.on(page, at, APP)
        front.fetch_token()
        assert front.log_in() == 403
        assert front.answer["code"] == "csrf_failed"


@in_jwt_mode
def test_an_origin_that_cors_does_not_let_in_reads_nothing(page: "Page", serving: Serving, ada: User) -> None:
    """It cannot send JSON either: the preflight is refused."""
    with serving(APP, "fetch-metadata") as at:
        front = FrontEnd.on(page, at, "blog.example.test")
        with pytest.raises(Exception, match="Failed to fetch"):
            front.send("GET", "/auth/session/")
        at.received.clear()
        with pytest.raises(Exception, match="Failed to fetch"):
            front.log_in()
        assert [entry.method for entry in at.received] == ["OPTIONS"]
