"""The example's device page in a real browser without JavaScript, in each mode and on each store."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import pytest

from support.demo import PASSWORDS, Demo, demo_running, options_of
from support.profile import rounds

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    Visit: TypeAlias = Callable[[str], Page]

FRESH = 1
"""Seconds that authentication counts as recent here, so that each action of these tests needs a new one."""
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)
SMALL = {"width": 360, "height": 740}


KINDS = ["session-redis", "jwt-database"]
"""Each mode and each store; a full run takes them all crosswise."""
if rounds(10) == 10:
    KINDS += ["session-database", "jwt-redis"]


@pytest.fixture(scope="module", params=KINDS)
def demo(
    request: pytest.FixtureRequest, browser: "Browser", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Demo]:
    """Return a running demo of each kind."""
    data = tmp_path_factory.mktemp("demo")
    with demo_running(data, *options_of(request.param), EXAMPLE_RECENT_AUTH=str(FRESH)) as running:
        yield running


@pytest.fixture
def visit(demo: Demo, browser: "Browser") -> Iterator["Visit"]:
    """Return a function that opens ada's device page on another device, whose login is not recent."""
    contexts = []

    def visiting(user_agent: str) -> "Page":
        context = browser.new_context(
            base_url=demo.url,
            java_script_enabled=False,
            user_agent=user_agent,
            viewport={"width": SMALL["width"], "height": SMALL["height"]},
        )
        contexts.append(context)
        page = context.new_page()
        page.goto("/account/devices/")
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill(PASSWORDS["ada"])
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Your devices", level=1).wait_for()
        time.sleep(FRESH + 0.2)
        return page

    yield visiting
    for context in contexts:  # leave nothing behind for the next test
        if is_logged_in(context.pages[0]):
            log_out(context.pages[0])
        context.close()


def log_out(page: "Page") -> None:
    """Press the button that logs this device out."""
    this = page.get_by_role("listitem").filter(has_text="in use now")
    this.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/accounts/login/**")


def others(page: "Page") -> list[str]:
    """Return the names of the other devices on the page."""
    page.goto("/account/devices/")
    items = page.get_by_role("listitem").filter(has_text="last seen").get_by_role("heading", level=3)
    return items.all_inner_texts()


def is_logged_in(page: "Page") -> bool:
    """Reload the page, and tell whether it asks for a login."""
    page.goto("/account/devices/")
    return page.get_by_role("heading", name="Your devices").count() == 1


def test_one_is_logged_out_by_keyboard(visit: "Visit") -> None:
    """The list shows both devices; Tab and Enter log the other one out, after re-authentication."""
    phone, laptop = visit(ANDROID), visit(FIREFOX)
    assert others(laptop) == ["Chrome Mobile on Android"]
    assert laptop.get_by_role("heading", name="Firefox on Linux").is_visible()
    assert "<script" not in laptop.content()

    for _ in range(4):  # past the link and the button of this device, and the link of the other
        laptop.keyboard.press("Tab")
    laptop.keyboard.press("Enter")
    laptop.wait_for_url("**/reauthenticate/**")
    assert "Chrome Mobile on Android" in laptop.locator("main, body").first.inner_text()
    assert is_logged_in(phone)

    laptop.keyboard.type("wrong")  # the field has the focus
    laptop.keyboard.press("Enter")
    assert laptop.get_by_role("alert").inner_text() == "That is not your password. Try again."

    laptop.keyboard.type(PASSWORDS["ada"])
    laptop.keyboard.press("Enter")
    laptop.wait_for_url("**/account/devices/")
    assert "Chrome Mobile on Android was logged out." in laptop.get_by_role("status").inner_text()
    assert not is_logged_in(phone)
    assert others(laptop) == []


def test_all_others_are_logged_out(visit: "Visit") -> None:
    """One button logs out all other devices."""
    phone, tablet, laptop = visit(ANDROID), visit(ANDROID), visit(FIREFOX)
    laptop.goto("/account/devices/")
    laptop.get_by_role("button", name="Log out all other devices").click()
    laptop.get_by_label("Password").fill(PASSWORDS["ada"])
    laptop.get_by_role("button", name="Confirm").click()
    laptop.wait_for_url("**/account/devices/")
    assert "2 other devices were logged out." in laptop.get_by_role("status").inner_text()
    assert is_logged_in(laptop)
    assert not is_logged_in(phone)
    assert not is_logged_in(tablet)


def test_this_one_is_logged_out(visit: "Visit") -> None:
    """It needs no re-authentication, and the browser keeps no credential."""
    laptop = visit(FIREFOX)
    log_out(laptop)
    assert not is_logged_in(laptop)
    names = {cookie.get("name") for cookie in laptop.context.cookies()}
    assert not names & {"sessionid", "authkit_access", "authkit_refresh"}


def test_canceling_logs_nobody_out(visit: "Visit") -> None:
    """The re-authentication page has a link back to the list."""
    phone, laptop = visit(ANDROID), visit(FIREFOX)
    laptop.goto("/account/devices/")
    laptop.get_by_role("button", name="Log out all other devices").click()
    laptop.get_by_role("link", name="Cancel").click()
    laptop.wait_for_url("**/account/devices/")
    assert is_logged_in(phone)


def test_one_is_renamed(visit: "Visit") -> None:
    """A link leads to a form with the name of the device; the list has the new name."""
    visit(ANDROID)
    laptop = visit(FIREFOX)
    laptop.goto("/account/devices/")
    laptop.get_by_role("link", name="Rename").last.click()
    assert laptop.get_by_label("Name of the device").input_value() == "Chrome Mobile on Android"
    laptop.keyboard.press("Control+a")  # the field has the focus
    laptop.keyboard.type("My phone")
    laptop.keyboard.press("Enter")
    laptop.wait_for_url("**/account/devices/")
    assert "The device is now called My phone." in laptop.get_by_role("status").inner_text()
    assert others(laptop) == ["My phone"]


def test_fits_a_small_screen(visit: "Visit") -> None:
    """At 360 pixels nothing overflows, and each button is large enough to touch (WCAG 2.5.8, 1.4.10)."""
    visit(ANDROID)
    laptop = visit("x" * 200)
    laptop.goto("/account/devices/")
    rename = laptop.get_by_role("link", name="Rename").first.get_attribute("href")
    for place in ("/account/devices/", "/account/devices/reauthenticate/?revoke=others", rename or ""):
        laptop.goto(place)
        shown = laptop.locator("h1, h2, h3, p, li, button, input:not([type=hidden]), a").all()
        boxes = [box for box in (each.bounding_box() for each in shown) if box is not None]
        assert len(boxes) > 4
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= SMALL["width"] for box in boxes)
        buttons = [each.bounding_box() for each in laptop.get_by_role("button").all()]
        assert buttons
        assert all(box is not None and min(box["height"], box["width"]) >= 24 for box in buttons)


@pytest.mark.parametrize("width", [320, 360, 640])
def test_a_dot_stands_between_facts_and_at_no_end_of_a_line(visit: "Visit", width: int) -> None:
    """The dot before the first fact of each line is left of the paragraph, which clips it."""
    laptop = visit(FIREFOX)
    laptop.set_viewport_size({"width": width, "height": SMALL["height"]})
    paragraph = laptop.get_by_role("listitem").locator("p").first
    edge = paragraph.bounding_box()
    facts = [each.bounding_box() for each in paragraph.locator("span").all()]
    assert edge is not None
    assert len(facts) == 3
    line = 0.0
    for fact in facts:
        assert fact is not None
        assert (fact["x"] < edge["x"]) is (fact["y"] > line + 1)
        line = fact["y"]
