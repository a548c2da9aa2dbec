"""
A client of the site: a browser that keeps cookies, or an app that keeps tokens.

Both speak through Django's test client with CSRF checks on, over https. What differs between them, where
the credential is and what proves that our own front end asks, is in here; so a test says ``device.log_in()``
and runs on every combination.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from http.cookies import Morsel
from typing import Any, Self

from django.http import HttpResponse
from django.test import Client

from django_authkit.types import Mode, Transport

PASSWORD = "correct horse battery staple"
SESSION_COOKIE = "__Host-sessionid"
ACCESS_COOKIE = "__Host-authkit_access"
REFRESH_COOKIE = "__Host-authkit_refresh"
CREDENTIAL_COOKIES = (SESSION_COOKIE, ACCESS_COOKIE, REFRESH_COOKIE)
DEVICE_COOKIE = "__Host-authkit_device"
"""Shows that a browser has logged in before; not a credential."""
CSRF_COOKIE = "csrftoken"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)


class Device:
    """
    One client of the site.

    Attributes:
        cookies: The browser's jar, name to value.
        access, refresh_token: What an app keeps; empty if nothing.
        address, user_agent: Where it is, and what it says it is; change them as you like.
    """

    def __init__(self, mode: Mode, transport: Transport, address: str = "198.51.100.7") -> None:
        self.mode, self.transport, self.address = mode, transport, address
        self.cookies: dict[str, str] = {}
        self.access = self.refresh_token = self.user_agent = ""

    # -- what it does -----------------------------------------------------------------------------

    def log_in(self, username: str = "ada", password: str = PASSWORD, **body: Any) -> HttpResponse:
        """Log in, in the transport of this device."""
        if self.is_browser and CSRF_COOKIE not in self.cookies:
            self.who()
        return self.log_in_with({"username": username, "password": password, **body})

    def log_in_with(self, body: dict[str, Any]) -> HttpResponse:
        """Log in with exactly this body."""
        return self._log_in("/auth/login/", body)

    def log_in_step(self, body: dict[str, Any]) -> HttpResponse:
        """Take the next step of a login."""
        return self._log_in("/auth/login/step/", body)

    def _log_in(self, path: str, body: dict[str, Any]) -> HttpResponse:
        headers = {"X-Authkit-Transport": str(self.transport)}
        answer = self.post(path, body, headers=headers, anonymous=True)
        self._keep(answer)
        return answer

    def refresh(self) -> HttpResponse:
        """Refresh with what this device holds, and keep what comes back."""
        body = None if self.is_browser else {"refresh": self.refresh_token or self.access}
        answer = self.post("/auth/refresh/", body, anonymous=True)
        self._keep(answer)
        return answer

    def log_out(self) -> HttpResponse:
        """Log out."""
        return self.post("/auth/logout/")

    def reauthenticate(self, password: str = PASSWORD, **members: Any) -> HttpResponse:
        """Re-authenticate, and keep the new credentials."""
        if self.refresh_token:
            members = {"refresh": self.refresh_token, **members}
        answer = self.post("/auth/reauthenticate/", {"password": password, **members})
        self._keep(answer)
        return answer

    def who(self) -> HttpResponse:
        """Call ``session/``."""
        return self.get("/auth/session/")

    def call(self) -> HttpResponse:
        """Call a DRF view of the project's that requires a login."""
        return self.get("/api/whoami/")

    def verify(self, token: str) -> Any:
        """Return the result of ``verify/`` for *token*."""
        return json.loads(self.post("/auth/verify/", {"token": token}, anonymous=True).content)

    def logged_in(self) -> bool:
        """Tell whether a view that requires a login accepts this device."""
        status = self.call().status_code
        assert status in {200, 401}
        return status == 200

    # -- how it speaks ----------------------------------------------------------------------------

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Send a GET with this device's credential."""
        return self.send("GET", path, headers={**self._bearer(), **(headers or {})})

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        anonymous: bool = False,
    ) -> HttpResponse:
        """
        Send JSON with this device's credential and the proof that our front end sends it.

        Args:
            anonymous: Leave the bearer header out. (A browser sends its cookies all the same.)
        """
        content = b"" if body is None else json.dumps(body).encode()
        return self.send("POST", path, content, headers={**self._proof(anonymous), **(headers or {})})

    def patch(self, path: str, body: Any) -> HttpResponse:
        """Send JSON with this device's credential and the proof that our front end sends it."""
        return self.send("PATCH", path, json.dumps(body).encode(), headers=self._proof())

    def delete(self, path: str) -> HttpResponse:
        """Send a DELETE with this device's credential and the proof that our front end sends it."""
        return self.send("DELETE", path, headers=self._proof())

    def submit(self, path: str, **fields: str) -> HttpResponse:
        """Send a form with this device's credential and the proof that our front end sends it."""
        client = self._client()
        answer = client.post(
            path, fields, secure=True, headers={**self._agent(), **self._proof()}, REMOTE_ADDR=self.address
        )
        self._store_cookies(answer)
        return answer  # type: ignore[return-value]

    def send(
        self,
        method: str,
        path: str,
        content: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> HttpResponse:
        """Send a request with the cookies of this device and the given headers only."""
        answer = self._client().generic(
            method,
            path,
            content,
            content_type=content_type,
            secure=True,
            headers={**self._agent(), **(headers or {})},
            REMOTE_ADDR=self.address,
        )
        self._store_cookies(answer)
        return answer  # type: ignore[return-value]

    # -- what it holds ----------------------------------------------------------------------------

    @property
    def is_browser(self) -> bool:
        """Whether its credential travels in cookies."""
        return self.transport is Transport.COOKIE

    @property
    def credential(self) -> str:
        """The credential that authenticates views: the session key or the access token."""
        if not self.is_browser:
            return self.access
        return self.cookies[SESSION_COOKIE if self.mode is Mode.SESSION else ACCESS_COOKIE]

    @property
    def django_session(self) -> str:
        """The credential for ``refresh/``: the session key or the refresh token."""
        if self.mode is Mode.SESSION:
            return self.credential
        return self.cookies[REFRESH_COOKIE] if self.is_browser else self.refresh_token

    @property
    def secret(self) -> str:
        """The session key, or the ``jti`` of the refresh token, which all callers within the grace share."""
        if self.mode is Mode.SESSION:
            return self.credential
        payload = self.django_session.split(".")[1]
        return str(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])

    def copy(self) -> Self:
        """Return another device with the same credentials: a thief, or a second tab."""
        twin = type(self)(self.mode, self.transport, self.address)
        twin.cookies = dict(self.cookies)
        twin.access, twin.refresh_token = self.access, self.refresh_token
        twin.user_agent = self.user_agent
        return twin

    def csrf(self) -> dict[str, str]:
        """Return the headers that prove that our front end sends the request."""
        return {"X-CSRFToken": self.cookies.get(CSRF_COOKIE, ""), "Referer": "https://testserver/"}

    def _agent(self) -> dict[str, str]:
        return {"User-Agent": self.user_agent} if self.user_agent else {}

    def _proof(self, anonymous: bool = False) -> dict[str, str]:
        if self.is_browser:
            return self.csrf()
        return {} if anonymous else self._bearer()

    def _bearer(self) -> dict[str, str]:
        if self.is_browser or not self.access:
            return {}
        return {"Authorization": f"Bearer {self.access}"}

    def _client(self) -> Client:
        client = Client(enforce_csrf_checks=True)
        for name, value in self.cookies.items():
            client.cookies[name] = value
        return client

    def _keep(self, answer: HttpResponse) -> None:
        """Keep the credential in the body of a response, as an app does."""
        if answer.status_code == 200 and not self.is_browser:
            body = json.loads(answer.content)
            self.access, self.refresh_token = body["access"], body.get("refresh", "")

    def _store_cookies(self, answer: Any) -> None:
        """Keep what any response may set: cookies, and the headers after a password change."""
        for name, morsel in answer.cookies.items():
            if is_cleared(morsel):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
        if "X-Authkit-Access" in answer.headers:
            self.access = answer.headers["X-Authkit-Access"]
            self.refresh_token = answer.headers.get("X-Authkit-Refresh", "")


def is_cleared(morsel: "Morsel[str]") -> bool:
    """Tell whether a browser deletes this cookie at once."""
    return str(morsel["max-age"]) == "0"


def body(answer: HttpResponse) -> Any:
    """Return the parsed JSON of a response."""
    return json.loads(answer.content)


def code(answer: HttpResponse) -> tuple[int, str | None]:
    """Return status and code of an answer."""
    return answer.status_code, body(answer).get("code")


def credential_cookies(answer: HttpResponse) -> set[str]:
    """Return the names of the credential cookies that a response sets or clears."""
    return {name for name in CREDENTIAL_COOKIES if name in answer.cookies}
