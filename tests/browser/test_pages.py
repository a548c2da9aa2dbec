"""Pages in JWT mode: in a real browser a login lasts as long as its auth session."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from browser.test_adoption import logged_in
from django_authkit import sessions_of
from django_authkit.signals import refresh_repeated, refresh_reused, session_refreshed
from support.browser_front_end import FrontEnd
from support.live_site import LiveSite, in_jwt_mode
from support.origins import SIBLING, STRANGER, Origins, origins
from support.signals import heard
from support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["logged_in"]

pytestmark = in_jwt_mode

VISITS, PAUSE = 8, 3
"""How often in a day the user comes back, and the hours in between."""
PAGE = "/plain/whoami/"
FRAMED = """url => new Promise(done => {
  const frame = document.createElement("iframe")
  frame.onload = done
  frame.src = url
  document.body.append(frame)
})"""
IMAGE = """url => new Promise(done => {
  const image = new Image()
  image.onload = image.onerror = done
  image.src = url
})"""
FORM = """url => {
  const form = document.createElement("form")
  Object.assign(form, {method: "post", action: url})
  document.body.append(form)
  form.submit()
}"""
LINK = """url => {
  const link = document.createElement("a")
  link.href = url
  link.textContent = "there"
  document.body.append(link)
}"""
SPECULATE = """([url, action]) => {
  const rules = document.createElement("script")
  rules.type = "speculationrules"
  rules.textContent = JSON.stringify({[action]: [{source: "list", urls: [url], eagerness: "immediate"}]})
  document.head.append(rules)
}"""


@pytest.fixture
def at(shop: LiveSite) -> Iterator[Origins]:
    """Serve the site over TLS."""
    with origins() as at:
        yield at


@pytest.fixture
def boss(shop: LiveSite) -> User:
    """Return an administrator."""
    return shop.add_user("ada", is_staff=True, is_superuser=True)


@pytest.fixture
def stale(page: "Page", at: Origins, shop: LiveSite, boss: User) -> "Page":
    """Return a tab of the administrator's browser, whose access cookie has expired."""
    assert FrontEnd.at_home(page, at).log_in() == 200
    shop.advance(minutes=6)
    at.received.clear()
    return page


def work_in_the_admin(page: "Page", at: Origins, count: int) -> None:
    """Look around in the admin and save a form."""
    page.goto(f"{at.shop}/admin/")
    assert "Site administration" in page.inner_text("#content")
    page.goto(f"{at.shop}/admin/auth/user/")
    page.get_by_role("link", name="ada").click()
    page.fill("#id_first_name", f"Ada {count}")
    page.click("input[name=_save]")
    assert "was changed successfully" in page.inner_text(".messagelist")
    assert User.objects.get(username="ada").first_name == f"Ada {count}"


def test_the_admin_works_for_a_day(page: "Page", at: Origins, shop: LiveSite, boss: User) -> None:
    """A user who comes back again and again never has to log in again."""
    assert FrontEnd.at_home(page, at).log_in() == 200
    with heard(session_refreshed) as refreshed, heard(refresh_reused) as reused:
        for number in range(VISITS):
            shop.advance(hours=PAUSE)
            work_in_the_admin(page, at, number)
    assert (len(refreshed), len(reused)) == (VISITS, 0)
    assert not [each for each in at.received if "login" in each.path and each.method == "GET"]
    assert len(sessions_of(boss)) == 1


def test_a_form_that_was_open_for_hours_is_saved(
    page: "Page", at: Origins, shop: LiveSite, boss: User
) -> None:
    """A form of the admin that was open when the access cookie expired is saved."""
    assert FrontEnd.at_home(page, at).log_in() == 200
    with heard(session_refreshed) as refreshed, heard(refresh_reused) as reused:
        page.goto(f"{at.shop}/admin/auth/user/{boss.pk}/change/")
        page.fill("#id_first_name", "Typed for hours")
        shop.advance(hours=PAUSE)
        page.click("input[name=_continue]")
        assert "was changed successfully" in page.inner_text(".messagelist")
        page.fill("#id_last_name", "And again")
        shop.advance(hours=PAUSE)
        page.click("input[name=_save]")
        assert "was changed successfully" in page.inner_text(".messagelist")
    boss.refresh_from_db()
    assert boss.get_full_name() == "Typed for hours And again"
    assert (len(refreshed), len(reused)) == (2, 0)
    assert not [each for each in at.received if "login" in each.path and each.method == "GET"]


