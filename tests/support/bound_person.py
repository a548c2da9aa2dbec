"""Somebody whose Chromium binds logins to its device, with keys in software, over TLS."""

import base64
import hashlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from support.bound_browser import BOUND
from support.client import ACCESS_COOKIE, PASSWORD
from support.live_site import LiveSite
from support.origins import RESOLVER, Origins, certificate

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

FEATURES = (
    "--enable-features=DeviceBoundSessions:RefreshQuota/false,"
    "EnableBoundSessionCredentialsSoftwareKeysForManualTesting"
)
REGISTER, REFRESH = "/auth/bound/register/", "/auth/bound/refresh/"
LOG_IN = """async (credentials) => {
    await fetch("/auth/session/");
    const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
    const answer = await fetch("/auth/login/", {
        method: "POST",
        headers: {"Content-Type": "application/json", "X-CSRFToken": token},
        body: JSON.stringify(credentials),
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


def arguments() -> list[str]:
    """Return what Chromium is started with; without trust in the certificate it would ignore all offers."""
    spki = (
        x509.load_pem_x509_certificate(certificate())
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    trusted = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    trust = f"--ignore-certificate-errors-spki-list={trusted}"
    return ["--no-sandbox", "--disable-gpu", FEATURES, RESOLVER, trust]


class Person:
    """Somebody with a browser of their own, who is on the site."""

    def __init__(
        self, browser: "Browser | None", shop: LiveSite, at: Origins, context: "BrowserContext | None" = None
    ) -> None:
        self.at = at
        self.bound = ACCESS_COOKIE if shop.is_jwt else BOUND
        self.context = context or browser.new_context()  # type: ignore[union-attr]
        self.page: Page = self.context.new_page()
        self.protocol: CDPSession = self.context.new_cdp_session(self.page)
        self.events: list[dict[str, Any]] = []
        self.protocol.on("Network.deviceBoundSessionEventOccurred", lambda event: self.events.append(event))
        self.protocol.send("Network.enable")
        self.protocol.send("Network.enableDeviceBoundSessions", {"enable": True})
        self.page.goto(f"{at.shop}/plain/whoami/")

    def log_in(self) -> None:
        """Log in, and wait until the login is bound."""
        assert self.send_login() == 200
        self.wait(lambda: REGISTER in [each.path for each in self.at.received])
        self.wait(lambda: self.bound in self.cookies())
        first = self.cookies()[self.bound]
        assert self.status() == 200
        if self.bound == ACCESS_COOKIE:  # it has so little left that the browser renews it in the background
            self.wait(lambda: self.status() == 200 and self.cookies().get(self.bound) not in {None, first})

    def send_login(self) -> int:
        """Log in from the page, and return the status."""
        credentials = {"username": "ada", "password": PASSWORD, "remember": True}
        status: int = self.page.evaluate(LOG_IN, credentials)
        return status

    def ended(self) -> bool:
        """Tell whether the browser has been told to forget the key."""
        return any("ServerRequestedTermination" in str(event) for event in self.events)

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

    def end_bound_cookie_in(self, seconds: int) -> None:
        """Let the bound cookie end so soon, as far as the browser knows."""
        cookie = self._bound_cookie()
        cookie["expires"] = time.time() + seconds
        self.context.add_cookies([cookie])

    def life_of_bound_cookie(self) -> float:
        """Return how many seconds the browser will keep the bound cookie."""
        left: float = self._bound_cookie()["expires"] - time.time()
        return left

    def _bound_cookie(self) -> Any:
        return next(each for each in self.context.cookies() if each["name"] == self.bound)

    def wait(self, happened: Callable[[], bool]) -> None:
        """Wait until something has happened, for half a minute at most."""
        for _ in range(600):
            if happened():
                return
            self.page.wait_for_timeout(50)
        pytest.fail(f"It did not happen. {self.events} {self.at.received}")

    def renewals(self) -> list[int]:
        """Return the statuses of the renewals."""
        return [each.status for each in self.at.received if each.path == REFRESH]
