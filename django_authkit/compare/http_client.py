"""
A client of a variant: it logs in, sends requests, refreshes and logs out over one persistent connection.

The differences between variants and transports (where the credential is, and CSRF) are handled here.
Bytes are those of HTTP/1.1 on the wire, without the headers of the measurement.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from typing import Any, Self

from django.conf import settings
from django.contrib.auth import get_user_model

from django_authkit.compare.variants import ALLAUTH, AUTHKIT, DJANGO, KNOX, SIMPLEJWT, Variant
from django_authkit.compare.worker.config import ADDRESSES, TALLY, TICKET

HOST = "127.0.0.1"
WHO_AM_I = f"{ADDRESSES}whoami/"
_AUTH = f"{ADDRESSES}auth/"
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
_PATIENCE = 30
NO_ANSWER = 0
"""The status if the connection broke."""
REFUSALS = frozenset({301, 302, 303, 401, 403})
"""The statuses that say that a login is required: a redirect leads to a login page."""


def called(path: str) -> str:
    """Return the display name of *path*."""
    return "a view of the command's own" if path == WHO_AM_I else path


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A response and its cost.

    Attributes:
        status: HTTP status, or ``NO_ANSWER``.
        began, ended: On the monotonic clock, ns.
        sent, received: Bytes of the request and of the response.
        process: Id of the worker's process; 0 if unknown.
        cpu: CPU time that it had used by then, ns.
        trips, queries: Round trips to Redis and SQL statements of this request.
        background: Round trips to Redis of the worker outside of requests, by then.
    """

    status: int
    body: bytes = b""
    began: int = 0
    ended: int = 0
    sent: int = 0
    received: int = 0
    process: int = 0
    cpu: int = 0
    trips: int = 0
    queries: int = 0
    background: int = 0

    @property
    def took(self) -> int:
        """How long it took, ns."""
        return self.ended - self.began

    @property
    def fine(self) -> bool:
        """Whether the request succeeded."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether a login is required: 401, 403, or a redirect to a login page."""
        return self.status in REFUSALS


class _Connection(HTTPConnection):
    """Counts what it sends."""

    sent = 0

    def send(self, data: Any) -> None:
        """Send, and count."""
        self.sent += len(data)
        super().send(data)


