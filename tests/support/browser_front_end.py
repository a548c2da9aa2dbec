"""A front end in a real browser's page, which uses ``fetch`` as scripts do."""

import json
from typing import TYPE_CHECKING, Any, Self

from support.client import PASSWORD
from support.origins import Origins

if TYPE_CHECKING:
    from playwright.sync_api import Page

_SEND = """
async ([url, method, body, headers]) => {
  const options = {method, headers, credentials: "include"};
  if (body !== null) {
    options.body = JSON.stringify(body);
    headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(url, options);
  return [answer.status, await answer.text()];
}
"""
_COOKIE = r"document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1] ?? null"


class FrontEnd:
    """
    The scripts of one page.

    Attributes:
        answer: The body of the last answer that had one.
        token: The CSRF token, where it was handed out; at home it is read from the cookie.
    """

    def __init__(self, page: "Page", at: Origins) -> None:
        self.page, self.at = page, at
        self.answer: Any = None
        self.token: str | None = None

    @classmethod
    def at_home(cls, page: "Page", at: Origins) -> Self:
        """Open a page of the site's own origin; it has the CSRF cookie."""
        page.goto(f"{at.shop}/auth/session/")
        return cls(page, at)

    @classmethod
    def on(cls, page: "Page", at: Origins, host: str) -> Self:
        """Open a page of another host."""
        page.goto(at.of(host))
        return cls(page, at)

    def send(self, method: str, path: str, body: Any = None) -> int:
        """Send a request to the site with the CSRF token, if there is one, and return the status."""
        token = self.token or self.page.evaluate(_COOKIE)
        headers = {} if token is None or method == "GET" else {"X-CSRFToken": token}
        status, text = self.page.evaluate(_SEND, [f"{self.at.shop}{path}", method, body, headers])
        self.answer = _parsed(text)
        return int(status)

    def fetch_token(self) -> None:
        """Get the CSRF token from the site, since a page of another host cannot read the cookie."""
        assert self.send("GET", "/plain/csrf-token/") == 200
        self.token = self.answer["csrf_token"]

    def log_in(self, username: str = "ada", **body: Any) -> int:
        """Log in, and return the status."""
        return self.send("POST", "/auth/login/", {"username": username, "password": PASSWORD, **body})

    def log_out(self) -> int:
        """Log out, and return the status."""
        return self.send("POST", "/auth/logout/")


def _parsed(text: str) -> Any:
    return json.loads(text) if text.startswith(("{", "[")) else text
