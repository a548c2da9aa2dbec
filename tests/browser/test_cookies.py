"""The cookies in a real browser: attributes, lifetime, when they are sent and deleted."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from django_authkit.types import Mode
from support.browser_front_end import FrontEnd
from support.live_site import LiveSite, in_jwt_mode
from support.origins import SHOP, SIBLING, Origins, origins

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

NAMES = {
    Mode.SESSION: {"__Host-sessionid"},
    Mode.JWT: {"__Host-authkit_access", "__Host-authkit_refresh"},
}
DAY = 24 * 60 * 60


@pytest.fixture
def at(shop: LiveSite) -> Iterator[Origins]:
    """Serve the site over TLS."""
    with origins() as at:
        yield at


def kept(page: "Page") -> dict[str, Any]:
    """Return the browser's cookies, by name."""
    return {cookie["name"]: cookie for cookie in page.context.cookies()}


@pytest.mark.parametrize("remember", [False, True])
def test_attributes(page: "Page", at: Origins, shop: LiveSite, ada: User, remember: bool) -> None:
    """Credentials are HttpOnly, Secure, Lax, for this host only, and last as long as the login requested."""
    front = FrontEnd.at_home(page, at)
    assert front.log_in(remember=remember) == 200
    cookies = kept(page)
    assert cookies.keys() == NAMES[shop.mode] | {"csrftoken"}
    for name in NAMES[shop.mode]:
        cookie = cookies[name]
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
        assert (cookie["domain"], cookie["path"]) == (SHOP, "/")  # a leading dot would include all subdomains
        if remember:
            assert 89 * DAY < cookie["expires"] - time.time() < 91 * DAY
        else:
            assert cookie["expires"] == -1
    assert page.evaluate("document.cookie").partition("=")[0] == "csrftoken"
    assert front.log_out() == 204
    assert kept(page).keys() == {"csrftoken"}


@in_jwt_mode
def test_the_refresh_cookie_goes_to_the_endpoints_only(
    page: "Page", at: Origins, shop: LiveSite, ada: User
) -> None:
    """With a path of its own it is sent below that path only."""
    shop.configure(COOKIE={"REFRESH_PATH": "/auth/"})
    front = FrontEnd.at_home(page, at)
    assert front.log_in() == 200
    cookie = kept(page)["__Secure-authkit_refresh"]
    assert (cookie["path"], cookie["domain"], cookie["secure"]) == ("/auth/", SHOP, True)
    assert front.send("GET", "/api/whoami/") == 200
    assert front.send("POST", "/auth/refresh/") == 200
    for entry in at.received:
        below = entry.path.startswith("/auth/")
        assert below or "__Secure-authkit_refresh" not in entry.cookies
    assert "__Secure-authkit_refresh" in at.received[-1].cookies
    assert front.log_out() == 204
    assert kept(page).keys() == {"csrftoken"}


@in_jwt_mode
def test_what_passes_the_size_check_is_kept(
    settings: Settings, page: "Page", at: Origins, shop: LiveSite, ada: User
) -> None:
    """The browser keeps the largest cookie that we send."""
    settings.PADDING = 2630
    shop.configure(EXTRA_CLAIMS="testapp.claims.padding")
    front = FrontEnd.at_home(page, at)
    assert front.log_in(remember=True) == 200
    assert len(kept(page)["__Host-authkit_access"]["value"]) > 3800
    assert front.send("GET", "/api/whoami/") == 200
    assert front.send("POST", "/auth/refresh/") == 200
    settings.PADDING = 4096
    assert front.send("POST", "/auth/refresh/") == 500


@pytest.mark.parametrize("mode", [Mode.JWT], ids=str, indirect=True)
@pytest.mark.parametrize("remember", [False, True])
def test_only_a_remembered_login_survives_a_restart(
    start: Callable[[Path], "BrowserContext"],
    at: Origins,
    ada: User,
    tmp_path: Path,
    remember: bool,
) -> None:
    """After the browser is restarted, only the login with "remember" is still there."""
    first = start(tmp_path)
    assert FrontEnd.at_home(first.pages[0], at).log_in(remember=remember) == 200
    first.close()
    second = start(tmp_path)
    status = FrontEnd.at_home(second.pages[0], at).send("GET", "/api/whoami/")
    second.close()
    assert status == (200 if remember else 401)


