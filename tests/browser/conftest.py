"""A real browser: Chromium, driven by Playwright. Without it the tests are skipped, with a hint."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoDbBlocker, Settings

from django_authkit.types import Mode, Transport
from support.clock import Clock
from support.live_site import LiveSite
from support.origins import RESOLVER, SHOP, TRUSTING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

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


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a Chromium; skip if it or its driver is missing, or fail if one is required."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None or not all(map(find_spec, ("playwright", "corsheaders"))):
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(HOW, pytrace=False)
        pytest.skip(HOW)
    return executable


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator["Browser"]:
    """Return a running Chromium. It stops with the module: while it runs, this thread has an event loop."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def playwright(chromium: str) -> Iterator["Playwright"]:
    """Return the driver. It stops with the module, as ``browser`` does; a module uses one of them."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def start(playwright: "Playwright", chromium: str) -> Callable[[Path], "BrowserContext"]:
    """
    Return a function that starts a person's browser, which knows every host of ``origins``, on its profile.

    That person lets cookies travel to other sites, which Chromium does not do unasked, and never in the
    incognito of ``browser.new_context()``: else an attack that relies on them fails for the wrong reason.
    """

    def start(profile: Path) -> "BrowserContext":
        preferences = profile / "Default" / "Preferences"
        if not preferences.exists():
            preferences.parent.mkdir()
            preferences.write_text(json.dumps({"profile": {"cookie_controls_mode": 0}}))
        return playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium, args=[*QUIET, RESOLVER, TRUSTING]
        )

    return start


@pytest.fixture(scope="module")
def running(
    start: Callable[[Path], "BrowserContext"], tmp_path_factory: pytest.TempPathFactory
) -> Iterator["BrowserContext"]:
    """Return a person's browser that runs for all tests of the module."""
    context = start(tmp_path_factory.mktemp("profile"))
    yield context
    context.close()


@pytest.fixture(scope="module")
def chrome(playwright: "Playwright", chromium: str) -> Iterator["Browser"]:
    """Return a Chromium that knows the hosts of ``origins``, with a back/forward cache."""
    browser = playwright.chromium.launch(
        executable_path=chromium,
        args=[*QUIET, RESOLVER, TRUSTING],
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield browser
    browser.close()


@pytest.fixture
def page(running: "BrowserContext") -> Iterator["Page"]:
    """Return a new tab of it, without cookies."""
    running.clear_cookies()
    page = running.new_page()
    yield page
    page.close()


@pytest.fixture(params=list(Mode), ids=str)
def mode(request: pytest.FixtureRequest) -> Mode:
    """Return each mode in turn."""
    return Mode(request.param)


@pytest.fixture
def store(mode: Mode) -> str:
    """Return the store that goes with the mode, unless a test names another."""
    return "valkey" if mode is Mode.SESSION else "sqlite"


@pytest.fixture
def shop(
    settings: Settings,
    clock: Clock,
    mode: Mode,
    store: str,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[LiveSite]:
    """Return the site for browsers, empty, in each mode: sessions in Valkey, tokens over SQLite."""
    # Playwright's loop stands still while this thread runs, but Django sees that there is one.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    settings.ALLOWED_HOSTS = [SHOP, "testserver"]
    with django_db_blocker.unblock():
        site = LiveSite(settings, clock, store=store, mode=mode, transport=Transport.COOKIE)
        site.configure(RATES={"LOGIN": None, "REFRESH": None})
        site.clear()
        yield site
        site.clear()


@pytest.fixture
def ada(shop: LiveSite) -> User:
    """Return a user."""
    return shop.add_user("ada")
