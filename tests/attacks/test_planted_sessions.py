"""Attackers plant an anonymous session, or use a browser after another user (JWT mode)."""

import json

from support.client import Device
from support.live_site import LiveSite, by_cookie, in_jwt_mode

COOKIE = "__Host-sessionid"


def cart(device: Device, item: str = "") -> list[str]:
    """Add something to the cart of ``request.session``; return its content."""
    answer = device.post("/django/cart/", item) if item else device.get("/django/cart/")
    return list(json.loads(answer.content)["cart"])


@by_cookie
@in_jwt_mode
def test_a_planted_session_key_is_useless_after_the_login(live: LiveSite) -> None:
    """The key of an anonymous session is renewed at login, and its data kept."""
    live.add_user("ada")
    mallory, victim = live.device(), live.device()
    cart(mallory, "bait")
    victim.cookies[COOKIE] = mallory.cookies[COOKIE]
    victim.log_in()
    assert victim.cookies[COOKIE] != mallory.cookies[COOKIE]
    assert "bait" in cart(victim)
    cart(victim, "secret")
    assert "secret" not in cart(mallory)


@by_cookie
@in_jwt_mode
def test_reading_the_data_of_the_previous_user(live: LiveSite) -> None:
    """Another user who logs in sees none of the data; the same user keeps it."""
    for name in ("ada", "bob"):
        live.add_user(name)
    browser = live.logged_in("ada")
    cart(browser, "of ada")
    browser.log_in("ada")
    assert "of ada" in cart(browser)
    browser.log_in("bob")
    assert cart(browser) == []
