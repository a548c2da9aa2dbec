"""Authentication classes and error responses for django-ninja."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError
from ninja.security.base import AuthBase

from django_authkit.errors import AuthKitError, NotAuthenticated
from django_authkit.http.error_responses import error_response
from django_authkit.service.api_requests import authenticate_api
from django_authkit.tracebacks import clears_locals
from django_authkit.types import Mode


class AuthKitAuth(AuthBase):
    """
    Authenticates by the credential that counts: ``NinjaAPI(auth=AuthKitAuth())``.

    ``request.user`` is the user, and ``request.auth`` the ``Authentication``: auth session, mode, transport.
    Without a credential, the next class of an operation is tried. An invalid credential is a 401 with a
    code, and an unsafe request that a cookie authenticates must pass the CSRF check, or is a 403; both need
    ``handle_errors``. Where another middleware has replaced ``request.user``, that user counts, and is
    ``request.auth`` if there is no credential.
    """

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_description = "The member `access` of a login over the header; browsers send a cookie instead."

    modes: ClassVar[frozenset[Mode]] = frozenset(Mode)

    @clears_locals
    def __call__(self, request: HttpRequest) -> Any:
        """Return the ``Authentication``, or ``None`` without a credential."""
        found = authenticate_api(request, self.modes)
        if found is None:
            return None
        user, known = found
        request.user = user  # type: ignore[assignment] # any user model
        return known or user


class SessionAuth(AuthKitAuth):
    """Accepts session keys only."""

    modes = frozenset({Mode.SESSION})


class JWTAuth(AuthKitAuth):
    """Accepts access tokens only."""

    modes = frozenset({Mode.JWT})


def handle_errors(api: NinjaAPI) -> None:
    """
    Return our errors in the format of the endpoints, and a missing login as ``not_authenticated``.

    Without it django-ninja would treat them as errors of a view: a traceback, if ``DEBUG`` is on.
    """
    api.add_exception_handler(AuthKitError, _response)
    api.add_exception_handler(AuthenticationError, lambda request, _: _response(request, NotAuthenticated()))


def _response(request: HttpRequest, error: Any) -> HttpResponse:
    return error_response(error, None)
