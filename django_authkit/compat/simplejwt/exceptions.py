"""
Why a token was refused, in simplejwt's terms, and the exception in its format.

simplejwt names causes that one error of ours covers (the wrong kind of token, a disabled user). They are
determined only after the token was refused, and disclosed only for a token that we signed.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser

from django_authkit import errors
from django_authkit.api.exceptions import CredentialError
from django_authkit.conf import get_settings
from django_authkit.outages import users_database_has_to_work
from django_authkit.users.loading import check_stamp, every_backend_refuses
from django_authkit.users.search import user_with
from django_authkit.wiring import get_codec

NOT_VALID: Final = "token_not_valid"
EXPIRED: Final = "Token is expired"
BLACKLISTED: Final = "Token is blacklisted"
_INVALID: Final = "Token is invalid"
_WRONG_TYPE: Final = "Token has wrong type"
NO_ACCOUNT: Final = "No active account found with the given credentials"
_NOBODY: Final = "No active account found for the given token."

_OVER = (errors.SessionEnded, errors.RefreshReused, errors.BindingMismatch)
"""The token is genuine, but its auth session no longer exists."""


class RejectedCredential(CredentialError):
    """A 401 with simplejwt's body."""

    def __init__(self, cause: errors.CredentialRejected, **body: Any) -> None:
        super().__init__(cause)
        self.detail: Any = body


def refused_refresh(error: errors.CredentialRejected, token: str) -> RejectedCredential:
    """Return the exception for *token*, presented as a refresh token."""
    if isinstance(error, _OVER) and _is_shut_out(token):
        return RejectedCredential(error, detail=_NOBODY)
    return RejectedCredential(
        error, detail=_message(error, token, other=get_codec().read_access), code=NOT_VALID
    )


def refused_token(error: errors.CredentialRejected) -> RejectedCredential:
    """Return the exception for a token that could have been of either type."""
    return RejectedCredential(error, detail=_message(error, None, other=None), code=NOT_VALID)


def refused_access(error: errors.CredentialRejected, token: str | None) -> RejectedCredential:
    """Return the exception for *token*, presented to authenticate a request."""
    if isinstance(error, _OVER) and token is not None:
        user_refused = _refused_user(error, token)
        if user_refused is not None:
            return user_refused
    return RejectedCredential(
        error,
        detail="Given token not valid for any token type",
        code=NOT_VALID,
        messages=[
            {
                "token_class": "AccessToken",
                "token_type": "access",
                "message": _message(error, token, other=get_codec().read_refresh),
            }
        ],
    )


def refused_header(error: errors.CredentialRejected) -> RejectedCredential:
    """Return the exception for a header that is not a scheme and a token."""
    return RejectedCredential(
        error,
        detail="Authorization header must contain two space-delimited values",
        code="bad_authorization_header",
    )


def _message(
    error: errors.CredentialRejected, token: str | None, other: Callable[[object], object] | None
) -> str:
    """Return what is wrong with *token*; *other* parses the wrong type of token."""
    if isinstance(error, errors.TokenExpired) or _was_left_idle(token):
        return EXPIRED
    if isinstance(error, _OVER):
        return BLACKLISTED
    try:
        if other is not None:
            other(token)
            return _WRONG_TYPE
    except errors.TokenExpired:
        return EXPIRED
    except errors.CredentialRejected:
        pass
    return _INVALID


def _was_left_idle(token: str | None) -> bool:
    """
    Return whether the auth session of a refresh token has reached its idle timeout.

    simplejwt treats the token as expired then; the ``exp`` of ours is the absolute lifetime.
    """
    try:
        claims = get_codec().read_refresh(token)
    except errors.CredentialRejected:
        return False
    idle = get_settings().lifetimes.idle.total_seconds()
    return claims.rotates and claims.issued_at + idle <= time.time()


def _refused_user(error: errors.CredentialRejected, token: str) -> RejectedCredential | None:
    """Return the exception for a genuine token that is refused because of its user."""
    try:
        claims = get_codec().read_access(token)
    except errors.CredentialRejected:  # a session key does not identify its user
        return None
    user = _user(claims.subject)
    if user is None:
        return RejectedCredential(error, detail="User not found", code="user_not_found")
    if every_backend_refuses(user):
        return RejectedCredential(error, detail="User is inactive", code="user_inactive")
    try:
        check_stamp(user, claims.stamp)
    except errors.TokenExpired:
        return RejectedCredential(
            error, detail="The user's password has been changed.", code="password_changed"
        )
    return None


def _is_shut_out(token: str) -> bool:
    """Return whether the user of a refresh token is deleted or inactive."""
    try:
        subject = get_codec().read_refresh(token).subject
    except errors.CredentialRejected:
        return False
    user = _user(subject) if subject else None
    return bool(subject) and (user is None or every_backend_refuses(user))


def _user(user_id: str) -> AbstractBaseUser | None:
    with users_database_has_to_work():
        return user_with(user_id)
