"""
A thief with a copy of a browser's whole cookie jar, as malware on its machine sends it away.

The thief is an HTTP client of its own, on this machine, and does with the cookies what a browser does.
No script of a page could: the credentials are in HttpOnly cookies.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from http.cookies import SimpleCookie
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.views.decorators.http import require_POST
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from demo.certificate import certificate_in_use
from django_authkit.conf import get_settings
from django_authkit.http.bound_cookie import BOUND_COOKIE

_KEPT = 3600
"""Seconds that a stolen jar is kept, in the memory of this process."""


@dataclass(slots=True)
class Thief:
    """
    A client that has somebody's cookies, and says that it is the same browser.

    Attributes:
        cookies: Its cookie jar.
        origin: The origin of the site.
        user_agent: That of the victim.
        story: What it did since it was asked last, and the answers.
    """

    cookies: dict[str, str]
    origin: str
    user_agent: str
    story: list[dict[str, Any]] = field(default_factory=list)

    def use(self) -> dict[str, Any]:
        """Ask the site who it is; with a refresh token, refresh if the answer is that nobody is."""
        answer = self._send("GET", "authkit:session")
        if "user" not in answer and get_settings().cookie.refresh_name in self.cookies:
            refreshed = self._send("POST", "authkit:refresh")
            answer = refreshed if "code" in refreshed else self._send("GET", "authkit:session")
        user = answer.get("user") or {}
        return {"story": self.story, "user": user.get("username"), "code": answer.get("code")}

    def lose_bound_cookie(self) -> None:
        """Drop the cookie that the victim's browser renews, as if its time was over."""
        for name in (BOUND_COOKIE, get_settings().cookie.access_name):
            self.cookies.pop(name, None)

    def _send(self, method: str, name: str) -> dict[str, Any]:
        path = reverse(name)
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {
            "Cookie": jar,
            "User-Agent": self.user_agent,
            "Origin": self.origin,
            "Referer": f"{self.origin}/",
            "X-CSRFToken": self.cookies.get(settings.CSRF_COOKIE_NAME, ""),
        }
        status, body = self._answer(method, path, headers)
        self.story.append({"method": method, "path": path, "status": status, "code": body.get("code", "")})
        return body

    def _answer(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        scheme, _, host = self.origin.partition("://")
        connection = HTTPConnection(host, timeout=10)
        if scheme == "https":
            trusted = ssl.create_default_context(cafile=certificate_in_use())
            connection = HTTPSConnection(host, timeout=10, context=trusted)
        try:
            connection.request(method, path, headers=dict(headers))
            response = connection.getresponse()
            for line in response.headers.get_all("Set-Cookie", ()):
                self._keep(SimpleCookie(line))
            return response.status, json.loads(response.read() or b"{}")
        finally:
            connection.close()

    def _keep(self, told: SimpleCookie) -> None:
        for name, morsel in told.items():
            self.cookies[name] = morsel.value
            if not morsel.value or morsel["max-age"] == "0":
                del self.cookies[name]


class StealView(APIView):
    """Copies the cookie jar of the browser that asks: a thief on its machine would not ask."""

    schema = None  # it belongs to the page, not to the API

    def post(self, request: Request) -> Response:
        """Return the handle of a thief who has the copy, and how long its bound cookie is good for."""
        origin = f"{request.scheme}://{request.get_host()}"
        handle = get_random_string(22)
        cache.set(_key(handle), (dict(request.COOKIES), origin, request.headers.get("User-Agent", "")), _KEPT)
        return Response(
            {
                "thief": handle,
                "cookies": sorted(request.COOKIES),
                "life": get_settings().lifetimes.bound.total_seconds(),
            }
        )


@require_POST
def use(request: HttpRequest, handle: str) -> HttpResponse:
    """Let a thief use the copy, and return what happened; with ``?late`` its bound cookie has expired."""
    kept = cache.get(_key(handle))
    if kept is None:
        return JsonResponse({"detail": "This thief is gone: the server was started again."}, status=404)
    thief = Thief(*kept)
    if "late" in request.GET:
        thief.lose_bound_cookie()
    happened = thief.use()
    cache.set(_key(handle), (thief.cookies, thief.origin, thief.user_agent), _KEPT)
    return JsonResponse(happened)


def _key(handle: str) -> str:
    return f"cookie-jar:{handle}"
