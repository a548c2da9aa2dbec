"""
CSRF: whether a request that cookies authenticate comes from our own front end.

``AUTHKIT["CSRF"]`` selects the check. ``"token"`` is Django's own. ``"fetch-metadata"`` trusts the headers
in which browsers say where a request comes from, and which no page can set (Fetch Metadata, and OWASP's
cheat sheet on CSRF, which makes the fallback to ``Origin`` mandatory). Either runs here for views that are
exempt from Django's middleware, as DRF views are.
"""

from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.cache import patch_vary_headers
from django.utils.http import is_same_domain

from django_authkit.conf import get_settings
from django_authkit.errors import CsrfFailed

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""RFC 9110 §9.2.1."""

_FROM_ELSEWHERE: Final = frozenset({"cross-site", "same-site"})
"""A sibling host under the same domain is another origin, like any other site."""


def exempt(request: HttpRequest) -> None:
    """
    Exempt a request from Django's middleware if it needs no token.

    That is a request with a bearer credential beside which no cookie counts, since a page of another site
    cannot send that header without CORS, or one that ``is_proved``.
    """
    if not getattr(request, "_dont_enforce_csrf_checks", False):
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        request._authkit_exempt = True  # type: ignore[attr-defined]


def is_proved(request: HttpRequest) -> bool:
    """Tell whether an unsafe request needs no token, since Fetch Metadata prove its source."""
    if not _uses_fetch_metadata() or request.method in SAFE_METHODS:
        return False
    return _Check(_no_response).fault_of_source(request) is None


def enforce_csrf(request: Any) -> None:
    """
    Reject an unsafe request that does not prove that it comes from our own front end.

    A bearer credential is no proof here: a cookie authenticates the request, or is about to be set.

    Raises:
        CsrfFailed: The token or the origin is wrong. The message says which, as Django's page does.
    """
    request = getattr(request, "_request", request)  # DRF's wrapper would keep what is set on it
    if getattr(request, "_authkit_exempt", False):  # the exemption was for Django's middleware only
        request._authkit_exempt = False
        request._dont_enforce_csrf_checks = False
        request.csrf_processing_done = False
    check = _Check(_no_response)
    reason = check.fault_of_source(request) if _uses_fetch_metadata() else check.fault_of_token(request)
    if reason is not None:
        raise CsrfFailed(f"CSRF verification failed: {reason}")


def enforce_source(request: HttpRequest) -> None:
    """
    Reject an unsafe request that does not come from our own origin, whatever ``CSRF`` is: no script sends it.

    Raises:
        CsrfFailed: It comes from another one, or does not say where it comes from.
    """
    reason = _Check(_no_response).fault_of_source(request)
    if reason is not None:
        raise CsrfFailed(f"CSRF verification failed: {reason}")


def enforce_where_exempt(request: HttpRequest) -> None:
    """
    Make the check that a request with a bearer credential skipped, since cookies are about to be set.

    A page of another site cannot send that header without CORS. Where CORS allows it, the page could log the
    browser in to an account of the attacker.

    Raises:
        CsrfFailed: As ``enforce_csrf`` says.
    """
    request = getattr(request, "_request", request)  # DRF's wrapper would keep what is set on it
    if getattr(request, "_authkit_exempt", False):
        enforce_csrf(request)


def own_origin(request: HttpRequest) -> str | None:
    """Return the origin that the request was sent to; ``None`` if its ``Host`` is not allowed."""
    try:
        return f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        return None


def has_trusted_origin(request: HttpRequest) -> bool:
    """Tell whether the ``Origin`` is our own or in ``CSRF_TRUSTED_ORIGINS``. No ``Origin`` is not trusted."""
    own, origin = own_origin(request), request.headers.get("Origin")
    if own is None or origin is None:
        return False
    return origin == own or _Check(_no_response).trusts(origin)


def vary_on_source(request: HttpRequest, response: HttpResponseBase) -> None:
    """Add the headers to ``Vary`` that say where the request comes from, if the response depends on them."""
    if _uses_fetch_metadata() and request.method not in SAFE_METHODS:
        patch_vary_headers(response, ("Sec-Fetch-Site", "Origin"))


def _uses_fetch_metadata() -> bool:
    return get_settings().csrf == "fetch-metadata"


def _no_response(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class _Check(CsrfViewMiddleware):
    """Returns the reason of a rejection instead of a page."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason

    def fault_of_token(self, request: HttpRequest) -> str | None:
        """Return why Django rejects the request's token or origin; ``None`` if it does not."""
        self.process_request(request)
        reason: Any = self.process_view(request, _no_response, (), {})  # what _reject returned, or None
        return reason if isinstance(reason, str) else None

    def fault_of_source(self, request: HttpRequest) -> str | None:
        """
        Return why the source of the request is rejected; ``None`` if it is not.

        ``same-origin`` is accepted. Of other origins those in ``CSRF_TRUSTED_ORIGINS`` are accepted. With
        ``none`` (the user typed the address), an unknown value (to be ignored: Fetch Metadata §2.3) or no
        value (plain HTTP, old browsers) the ``Origin`` decides; without one the request is rejected.
        """
        if self._is_settled(request):
            return None
        own = own_origin(request)
        if own is None:
            return "Host is not one of ALLOWED_HOSTS."
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        if site == "same-origin" or (origin is not None and self.trusts(origin)):
            return None
        if site in _FROM_ELSEWHERE:
            return f"Sec-Fetch-Site is {site}, and the Origin is not trusted."
        if origin is None:
            return "Neither Sec-Fetch-Site nor Origin says where the request comes from."
        return None if origin == own else f"The Origin {origin} is neither {own} nor trusted."

    def _is_settled(self, request: HttpRequest) -> bool:
        """Tell whether no check is needed, by the conditions of Django's ``process_view``."""
        return (
            request.method in SAFE_METHODS
            or getattr(request, "csrf_processing_done", False)  # the middleware has seen a good token
            or getattr(request, "_dont_enforce_csrf_checks", False)  # Django's test client
        )

    def trusts(self, origin: str) -> bool:
        """Tell whether ``CSRF_TRUSTED_ORIGINS`` lists *origin*, by Django's rules."""
        if origin == "null":  # sandboxed frames, data: pages and redirects send it
            return False
        if origin in self.allowed_origins_exact:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        domains = self.allowed_origin_subdomains.get(parts.scheme, ())
        return any(is_same_domain(parts.netloc, domain) for domain in domains)
