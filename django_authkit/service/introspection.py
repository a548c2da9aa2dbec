"""Introspection and revocation of a credential that is named in a body (RFC 7662, RFC 7009)."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest

from django_authkit.conf import get_settings
from django_authkit.errors import CredentialRejected, SessionEnded, TokenInvalid, TokenMalformed
from django_authkit.http import transports
from django_authkit.http.request_state import state_of
from django_authkit.service.adoption.adopt import drop_refresh
from django_authkit.service.authentication import not_accepted
from django_authkit.service.revocation import owner_of, revoke_session
from django_authkit.service.user_validity import load_valid_user
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Found
from django_authkit.types import AuthSession, Mode, RevocationReason
from django_authkit.users.loading import current_hash, load_user
from django_authkit.wiring import get_codec, get_jwt_strategy, get_session_strategy


def check_access(token: str) -> None:
    """
    See that a credential would open a view. Nothing slides.

    Raises:
        CredentialRejected: It would not.
    """
    mode = _accepted(token)
    found = inspect(mode, token)[0]
    load_valid_user(found.session, found.user)


def check_refresh(token: str) -> None:
    """
    See that a refresh token, or a session key, would carry its auth session on. Nothing is exchanged.

    Raises:
        CredentialRejected: It would not; ``SessionEnded`` if it was superseded.
    """
    if _accepted(token) is Mode.SESSION:
        found = get_session_strategy().resolve(token, slide=False)
    else:
        found = get_jwt_strategy().check_refresh(token)
    load_valid_user(found.session, found.user)


def revoke_token(request: HttpRequest, token: str) -> None:
    """
    Log out by a refresh token, or a session key, and by nothing else that *request* presents.

    A superseded refresh token will do, and so will an external one that ``ADOPT`` would take. Where an auth
    session was ended, ``user_logged_out`` was sent.

    Raises:
        CredentialRejected: It is none of ours, or expired.
        SessionEnded: There was nothing left to end.
    """
    try:
        ended = _end(token)
    except (TokenInvalid, TokenMalformed):
        if drop_refresh(token):
            return
        raise
    if ended is None:
        raise SessionEnded
    user = owner_of(ended)
    with state_of(request).own_signals():
        user_logged_out.send(sender=type(user) if user else get_user_model(), request=request, user=user)


def _end(token: str) -> AuthSession | None:
    if _accepted(token) is Mode.SESSION:
        key = SessionKey.parse(token)
        return revoke_session(key.handle, RevocationReason.LOGOUT, key_digest=key.digest) if key else None
    return revoke_session(get_codec().read_refresh(token).sid, RevocationReason.LOGOUT)


def _accepted(token: str) -> Mode:
    mode = transports.mode_of(token)
    if not get_settings().accepts(mode):
        raise not_accepted(token)
    return mode


def verify(token: str) -> dict[str, Any]:
    """
    Tell about a credential that opens views, in the shape of RFC 7662. Nothing slides.

    A refresh token opens nothing, so it is not active here.

    Returns:
        ``{"active": False}``, or ``active``, ``sub``, ``sid``, ``exp`` and ``iat`` (seconds),
        ``token_type`` and ``mode``.
    """
    mode = transports.mode_of(token)
    if not get_settings().accepts(mode):
        return {"active": False}
    try:
        found, issued, expires = inspect(mode, token)
        current_hash(load_user(found.session, found.user), found.session)
    except CredentialRejected:
        return {"active": False}
    return {
        "active": True,
        "sub": found.session.user_id,
        "sid": found.session.sid,
        "iat": issued,
        "exp": expires,
        "token_type": get_settings().auth_schemes[0],
        "mode": mode.value,
    }


def inspect(mode: Mode, token: str) -> tuple[Found, int, int]:
    """
    Return the auth session, and since and until when the credential is good (seconds). Nothing slides.

    Raises:
        CredentialRejected: It opens no view.
    """
    if mode is Mode.SESSION:
        found = get_session_strategy().resolve(token, slide=False)
        return found, found.session.auth_time_ms // 1000, found.session.idle_expires_ms // 1000
    claims, record = get_jwt_strategy().resolve(token)
    found = get_jwt_strategy().find(claims) if record is None else record
    return found, claims.issued_at, claims.expires_at
