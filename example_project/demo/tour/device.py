"""A client over real HTTP. It keeps the credentials that it gets, sends them, and prints each exchange."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from http.cookies import Morsel, SimpleCookie
from typing import Any

from demo.tour.story import Story

_TIMEOUT = 30
"""Seconds; far more than any response takes."""
_SECRET = frozenset({"access", "refresh", "token"})
_TOLD = (
    "session.sid",
    "session.mode",
    "user.username",
    "access",
    "refresh",
    "expires_in",
    "title",
    "active",
    "code",
    "detail",
)
"""The members of a response that are printed, in this order."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. ``body`` is the decoded JSON, or the text of a page."""

    status: int
    headers: HTTPMessage
    cookies: Mapping[str, "Morsel[str]"]
    body: Any


class Device:
    """
    A client with credentials of its own: a phone or a browser.

    Attributes:
        cookies: The cookies that it sends, by name.
        access, refresh: The tokens of the last response body that had them; otherwise empty.
    """

    def __init__(self, story: Story, name: str, address: str) -> None:
        self.name, self.address = name, address
        self.cookies: dict[str, str] = {}
        self.access = self.refresh = ""
        self._story = story

    def keep(self, answer: Answer) -> None:
        """Use the credentials in the body of *answer* from now on."""
        self.access = answer.body["access"]
        self.refresh = answer.body.get("refresh", "")

    def get(self, path: str, expect: str, **credentials: Any) -> Answer:
        """Send a GET; see ``send``."""
        return self.send("GET", path, expect, **credentials)

    def post(self, path: str, expect: str, body: Mapping[str, str] | None = None, **rest: Any) -> Answer:
        """Send a POST; see ``send``."""
        return self.send("POST", path, expect, body=body or {}, **rest)

    def send(
        self,
        method: str,
        path: str,
        expect: str,
        *,
        body: Mapping[str, str] | None = None,
        bearer: str = "",
        csrf: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """
        Send a request with all cookies of this device, print the exchange, and return the response.

        Args:
            expect: The status and, for an error, its code: ``"401 token_expired"``.
            bearer: The credential for ``Authorization``; empty for none.
            csrf: Whether to send the CSRF token in a header, as our own pages do.

        Raises:
            Deviation: The response is not the expected one.
        """
        sent = dict(headers or {})
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        if csrf:
            sent["X-CSRFToken"] = self.cookies["csrftoken"]
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self._tell_request(method, path, sent, body)
        answer = self._exchange(method, path, sent, body)
        self._tell_answer(answer)
        self._take_cookies(answer)
        code = answer.body.get("code", "") if isinstance(answer.body, dict) else ""
        got = f"{answer.status} {code}".strip()
        self._story.check(got == expect, f"{method} {path} returned {got} instead of {expect}")
        return answer

    def _exchange(self, method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        connection = HTTPConnection(self.address, timeout=_TIMEOUT)
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        self._story.exchanges += 1
        is_json = response.headers.get_content_type() == "application/json"
        cookies: SimpleCookie = SimpleCookie()
        for line in response.headers.get_all("Set-Cookie", []):
            cookies.load(line)
        return Answer(
            response.status, response.headers, cookies, json.loads(text) if text and is_json else text
        )

    def _take_cookies(self, answer: Answer) -> None:
        for name, cookie in answer.cookies.items():
            if cookie["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.value

    def _tell_request(self, method: str, path: str, headers: dict[str, str], body: Any) -> None:
        self._story.line(f"    {self.name:8} {method} {path}")
        for name, value in headers.items():
            self._story.detail(f"{name}: {self._told_header(name, value)}")
        if body:
            self._story.detail(json.dumps({name: _told_member(name, value) for name, value in body.items()}))

    def _told_header(self, name: str, value: str) -> str:
        match name:
            case "Authorization":
                return f"Bearer {shorten(value)}"
            case "X-CSRFToken":
                return shorten(value)
            case "Cookie":
                return "; ".join(f"{cookie}={shorten(held)}" for cookie, held in self.cookies.items())
            case _:
                return value

    def _tell_answer(self, answer: Answer) -> None:
        self._story.line(f"          -> {answer.status}")
        for cookie in answer.cookies.values():
            self._story.detail(f"Set-Cookie: {_told_cookie(cookie)}")
        if isinstance(answer.body, list):
            self._story.detail("notes: " + ", ".join(f'"{note["title"]}"' for note in answer.body))
        elif isinstance(answer.body, dict):
            members = dict(_flat(answer.body))
            for name in (name for name in _TOLD if name in members):
                self._story.detail(f"{name}: {_told_member(name, members[name])}")


def shorten(secret: str) -> str:
    """Return the end of *secret*: enough to distinguish two secrets, too little to use one."""
    return f"...{secret[-6:]}"


def id_of(token: str) -> str:
    """Return the ``jti`` of a token: anybody can read the claims of a JWT, but only the key signs them."""
    claims = token.split(".")[1]
    return str(json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"])


def _told_member(name: str, value: Any) -> Any:
    if name == "password":
        return "***"
    return shorten(value) if name in _SECRET else value


def _told_cookie(cookie: "Morsel[str]") -> str:
    value = shorten(cookie.value) if cookie.value else "(cleared)"
    marks = [mark for mark in ("HttpOnly", "Secure") if cookie[mark.lower()]]
    return "; ".join([f"{cookie.key}={value}", *marks, f"SameSite={cookie['samesite']}"])


def _flat(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in body.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", member) for inner, member in value.items())
        else:
            yield name, value
