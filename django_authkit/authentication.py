"""
DRF authentication classes. ``AuthKitAuthentication`` follows the settings; the others take one mode.

``request.user`` is the user and ``request.auth`` the ``Authentication``: auth session, mode, transport.
"""

from functools import partial
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from django_authkit.api.exceptions import api_error
from django_authkit.errors import AuthKitError, CredentialRejected
from django_authkit.http import error_responses
from django_authkit.http.request_state import Authentication, state_of
from django_authkit.service.api_requests import authenticate_api
from django_authkit.tracebacks import clears_locals
from django_authkit.types import Mode
from django_authkit.users.lazy import LazyUser, set_error_factory


class AuthKitAuthentication(BaseAuthentication):
    """
    Authenticates by the credential that counts.

    Without a credential it returns ``None``, as DRF expects. An invalid credential is a 401 with a code, on
    views without a login requirement too: the client learns that it has to refresh. An unsafe request
    that a cookie authenticates must pass the CSRF check, or is a 403.

    Where no bearer credential counts, a ``request.user`` that another middleware or a test has set is the
    user, as for DRF's ``SessionAuthentication``.
    """

    modes: ClassVar[frozenset[Mode]] = frozenset(Mode)

    @clears_locals
    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, Authentication | None] | None:
        """Return the user and their ``Authentication``, or ``None`` without a credential."""
        http: HttpRequest = request._request
        try:
            found = authenticate_api(http, self.modes)
        except AuthKitError as error:
            raise self.as_api_error(http, error) from error
        if found is not None and isinstance(found[0], LazyUser):
            set_error_factory(found[0], partial(self._error_of_lazy_user, http))
        return found

    def as_api_error(self, http: HttpRequest, error: AuthKitError) -> APIException:  # noqa: ARG002 - a hook
        """Return DRF's exception for *error*."""
        return api_error(error)

    def _error_of_lazy_user(self, http: HttpRequest, error: AuthKitError) -> APIException:
        """Return DRF's exception for *error*, which was raised when a lazy user was loaded."""
        if isinstance(error, CredentialRejected):
            state_of(http).authentication = error
        return self.as_api_error(http, error)

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401 (RFC 6750 §3); without one DRF would respond 403."""
        seen = state_of(request._request).authentication
        return error_responses.challenge_of(seen if isinstance(seen, CredentialRejected) else None)


class SessionAuthentication(AuthKitAuthentication):
    """Accepts session keys only."""

    modes = frozenset({Mode.SESSION})


class JWTAuthentication(AuthKitAuthentication):
    """Accepts access tokens only."""

    modes = frozenset({Mode.JWT})
