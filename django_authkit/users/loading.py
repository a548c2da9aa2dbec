"""Loading the user of an auth session through their Django auth backend."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, Final, cast

from django.conf import settings
from django.contrib.auth import get_user_model, load_backend
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import DataError, Error
from django.utils.crypto import constant_time_compare

from django_authkit.bridge import blocking, here
from django_authkit.errors import SessionEnded, TokenExpired, TokenInvalid
from django_authkit.outages import is_outage, users_database_unavailable
from django_authkit.tokens.claims import password_stamp
from django_authkit.users.query import has_stock_manager, read_user

_SHORTEST_SALTED: Final = 20
"""A shorter text is no hash with a salt, nor one that Django makes for an unusable password."""
_MARK: Final = re.compile(r"~[0-9a-f]{16}\Z")


class PasswordChanged(SessionEnded):
    """The auth session is live, but its user has another password than when it began."""


def user_id_of(user: AbstractBaseUser) -> str:
    """Return the user's primary key as records hold it (and as Django's sessions do)."""
    return str(user._meta.pk.value_to_string(user))


def username_of(user: AbstractBaseUser) -> str:
    """Return the user's name, also if the model does not derive from ``AbstractBaseUser``."""
    return str(getattr(user, get_user_model().USERNAME_FIELD))


def auth_hash_of(user: AbstractBaseUser) -> str:
    """
    Return what records hold to tell whose they are: the user's session auth hash, and a mark.

    Django's hash follows from the text in the password column. Where that has no salt, as the empty text of
    users who never had a password, it is the same for all; so a user who is created under the primary key of
    a deleted one would continue their auth sessions. The mark tells them apart.
    """
    method = getattr(user, "get_session_auth_hash", None)
    auth_hash: str = method() if method else ""
    has_salt = len(getattr(user, "password", None) or "") >= _SHORTEST_SALTED
    return auth_hash if has_salt else auth_hash + mark_of(user)


def django_hash_of(user: AbstractBaseUser) -> str:
    """Return the user's session auth hash, as Django's sessions hold it; empty for a class without one."""
    method = getattr(user, "get_session_auth_hash", None)
    return method() if method else ""


def without_mark(auth_hash: str) -> str:
    """Return the part of ``auth_hash_of`` that Django's sessions hold."""
    return _MARK.sub("", auth_hash)


def mark_of(user: AbstractBaseUser) -> str:
    """Return what ``auth_hash_of`` adds to Django's hash; empty if the password column has a salt."""
    if len(getattr(user, "password", None) or "") >= _SHORTEST_SALTED:
        return ""
    joined = getattr(user, "date_joined", None)
    born = joined.timestamp() if isinstance(joined, datetime) else username_of(user)
    return f"~{sha256(str(born).encode()).hexdigest()[:16]}"


def has_stock_rules() -> bool:
    """
    Tell whether the password and ``is_active`` alone decide who is allowed to use an auth session.

    Not if the project's user class makes another session auth hash, if its default manager filters (soft
    deletion, for example), or if a Django auth backend finds users or decides about them in its own way.
    """
    model = get_user_model()
    names = ("get_session_auth_hash", "_get_session_auth_hash")
    stock_hash = all(getattr(model, n, None) is getattr(AbstractBaseUser, n, None) for n in names)
    finders = {
        getattr(type(load_backend(path)), "get_user", None) for path in settings.AUTHENTICATION_BACKENDS
    }
    # A backend that only decides on permissions finds no users, or has no such method.
    stock_backends = finders <= {None, BaseBackend.get_user, ModelBackend.get_user}
    return stock_hash and stock_backends and not admits_inactive() and has_stock_manager()


def admits_inactive() -> bool:
    """Tell whether a Django auth backend may let users log in who are inactive."""
    return _any_admits_inactive(tuple(settings.AUTHENTICATION_BACKENDS))


@cache
def _any_admits_inactive(paths: tuple[str, ...]) -> bool:
    """Answer for these backends once: a user who was not read is asked again and again."""
    stock = ModelBackend.user_can_authenticate
    return any(
        getattr(type(load_backend(path)), "user_can_authenticate", stock) is not stock for path in paths
    )