def test_an_adopted_browser_works_for_a_day(logged_in: "Page", shop: LiveSite, ada: User) -> None:
    """A browser that Django's own sessions had logged in can still open pages."""
    with origins() as at:
        for _ in range(VISITS):
            logged_in.goto(f"{at.shop}{PAGE}")
            assert f'"id": {ada.pk}' in logged_in.content()
            shop.advance(hours=PAUSE)
    assert len(sessions_of(ada)) == 1


def test_the_browsable_api(stale: "Page", at: Origins) -> None:
    """The API's page in the browser says who is logged in."""
    stale.goto(f"{at.shop}/api/whoami/")
    assert '"username": "ada"' in stale.inner_text("body")


def test_tabs_that_open_at_once(stale: "Page", at: Origins, shop: LiveSite, boss: User) -> None:
    """Five tabs cause one rotation, and each shows the user."""
    shop.configure(LIFETIMES={"REFRESH_GRACE": timedelta(seconds=60)})  # slow on a busy machine
    stale.route("**/blank", lambda route: route.fulfill(body="<p>", content_type="text/html"))
    stale.goto(f"{at.shop}/blank")  # never reaches the site
    before = len(stale.context.pages)
    with heard(session_refreshed) as refreshed, heard(refresh_reused) as reused:
        stale.evaluate("url => { for (let i = 0; i < 5; i++) window.open(url) }", f"{at.shop}{PAGE}")
        until(lambda: _pump(stale) and len(stale.context.pages) == before + 5)
        for tab in stale.context.pages[before:]:
            tab.wait_for_url(f"{at.shop}{PAGE}")
            assert f'"id": {boss.pk}' in tab.content()
            tab.close()
    assert (len(refreshed), len(reused)) == (1, 0)


def _pump(page: "Page") -> bool:
    """Process the browser's events."""
    page.wait_for_timeout(50)
    return True


@pytest.mark.parametrize("host", [STRANGER, SIBLING])
@pytest.mark.parametrize("how", [FRAMED, IMAGE, FORM], ids=["frame", "image", "form"])
def test_other_sites_renew_nothing(
    page: "Page", at: Origins, shop: LiveSite, boss: User, host: str, how: str
) -> None:
    """A page of another origin that frames, loads or posts to ours renews nothing, despite the cookies."""
    shop.configure(COOKIE={"SAMESITE": "None"})
    assert FrontEnd.at_home(page, at).log_in() == 200
    shop.advance(minutes=6)
    at.received.clear()
    with heard(session_refreshed) as refreshed, heard(refresh_repeated) as repeated:
        page.goto(at.of(host))
        page.evaluate(how, f"{at.shop}{PAGE}")
        until(lambda: _pump(page) and any(each.path == PAGE for each in at.received))
    assert "__Host-authkit_refresh" in at.received[-1].cookies  # otherwise this proves nothing
    assert (refreshed, repeated) == ([], [])


def test_a_link_on_another_site_keeps_the_login(stale: "Page", at: Origins, boss: User) -> None:
    """Following it keeps the user logged in, as with a session cookie."""
    stale.goto(at.of(STRANGER))
    stale.evaluate(LINK, f"{at.shop}{PAGE}")
    stale.click("text=there")
    stale.wait_for_url(f"{at.shop}{PAGE}")
    assert f'"id": {boss.pk}' in stale.content()


@pytest.mark.parametrize("action", ["prefetch", "prerender"])
def test_prefetched_pages_renew_nothing(
    chrome: Any, at: Origins, shop: LiveSite, boss: User, action: str
) -> None:
    """A prefetched page renews nothing; opened by the user, it shows the user and no login form."""
    context = chrome.new_context(ignore_https_errors=True)
    page = context.new_page()
    assert FrontEnd.at_home(page, at).log_in() == 200
    shop.advance(minutes=6)
    at.received.clear()
    with heard(session_refreshed) as refreshed:
        page.evaluate(LINK, f"{at.shop}{PAGE}")
        page.evaluate(SPECULATE, [f"{at.shop}{PAGE}", action])
        until(lambda: _pump(page) and any(each.path == PAGE for each in at.received))
        assert [each.status for each in at.received if each.path == PAGE] == [425]
        assert refreshed == []
        page.click("text=there")
        page.wait_for_url(f"{at.shop}{PAGE}")
        assert f'"id": {boss.pk}' in page.content()
    assert len(refreshed) == 1
    context.close()
