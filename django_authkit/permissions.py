"""DRF permissions."""

from datetime import timedelta
from typing import Any, Self

from rest_framework.permissions import BasePermission, SingleOperandHolder
from rest_framework.permissions import IsAuthenticated as DrfIsAuthenticated
from rest_framework.request import ForcedAuthentication, Request

from django_authkit.api.exceptions import api_error
from django_authkit.errors import AuthKitError, NotAuthenticated, ReauthenticationRequired
from django_authkit.http.request_state import Authentication
from django_authkit.service import require_device_bound, require_recent


class IsAuthenticated(DrfIsAuthenticated):
    """As DRF's, but a missing login has our code ``not_authenticated`` with any exception handler."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Allow users who are logged in."""
        if not super().has_permission(request, view):
            raise api_error(NotAuthenticated())
        return True


class RecentlyAuthenticated(SingleOperandHolder, BasePermission):
    """
    Allows users who authenticated recently, in both modes; else 401 ``reauthentication_required``.

    Put it into ``permission_classes`` as it is, or with another age:
    ``RecentlyAuthenticated(max_age=timedelta(minutes=5))``. Both can be combined by ``&``, ``|`` and ``~``.

    Args:
        max_age: How long ago the user may have authenticated; ``RECENT_AUTH["MAX_AGE"]`` if ``None``.
    """

    def __init__(self, max_age: timedelta | None = None) -> None:
        self._max_age = max_age

    def __call__(self, *args: Any, **kwargs: Any) -> Self:
        """Return itself: DRF calls what stands in ``permission_classes``."""
        return self

    def has_permission(self, request: Request, view: Any) -> bool:
        """Allow users who authenticated recently."""
        if isinstance(request.successful_authenticator, ForcedAuthentication):
            return True  # a test calls ``force_authenticate``, which replaces all authentication
        known = request.auth
        if not isinstance(known, Authentication):
            raise api_error(NotAuthenticated())
        try:
            require_recent(known, self._max_age)
        except ReauthenticationRequired as error:
            raise api_error(error) from error
        return True


class DeviceBound(BasePermission):
    """
    Allows users whose login is bound to their device; else 403 ``device_binding_required``.

    Only browsers that have Device Bound Session Credentials get in, and no bearer.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Allow requests that show the bound cookie."""
        if isinstance(request.successful_authenticator, ForcedAuthentication):
            return True
        known = request.auth
        if not isinstance(known, Authentication):
            raise api_error(NotAuthenticated())
        try:
            require_device_bound(request._request, known)
        except AuthKitError as error:
            raise api_error(error) from error
        return True