class Client:
    """
    One client, with the credentials that it holds.

    Attributes:
        cookies: Its jar, name to value.
        access, refresh_token: Tokens kept outside cookies; empty if none.
    """

    def __init__(
        self, variant: Variant, port: int, *, transport: str, username: str, password: str, ticket: str
    ) -> None:
        self.variant, self.port, self.transport = variant, port, transport
        self._ticket = {TICKET: ticket}
        self._login = {get_user_model().USERNAME_FIELD: username, "password": password}
        self._connection = _Connection(HOST, port, timeout=_PATIENCE)
        self.cookies: dict[str, str] = {}
        self.access = self.refresh_token = ""

    def copy(self) -> Self:
        """Return another client with the same credentials, over a connection of its own."""
        twin = self.anonymous()
        twin.cookies = dict(self.cookies)
        twin.access, twin.refresh_token = self.access, self.refresh_token
        return twin

    def anonymous(self) -> Self:
        """Return another client of the same server without credentials."""
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._connection = _Connection(HOST, self.port, timeout=_PATIENCE)  # noqa: SLF001 - its own kind
        twin.cookies, twin.access, twin.refresh_token = {}, "", ""
        return twin

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        self._connection.close()

    # -- what it does -----------------------------------------------------------------------------

    @property
    def by_cookie(self) -> bool:
        """Whether its credential travels in cookies."""
        if self.variant.kind == AUTHKIT:
            return self.transport == "cookie"
        return self.variant.kind == DJANGO

    def prepare(self) -> None:
        """Get what a login needs: a browser's CSRF cookie."""
        if self.by_cookie and self.variant.kind == AUTHKIT:
            self.send("GET", f"{_AUTH}session/")

    def log_in(self) -> Answer:
        """Log in and store the credentials."""
        headers = self._proof()
        if self.variant.kind == AUTHKIT:
            headers["X-Authkit-Transport"] = self.transport
        return self._keep(self.send("POST", f"{_AUTH}login/", self._login, headers))

    def refresh(self) -> Answer:
        """Refresh, and store the new credentials."""
        body = {} if self.by_cookie else {"refresh": self.refresh_token or self.access}
        return self._keep(self.send("POST", f"{_AUTH}refresh/", body, self._proof()))

    def log_out(self) -> Answer:
        """Log out."""
        body = {"refresh": self.refresh_token} if self.variant.kind == SIMPLEJWT else {}
        headers = {**self._proof(), **self.credential_headers()} if not self.by_cookie else self._proof()
        return self.send("POST", f"{_AUTH}logout/", body, headers)

    def get(self, path: str) -> Answer:
        """Request *path* with the stored credentials."""
        return self.send("GET", path, None, self.credential_headers())

    # -- what it holds ----------------------------------------------------------------------------

    @property
    def credential(self) -> str:
        """What opens views."""
        if not self.by_cookie:
            return self.access
        names = [name for name in self.credential_cookies() if "refresh" not in name.lower()]
        return self.cookies[names[0]] if names else ""

    def credential_cookies(self) -> dict[str, str]:
        """Return the cookies that are credentials: all but the CSRF cookie."""
        return {n: v for n, v in self.cookies.items() if n != settings.CSRF_COOKIE_NAME}

    def credential_headers(self) -> dict[str, str]:
        """Return the header that presents a credential kept without cookies."""
        if self.by_cookie or not self.access:
            return {}
        if self.variant.kind == ALLAUTH:
            return {"X-Session-Token": self.access}
        scheme = "Token" if self.variant.kind == KNOX else "Bearer"
        return {"Authorization": f"{scheme} {self.access}"}

    def credential_bytes(self) -> int:
        """Return the bytes that credentials add to each request."""
        if self.by_cookie:
            pairs = "; ".join(f"{name}={value}" for name, value in self.credential_cookies().items())
            return len(f"Cookie: {pairs}\r\n") if pairs else 0
        return sum(len(f"{name}: {value}\r\n") for name, value in self.credential_headers().items())

    # -- how it speaks ----------------------------------------------------------------------------

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request with the cookies it holds; a broken connection is ``NO_ANSWER``."""
        sent = {"User-Agent": _AGENT, "Accept": "application/json", **self._ticket, **(headers or {})}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        self._connection.sent = 0
        began = time.monotonic_ns()
        try:
            self._connection.request(method, path, content, sent)
            received = self._connection.getresponse()
            text = received.read()
        except (OSError, HTTPException):
            self._connection.close()
            return Answer(NO_ANSWER, began=began, ended=time.monotonic_ns())
        ended = time.monotonic_ns()
        lines = received.getheaders()
        for name, value in lines:
            if name.lower() == "set-cookie":
                self._keep_cookies(value)
        told = received.getheader(TALLY, "0,0,0,0,0").split(",")
        process, cpu, trips, queries, background = map(int, told)
        head = sum(len(name) + len(value) + 4 for name, value in lines if name.lower() != TALLY.lower())
        return Answer(
            status=received.status,
            body=text,
            began=began,
            ended=ended,
            sent=self._connection.sent - sum(len(f"{n}: {v}\r\n") for n, v in self._ticket.items()),
            received=len(f"HTTP/1.1 {received.status} {received.reason}\r\n") + head + 2 + len(text),
            process=process,
            cpu=cpu,
            trips=trips,
            queries=queries,
            background=background,
        )

    def _proof(self) -> dict[str, str]:
        """Return the CSRF headers of a request with cookies."""
        if not self.by_cookie:
            return {}
        name = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-")
        return {name: self.cookies.get(settings.CSRF_COOKIE_NAME, "")}

    def _keep(self, answer: Answer) -> Answer:
        if answer.fine and not self.by_cookie:
            body = json.loads(answer.body)
            self.access = body.get("access") or body.get("token") or self.access
            self.refresh_token = body.get("refresh", self.refresh_token)
        return answer

    def _keep_cookies(self, line: str) -> None:
        for name, morsel in SimpleCookie(line).items():
            if str(morsel["max-age"]) == "0" or morsel.value == "":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
