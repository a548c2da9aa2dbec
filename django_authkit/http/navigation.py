"""What a request says about its purpose: a page or form of a browser, or a page loaded in advance."""

from typing import Final

from django.http import HttpRequest, HttpResponse

from django_authkit.http.cookies import mark_private
from django_authkit.http.csrf import own_origin

_METHODS: Final = frozenset({"GET", "HEAD"})
_OPENS_ITSELF: Final = '<!doctype html><meta http-equiv="refresh" content="0"><title></title>'


def is_navigation(request: HttpRequest) -> bool:
    """
    Tell whether a browser opens a page: in a tab, or in a frame of a page of the same origin.

    A form that is submitted opens a page too, but counts only if it is from the same origin: others can be
    forged. Scripts cannot set a header whose name begins with ``Sec-``. Without these headers (plain HTTP,
    old browsers) the ``Accept`` decides: browsers ask for HTML by name only when they open a page.

    Source: Fetch Metadata Request Headers (W3C), §2.1 to 2.3.
    """
    if request.method not in _METHODS and not _is_own_post(request):
        return False
    meta = request.META
    mode, place, site = (meta.get(f"HTTP_SEC_FETCH_{name}") for name in ("MODE", "DEST", "SITE"))
    if mode is not None:
        return mode == "navigate" and (place in {None, "document"} or site == "same-origin")
    by_script = place is not None or site is not None or "HTTP_X_REQUESTED_WITH" in meta
    return not by_script and "text/html" in meta.get("HTTP_ACCEPT", "").lower()


def _is_own_post(request: HttpRequest) -> bool:
    """Tell whether a page of this origin posts something, by headers that no page can set."""
    if request.method != "POST":
        return False
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is not None and origin == own_origin(request)


def is_speculative(request: HttpRequest) -> bool:
    """
    Tell whether a browser loads something that the user may never open: a prefetch, or a prerendered page.

    Source: Nav Speculation (WICG), ``Sec-Purpose``; the others are what older browsers send.
    """
    if request.method not in _METHODS:
        return False
    purposes = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")
    said = " ".join(request.META.get(name, "") for name in purposes).lower()
    return "prefetch" in said or "preview" in said


def is_own_navigation(request: HttpRequest) -> bool:
    """Tell whether the user or a page of this origin started the navigation, or the browser does not say."""
    return request.headers.get("Sec-Fetch-Site") in {None, "none", "same-origin"}


def reopened(request: HttpRequest) -> HttpResponse | None:
    """
    Return a page that opens itself again, if a browser opens this one from another site.

    The second time it is this origin that opens it.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site not in {"cross-site", "same-site"} or request.method != "GET" or not is_navigation(request):
        return None
    response = HttpResponse(_OPENS_ITSELF)
    mark_private(response)
    return response
