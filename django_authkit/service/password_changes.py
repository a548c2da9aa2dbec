"""What a password change does to the auth sessions of the user."""

from typing import cast

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth import update_session_auth_hash as django_update_session_auth_hash
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.http import HttpRequest

from django_authkit.http.request_state import (
    PasswordChange,
    current_request,
    known_authentication,
    state_of,
)
from django_authkit.service.revocation import revoke_by_user_id
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
        state_of(request).password_change = None


def password_changed(user: AbstractBaseUser, old_hash: str, new_hash: str) -> None:
    """
    Revoke the auth sessions that *user* began before their password was changed, and no newer ones.

    Those have another session auth hash than the user now. The one of the request in progress, if it is
    theirs, stays until the response, so that ``update_session_auth_hash`` can keep it.

    Args:
        old_hash: The user's hash before the change.
        new_hash: The hash that was committed. If the user class makes the same from both passwords, all
            auth sessions are revoked.
    """
    keep_hash = new_hash if new_hash != old_hash else None
    own = _note_change(user, PasswordChange(keep_hash, committed=True))
    _revoke_older(user, keep_hash, keep=own)


def password_changing(user: AbstractBaseUser, old_hash: str, new_hash: str) -> None:
    """
    Note the change that is not committed yet.

    Django's ``update_session_auth_hash`` then counts in JWT mode even if the commit never comes, as in a
    project's ``TestCase``.
    """
    _note_change(user, PasswordChange(new_hash if new_hash != old_hash else None, committed=False))


def _note_change(user: AbstractBaseUser, change: PasswordChange) -> str | None:
    """Note *change* for the request in progress if it is by *user*; return the sid of its auth session."""
    request = current_request.get()
    known = known_authentication(request)
    if request is None or known is None or known.user != user:
        return None
    state_of(request).password_change = change
    return known.sid


def _revoke_older(user: AbstractBaseUser, keep_hash: str | None, *, keep: str | None = None) -> None:
    reason = RevocationReason.PASSWORD_CHANGED
    revoke_by_user_id(user_id_of(user), reason, keep=keep, keep_hash=keep_hash)


def password_rehashed(user: AbstractBaseUser, old_hash: str, new_hash: str) -> None:
    """Record a new hash of the same password in the user's auth sessions; nobody is logged out."""
    get_store().restamp_user(user_id_of(user), old_hash, new_hash)


def apply_password_change(request: HttpRequest) -> None:
    """Revoke the auth session of *request* if its user's password changed and nothing kept it."""
    state, known = state_of(request), known_authentication(request)
    change, state.password_change = state.password_change, None
    if change is None or known is None:
        return
    session = getattr(request, "session", {})
    # With a bearer, the Django session may belong to another user; without a login it has no user at all.
    theirs = session.get(SESSION_KEY) in {None, user_id_of(known.user)}
    stamped = session.get(HASH_SESSION_KEY) if theirs else None
    kept = stamped is not None and stamped == change.keep_hash
    if kept and known.mode is Mode.JWT:  # Django's own update_session_auth_hash was called
        get_store().restamp(known.sid, change.keep_hash or "")
    elif change.committed and not kept:
        _revoke_older(known.user, change.keep_hash)
