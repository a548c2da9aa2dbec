"""Weighs what proves who a request is from: each answer says how many bytes of it went each way."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

HEADER = "X-Showcase-Bytes"
"""``up=<bytes> down=<bytes>``"""
_PROOFS = ("Cookie", "Authorization", "X-CSRFToken")


class Scales:
    """
    Middleware. Counts the header lines that carry credentials, and on the endpoints of django-authkit, whose
    bodies can carry them, the bodies too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.endpoints = reverse("authkit:login").removesuffix("login/")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and say what it weighed."""
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
