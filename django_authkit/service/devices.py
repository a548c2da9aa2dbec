"""A user's devices: list them, revoke one, or revoke all others."""

from collections.abc import Sequence

from django_authkit.conf import get_settings
from django_authkit.errors import NoSuchSession
from django_authkit.http.request_state import Authentication
from django_authkit.service.reauthentication import require_recent
from django_authkit.service.revocation import revoke_by_user_id, revoke_session
from django_authkit.session_keys import is_sid
from django_authkit.stores.outcomes import Found
from django_authkit.types import AuthSession, RevocationReason
from django_authkit.users.loading import user_id_of
from django_authkit.wiring import get_store


def devices_of(known: Authentication) -> Sequence[AuthSession]:
    """Return the live auth sessions of the user, most recently seen first."""
    return get_store().list_user(user_id_of(known.user))


def revoke_device(known: Authentication, sid: str) -> None:
    """
    Revoke the user's auth session *sid*, which may be the one of this request.

    Raises:
        NoSuchSession: It is not live, or belongs to another user. The error does not say which.
        ReauthenticationRequired: The project requires recent authentication, and it is another session.
    """
    if sid != known.sid:
        _require_recent_if_configured(known)
    found = get_store().load(sid) if is_sid(sid) else None
    if not isinstance(found, Found) or found.session.user_id != user_id_of(known.user):
        raise NoSuchSession
    if revoke_session(sid, RevocationReason.REVOKED) is None:
        raise NoSuchSession


def revoke_other_devices(known: Authentication) -> int:
    """
    Revoke all auth sessions of the user except the one of this request; return how many (ASVS 7.4.3).

    Raises:
        ReauthenticationRequired: The project requires recent authentication.
    """
    _require_recent_if_configured(known)
    return len(revoke_by_user_id(user_id_of(known.user), RevocationReason.REVOKED, keep=known.sid))


def _require_recent_if_configured(known: Authentication) -> None:
    if get_settings().recent_auth.to_revoke:
        require_recent(known)
