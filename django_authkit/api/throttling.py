"""
DRF throttles of login, re-authentication and refresh, keyed so that nobody can lock another user out.

A login is counted by name and address together: an attacker at another address uses up their own
allowance, not the owner's. The counting is in ``throttling.attempts``.
"""

from typing import Any, ClassVar

from django.contrib.auth import get_user_model
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from django_authkit.api.exceptions import api_error
from django_authkit.api.serializers import claimed_name
from django_authkit.errors import StoreUnavailable
from django_authkit.http.client_info import source_of
from django_authkit.http.request_state import known_authentication
from django_authkit.throttling.attempts import Scope, seconds_to_wait


class _Throttle(BaseThrottle):
    scope: ClassVar[Scope]

    def __init__(self) -> None:
        self._wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the attempt; return ``False`` if it exceeds the rate."""
        counted = self.counted(request)
        if counted is None:
            return True
        try:
            self._wait = seconds_to_wait(self.scope, *counted)
        except StoreUnavailable as error:
            raise api_error(error) from error
        return self._wait is None

    def wait(self) -> float | None:
        """Return the seconds until an attempt will be allowed."""
        return self._wait

    def counted(self, request: Request) -> tuple[str, ...] | None:
        """Return the parts of the key; ``None`` to count nothing."""
        raise NotImplementedError


class LoginThrottle(_Throttle):
    """Counts by client address and claimed username."""

    scope = Scope.LOGIN

    def counted(self, request: Request) -> tuple[str, ...]:
        """Return the client address and the username."""
        data = request.data if isinstance(request.data, dict) else {}
        # Normalized as for the lookup; otherwise each spelling would be counted separately.
        name = claimed_name(str(data.get(get_user_model().USERNAME_FIELD, ""))).casefold()
        return source_of(request._request), name


class ReauthenticateThrottle(_Throttle):
    """Counts by auth session: limits guessing with a stolen credential or at an unattended device."""

    scope = Scope.LOGIN

    def counted(self, request: Request) -> tuple[str, ...] | None:
        """Return the auth session; the view has already authenticated the request."""
        known = known_authentication(request._request)
        return ("reauthenticate", known.sid) if known else None


class RefreshThrottle(_Throttle):
    """Counts by client address."""

    scope = Scope.REFRESH

    def counted(self, request: Request) -> tuple[str, ...]:
        """Return the client address."""
        return (source_of(request._request),)
