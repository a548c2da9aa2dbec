"""What a password change does to the auth sessions of the user."""

from dataclasses import replace
from typing import cast

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth import update_session_auth_hash as django_update_session_auth_hash
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.http import HttpRequest

from django_authkit.errors import SessionEnded
from django_authkit.http.grant import Grant
from django_authkit.http.request_state import (
    Authentication,
    PasswordChange,
    current_request,
    known_authentication,
    state_of,
)
from django_authkit.http.tenants import tenant_if_named
from django_authkit.http.transports import bearer_of
from django_authkit.service.django_session import detach_django_session, django_session_of, using_session
from django_authkit.service.issue import issue
from django_authkit.service.revocation import revoke_by_user_id
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Absent
from django_authkit.types import Mode, RevocationReason, Transport
from django_authkit.users.loading import auth_hash_of, user_id_of, without_mark
from django_authkit.wiring import get_jwt_strategy, get_session_strategy, get_store


def update_session_auth_hash(request: HttpRequest, user: AbstractBaseUser) -> None:
    """
    Keep the auth session of *request* when its user changes the password.

    Call it after ``user.set_password(…)`` and ``user.save()``, in place of Django's function of this
    name. All credentials of the auth session are replaced (ASVS 7.4.3), so that a copy of the old ones is
    useless. The response has the new ones: as cookies, or as headers for a header client.
    """
    known = known_authentication(request)
    if known is not None and known.user == user and _is_renewed_here(known):
        keep(request, known, user, auth_hash_of(user))
    elif hasattr(request, "session"):
        using_session(request, django_update_session_auth_hash, request, cast("User", user))


def _is_renewed_here(known: Authentication) -> bool:
    """Tell whether it is not Django's ``cycle_key`` that renews its credential: that only sets cookies."""
    return known.mode is Mode.JWT or known.transport is Transport.HEADER


def keep(request: HttpRequest, known: Authentication, user: AbstractBaseUser, auth_hash: str) -> None:
    """
    Record the user's new hash in the auth session of *request*, with new credentials.

    Raises:
        SessionEnded: The auth session is not live any more.
    """
    state = state_of(request)
    known.read_session()  # a token that ``ACCESS_CHECK`` let in may be dead
    renew = _renewed_tokens if known.mode is Mode.JWT else _renewed_key
    grant = renew(request, known, user, auth_hash)
    state.authentication = Authentication.by_record(
        user, grant.session, grant.mode, grant.transport, replacement=grant
    )
    state.renewed, state.password_change = True, None


def _renewed_tokens(
    request: HttpRequest, known: Authentication, user: AbstractBaseUser, auth_hash: str
) -> Grant:
    detach_django_session(request, known.sid)
    strategy = get_jwt_strategy()
    jti, found = strategy.replace_tokens(known.sid, auth_hash)
    return issue(strategy, found, user, jti, known.transport)


def _renewed_key(
    request: HttpRequest, known: Authentication, user: AbstractBaseUser, auth_hash: str
) -> Grant:
    django_session = django_session_of(request)
    renewed = known.find_replacement() if known.find_replacement else None
    key = SessionKey.parse(renewed.access if renewed else bearer_of(request))
    if key is None:
        raise SessionEnded
    fresh = SessionKey.new(key.handle)
    found = get_store().rekey(key.handle, key.digest, fresh.digest, auth_hash=auth_hash)
    if isinstance(found, Absent):
        raise SessionEnded
    if django_session is not None:
        django_session.follow(fresh, found)
    return issue(get_session_strategy(), found, user, fresh.secret, known.transport)


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
    state_of(request).password_change = replace(change, tenant=tenant_if_named())
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
    if change.tenant != tenant_if_named():
        return  # it was that of another tenant's user with the same primary key
    session = getattr(request, "session", {})
    # With a bearer, the Django session may belong to another user; without a login it has no user at all.
    theirs = session.get(SESSION_KEY) in {None, user_id_of(known.user)}
    stamped = session.get(HASH_SESSION_KEY) if theirs else None
    kept = stamped is not None and stamped == change.keep_hash
    if kept and state.renewed and without_mark(known.session.auth_hash) == stamped:
        return  # our update_session_auth_hash was called, before the change was committed
    if kept and _is_renewed_here(known):  # Django's own update_session_auth_hash was called
        keep(request, known, known.user, change.keep_hash or "")
    elif change.committed and not kept:
        _revoke_older(known.user, change.keep_hash)
