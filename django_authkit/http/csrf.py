"""
CSRF: whether our own front end sent a request that cookies decide.

``AUTHKIT["CSRF"]`` says what proves it. ``"token"`` is Django's own check. ``"fetch-metadata"`` believes
what browsers say of where a request comes from, in headers that no page can set (Fetch Metadata, and
OWASP's cheat sheet on CSRF, which makes the fallback to ``Origin`` mandatory). Either is run here where a
view is exempt from Django's middleware, as DRF views are.
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
"""A sibling under the same domain is as much another origin as a stranger's page is."""


def exempt(request: HttpRequest) -> None:
    """
    Let Django's middleware pass a request that needs no token.

    That is one which a bearer credential decides, since no page of another site can send that header
    unasked and no cookie counts beside it, and one that ``is_proved``.
    """
    if not getattr(request, "_dont_enforce_csrf_checks", False):
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        request._authkit_exempt = True  # type: ignore[attr-defined]


def is_proved(request: HttpRequest) -> bool:
    """Tell whether an unsafe request needs no token, since its source proves it and the setting asks that."""
    if not _believes_browsers() or request.method in SAFE_METHODS:
        return False
    return _Check(_no_response).fault_of_source(request) is None


def enforce_csrf(request: HttpRequest) -> None:
    """
    Refuse an unsafe request that does not prove that our own front end sent it.

    A bearer credential is no proof here: this is asked where a cookie decides or is about to be set.

    Raises:
        CsrfFailed: Token or origin do not check out. The message says which, as Django's page would.
    """
    if getattr(request, "_authkit_exempt", False):  # what we told the middleware is no answer to this
        request._authkit_exempt = False  # type: ignore[attr-defined]
        request._dont_enforce_csrf_checks = False  # type: ignore[attr-defined]
        request.csrf_processing_done = False  # type: ignore[attr-defined]
    check = _Check(_no_response)
    reason = check.fault_of_source(request) if _believes_browsers() else check.fault_of_token(request)
    if reason is not None:
        raise CsrfFailed(f"CSRF verification failed: {reason}")


def enforce_where_exempt(request: HttpRequest) -> None:
    """
    Make the check after all that a bearer credential spared the request, since cookies are about to be set.

    A page of another site cannot send that header unasked; but where CORS lets it in, it can, and would log
    the browser in to an account of its own.

    Raises:
        CsrfFailed: As ``enforce_csrf`` says.
    """
    request = getattr(request, "_request", request)  # DRF's wrapper would keep what is set on it
    if getattr(request, "_authkit_exempt", False):
        enforce_csrf(request)


def vary_on_source(request: HttpRequest, response: HttpResponseBase) -> None:
    """Tell caches that the answer depends on where the request came from, if it does."""
    if _believes_browsers() and request.method not in SAFE_METHODS:
        patch_vary_headers(response, ("Sec-Fetch-Site", "Origin"))


def _believes_browsers() -> bool:
    return get_settings().csrf == "fetch-metadata"


def _no_response(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class _Check(CsrfViewMiddleware):
    """Reports the reason of a refusal instead of answering with a page."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason

    def fault_of_token(self, request: HttpRequest) -> str | None:
        """Return what Django finds wrong with the request's token or origin; ``None`` for nothing."""
        self.process_request(request)
        reason: Any = self.process_view(request, _no_response, (), {})  # what _reject returned, or None
        return reason if isinstance(reason, str) else None

    def fault_of_source(self, request: HttpRequest) -> str | None:
        """
        Return what is wrong with where the request says that it comes from; ``None`` for nothing.

        ``same-origin`` is all the proof that is needed. From elsewhere only what
        ``CSRF_TRUSTED_ORIGINS`` lists comes through. ``none`` (the user's own act, and no page's), a value
        that we do not know (to be ignored: Fetch Metadata §2.3) and no value at all (plain HTTP, old
        browsers) leave it to the ``Origin``; without that nothing is proved.
        """
        if self._is_settled(request):
            return None
        try:
            own = f"{request.scheme}://{request.get_host()}"
        except DisallowedHost:
            return "Host is not one of ALLOWED_HOSTS."
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        if site == "same-origin" or (origin is not None and self._trusts(origin)):
            return None
        if site in _FROM_ELSEWHERE:
            return f"Sec-Fetch-Site is {site}, and the Origin is not trusted."
        if origin is None:
            return "Neither Sec-Fetch-Site nor Origin says where the request comes from."
        return None if origin == own else f"The Origin {origin} is neither {own} nor trusted."

    def _is_settled(self, request: HttpRequest) -> bool:
        """Tell whether no check is needed: as in ``process_view``, which cannot be asked without a token."""
        return (
            request.method in SAFE_METHODS
            or getattr(request, "csrf_processing_done", False)  # the middleware has seen a good token
            or getattr(request, "_dont_enforce_csrf_checks", False)  # Django's test client
        )

    def _trusts(self, origin: str) -> bool:
        """Tell whether ``CSRF_TRUSTED_ORIGINS`` lists *origin*, by Django's rules."""
        if origin == "null":  # of sandboxed frames, data: pages and redirects: anybody's
            return False
        if origin in self.allowed_origins_exact:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        domains = self.allowed_origin_subdomains.get(parts.scheme, ())
        return any(is_same_domain(parts.netloc, domain) for domain in domains)
