"""The example's front page over HTTPS, in a Chromium that binds logins: a copy of all cookies dies."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.demo import demo_running

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

pytestmark = pytest.mark.slow


def test_the_front_page_shows_a_stolen_cookie_jar_die(
    playwright: "Playwright", chromium: str, tmp_path: Path
) -> None:
    """The copy works for as long as the bound cookie, then it is refused; the browser stays logged in."""
    with demo_running(tmp_path, "--https", "--store", "database") as demo:
        options = shlex.split(demo.block("that binds the login to your device:"))[2:]
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", *options[:-1]])
        page = browser.new_page()
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(options[-1])
        page.get_by_role("button", name="ada", exact=True).click()
        page.locator("#login").get_by_role("button", name="Log in").click()
        page.get_by_text("a key that cannot leave this device").wait_for(timeout=20_000)

        page.get_by_role("button", name="Steal the cookie jar").click()
        thief = page.locator("#jars > li")
        thief.get_by_role("button", name="Use it", exact=True).click()
        thief.get_by_text("The thief is taken for ada. Nobody has noticed.").wait_for()
        thief.get_by_role("button", name="Use it when the bound cookie has expired").click()
        thief.get_by_text("refused: device_mismatch").wait_for()
        assert page.locator("#me").is_visible()
        page.locator("#me").get_by_role("button", name="Call the API").click()
        page.get_by_text("The API returned 200").wait_for()
        assert not failures
        browser.close()