@pytest.mark.parametrize("wanted", [(), ("storage",)], ids=["default", "storage"])
def test_a_logout_clears_what_the_project_configures(
    page: "Page", at: Origins, shop: LiveSite, ada: User, wanted: tuple[str, ...]
) -> None:
    """With ``CLEAR_SITE_DATA`` the browser deletes what scripts have stored; without it, nothing."""
    if wanted:
        shop.configure(CLEAR_SITE_DATA=wanted)
    front = FrontEnd.at_home(page, at)
    front.log_in()
    page.evaluate("localStorage.setItem('draft', 'a secret')")
    assert front.send("POST", "/auth/refresh/") == 200
    assert page.evaluate("localStorage.getItem('draft')") == "a secret"
    assert front.log_out() == 204
    FrontEnd.at_home(page, at)
    assert page.evaluate("localStorage.getItem('draft')") == (None if wanted else "a secret")
    page.evaluate("localStorage.clear()")


def test_a_sibling_host_cannot_plant_a_login(page: "Page", at: Origins, shop: LiveSite, ada: User) -> None:
    """Neither under our names, which the browser refuses, nor under similar names."""
    shop.add_user("mallory")
    mallory = shop.logged_in("mallory")
    page.goto(at.of(SIBLING))
    for disguise in ("", " ", "\u2000", "\u3000", "\u00a0"):
        for name in NAMES[shop.mode]:
            cookie = f"{disguise}{name}={mallory.cookies[name]}; Domain=example.test; Path=/; Secure"
            page.evaluate("cookie => { document.cookie = cookie }", cookie)
    planted = kept(page).keys()
    assert planted == {f"{d}{n}" for d in "\u2000\u3000\u00a0" for n in NAMES[shop.mode]}
    front = FrontEnd.at_home(page, at)
    assert front.send("GET", "/api/whoami/") == 401  # it logged nobody in
    assert front.log_in() == 200
    assert front.send("GET", "/api/whoami/") == 200
    assert front.answer["username"] == "ada"
    assert front.send("POST", "/auth/refresh/") == 200
    assert front.answer["user"]["username"] == "ada"
    assert front.log_out() == 204
    assert mallory.logged_in()


@pytest.mark.parametrize("mode", [Mode.SESSION], ids=str, indirect=True)
def test_without_the_prefix_a_sibling_host_can(
    settings: Settings, page: "Page", shop: LiveSite, ada: User
) -> None:
    """This shows what the prefix and its check are for, and that the test above can fail."""
    settings.SESSION_COOKIE_NAME = "sessionid"
    shop.add_user("mallory")
    mallory = shop.logged_in("mallory")
    with origins() as at:
        page.goto(at.of(SIBLING))
        cookie = f"sessionid={mallory.cookies['sessionid']}; Domain=example.test; Path=/; Secure"
        page.evaluate("cookie => { document.cookie = cookie }", cookie)
        front = FrontEnd.at_home(page, at)
        assert front.send("GET", "/api/whoami/") == 200
        assert front.answer["username"] == "mallory"


@pytest.mark.parametrize("csrf", ["token", "fetch-metadata"])
@pytest.mark.parametrize("relaxed", [True, False])
@in_jwt_mode
def test_plain_http(
    settings: Settings, page: "Page", shop: LiveSite, ada: User, csrf: str, relaxed: bool
) -> None:
    """Over plain HTTP a login lasts only with ``COOKIE["PLAIN_HTTP"]`` and ``DEBUG``."""
    settings.DEBUG = relaxed
    settings.CSRF_COOKIE_SECURE = False
    shop.configure(CSRF=csrf, COOKIE={"PLAIN_HTTP": True})
    with origins(tls=False) as at:
        front = FrontEnd.at_home(page, at)
        assert front.log_in() == 200
        assert front.send("GET", "/api/whoami/") == (200 if relaxed else 401)
        assert kept(page).keys() >= ({"authkit_access", "authkit_refresh"} if relaxed else set())
        if relaxed:
            assert front.send("POST", "/auth/refresh/") == 200
            assert front.send("POST", "/api/notes/", {}) == 201
            assert front.log_out() == 204
        assert all(entry.site is None for entry in at.received)  # no Fetch Metadata without TLS
