"""The errors of the endpoints, as responses of the schema: the codes of each status."""

from itertools import groupby
from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from django_authkit import errors
from django_authkit.contrib.spectacular.components import AuthKitError
from django_authkit.http.error_responses import STATUS

CREDENTIAL: Final[tuple[type[errors.AuthKitError], ...]] = (
    errors.NotAuthenticated,
    errors.TokenMalformed,
    errors.TokenInvalid,
    errors.TokenExpired,
    errors.SessionEnded,
    errors.BindingMismatch,
    errors.SeveralCredentials,
)
"""What is wrong with the credential of a request."""

HEADERS: Final = [
    OpenApiParameter("WWW-Authenticate", str, OpenApiParameter.HEADER, response=[401]),
    OpenApiParameter("Retry-After", int, OpenApiParameter.HEADER, response=[429, 503]),
]
"""Headers of errors; those of a status that an endpoint does not have are left out."""


def responses(*kinds: type[errors.AuthKitError], body: bool = False) -> dict[int, Any]:
    """
    Return the responses to errors of *kinds*, by status, and to a store that is down.

    Args:
        kinds: Classes of errors.
        body: Whether the endpoint reads a body, which may be no JSON or too large.
    """
    every: list[type[errors.AuthKitError]] = [*kinds, errors.StoreUnavailable]
    found = {(_status(kind), kind.code) for kind in every}
    if body:
        found |= {(status, errors.InvalidRequest.code) for status in (400, 413, 415)}
    by_status = groupby(sorted(found), key=lambda each: each[0])
    return {status: _response(code for _, code in codes) for status, codes in by_status}


def _response(codes: Any) -> Any:
    return OpenApiResponse(AuthKitError, description=", ".join(f"`{code}`" for code in codes))


def _status(kind: type[errors.AuthKitError]) -> int:
    return next(STATUS[each] for each in kind.__mro__ if each in STATUS)
