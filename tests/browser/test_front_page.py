"""The example's front page in a real browser: its buttons do everything that it shows."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import pytest
import redis

from support.demo import PASSWORDS, Demo, demo_running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

    Visit: TypeAlias = Callable[..., Page]

GRACE = 2
"""Seconds, so that the thief does not have to wait long."""
PAUSE = 6_000
"""Milliseconds; longer than the interval between two calls of a device."""
SMALLEST = (
    "--modes session jwt --stores redis --checks store --beside "
    "--duration 0.1 --rounds 3 --sessions 1000 --workers 1"
)
"""The smallest comparison."""
IN_TIME = 10_000
"""Milliseconds; a device calls every three seconds, and the machine may be busy."""


@pytest.fixture(scope="module")
def demo(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Return a running demo, in JWT mode on Valkey."""
    data = tmp_path_factory.mktemp("demo")
    with demo_running(data, EXAMPLE_REFRESH_GRACE=str(GRACE), EXAMPLE_COMPARISON=SMALLEST) as running:
        yield running


@pytest.fixture
def visit(demo: Demo, browser: "Browser") -> Iterator["Visit"]:
    """Return a function that opens the page in a browser of its own, and fails after a script error."""
    contexts: list[BrowserContext] = []
    failures: list[str] = []

    def visiting(user: str | None = "ada", width: int = 1280, height: int = 900) -> "Page":
        context = browser.new_context(
            base_url=demo.url, viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        contexts.append(context)
        context.set_default_timeout(IN_TIME)
        page = context.new_page()
        watch(page, failures)
        page.goto("/")
        page.locator("#login").wait_for()
        if user is not None:
            log_in(page, user)
        return page

    yield visiting
    for context in contexts:
        context.close()
    assert not failures


def watch(page: "Page", failures: list[str]) -> None:
    """Record script errors of *page*, and violations of its policy."""
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on(
        "console",
        lambda message: (
            failures.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )


def log_in(page: "Page", user: str) -> None:
    """Log in by the form, as one of the people of the demo."""
    page.get_by_role("button", name=user, exact=True).click()
    page.locator("#login").get_by_role("button", name="Log in").click()
    page.locator("#me").wait_for()
    page.locator(".strategy[data-live=yes]").wait_for()


def sid_of(page: "Page") -> str:
    """Return the sid that the page shows for its browser, as soon as it does."""
    return page.locator("#me [data-slot=sid]").filter(has_text=re.compile(r"\S")).inner_text()


def card(page: "Page", name: str) -> "Locator":
    """Return the card of a device or thief."""
    heading = page.get_by_role("heading", name=name, exact=True)
    return page.locator("#cards > li").filter(has=heading)


def open_device(page: "Page", name: str) -> "Locator":
    """Log in on one more device, and return its card."""
    page.get_by_role("button", name="Open another device").click()
    page.get_by_role("dialog").get_by_role("button", name="Log in").click()
    opened = card(page, name)
    opened.get_by_text("in use by ada").wait_for()
    return opened


def test_shows_cookies_record_claims_and_expiry(visit: "Visit", demo: Demo) -> None:
    """The column in use shows the cookies, what scripts can read of them, the record, claims and expiry."""
    page = visit(user=None)
    page.get_by_label("Remember me").check()
    log_in(page, "ada")
    jwt = page.locator(".strategy[data-mode=jwt]")
    kept = jwt.locator("[data-slot=cookies] li")
    assert kept.filter(has_text="authkit_refresh").get_by_text("HttpOnly").is_visible()
    assert kept.filter(has_text="csrftoken").get_by_text("a script can read it").is_visible()
    assert jwt.locator("[data-slot=script] code").inner_text() == "csrftoken"

    carried = re.search(r"(\d+) bytes", jwt.locator("[data-slot=weight]").inner_text())
    cookies = page.context.cookies()
    sent = "; ".join(f"{each.get('name')}={each.get('value')}" for each in cookies)
    assert carried
    assert int(carried[1]) == len(f"Cookie: {sent}\r\n")

    jwt.get_by_text("authkit_access: its claims").click()
    assert f'"sid": "{sid_of(page)}"' in jwt.locator("[data-token=authkit_access] pre").inner_text()
    jwt.get_by_text("The record").click()
    record = jwt.locator("[data-slot=record] pre").inner_text()
    assert '"generation": 1' in record
    expiry = jwt.locator("[data-slot=expiry]").inner_text()
    assert re.search(r"without activity\s+in 13 days", expiry)
    assert re.search(r"at the latest\s+in 89 days", expiry)

    shown = page.content()
    for secret in (each.get("value", "") for each in cookies if each.get("httpOnly")):
        assert secret[-20:] not in shown  # the signature, or the end of the key
    assert "auth_hash" not in shown


def test_reuse_is_detected(visit: "Visit") -> None:
    """Late use of a copied refresh token revokes its auth session, and no other."""
    page = visit()
    phone, tablet = open_device(page, "Phone"), open_device(page, "Tablet")
    phone.get_by_role("button", name="Steal its refresh token").click()
    thief = card(page, "Thief of the phone")
    thief.get_by_role("button", name="Use it late").click()
    thief.get_by_text("logged out: refresh_reused").wait_for()
    phone.get_by_text("It was logged out: its auth session was revoked.").wait_for()
    assert thief.get_by_text("The thief refreshes with the copy: 401 refresh_reused").is_visible()
    assert "logged in" not in thief.inner_text()
    assert tablet.get_by_text("in use by ada").is_visible()
    assert page.locator("#me").is_visible()


def test_a_device_with_a_key_loses_nothing_by_a_theft(visit: "Visit") -> None:
    """The copied refresh token is refused without the key, also twice too late; the device goes on."""
    page = visit()
    page.get_by_label("Bind the next device").check()
    phone = open_device(page, "Phone")
    phone.get_by_text("a key that no script can copy (DPoP)").wait_for()
    phone.get_by_role("button", name="Steal its refresh token").click()
    thief = card(page, "Thief of the phone")
    thief.get_by_role("button", name="Use it late").click()
    thief.get_by_text("logged out: device_mismatch").wait_for()
    assert phone.get_by_text("in use by ada").is_visible()


def test_what_else_is_on_the_page(visit: "Visit") -> None:
    """A login that is not remembered lives shorter, one by the form has a claim; async view, and metrics."""
    page = visit()
    assert re.search(r"in 59 minutes", page.locator("[data-live=yes] [data-slot=expiry]").inner_text())
    page.get_by_role("button", name="Call an async view").click()
    page.get_by_text(f"The async view returned 200: ada, {sid_of(page)}.").wait_for()
    assert "authkit_logins_total" in page.context.request.get("/metrics").text()

    page.locator("#me").get_by_role("button", name="Log out").click()
    page.locator("#login").wait_for()
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORDS["ada"])
    page.get_by_role("button", name="Log in").click()
    page.locator("[data-token=authkit_access]").filter(has_text='"via": "form"').wait_for()


def test_a_thief_who_refreshes_first_is_detected(visit: "Visit") -> None:
    """The thief is logged in until the owner refreshes; then the auth session is revoked."""
    page = visit()
    phone = open_device(page, "Phone")
    phone.get_by_role("button", name="Steal its refresh token").click()
    thief = card(page, "Thief of the phone")
    thief.get_by_role("button", name="Use it first").click()
    thief.get_by_text("is taken for ada").wait_for()
    thief.get_by_text("The thief calls a view: 401 session_ended").wait_for()
    assert phone.get_by_text("a superseded refresh token was used").is_visible()
    phone.get_by_role("button", name="Dismiss").click()
    assert phone.count() == 0


def test_over_plain_http_a_copy_of_all_cookies_stays_logged_in(visit: "Visit") -> None:
    """The page says that nothing is bound; the thief has the refresh token, and so a new access token."""
    page = visit()
    page.get_by_text("This page came over plain HTTP").wait_for()
    page.get_by_role("button", name="Steal the cookie jar").click()
    thief = page.locator("#jars > li")
    thief.get_by_role("button", name="Use it when the access token has expired").click()
    thief.get_by_text("POST /auth/refresh/: 200 OK.").wait_for()
    thief.get_by_text("The thief is taken for ada.").wait_for()
    page.locator("#me").get_by_role("button", name="Log out").click()
    thief.get_by_text(re.compile("refused: (session_ended|not_authenticated)")).wait_for()


def test_a_revoked_device_is_logged_out_at_its_next_request(visit: "Visit") -> None:
    """A device on the page and another browser notice a revocation at their next request."""
    other, page = visit(), visit()
    phone = open_device(page, "Phone")
    phone.get_by_role("button", name="Log out").click()
    phone.get_by_text("It was logged out: its auth session was revoked.").wait_for()
    assert other.locator("#me").is_visible()

    elsewhere = page.locator("#cards > li").filter(has_text=sid_of(other))
    elsewhere.get_by_role("button", name="Log out").click()
    other.get_by_text("This browser was logged out: its auth session was revoked.").wait_for()
    assert other.locator("#login").is_visible()
    elsewhere.wait_for(state="detached")


def test_log_out_reaches_the_other_tab(visit: "Visit") -> None:
    """Two tabs are one login: a logout in one is shown by the other."""
    page = visit()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open another tab").click()
    tab = opened.value
    tab.locator("#me").wait_for()
    assert sid_of(tab) == sid_of(page)
    page.locator("#me").get_by_role("button", name="Log out").click()
    tab.locator("#login").wait_for()


def test_mode_is_switched_live(visit: "Visit") -> None:
    """The switch keeps everybody logged in, under the same sid; a copied session key is not noticed."""
    page = visit()
    sid = sid_of(page)
    phone = open_device(page, "Phone")
    page.get_by_role("button", name="Switch to session mode").click()
    page.get_by_text(f"You are still logged in, with the same sid: {sid}.").wait_for(timeout=30_000)
    columns = page.locator(".strategy")
    columns.filter(has_text="as it was before the switch").filter(has_text="authkit_refresh").wait_for()
    columns.and_(page.locator("[data-live=yes]")).filter(has_text="sessionid").wait_for()
    assert page.locator("[data-live=yes] li").filter(has_text="left from before the switch").count() == 2
    assert "sessionid" in {each.get("name") for each in page.context.cookies()}
    phone.get_by_role("button", name="Refresh", exact=True).click()
    phone.get_by_text("session key").wait_for()

    phone.get_by_role("button", name="Steal its key").click()
    thief = card(page, "Thief of the phone")
    thief.get_by_role("button", name="Use it", exact=True).click()
    thief.get_by_text("is taken for ada").wait_for()
    assert phone.get_by_text("in use by ada").is_visible()
    phone.get_by_role("button", name="Log out").click()
    thief.get_by_text("logged out: session_ended").wait_for()
    phone.get_by_text("It was logged out").wait_for()

    page.get_by_role("button", name="Switch to JWT mode").click()
    page.get_by_text(f"You are still logged in, with the same sid: {sid}.").wait_for(timeout=30_000)
    page.locator(".strategy[data-mode=jwt][data-live=yes]").wait_for()


def test_a_comparison_shows_its_progress_and_its_report(visit: "Visit") -> None:
    """The button starts it, a reload or another browser finds it again, and its report is on the page."""
    page = visit()
    page.get_by_role("button", name="Compare now").click()
    page.get_by_role("progressbar").wait_for()
    page.reload()
    page.get_by_role("progressbar").wait_for()
    assert page.get_by_role("button", name="Compare now").is_disabled()
    elsewhere = visit(user=None)
    elsewhere.get_by_text(re.compile(r"\d+ s so far")).wait_for()

    page.get_by_role("button", name="Compare again").wait_for(timeout=120_000)
    report = page.frame_locator("iframe")
    report.get_by_role("heading", name="The verdict").wait_for()
    assert "/api/notes/" in report.locator("main").inner_text()
    report.locator("[name=requests]").fill("7")
    report.get_by_text("10,000,000").wait_for()  # its script runs in the frame
    assert not page.locator("#comparison [role=alert]").is_visible()
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_another_site_switches_nothing(visit: "Visit") -> None:
    """The switch requires the CSRF token, and accepts two modes."""
    page = visit()
    cookie = next(each.get("value", "") for each in page.context.cookies() if each.get("name") == "csrftoken")
    ask = page.context.request.post
    assert ask("/showcase/mode/session/").status == 403
    assert ask("/showcase/mode/none/", headers={"X-CSRFToken": cookie}).status == 404
    assert page.context.request.get("/showcase/server/").json()["mode"] == "jwt"


def pause_valkey(url: str) -> None:
    """Pause the store for a while."""
    with redis.Redis.from_url(url) as client:
        client.client_pause(PAUSE, all=True)


def test_outages_are_shown_and_end(visit: "Visit", demo: Demo) -> None:
    """If the network or the store fails, the page says so, logs nobody out, and recovers."""
    page = visit()
    trouble = page.locator("#trouble")
    page.context.set_offline(True)
    trouble.get_by_text("The server does not respond").wait_for()
    page.context.set_offline(False)
    trouble.wait_for(state="hidden")

    pause_valkey(demo.redis_url)
    trouble.get_by_text("The store does not respond").wait_for()
    assert page.locator("#me").is_visible()
    trouble.wait_for(state="hidden", timeout=20_000)
    assert page.locator("#me").is_visible()


def test_a_wrong_password_is_reported(visit: "Visit") -> None:
    """The form shows the error, and selects the password."""
    page = visit(user=None)
    form = page.locator("#login")
    form.get_by_label("Username").fill("ada")
    form.get_by_label("Password").fill("difference-engine")
    form.get_by_label("Password").press("Enter")
    form.get_by_role("alert").get_by_text("Wrong username or password.").wait_for()
    assert page.evaluate("document.activeElement.id") == "password"


def test_works_by_keyboard(visit: "Visit") -> None:
    """Tab, Space and Enter log in, open a device, steal from it and dismiss it; focus is never lost."""
    page = visit(user=None)
    press(page, "Skip to content")
    page.keyboard.press("Enter")
    press(page, "ada")
    page.keyboard.press("Space")
    assert focused(page) == "Log in"
    page.keyboard.press("Enter")
    page.locator("#me").wait_for()
    assert focused(page) == "This browser"

    press(page, "Open another device")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    assert focused(page) == "Open another device"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the password has the focus, and is filled in
    card(page, "Phone").get_by_text("in use by ada").wait_for()
    assert focused(page) == "Phone"

    press(page, "Steal its refresh token")
    page.keyboard.press("Enter")
    assert focused(page) == "Thief of the phone"
    press(page, "Use it late, after two refreshes")
    page.keyboard.press("Space")
    card(page, "Phone").get_by_text("It was logged out").wait_for()
    assert focused(page) == "Thief of the phone"
    press(page, "Dismiss")
    page.keyboard.press("Enter")
    assert focused(page) == "Devices"


def press(page: "Page", name: str) -> None:
    """Press Tab until the element called *name* has the focus, in view and with an outline."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if focused(page) == name:
            break
    assert focused(page) == name
    style, hidden = page.evaluate(
        """() => { const it = document.activeElement, box = it.getBoundingClientRect();
                   const bar = document.getElementById("announcement").getBoundingClientRect();
                   const floor = bar.height ? bar.top : innerHeight;
                   return [getComputedStyle(it).outlineStyle, box.top < 0 || box.bottom > floor]; }"""
    )
    assert style == "solid"
    assert not hidden


def focused(page: "Page") -> str:
    """Return the text of the focused element."""
    text: str = page.evaluate("document.activeElement.innerText || document.activeElement.id").strip()
    return text


def test_fits_the_screen(visit: "Visit") -> None:
    """Nothing overflows, and each control is large enough to touch (WCAG 1.4.10, 2.5.8)."""
    page = visit()
    phone = open_device(page, "Phone")
    phone.get_by_role("button", name="Steal").click()
    card(page, "Thief of the phone").get_by_role("button", name="Use it late").click()
    phone.get_by_text("It was logged out").wait_for()
    for summary in page.locator("summary").all():
        summary.click()
    for width in (1280, 768, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = [each.bounding_box() for each in page.get_by_role("button").all()]
        assert len(boxes) > 6
        assert all(box is not None and min(box["height"], box["width"]) >= 24 for box in boxes)


def test_policy_holds_on_every_page(visit: "Visit") -> None:
    """Scripts and styles come from files of the site only, on every page."""
    page = visit(user="admin")
    forbidden: list[str] = []
    page.on("console", lambda message: forbidden.append(message.text) if "Policy" in message.text else None)
    for path in ("/", "/accounts/login/", "/account/devices/"):
        answer = page.goto(path, wait_until="load")
        assert answer is not None
        assert "script-src 'self'; style-src 'self';" in answer.headers["content-security-policy"]
    assert not forbidden
    # The jQuery of Django and DRF tests for another policy, which logs an error in the console.
    # DRF's page has a link that logs out by a script of its own, allowed by its digest, and styles in place.
    for path, allowed in (("/admin/", "; style-src 'self';"), ("/api/notes/", " 'unsafe-hashes' 'sha256-")):
        shown = page.context.request.get(path, headers={"Accept": "text/html"})
        assert f"script-src 'self'{allowed}" in shown.headers["content-security-policy"]


def test_without_scripts_there_is_a_way(demo: Demo, browser: "Browser") -> None:
    """Without JavaScript the page links to those that need none."""
    with browser.new_context(base_url=demo.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/")
        page.get_by_role("link", name="login page").click()
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill(PASSWORDS["ada"])
        page.get_by_role("button", name="Log in").click()
        page.goto("/account/devices/")
        assert page.get_by_role("heading", name="Your devices").is_visible()
