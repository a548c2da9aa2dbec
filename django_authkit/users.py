"""The user behind an auth session: loaded through their Django auth backend, and still the same."""

from typing import Any, cast

from django.conf import settings
from django.contrib.auth import get_user_model, load_backend
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import InterfaceError, OperationalError
from django.utils.crypto import constant_time_compare

from django_authkit.errors import SessionEnded, StoreUnavailable
from django_authkit.types import AuthSession


def user_id_of(user: AbstractBaseUser) -> str:
    """Return the user's primary key as records hold it (and as Django's sessions do)."""
    return str(user._meta.pk.value_to_string(user))


def auth_hash_of(user: AbstractBaseUser) -> str:
    """Return the user's session auth hash; empty for a user class without one."""
    method = getattr(user, "get_session_auth_hash", None)
    return method() if method else ""


def load_user(session: AuthSession, prefetched: object | None = None) -> AbstractBaseUser:
    """
    Return the user of *session* if its Django auth backend still lets them in.

    Args:
        prefetched: The user's row, where the store read it together with the record.

    Raises:
        SessionEnded: The backend is no longer configured, or the user is gone or inactive.
        StoreUnavailable: The database did not answer.
    """
    if session.backend not in settings.AUTHENTICATION_BACKENDS:
        raise SessionEnded
    backend: Any = load_backend(session.backend)
    user: AbstractBaseUser | None
    if prefetched is not None:
        user = cast("AbstractBaseUser", prefetched)
        user = user if backend.user_can_authenticate(user) else None
    else:
        user = _ask(backend, session.user_id)
    if user is None or not user.is_active:  # the second whatever the backend thinks of it
        raise SessionEnded
    user.backend = session.backend
    return user


def _ask(backend: Any, user_id: str) -> AbstractBaseUser | None:
    try:
        user: AbstractBaseUser | None = backend.get_user(get_user_model()._meta.pk.to_python(user_id))
    except (OperationalError, InterfaceError) as error:
        raise StoreUnavailable from error
    return user


def current_hash(user: AbstractBaseUser, session: AuthSession) -> str:
    """
    Return the hash that the record should hold, having checked that its password is still the user's.

    It differs from the record's only after ``SECRET_KEY`` was rotated: then the record's is one that
    a key of ``SECRET_KEY_FALLBACKS`` makes.

    Raises:
        SessionEnded: The password was changed since the auth session began.
    """
    expected = auth_hash_of(user)
    if constant_time_compare(session.auth_hash, expected):
        return expected
    fallbacks = getattr(user, "get_session_auth_fallback_hash", lambda: ())()
    if not any(constant_time_compare(session.auth_hash, old) for old in fallbacks):
        raise SessionEnded
    return expected
