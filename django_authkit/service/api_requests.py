"""Who an API request is for: the user of the credential, or whom other middleware has put in their place."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from django_authkit.http.csrf import SAFE_METHODS, enforce_csrf
from django_authkit.http.request_state import Authentication
from django_authkit.service.authentication import authenticate
from django_authkit.types import Mode, Transport


def authenticate_api(
    request: HttpRequest, modes: Collection[Mode]
) -> tuple[AbstractBaseUser, Authentication | None] | None:
    """
    Return the user of *request* and the authentication, or ``None`` without a credential of *modes*.

    Where no bearer credential counts, a ``request.user`` that another middleware or a test has set is the
    user, as for DRF's ``SessionAuthentication``.

    Raises:
        CredentialRejected: The credential is not valid.
        CsrfFailed: A cookie authenticates an unsafe request, and nothing proves that our front end sent it.
    """
    known = authenticate(request)
    if known is not None and known.mode not in modes:
        return None
    if known is not None and known.transport is Transport.HEADER:
        return known.user, known
    user = _replaced_user(request, known)
    if user is not None and not (user.is_authenticated and getattr(user, "is_active", True)):
        return None
    if user is None:
        if known is None:
            return None
        user = known.user
    if request.method not in SAFE_METHODS:
        enforce_csrf(request)
    return user, known


def _replaced_user(request: HttpRequest, known: Authentication | None) -> Any:
    """
    Return ``request.user`` if it is neither ours nor made of a login that counts in plain views only.

    The latter is Django's own login in JWT mode, which other middleware wraps like any user.
    """
    user, ours = getattr(request, "user", None), getattr(request, "_authkit_user", None)
    if user is None or user is ours or (known is not None and user is known.user):
        return None
    if known is None and ours is not None and getattr(ours, "is_authenticated", False):
        return None
    return user
