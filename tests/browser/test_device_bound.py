"""Device Bound Session Credentials in Chromium, over TLS, with keys in software."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.contrib.auth.models import User

from support.bound_browser import BOUND
from support.client import ACCESS_COOKIE, PASSWORD
from support.live_site import LiveSite
from support.origins import RESOLVER, STRANGER, Origins, certificate, origins

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Playwright

pytestmark = pytest.mark.slow

FEATURES = (
    "--enable-features=DeviceBoundSessions:RefreshQuota/false,"
    "EnableBoundSessionCredentialsSoftwareKeysForManualTesting"
)
REGISTER, REFRESH = "/auth/bound/register/", "/auth/bound/refresh/"
LOG_IN = """async ([username, password]) => {
    await fetch("/auth/session/");
    const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
    const answer = await fetch("/auth/login/", {
        method: "POST",
        headers: {"Content-Type": "application/json", "X-CSRFToken": token},
        body: JSON.stringify({username, password}),
    });
    return answer.status;
}"""
FIVE_AT_ONCE = """async () => {
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => fetch("/api/whoami/")));
    return answers.map((answer) => answer.status);
}"""
LOG_OUT = """async () => {
    const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
    return (await fetch("/auth/logout/", {method: "POST", headers: {"X-CSRFToken": token}})).status;
}"""


@pytest.fixture(scope="module")
def binding(playwright: "Playwright", chromium: str) -> Iterator["Browser"]:
    """Return a browser that binds logins; without trust in the certificate it would ignore all offers."""
    spki = (
        x509.load_pem_x509_certificate(certificate())
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    trusted = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    browser = playwright.chromium.launch(
        executable_path=chromium,
        args=[
            "--no-sandbox",
            "--disable-gpu",
            FEATURES,
            RESOLVER,
            f"--ignore-certificate-errors-spki-list={trusted}",
        ],
    )
    yield browser
    browser.close()


class Person:
    """Somebody with a browser of their own, who is on the site."""

    def __init__(self, browser: "Browser", shop: LiveSite, at: Origins) -> None:
        self.at = at
        self.bound = ACCESS_COOKIE if shop.is_jwt else BOUND
        self.context: BrowserContext = browser.new_context()
        self.page: Page = self.context.new_page()
        self.protocol: CDPSession = self.context.new_cdp_session(self.page)
        self.events: list[dict[str, Any]] = []
        self.protocol.on("Network.deviceBoundSessionEventOccurred", lambda event: self.events.append(event))
        self.protocol.send("Network.enable")
        self.protocol.send("Network.enableDeviceBoundSessions", {"enable": True})
        self.page.goto(f"{at.shop}/plain/whoami/")

    def log_in(self) -> None:
        """Log in, and wait until the login is bound."""
        assert self.page.evaluate(LOG_IN, ["ada", PASSWORD]) == 200
        self.wait(lambda: REGISTER in [each.path for each in self.at.received])
        self.wait(lambda: self.bound in self.cookies())
        assert self.status() == 200

    def status(self) -> int:
        """Return the status of an API call from the page."""
        status: int = self.page.evaluate("async () => (await fetch('/api/whoami/')).status")
        return status

    def cookies(self) -> dict[str, str]:
        """Return the cookie jar."""
        return {each["name"]: each["value"] for each in self.context.cookies()}

    def lose_bound_cookie(self) -> None:
        """Delete the bound cookie, as its end does."""
        self.protocol.send("Network.deleteCookies", {"name": self.bound, "url": self.at.shop})

    def wait(self, happened: Callable[[], bool]) -> None:
        """Wait until something has happened, for ten seconds at most."""
        for _ in range(200):
            if happened():
                return
            self.page.wait_for_timeout(50)
        pytest.fail(f"It did not happen. {self.events} {self.at.received}")

    def renewals(self) -> list[int]:
        """Return the statuses of the renewals."""
        return [each.status for each in self.at.received if each.path == REFRESH]


@pytest.fixture
def at(shop: LiveSite, ada: User) -> Iterator[Origins]:
    """Return the site, which offers to bind logins."""
    shop.configure(DEVICE_BOUND="offer")
    with origins() as at:
        yield at


@pytest.fixture
def person(binding: "Browser", shop: LiveSite, at: Origins) -> Iterator[Person]:
    """Return somebody whose login is bound to their device, which has proved its key."""
    person = Person(binding, shop, at)
    person.log_in()
    person.lose_bound_cookie()
    assert person.status() == 200
    at.received.clear()
    yield person
    person.context.close()


def test_the_browser_renews_before_the_request(ada: User, person: Person) -> None:
    """It holds five requests, proves its key once, and all of them succeed; a page that is opened, too."""
    person.lose_bound_cookie()
    assert person.page.evaluate(FIVE_AT_ONCE) == [200] * 5
    assert person.renewals() == [200]
    person.lose_bound_cookie()
    person.page.goto(f"{person.at.shop}/plain/whoami/")
    assert f'"id": {ada.pk}' in person.page.content()
    assert person.renewals() == [200, 200]


def test_a_copy_of_all_cookies_is_refused_and_never_renewed(
    shop: LiveSite, binding: "Browser", person: Person
) -> None:
    """In another profile they work until the bound cookie dies; then the thief is refused, not the owner."""
    thief = Person(binding, shop, person.at)
    thief.context.add_cookies(person.context.cookies())  # type: ignore[arg-type]
    assert thief.status() == 200
    before = len(person.renewals())
    shop.advance(minutes=11)
    thief.lose_bound_cookie()
    person.lose_bound_cookie()
    assert thief.status() == 401
    assert len(person.renewals()) == before
    assert person.status() == 200
    thief.context.close()


def test_a_logout_ends_it_in_the_browser(person: Person) -> None:
    """The next request asks once, and the browser forgets the key."""
    assert person.page.evaluate(LOG_OUT) == 204
    assert person.status() == 401
    person.wait(lambda: person.renewals()[-1:] == [200])
    assert person.bound not in person.cookies()
    count = len(person.renewals())
    assert person.status() == 401
    assert len(person.renewals()) == count


def test_a_revocation_from_elsewhere_ends_it_too(shop: LiveSite, person: Person) -> None:
    """The device is logged out at once, whatever it can prove."""
    device = shop.logged_in()
    assert device.delete("/auth/sessions/").status_code == 200
    assert person.status() == 401
    person.lose_bound_cookie()
    assert person.status() == 401
    assert person.bound not in person.cookies()


def test_a_link_from_another_site_stays_logged_in(shop: LiveSite, ada: User, person: Person) -> None:
    """The page arrives without the bound cookie, opens itself again, and is that of the user."""
    shop.advance(minutes=11)
    person.page.goto(person.at.of(STRANGER))
    person.lose_bound_cookie()
    person.page.evaluate("url => { location.href = url }", f"{person.at.shop}/plain/whoami/")
    person.wait(lambda: f'"id": {ada.pk}' in (person.page.text_content("body") or ""))
    assert person.renewals() == [200]
