"""A user's devices: which there are, ending one or all others, and what ending them takes."""

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
    End the user's auth session *sid*, which may be the one of this request.

    Raises:
        NoSuchSession: It is not live, or not theirs; which of the two is not told.
        ReauthenticationRequired: The project asks for a fresh proof first, and it is not the own one.
    """
    if sid != known.sid:
        _require_proof(known)
    found = get_store().load(sid) if is_sid(sid) else None
    if not isinstance(found, Found) or found.session.user_id != user_id_of(known.user):
        raise NoSuchSession
    if revoke_session(sid, RevocationReason.REVOKED) is None:
        raise NoSuchSession


def revoke_other_devices(known: Authentication) -> int:
    """
    End all auth sessions of the user but the one of this request; return how many (ASVS 7.4.3).

    Raises:
        ReauthenticationRequired: The project asks for a fresh proof first.
    """
    _require_proof(known)
    return len(revoke_by_user_id(user_id_of(known.user), RevocationReason.REVOKED, keep=known.sid))


def _require_proof(known: Authentication) -> None:
    if get_settings().ending_needs_recent_auth:
        require_recent(known)
