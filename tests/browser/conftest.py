"""A real browser: Chromium, driven by Playwright. Without it, tests are skipped and say how to get it."""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REQUIRED = "AUTHKIT_REQUIRE_BROWSER"
HOW = f'needs a browser: pip install -e ".[browser]" and apt-get install chromium ({REQUIRED}=1 insists)'
NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Return a running Chromium. It ends with the module: while it runs, this thread has an event loop."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None or find_spec("playwright") is None:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(HOW, pytrace=False)
        pytest.skip(HOW)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(QUIET))
        yield browser
        browser.close()
