"""``authkit.js`` in real tabs: expiry, other tabs, lost responses, revocation, thieves, the back button."""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.urls import include, path

from django_authkit import revoke_user, sessions_of
from support.authkit_js_page import REFRESH, Front, Tab
from support.client import CREDENTIAL_COOKIES
from support.guides import example, printed
from support.live_site import LiveSite, in_jwt_mode
from support.origins import Origins, origins

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

TRANSPORTS = ["cookie", "header", "dpop"]
WITHOUT_LOCKS = 'Object.defineProperty(Navigator.prototype, "locks", { value: undefined });'
Opening = Callable[..., Tab]


@pytest.fixture
def front() -> Front:
    """Return the network between browser and site."""
    return Front()


@pytest.fixture
def at(shop: LiveSite, front: Front) -> Iterator[Origins]:
    """Return the site, served."""
    with origins(app=front) as at:
        yield at


@pytest.fixture
def context(chrome: "Browser") -> Iterator["BrowserContext"]:
    """Return an empty browser profile."""
    context = chrome.new_context()
    yield context
    context.close()


@pytest.fixture
def tab(context: "BrowserContext", at: Origins) -> Opening:
    """Return a function that opens the page in one more tab."""
    return lambda transport="cookie": Tab(context.new_page(), at.shop, transport)


def refreshes(at: Origins) -> list[int]:
    """Return the statuses of the refreshes so far."""
    return [each.status for each in at.received if each.path == REFRESH]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_from_login_to_logout(
    shop: LiveSite, ada: User, at: Origins, tab: Opening, context: "BrowserContext", transport: str
) -> None:
    """Login, reading and writing, unnoticed expiry, logout: the same in each mode and transport."""
    page = tab(transport)
    assert page.call() == 401
    page.log_in()
    assert page.call() == 200
    assert page.call("/api/notes/", "POST") == 201
    shop.advance(minutes=10)
    assert page.call("/api/notes/", "POST") == 201
    assert page.state == "signed-in"
    stale = [400] if transport == "dpop" else []  # the nonce of ten minutes ago
    assert refreshes(at) == ([*stale, 200] if shop.is_jwt else [])
    page.page.evaluate("auth.logOut()")
    assert page.call() == 401
    assert page.events == ["not_authenticated", "signed-in", "logged_out"]
    assert shop.sids(ada) == []
    assert not {cookie.get("name") for cookie in context.cookies()} & set(CREDENTIAL_COOKIES)


OWN_LOGIN = """async () => {
    const assertion = { code: "ada" }, showError = (text) => { throw Error(text); };
    SNIPPET
}"""
LOGIN_VIEWS = [
    ("passkey_log_in", "cookie"),
    ("SocialLogIn", "cookie"),
    ("PasskeyLogIn", "cookie"),
    ("PasskeyLogIn", "header"),
]


