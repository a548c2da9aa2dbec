"""
Throttles of login and refresh, keyed so that nobody can lock a stranger out.

A login is counted by name and address together: whoever guesses from elsewhere uses up their own
allowance, not the owner's. Rates are ``LOGIN_RATE`` and ``REFRESH_RATE``, or DRF's
``DEFAULT_THROTTLE_RATES`` for the scopes ``authkit_login`` and ``authkit_refresh``.
"""

from hashlib import sha256
from typing import Any, cast

from django.contrib.auth import get_user_model
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

from django_authkit.api.exceptions import api_error
from django_authkit.api.serializers import claimed_name
from django_authkit.conf import get_settings
from django_authkit.errors import StoreUnavailable
from django_authkit.http.client_info import source_of
from django_authkit.http.request_state import known_authentication
from django_authkit.stores.redis import CACHE_ERRORS


class _Throttle(SimpleRateThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        try:
            return bool(super().allow_request(request, view))
        except CACHE_ERRORS as error:
            raise api_error(StoreUnavailable()) from error

    def get_rate(self) -> str | None:
        rates = api_settings.DEFAULT_THROTTLE_RATES
        return cast("str | None", rates[self.scope]) if self.scope in rates else self.default_rate()

    def default_rate(self) -> str | None:
        raise NotImplementedError

    def hashed(self, *parts: str) -> str:
        """Return a cache key; what a client sent is hashed, so that no length or character matters."""
        digest = sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        return str(self.cache_format % {"scope": self.scope, "ident": digest})


class LoginThrottle(_Throttle):
    """By address and claimed name."""

    scope = "authkit_login"

    def default_rate(self) -> str | None:
        """Return the setting."""
        return get_settings().login_rate

    def get_cache_key(self, request: Request, view: Any) -> str:
        """Return the key of this address trying this name."""
        data = request.data if isinstance(request.data, dict) else {}
        # As it will be looked up, or each way of writing it would have an allowance of its own.
        name = claimed_name(str(data.get(get_user_model().USERNAME_FIELD, ""))).casefold()
        return self.hashed(source_of(request._request), name)


class ReauthenticateThrottle(_Throttle):
    """By auth session: whoever sits at somebody's screen, or stole a credential, cannot guess for long."""

    scope = "authkit_login"

    def default_rate(self) -> str | None:
        """Return the setting."""
        return get_settings().login_rate

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """Return the key of this auth session; the view has found it, and answered a stranger."""
        known = known_authentication(request._request)
        return self.hashed("reauthenticate", known.sid) if known else None


class RefreshThrottle(_Throttle):
    """By address."""

    scope = "authkit_refresh"

    def default_rate(self) -> str | None:
        """Return the setting."""
        return get_settings().refresh_rate

    def get_cache_key(self, request: Request, view: Any) -> str:
        """Return the key of this address."""
        return self.hashed(source_of(request._request))
