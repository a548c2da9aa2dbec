"""
DRF authentication classes. ``AuthKitAuthentication`` follows the settings; the others take one mode.

``request.user`` is the user and ``request.auth`` the ``Authentication``: auth session, mode, transport.
"""

from functools import partial
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from django_authkit import service
from django_authkit.api.exceptions import api_error
from django_authkit.errors import AuthKitError, CredentialRejected
from django_authkit.http import error_responses
from django_authkit.http.csrf import SAFE_METHODS, enforce_csrf
from django_authkit.http.request_state import Authentication, state_of
from django_authkit.tracebacks import clears_locals
from django_authkit.types import Mode, Transport
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
            known = service.authenticate(http)
            if known is not None and known.mode not in self.modes:
                return None
            if known is None or known.transport is Transport.COOKIE:
                replaced = _replaced_user(http, known)
                if replaced is not None:
                    return self._as_replaced(http, replaced, known)
            if known is None:
                return None
            if known.transport is Transport.COOKIE and http.method not in SAFE_METHODS:
                enforce_csrf(http)
        except AuthKitError as error:
            raise self.as_api_error(http, error) from error
        if isinstance(known.user, LazyUser):
            set_error_factory(known.user, partial(self._error_of_lazy_user, http))
        return known.user, known

    def _as_replaced(
        self, http: HttpRequest, user: Any, known: Authentication | None
    ) -> tuple[AbstractBaseUser, Authentication | None] | None:
        """Return whom a middleware or a test has put in place of our user, as ``authenticate`` does."""
        if not (user.is_authenticated and getattr(user, "is_active", True)):
            return None
        if http.method not in SAFE_METHODS:
            enforce_csrf(http)
        return user, known

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


def _replaced_user(http: HttpRequest, known: Authentication | None) -> Any:
    """
    Return ``request.user`` if it is neither ours nor made of a login that counts in plain views only.

    The latter is Django's own login in JWT mode, which other middleware wraps like any user.
    """
    user, ours = getattr(http, "user", None), getattr(http, "_authkit_user", None)
    if user is None or user is ours or (known is not None and user is known.user):
        return None
    if known is None and ours is not None and getattr(ours, "is_authenticated", False):
        return None
    return user


class SessionAuthentication(AuthKitAuthentication):
    """Accepts session keys only."""

    modes = frozenset({Mode.SESSION})


class JWTAuthentication(AuthKitAuthentication):
    """Accepts access tokens only."""

    modes = frozenset({Mode.JWT})
