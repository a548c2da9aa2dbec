"""Attackers plant sessions and refresh cookies, or use a browser after another user (JWT mode)."""

import json
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from django_authkit import signals
from django_authkit.types import Transport
from support.client import ACCESS_COOKIE, FIREFOX, REFRESH_COOKIE, SAFARI, Device, code, credential_cookies
from support.live_site import LiveSite, by_cookie, in_jwt_mode
from support.signals import heard

COOKIE = "__Host-sessionid"
EACH_ENGINE = pytest.mark.parametrize(
    "engine",
    ["django_authkit.session_engine", "django.contrib.sessions.backends.cache"],
    ids=["ours", "django"],
)


def order(request: HttpRequest) -> HttpResponse:
    """Add to the session without asking who it is."""
    request.session["cart"] = [*request.session.get("cart", []), "ordered"]
    return HttpResponse(status=204)


urlpatterns = [path("order/", order), path("", include("projects.urls"))]


def cart(device: Device, item: str = "") -> list[str]:
    """Add something to the cart of ``request.session``; return its content."""
    answer = device.post("/django/cart/", item) if item else device.get("/django/cart/")
    return list(json.loads(answer.content)["cart"])


@EACH_ENGINE
@by_cookie
@in_jwt_mode
def test_a_planted_session_key_is_useless_after_the_login(live: LiveSite, engine: str) -> None:
    """The key of an anonymous session is renewed at login, and its data kept."""
    live.settings.SESSION_ENGINE = engine
    live.add_user("ada")
    mallory, victim = live.device(), live.device()
    cart(mallory, "bait")
    victim.cookies[COOKIE] = mallory.cookies[COOKIE]
    victim.log_in()
    assert victim.cookies[COOKIE] != mallory.cookies[COOKIE]
    assert "bait" in cart(victim)
    cart(victim, "secret")
    assert "secret" not in cart(mallory)


@EACH_ENGINE
@by_cookie
@in_jwt_mode
def test_reading_the_data_of_the_previous_user(live: LiveSite, engine: str) -> None:
    """Another user sees none of the data, nor does anybody after a logout; the same user keeps it."""
    live.settings.SESSION_ENGINE = engine
    for name in ("ada", "bob"):
        live.add_user(name)
    browser = live.logged_in("ada")
    cart(browser, "of ada")
    browser.log_in("ada")
    assert "of ada" in cart(browser)
    browser.log_in("bob")
    assert cart(browser) == []
    cart(browser, "of bob")
    before = browser.copy()
    browser.log_out()
    assert cart(before) == []
    assert cart(browser) == []


@EACH_ENGINE
@by_cookie
@in_jwt_mode
@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_writing_a_session_of_another_browser_past_csrf(live: LiveSite, engine: str) -> None:
    """Beside a bearer, whatever it is, a session cookie opens nothing without the CSRF check."""
    live.settings.SESSION_ENGINE, live.settings.ROOT_URLCONF = engine, __name__
    live.add_user("ada")
    live.add_user("mallory")
    victim, mallory = live.device(), live.device(Transport.HEADER)
    mallory.log_in("mallory")
    cart(victim, "own")
    for bearer in ("junk", "a.b.c", mallory.access):
        victim.copy().send("POST", "/order/", headers={"Authorization": f"Bearer {bearer}"})
        assert cart(victim) == ["own"]
    victim.who()
    assert victim.submit("/order/").status_code == 204
    assert cart(victim) == ["own", "ordered"]
    app = live.device().send("POST", "/order/", headers={"Authorization": f"Bearer {mallory.access}"})
    assert app.status_code == 204


def refresh_with(device: Device, planted: Device, names: tuple[str, ...], *, first: bool) -> HttpResponse:
    """Refresh with cookies of another browser too, which this one sends first or last; keep what is set."""
    own = [f"{name}={value}" for name, value in device.cookies.items()]
    others = [f"{name}={planted.cookies[name]}" for name in names if name in planted.cookies]
    header = {"Cookie": "; ".join([*others, *own] if first else [*own, *others])}
    return device.send("POST", "/auth/refresh/", headers={**device.csrf(), **header})


def used_up(live: LiveSite, name: str) -> Device:
    """Return a browser whose refresh token was superseded too long ago."""
    device = live.logged_in(name, user_agent=SAFARI)
    old = device.copy()
    device.refresh()
    live.advance(seconds=11)
    return old


@by_cookie
@in_jwt_mode
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
@pytest.mark.parametrize(
    ("names", "expired"),
    [((REFRESH_COOKIE,), True), ((REFRESH_COOKIE,), False), ((ACCESS_COOKIE, REFRESH_COOKIE), False)],
    ids=["beside_a_refresh_cookie", "beside_both", "both_beside_both"],
)
def test_a_planted_refresh_token_that_was_used_up_logs_nobody_out(
    live: LiveSite, names: tuple[str, ...], *, first: bool, expired: bool
) -> None:
    """The browser goes on with its own, wherever the planted cookie is among those of its name."""
    ada, _ = live.add_user("ada"), live.add_user("bob")
    planted, browser = used_up(live, "bob"), live.logged_in("ada", user_agent=FIREFOX)
    if expired:
        del browser.cookies[ACCESS_COOKIE]
    answer: Any = refresh_with(browser, planted, names, first=first)
    assert answer.status_code == 200
    assert answer.json()["user"]["username"] == "ada"
    assert browser.logged_in()
    assert browser.refresh().status_code == 200
    assert live.sids(ada) == [live.sid(browser)]


@by_cookie
@in_jwt_mode
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_an_older_refresh_cookie_beside_the_current_one_is_no_theft(live: LiveSite, *, first: bool) -> None:
    """A browser that has an old one from another path or domain presents only the newest."""
    live.add_user("ada")
    browser = live.logged_in("ada")
    old = browser.copy()
    for _ in range(2):
        browser.refresh()
    with heard(signals.refresh_reused) as reused:
        assert refresh_with(browser, old, (REFRESH_COOKIE,), first=first).status_code == 200
    assert reused == []
    assert browser.refresh().status_code == 200


@by_cookie
@in_jwt_mode
def test_planted_cookies_that_never_work_again_clear_nothing(live: LiveSite) -> None:
    """The user's own refresh cookie stays, though it is refused beside another's access cookie."""
    live.add_user("ada")
    live.add_user("bob")
    planted, browser = used_up(live, "bob"), live.logged_in("ada", user_agent=FIREFOX)
    del browser.cookies[ACCESS_COOKIE]
    answer = refresh_with(browser, planted, (ACCESS_COOKIE, REFRESH_COOKIE), first=False)
    assert code(answer) == (401, "refresh_reused")
    assert credential_cookies(answer) == set()
    assert browser.refresh().status_code == 200
