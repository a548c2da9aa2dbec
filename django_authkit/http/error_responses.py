"""The response to an error: status, headers, and body."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.html import format_html
from django.utils.translation import get_language, gettext

from django_authkit import errors
from django_authkit.conf import get_settings
from django_authkit.http.cookies import mark_private
from django_authkit.tokens.dpop import ALGORITHMS

STATUS: Final[dict[type[errors.AuthKitError], int]] = {
    errors.CredentialRejected: 401,
    errors.CsrfFailed: 403,
    errors.DeviceBindingRequired: 403,
    errors.SessionLimitReached: 403,
    errors.InvalidRequest: 400,
    errors.NoSuchSession: 404,
    errors.Throttled: 429,
    errors.CookieTooLarge: 500,
    errors.StoreUnavailable: 503,
}
"""By class; a subclass has the status of its nearest ancestor."""

_WITHOUT_TOKEN: Final = (
    errors.NotAuthenticated,
    errors.LoginFailed,
    errors.LoginUnfinished,
    errors.LoginStepEnded,
)
"""401s of requests that present no token."""

_PAGE: Final = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{message}</title>
</head>
<body><main><h1>{message}</h1></main></body>
</html>
"""

RETRY_AFTER: Final = 2
"""Seconds until a client should try again after a store was down."""


def retry_after(error: errors.AuthKitError) -> int | None:
    """Return the seconds after which the client should try again; ``None`` if that would not help."""
    if isinstance(error, errors.Throttled):
        return error.wait
    return RETRY_AFTER if isinstance(error, errors.StoreUnavailable) else None


def challenge(error: errors.CredentialRejected | None = None) -> str:
    """Return the ``WWW-Authenticate`` of a 401 without what is wrong (RFC 6750 §3, RFC 9449 §7.1)."""
    settings = get_settings()
    if settings.dpop.mode == "require" or (error is not None and error.is_of_dpop):
        return f'DPoP realm="api", algs="{" ".join(ALGORITHMS)}"'
    return f'{settings.compat.auth_schemes[0]} realm="api"'


def status_of(error: errors.AuthKitError) -> int:
    """Return the HTTP status of *error*."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def has_challenge(error: errors.AuthKitError) -> bool:
    """Tell whether the response to *error* has a ``WWW-Authenticate`` header."""
    return status_of(error) == 401 or isinstance(error, errors.SeveralCredentials)


def challenge_of(error: errors.AuthKitError | None) -> str:
    """
    Return the ``WWW-Authenticate`` of the response to *error*.

    It has an error attribute only if a token was presented (RFC 6750 §3.1), and nothing that the client sent.
    """
    if isinstance(error, errors.ReauthenticationRequired):  # RFC 9470 §3
        return f'{challenge()}, error="insufficient_user_authentication", max_age="{error.max_age}"'
    if error is None or isinstance(error, _WITHOUT_TOKEN):
        return challenge()
    if isinstance(error, errors.CredentialRejected):
        name = error.error if isinstance(error, errors.DpopRefused) else "invalid_token"
        return f'{challenge(error)}, error="{name}", error_description="{error.message}"'
    if isinstance(error, errors.SeveralCredentials):
        return f'{challenge()}, error="invalid_request", error_description="{error.message}"'
    return f'{challenge()}, error="invalid_token", error_description="{error.message}"'


def body_of(error: errors.AuthKitError) -> dict[str, Any]:
    """Return the members of the body: what it says is in the language of the request."""
    return {"detail": gettext(str(error)), "code": error.code, **error.members()}


def error_response(error: errors.AuthKitError, request: HttpRequest | None) -> HttpResponse:
    """Return the response to *error*, for views that are not DRF's: a page if *request* prefers HTML."""
    response: HttpResponse
    if request is not None and request.get_preferred_type(["application/json", "text/html"]) == "text/html":
        page = format_html(_PAGE, language=get_language() or "en", message=gettext(str(error)))
        response = HttpResponse(page, status=status_of(error))
    else:
        response = JsonResponse(body_of(error), status=status_of(error))
    if has_challenge(error):
        response["WWW-Authenticate"] = challenge_of(error)
    seconds = retry_after(error)
    if seconds is not None:
        response["Retry-After"] = str(seconds)
    mark_private(response)
    return response
