"""The pages of the example, checked by axe-core (``npm install`` in this folder; skipped without)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from support.demo import PASSWORDS, Demo, demo_running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
REQUIRED = "AUTHKIT_REQUIRE_AXE"
SERIOUS = {"serious", "critical"}

pytestmark = pytest.mark.skipif(
    not AXE.is_file() and os.environ.get(REQUIRED) != "1",
    reason=f"needs axe-core: npm install in tests/browser ({REQUIRED}=1 insists)",
)


@pytest.fixture(scope="module")
def demo(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Return a running demo."""
    with demo_running(tmp_path_factory.mktemp("demo"), "--store", "database") as running:
        yield running


def serious(page: "Page") -> list[str]:
    """Return the serious and critical findings of axe."""
    page.evaluate(AXE.read_text())  # by the debugger, so the page's policy does not block it
    found: list[dict[str, Any]] = page.evaluate("axe.run().then(({ violations }) => violations)")
    return [
        f"{each['id']}: {node['html']}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_front_page(demo: Demo, browser: "Browser", scheme: Literal["light", "dark"], width: int) -> None:
    """Logged out, logged in, in the dialog, after a theft, in an outage: axe finds nothing serious."""
    viewport: Any = {"width": width, "height": 900}
    with browser.new_context(base_url=demo.url, color_scheme=scheme, viewport=viewport) as context:
        page = context.new_page()
        page.goto("/")
        page.locator("#login").wait_for()
        assert serious(page) == []
        form = page.locator("#login")
        form.get_by_label("Username").fill("ada")
        form.get_by_label("Password").fill("wrong")
        form.get_by_label("Password").press("Enter")
        form.get_by_role("alert").filter(has_text="Wrong username or password.").wait_for()
        assert serious(page) == []
        form.get_by_label("Password").fill(PASSWORDS["ada"])
        form.get_by_label("Password").press("Enter")
        page.locator(".strategy[data-live=yes] details").first.wait_for()
        for summary in page.locator("summary").all():
            summary.click()
        page.get_by_role("button", name="Open another device").click()
        assert serious(page) == []
        page.get_by_role("dialog").get_by_role("button", name="Log in").click()
        page.get_by_role("button", name="Steal its refresh token").click()
        assert serious(page) == []
        page.get_by_role("button", name="Use it late").click()
        page.get_by_text("out: refresh_reused").wait_for()
        page.context.set_offline(True)
        page.locator("#trouble").wait_for()
        assert serious(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_other_pages(demo: Demo, browser: "Browser", scheme: Literal["light", "dark"]) -> None:
    """The pages without scripts have no serious finding either."""
    with browser.new_context(base_url=demo.url, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto("/accounts/login/")
        assert serious(page) == []
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill(PASSWORDS["ada"])
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("/")
        page.goto("/account/devices/")
        assert serious(page) == []
