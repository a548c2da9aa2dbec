"""DRF permissions."""

from typing import Any

from rest_framework.permissions import IsAuthenticated as DrfIsAuthenticated
from rest_framework.request import Request

from django_authkit.api.exceptions import api_error
from django_authkit.errors import NotAuthenticated


class IsAuthenticated(DrfIsAuthenticated):
    """As DRF's, and a missing log-in has our code ``not_authenticated`` whatever the exception handler."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Let in who is logged in."""
        if not super().has_permission(request, view):
            raise api_error(NotAuthenticated())
        return True