def test_a_printed_login_of_ones_own(
    shop: LiveSite, ada: User, tab: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snippet logs in with each of the views that the guide on such logins prints."""
    for module, function in (("passkeys", "verify_assertion"), ("social", "user_of_code")):
        found: Any = SimpleNamespace(**{function: lambda _: ada})
        monkeypatch.setitem(sys.modules, f"myproject.{module}", found)
    snippet = OWN_LOGIN.replace("SNIPPET", example("authkit-js.md", "javascript", "/passkey/"))
    for name, transport in LOGIN_VIEWS:
        view = printed("your-own-login.md", name)[name]
        served = path("passkey/", view.as_view() if hasattr(view, "as_view") else view)
        shop.settings.ROOT_URLCONF = (served, path("", include("projects.urls")))
        page = tab(transport)
        page.page.evaluate(snippet)
        assert (page.state, page.call()) == ("signed-in", 200), name
        page.page.evaluate("auth.logOut()")


def test_the_key_of_a_login_stays_in_the_browser(
    shop: LiveSite, ada: User, at: Origins, tab: Opening
) -> None:
    """All pages of the browser prove the same key, no script can export it, and a copied token is refused."""
    first = tab("dpop")
    first.log_in()
    first.page.reload()
    first.page.wait_for_function("window.started")
    first.log_in()
    second = tab("dpop")
    second.log_in()
    assert [first.call(), second.call()] == [200, 200]
    keys = {session.device_key for session in sessions_of(ada)}
    assert len(keys) == 1
    assert "P-256" in keys.pop()
    exported = second.page.evaluate(
        """async () => {
          const [{ name }] = await indexedDB.databases();
          const opened = indexedDB.open(name);
          const database = await new Promise((done) => (opened.onsuccess = () => done(opened.result)));
          const found = database.transaction("keys").objectStore("keys").get(0);
          const { privateKey } = await new Promise((done) => (found.onsuccess = () => done(found.result)));
          return crypto.subtle.exportKey("jwk", privateKey).then(() => "exported", (error) => error.name);
        }"""
    )
    assert exported == "InvalidAccessError"


@in_jwt_mode
@pytest.mark.parametrize("told", [True, False], ids=["ahead", "after"])
def test_five_tabs_refresh_once(
    shop: LiveSite, ada: User, at: Origins, front: Front, tab: Opening, told: bool
) -> None:
    """If five tabs send requests at once after their token has expired, one refresh is sent."""
    front.silent = not told
    shop.configure(LIFETIMES={"ACCESS": timedelta(seconds=2)}, LEEWAY=timedelta())
    tabs = [tab() for _ in range(5)]
    tabs[0].log_in()
    for each in tabs:
        each.page.wait_for_function("auth.state == 'signed-in'")
    time.sleep(2.1)
    shop.configure(LIFETIMES={"ACCESS": timedelta(minutes=5)})
    moment = time.time() + 0.5
    for each in tabs:
        each.call_at(moment)
    assert [each.status() for each in tabs] == [200] * 5
    assert refreshes(at) == [200]
    assert {tuple(each.events) for each in tabs} == {("not_authenticated", "signed-in")}
    refused = [each for each in at.received if each.path == "/api/whoami/" and each.status == 401]
    assert bool(refused) is not told


@in_jwt_mode
@pytest.mark.parametrize("hang", [False, True], ids=["gateway", "hung"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_lost_response_logs_nobody_out(
    shop: LiveSite, ada: User, at: Origins, front: Front, tab: Opening, transport: str, hang: bool
) -> None:
    """The server rotated, but the browser did not get the response: it retries, and stays logged in."""
    front.timeout = 3000 if hang else front.timeout
    page = tab(transport)
    page.log_in()
    shop.advance(minutes=10)
    front.lose, front.hang = 1, hang
    assert page.call() == 200
    assert front.lose == 0
    shop.advance(minutes=10)
    assert page.call() == 200
    assert page.events == ["not_authenticated", "signed-in"]


@in_jwt_mode
def test_two_tabs_without_locks(
    shop: LiveSite, ada: User, at: Origins, context: "BrowserContext", tab: Opening
) -> None:
    """Without Web Locks, two tabs may refresh twice, and stay logged in for many rounds."""
    context.add_init_script(WITHOUT_LOCKS)
    tabs = [tab(), tab()]
    assert tabs[0].page.evaluate("navigator.locks === undefined")
    tabs[0].log_in()
    tabs[1].page.wait_for_function("auth.state == 'signed-in'")
    rounds = 6
    for _ in range(rounds):
        shop.advance(minutes=10)
        moment = time.time() + 0.2
        for each in tabs:
            each.call_at(moment)
        assert [each.status() for each in tabs] == [200, 200]
    assert set(refreshes(at)) == {200}
    assert rounds <= len(refreshes(at)) <= 2 * rounds
    assert {tuple(each.events) for each in tabs} == {("not_authenticated", "signed-in")}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_revocation_reaches_all_tabs(
    shop: LiveSite, ada: User, at: Origins, tab: Opening, transport: str
) -> None:
    """After a revocation, each tab is logged out within two seconds of its next call, by one event."""
    tabs = [tab(transport) for _ in range(3)]
    for each in tabs[: 1 if transport == "cookie" else 3]:
        each.log_in()
    for each in tabs:
        each.page.wait_for_function("auth.state == 'signed-in'")
        assert each.call() == 200
    revoke_user(ada)
    for each in tabs:
        started = time.monotonic()
        statuses = each.page.evaluate(
            "Promise.all([1, 2, 3].map(() => auth.fetch('/api/whoami/').then((answer) => answer.status)))"
        )
        each.page.wait_for_function("auth.state == 'signed-out'", timeout=2000)
        assert time.monotonic() - started < 2
        assert statuses == [401] * 3
    time.sleep(0.2)
    assert {tuple(each.events) for each in tabs} == {("not_authenticated", "signed-in", "session_ended")}


SPYING = """
  window.loot = [];
  window.bearers = [];
  const real = window.fetch;
  window.fetch = async (...asked) => {
    const request = new Request(...asked);
    loot.push(...request.headers.values(), await request.clone().text());
    if (request.headers.has("Authorization")) bearers.push(request.headers.get("Authorization").slice(7));
    const answer = await real(request);
    loot.push(...answer.headers.values(), await answer.clone().text());
    return answer;
  };
  const channel = window.BroadcastChannel.prototype.postMessage;
  BroadcastChannel.prototype.postMessage = function (message) {
    window.said = (window.said ?? "") + JSON.stringify(message);
    return channel.call(this, message);
  };
"""
LYING_ABOUT = """async () => JSON.stringify([
  document.cookie, {...localStorage}, {...sessionStorage}, await indexedDB.databases(), await caches.keys(),
  auth, Object.entries(auth), Reflect.ownKeys(auth).map((key) => String(auth[key])), auth.session, auth.user,
  window.said ?? "", location.href, history.state, performance.getEntries().map((entry) => entry.name),
])"""


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_a_script_in_the_page_can_read(
    shop: LiveSite, ada: User, context: "BrowserContext", tab: Opening, transport: str
) -> None:
    """In cookie transport no token; in header transport, what passes through a replaced ``fetch``."""
    context.add_init_script(SPYING)
    page = tab(transport)
    page.log_in()
    assert page.page.evaluate("auth.refresh()") is True
    assert page.call("/api/notes/", "POST") == 201
    lying, passing = page.page.evaluate(LYING_ABOUT), "".join(page.page.evaluate("loot"))
    if transport == "cookie":
        jar = {str(each.get("name")): str(each.get("value")) for each in context.cookies()}
        secrets = [value for name, value in jar.items() if name in CREDENTIAL_COOKIES]
        assert len(secrets) == (2 if shop.is_jwt else 1)
        assert not [secret for secret in secrets if secret in passing]
    else:
        secrets = page.page.evaluate("bearers")
        assert secrets
    assert "ada" in lying
    assert not [secret for secret in secrets if secret in lying]
    assert bool(page.page.evaluate("bearers")) is (transport != "cookie")  # docs/how-to/authkit-js.md says so


def test_the_back_button_shows_nothing_private(shop: LiveSite, ada: User, tab: Opening) -> None:
    """After a logout, the page behind the back button shows nothing of the user."""
    page = tab()
    page.log_in()
    shown = page.page.locator("#private")
    assert shown.inner_text() == "ada"
    for leaving, left in (("", "ada"), ("auth.logOut()", "")):
        page.page.get_by_role("link").click()
        page.page.wait_for_url("**/elsewhere/")
        page.page.evaluate("started")
        if leaving:
            page.page.evaluate(leaving)
        page.page.go_back(wait_until="commit")
        page.page.wait_for_url("**/page/**", wait_until="commit")
        page.page.wait_for_function("window.started")
        page.page.evaluate("started")
        page.page.wait_for_timeout(300)
        assert shown.inner_text() == left
        # Logged in, it comes from the back/forward cache, or the test would prove nothing.
        assert leaving or page.page.evaluate("window.restored")
