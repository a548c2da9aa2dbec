"""What a password change does to the auth sessions of the user."""

from typing import cast

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth import update_session_auth_hash as django_update_session_auth_hash
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.http import HttpRequest

from django_authkit.http.request_state import current_request, known_authentication, state_of
from django_authkit.service.revocation import revoke_session, revoke_user
from django_authkit.types import Mode, RevocationReason
from django_authkit.users.loading import auth_hash_of, user_id_of
from django_authkit.wiring import get_store


def update_session_auth_hash(request: HttpRequest, user: AbstractBaseUser) -> None:
    """
    Keep the auth session of *request* when its user changes the password.

    Call it after ``user.set_password(…)`` and ``user.save()``, in place of Django's function of this
    name. In session mode the session key is replaced (ASVS 7.4.3); in JWT mode the refresh token is
    replaced when it is next used.
    """
    known = known_authentication(request)
    if known is not None and known.user == user and known.mode is Mode.JWT:
        keep(request, auth_hash_of(user))
    elif hasattr(request, "session"):
        django_update_session_auth_hash(request, cast("User", user))


def keep(request: HttpRequest, auth_hash: str) -> None:
    """Record the user's new hash in the auth session of *request*, so that it stays valid."""
    known = known_authentication(request)
    if known is not None:
        get_store().restamp(known.sid, auth_hash)
        state_of(request).password_changed = False


def password_changed(user: AbstractBaseUser) -> None:
    """
    Revoke the user's auth sessions after their password was changed.

    The one of the request in progress, if it is theirs, stays until the response, so that
    ``update_session_auth_hash`` can keep it.
    """
    request = current_request.get()
    known = known_authentication(request)
    own = known if known is not None and known.user == user else None
    revoke_user(user, keep=own.sid if own else None, reason=RevocationReason.PASSWORD_CHANGED)
    if own is not None and request is not None:
        state_of(request).password_changed = True


def password_rehashed(user: AbstractBaseUser, old_hash: str) -> None:
    """Record a new hash of the same password in the user's auth sessions; nobody is logged out."""
    get_store().restamp_user(user_id_of(user), old_hash, auth_hash_of(user))


def apply_password_change(request: HttpRequest) -> None:
    """Revoke the auth session of *request* if its user's password changed and nothing kept it."""
    state, known = state_of(request), known_authentication(request)
    if not state.password_changed or known is None:
        return
    state.password_changed = False
    session = getattr(request, "session", {})
    # With a bearer, the Django session may belong to another user; without a login it has no user at all.
    theirs = session.get(SESSION_KEY) in {None, user_id_of(known.user)}
    stamped = session.get(HASH_SESSION_KEY) if theirs else None
    if stamped is None or stamped == known.session.auth_hash:
        revoke_session(known.sid, RevocationReason.PASSWORD_CHANGED)
    elif known.mode is Mode.JWT:  # Django's own update_session_auth_hash was called
        get_store().restamp(known.sid, stamped)
