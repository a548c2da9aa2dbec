"""Swagger UI of the example in a real browser."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from support.demo import PASSWORDS, Demo, demo_running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("drf_spectacular", reason="drf-spectacular comes with the extra test")

NOTES = "#operations-api-api_notes_list"
LOGIN = "#operations-auth-authkit_login"
CHANGE = "#operations-api-api_notes_create"


@pytest.fixture(scope="module")
def demo(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Return a running demo, in JWT mode."""
    with demo_running(tmp_path_factory.mktemp("demo"), "--store", "database") as running:
        yield running


@pytest.fixture
def page(demo: Demo, browser: "Browser") -> Iterator["Page"]:
    """Return Swagger UI in a new browser; the site's policy must have refused nothing."""
    context = browser.new_context(base_url=demo.url)
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Security" in message.text else None)
    page.goto("/api/docs/")
    page.locator(NOTES).wait_for()
    yield page
    context.close()
    assert not refused


def executed(page: "Page", operation: str, body: str | None = None) -> int:
    """Open an operation and execute it; return the status of the response that the page shows."""
    block = page.locator(operation)
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    if body is not None:
        block.locator("textarea").first.fill(body)
    block.get_by_role("button", name="Execute").click()
    shown = block.locator(".live-responses-table .response-col_status").last
    shown.wait_for()
    return int(shown.inner_text().split()[0])


def test_authorize_takes_an_access_token(demo: Demo, page: "Page") -> None:
    """A token that was entered under Authorize is sent; without it the response is 401."""
    assert executed(page, CHANGE, "{}") == 401
    login = httpx.post(
        f"{demo.url}/auth/login/",
        json={"username": "ada", "password": PASSWORDS["ada"]},
        headers={"X-Authkit-Transport": "header"},
        trust_env=False,
    )
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".auth-container", has_text="authkitBearer")
    dialog.locator("input").fill(login.json()["access"])
    dialog.get_by_role("button", name="Apply credentials").click()
    page.locator(".auth-container").get_by_role("button", name="Close").first.click()
    assert executed(page, NOTES) == 200


def test_a_login_over_cookies_counts_for_what_follows(page: "Page") -> None:
    """The page sends the CSRF token that is current, also after a login has changed it."""
    body = f'{{"username": "ada", "password": "{PASSWORDS["ada"]}"}}'
    assert executed(page, LOGIN, body) == 200
    assert executed(page, NOTES) == 200
    assert executed(page, CHANGE, '{"title": "From Swagger UI"}') == 201
