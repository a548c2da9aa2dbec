"""Whether the user of a live auth session may still come in."""

from django.contrib.auth.base_user import AbstractBaseUser

from django_authkit.errors import SessionEnded
from django_authkit.service.revocation import end
from django_authkit.types import AuthSession, EndReason
from django_authkit.users.loading import current_hash, load_user
from django_authkit.wiring import get_store


def welcome(
    session: AuthSession, prefetched: object | None = None, *, else_end: bool = False
) -> AbstractBaseUser:
    """
    Return the user of *session*, who is still let in and still has the password it began under.

    The events that revoke are seen when they happen; ``queryset.update()`` sends none, so it is looked at
    here. After a rotation of ``SECRET_KEY`` the record holds the hash of the present key.

    Args:
        prefetched: The user's row, where the store read it together with the record.
        else_end: End the auth session of a user who may not come in.

    Raises:
        SessionEnded: The user is gone, disabled, or has another password.
        StoreUnavailable: The database, or for a change of the record the store, did not answer.
    """
    reason = EndReason.USER_DISABLED
    try:
        user = load_user(session, prefetched)
        reason = EndReason.PASSWORD_CHANGED
        expected = current_hash(user, session)
    except SessionEnded:
        if else_end:
            end(session.sid, reason)
        raise
    if expected != session.auth_hash:  # SECRET_KEY was rotated
        get_store().restamp(session.sid, expected)
    return user
