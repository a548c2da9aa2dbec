"""Django's CSRF check, run where a view is exempt from the middleware's (as DRF views are)."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from django_authkit.errors import CsrfFailed

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""RFC 9110 §9.2.1."""


class _Check(CsrfViewMiddleware):
    """Reports the reason of a refusal instead of answering with a page."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _no_response(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def exempt_bearer(request: HttpRequest) -> None:
    """
    Let the middleware's check pass a request that a bearer credential decides.

    No page of another site can send that header unasked, and no cookie counts beside it.
    """
    if not getattr(request, "_dont_enforce_csrf_checks", False):
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        request._authkit_exempt = True  # type: ignore[attr-defined]


def enforce_csrf(request: HttpRequest) -> None:
    """
    Refuse an unsafe request that does not prove that our own front end sent it.

    A bearer credential is no proof here: this is asked where a cookie decides or is about to be set.

    Raises:
        CsrfFailed: Token or origin do not check out. The message says which, as Django's page would.
    """
    if getattr(request, "_authkit_exempt", False):
        request._dont_enforce_csrf_checks = False  # type: ignore[attr-defined]
    check = _Check(_no_response)
    check.process_request(request)
    reason = check.process_view(request, _no_response, (), {})
    if isinstance(reason, str):
        raise CsrfFailed(f"CSRF verification failed: {reason}")
