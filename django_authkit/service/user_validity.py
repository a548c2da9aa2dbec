"""Whether the user of a live auth session is still allowed to use it."""

from django.contrib.auth.base_user import AbstractBaseUser

from django_authkit.errors import SessionEnded
from django_authkit.service.revocation import revoke_session
from django_authkit.types import AuthSession, RevocationReason
from django_authkit.users.loading import PasswordChanged, current_auth_hash, load_user
from django_authkit.wiring import get_store


def revoke_shut_out(user_id: str) -> None:
    """Revoke the user's auth sessions whose Django auth backend does not return the user any more."""
    sessions = get_store().list_user(user_id)
    for backend in {session.backend for session in sessions}:
        try:
            load_user(user_id, backend)
        except SessionEnded:
            for session in sessions:
                if session.backend == backend:
                    revoke_session(session.sid, RevocationReason.USER_DISABLED)


def load_valid_user(
    session: AuthSession, prefetched: object | None = None, *, revoke_if_invalid: bool = False
) -> AbstractBaseUser:
    """
    Return the user of *session*, who is still active and has the same password as when it began.

    Signals revoke at once, but ``queryset.update()`` sends none, so this is checked here again. After a
    rotation of ``SECRET_KEY`` the record gets the hash that the present key makes.

    Args:
        prefetched: The user's row, where the store read it together with the record.
        revoke_if_invalid: Revoke the auth session if the user is not valid.

    Raises:
        SessionEnded: The user was deleted or is disabled.
        PasswordChanged: The user has another password.
        StoreUnavailable: The database did not respond, or the store when the record had to be changed.
    """
    try:
        user = load_user(session.user_id, session.backend, prefetched)
        expected = current_auth_hash(user, session.auth_hash)
    except SessionEnded as error:
        if revoke_if_invalid:
            changed = isinstance(error, PasswordChanged)
            reason = RevocationReason.PASSWORD_CHANGED if changed else RevocationReason.USER_DISABLED
            revoke_session(session.sid, reason)
        raise
    if expected != session.auth_hash:  # SECRET_KEY was rotated
        get_store().restamp(session.sid, expected)
    return user