def is_admitted(user: AbstractBaseUser, backend: object) -> bool:
    """
    Tell whether *user* is active, or the Django auth backend says that an inactive one may log in.

    It does so by ``user_can_authenticate``, as Django's ``AllowAllUsersModelBackend`` does. One without that
    method does not tell what it thinks of inactive users, so they stay out.
    """
    decide = getattr(backend, "user_can_authenticate", None)
    return bool(getattr(user, "is_active", True) or (decide is not None and decide(user)))


def every_backend_refuses(user: AbstractBaseUser) -> bool:
    """Tell whether *user* is inactive, and no Django auth backend lets them log in all the same."""
    return not any(is_admitted(user, load_backend(path)) for path in settings.AUTHENTICATION_BACKENDS)


def load_user(user_id: str, backend_path: str, prefetched: object | None = None) -> AbstractBaseUser:
    """
    Return the user whom the Django auth backend authenticated, if they are still allowed to log in.

    Args:
        user_id: The primary key, as records hold it.
        backend_path: Dotted path of the Django auth backend.
        prefetched: The user's row, if the store read it with the record.

    Raises:
        SessionEnded: The backend is no longer configured, or the user was deleted, or is inactive and the
            backend does not let inactive users in.
        TokenInvalid: *user_id* is no primary key of the user model.
        StoreUnavailable: The database did not respond.
    """
    if backend_path not in settings.AUTHENTICATION_BACKENDS:
        raise SessionEnded
    backend: Any = load_backend(backend_path)
    if type(backend).get_user is ModelBackend.get_user:
        user = cast("AbstractBaseUser | None", prefetched) or _read(read_user, user_id)
        user = user if user is not None and backend.user_can_authenticate(user) else None
    else:
        user = _read(backend.get_user, user_id)
        user = user if user is not None and is_admitted(user, backend) else None
    if user is None:
        raise SessionEnded
    user.backend = backend_path
    return user


def _read(get_user: Callable[[Any], AbstractBaseUser | None], user_id: str) -> AbstractBaseUser | None:
    if here.bridge is not None:
        return blocking(_read, get_user, user_id)
    try:
        return get_user(get_user_model()._meta.pk.to_python(user_id))
    except (ValidationError, OverflowError, DataError) as error:
        raise TokenInvalid from error
    except Error as error:
        if not is_outage(error):
            raise
        raise users_database_unavailable(error) from error


def current_auth_hash(user: AbstractBaseUser, auth_hash: str) -> str:
    """
    Return the user's present session auth hash, if *auth_hash* is of the same password.

    It differs from *auth_hash* only after ``SECRET_KEY`` was rotated: then *auth_hash* was made with a key of
    ``SECRET_KEY_FALLBACKS``.

    Raises:
        PasswordChanged: It is of another password.
    """
    expected = auth_hash_of(user)
    if constant_time_compare(auth_hash, expected):
        return expected
    if not any(constant_time_compare(auth_hash, old) for old in _fallback_hashes_of(user)):
        raise PasswordChanged
    return expected


def _fallback_hashes_of(user: AbstractBaseUser) -> Iterator[str]:
    """Yield what ``auth_hash_of`` returned under each key of ``SECRET_KEY_FALLBACKS``."""
    for old in getattr(user, "get_session_auth_fallback_hash", lambda: ())():
        yield old + mark_of(user)


def check_stamp(user: AbstractBaseUser, stamp: str) -> None:
    """
    Check that an access token was issued under the user's present password.

    Raises:
        TokenExpired: It was not. Its auth session may still be live, since the password may only have been
            rehashed; a refresh finds out.
    """
    hashes = (auth_hash_of(user), *_fallback_hashes_of(user))
    if not any(constant_time_compare(stamp, password_stamp(each)) for each in hashes):
        raise TokenExpired


def sole_backend() -> str:
    """Return the project's one Django auth backend; if there are several, a token names its own."""
    return str(settings.AUTHENTICATION_BACKENDS[0])
