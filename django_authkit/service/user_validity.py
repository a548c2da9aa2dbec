"""Whether the user of a live auth session may still come in."""

from django.contrib.auth.base_user import AbstractBaseUser

from django_authkit.errors import SessionEnded
from django_authkit.service.revocation import revoke_session
from django_authkit.types import AuthSession, RevocationReason
from django_authkit.users.loading import current_auth_hash, load_user
from django_authkit.wiring import get_store


def load_valid_user(
    session: AuthSession, prefetched: object | None = None, *, revoke_if_invalid: bool = False
) -> AbstractBaseUser:
    """
    Return the user of *session*, who is still let in and still has the password it began under.

    The events that revoke are seen when they happen; ``queryset.update()`` sends none, so it is looked at
    here. After a rotation of ``SECRET_KEY`` the record holds the hash of the present key.

    Args:
        prefetched: The user's row, where the store read it together with the record.
        revoke_if_invalid: End the auth session of a user who may not come in.

    Raises:
        SessionEnded: The user is gone, disabled, or has another password.
        StoreUnavailable: The database, or for a change of the record the store, did not answer.
    """
    reason = RevocationReason.USER_DISABLED
    try:
        user = load_user(session.user_id, session.backend, prefetched)
        reason = RevocationReason.PASSWORD_CHANGED
        expected = current_auth_hash(user, session.auth_hash)
    except SessionEnded:
        if revoke_if_invalid:
            revoke_session(session.sid, reason)
        raise
    if expected != session.auth_hash:  # SECRET_KEY was rotated
        get_store().restamp(session.sid, expected)
    return user
