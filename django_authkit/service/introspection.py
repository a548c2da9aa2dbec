"""Introspection and revocation of a credential that is named in a body (RFC 7662, RFC 7009)."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest

from django_authkit.bridge import send
from django_authkit.conf import get_settings
from django_authkit.errors import CredentialRejected, SessionEnded, TokenInvalid, TokenMalformed
from django_authkit.http.request_state import state_of
from django_authkit.service.adoption.external import drop_refresh
from django_authkit.service.authentication import accepted_strategy
from django_authkit.service.device_keys import check_device_key
from django_authkit.service.dpop import check_session
from django_authkit.service.revocation import owner_of, revoke_session
from django_authkit.service.user_validity import load_valid_user
from django_authkit.strategies.protocol import Inspection, Strategy
from django_authkit.tokens.dpop import thumbprint_of
from django_authkit.types import AuthSession, RevocationReason
from django_authkit.users.loading import current_auth_hash, load_user


def _inspected(strategy: Strategy, token: str) -> Inspection:
    """Return what a credential opens; that of a login bound to its device opens nothing by itself."""
    inspected = strategy.inspect(token)
    if strategy.checks_device and not inspected.found.session.is_dpop_bound:
        check_device_key(None, inspected.found)
    return inspected


def check_access(token: str) -> None:
    """
    Check that a credential would open a view. Nothing slides.

    Raises:
        CredentialRejected: It would not.
    """
    found = _inspected(accepted_strategy(token), token).found
    check_session(None, found.session)
    load_valid_user(found.session, found.user)


def check_refresh(token: str) -> None:
    """
    Check that a refresh token, or a session key, belongs to a live auth session. Nothing is exchanged.

    Raises:
        CredentialRejected: It does not; ``SessionEnded`` if that was revoked or has expired, and
            ``DeviceMismatch`` if it is worth nothing without the device.
    """
    found = accepted_strategy(token).check_renewable(token)
    if not found.session.is_dpop_bound:
        check_device_key(None, found)
    load_valid_user(found.session, found.user)


def revoke_token(request: HttpRequest, token: str) -> None:
    """
    Log out by a refresh token or a session key, whatever else *request* presents.

    A superseded refresh token is enough, and so is an external one that ``ADOPT`` would adopt. If an auth
    session was revoked, ``user_logged_out`` is sent.

    Raises:
        CredentialRejected: It is not one of ours, or it has expired.
        SessionEnded: There was nothing to revoke.
    """
    try:
        revoked = _revoke(token)
        owners = [] if revoked is None else [owner_of(revoked)]
    except (TokenInvalid, TokenMalformed):
        owners = drop_refresh(token)
        if not owners:
            raise
    if not owners:
        raise SessionEnded
    user = owners[0]
    with state_of(request).own_signals():
        sender = type(user) if user else get_user_model()
        send(user_logged_out, sender, request=request, user=user)


def _revoke(token: str) -> AuthSession | None:
    identity = accepted_strategy(token).revocable(token)
    return revoke_session(identity.sid, RevocationReason.LOGOUT, key_digest=identity.key_digest)


def verify(token: str) -> dict[str, Any]:
    """
    Introspect a credential that opens views, in the shape of RFC 7662. Nothing slides.

    A refresh token opens nothing, so it is not active here.

    Returns:
        ``{"active": False}``, or ``active``, ``sub``, ``sid``, ``exp`` and ``iat`` (seconds),
        ``token_type`` and ``mode``; and ``cnf`` (RFC 9449 §6.2) if it is bound to a key, of which the caller
        has to check the proof.
    """
    try:
        strategy = accepted_strategy(token)
        inspected = _inspected(strategy, token)
        session = inspected.found.session
        user = load_user(session.user_id, session.backend, inspected.found.user)
        current_auth_hash(user, session.auth_hash)
    except CredentialRejected:
        return {"active": False}
    is_bound = session.is_dpop_bound
    return {
        "active": True,
        "sub": session.user_id,
        "sid": session.sid,
        "iat": inspected.issued_at,
        "exp": inspected.expires_at,
        "token_type": "DPoP" if is_bound else get_settings().compat.auth_schemes[0],
        "mode": strategy.mode.value,
        **({"cnf": {"jkt": thumbprint_of(session.device_key)}} if is_bound else {}),
    }
