"""A page that uses ``authkit.js``, served with the site, over a network that can lose responses."""

import json
import time
from collections.abc import Iterable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from django.core.handlers.wsgi import WSGIHandler

from support.client import PASSWORD
from support.origins import Application, Environ

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPT = "/static/django_authkit/authkit.js"
REFRESH = "/auth/refresh/"

_PAGE = """<!doctype html><meta charset="utf-8"><title>Notes</title><link rel="icon" href="data:,">
<p id="private"></p><a href="/elsewhere/">Elsewhere</a>
<script type="module">
  import { AuthKit } from "SCRIPT";
  const wanted = new URLSearchParams(location.search).get("transport") ?? "cookie";
  const dpop = wanted === "dpop", transport = dpop ? "header" : wanted;
  window.events = [];
  window.addEventListener("pageshow", ({ persisted }) => (window.restored = persisted));
  window.auth = new AuthKit({ transport, dpop, timeout: TIMEOUT });
  for (const type of ["signed-in", "signed-out"])
    auth.addEventListener(type, ({ detail }) => {
      events.push(detail.reason ?? type);
      document.querySelector("#private").textContent = auth.user?.username ?? "";
    });
  window.started = auth.start().then(() => "started");
</script>
"""


class Front:
    """
    The site with the page in front of it.

    Attributes:
        lose: How many of the next answers to a refresh get lost, after the site has done its part.
        hang: Whether a lost answer keeps the client waiting; else it is a gateway's 502.
        silent: Whether the header is taken off that tells when to refresh, as CORS does.
        timeout: Milliseconds that the client of the next page waits for an endpoint. On a busy machine, a
            response that is not lost may take seconds.
    """

    def __init__(self) -> None:
        self.lose, self.hang, self.silent, self.timeout = 0, False, False, 30_000
        self._site: Application = WSGIHandler()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Return the page, its script, or the response of the site."""
        path = environ["PATH_INFO"]
        if path in {"/page/", "/elsewhere/"}:
            start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
            return [_PAGE.replace("SCRIPT", SCRIPT).replace("TIMEOUT", str(self.timeout)).encode()]
        if path == SCRIPT:
            start_response("200 OK", [("Content-Type", "text/javascript")])
            return [files("django_authkit").joinpath(SCRIPT.removeprefix("/")).read_bytes()]
        if path == REFRESH and self.lose:
            self.lose -= 1
            return self._lose(environ, start_response)
        return self._site(environ, self._started(start_response))

    def _started(self, start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            kept = [each for each in headers if not (self.silent and each[0] == "X-Authkit-Expires-In")]
            return start_response(status, kept, *rest)

        return start

    def _lose(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        answer: Any = self._site(environ, lambda *_: None)
        b"".join(answer)
        answer.close()
        if self.hang:
            time.sleep(self.timeout / 1000)
        start_response("502 Bad Gateway", [("Content-Type", "text/html")])
        return [b"<h1>Bad gateway"]


class Tab:
    """A tab with the page."""

    def __init__(self, page: "Page", shop: str, transport: str = "cookie") -> None:
        self.page = page
        page.goto(f"{shop}/page/?transport={transport}")
        page.wait_for_function("window.started")
        assert page.evaluate("started") == "started"

    def log_in(self) -> None:
        """Log ada in."""
        body = json.dumps({"username": "ada", "password": PASSWORD})
        assert self.page.evaluate(f"auth.logIn({body}).then((user) => user.username)") == "ada"

    def call(self, path: str = "/api/whoami/", method: str = "GET") -> int:
        """Return the status of a request."""
        return int(
            self.page.evaluate(
                "([path, method]) => auth.fetch(path, {method}).then((answer) => answer.status)",
                [path, method],
            )
        )

    def call_at(self, moment: float) -> None:
        """Let the page send a request at *moment* (seconds since the epoch); ``status`` has the result."""
        self.page.evaluate(
            """(delay) => { window.status_ = new Promise((done) => setTimeout(done, delay))
                 .then(() => auth.fetch("/api/whoami/")).then((answer) => answer.status); }""",
            (moment - time.time()) * 1000,
        )

    def status(self) -> int:
        """Return the result of ``call_at``."""
        return int(self.page.evaluate("status_"))

    @property
    def state(self) -> str:
        """The state of the client."""
        return str(self.page.evaluate("auth.state"))

    @property
    def events(self) -> list[str]:
        """The events of the page, oldest first."""
        told: list[str] = self.page.evaluate("events")
        return told
