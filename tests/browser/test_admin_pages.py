"""The admin's pages of auth sessions in a real browser."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler

from support.browser_front_end import FrontEnd
from support.live_site import LiveSite, in_session_mode
from support.origins import Origins, origins

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = in_session_mode

SMALL = {"width": 360, "height": 740}
PAGES = "/admin/django_authkit/authsessionrow/"


@pytest.fixture
def at(shop: LiveSite) -> Iterator[Origins]:
    """Serve the site over TLS, with the admin's style sheets."""
    with origins(app=StaticFilesHandler(WSGIHandler())) as at:
        yield at


def test_a_users_sessions_fit_a_small_screen(page: "Page", at: Origins, shop: LiveSite) -> None:
    """At 360 pixels the table scrolls by itself, and the page does not (WCAG 1.4.10)."""
    boss: User = shop.add_user("ada", is_staff=True, is_superuser=True)
    assert FrontEnd.at_home(page, at).log_in() == 200
    page.set_viewport_size(SMALL)  # type: ignore[arg-type]
    page.goto(f"{at.shop}{PAGES}by-user/{boss.pk}/")
    assert page.locator(".results tbody tr").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]
    assert page.evaluate("document.querySelector('.results').scrollWidth") > SMALL["width"]
    button = page.get_by_role("button", name="Revoke", exact=True).bounding_box()
    assert button
    assert min(button["height"], button["width"]) >= 24  # WCAG 2.5.8


@pytest.mark.parametrize("store", ["sqlite"])
def test_the_list_counts_what_is_selected(page: "Page", at: Origins, shop: LiveSite) -> None:
    """The admin's own script finds what it needs, and the box for all follows the others."""
    shop.add_user("ada", is_staff=True, is_superuser=True)
    shop.logged_in("ada")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    assert FrontEnd.at_home(page, at).log_in() == 200
    page.goto(f"{at.shop}{PAGES}")
    page.locator("#action-toggle").check()
    assert page.locator(".action-counter").text_content() == "2 of 2 selected"
    page.locator(".action-select").first.uncheck()
    assert not page.locator("#action-toggle").is_checked()
    assert errors == []
