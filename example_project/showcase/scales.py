"""Counts the bytes of credentials: each response has a header with those sent and those received."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

HEADER = "X-Showcase-Bytes"
"""``up=<bytes> down=<bytes>``"""
_PROOFS = ("Cookie", "Authorization", "X-CSRFToken")


class Scales:
    """
    Middleware that counts the header lines that contain credentials.

    On the endpoints of django-authkit, whose bodies can contain credentials, it counts the bodies, too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.endpoints = reverse("authkit:login").removesuffix("login/")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the response, with the counts in a header."""
        response = self.get_response(request)
        up = sum(_line(name, request.headers[name]) for name in _PROOFS if name in request.headers)
        down = sum(_line("Set-Cookie", cookie.OutputString()) for cookie in response.cookies.values())
        if request.path.startswith(self.endpoints):
            up += int(request.META.get("CONTENT_LENGTH") or 0)
            down += len(response.content)
        response[HEADER] = f"up={up} down={down}"
        return response


def _line(name: str, value: str) -> int:
    return len(f"{name}: {value}\r\n".encode())
