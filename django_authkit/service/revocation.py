"""Revoking auth sessions: one, those of a user, all, or those that a request presents."""

from collections.abc import Iterator
from contextlib import suppress

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from django_authkit import signals
from django_authkit.errors import CredentialRejected
from django_authkit.http import transports
from django_authkit.http.request_state import state_of
from django_authkit.service.django_session import django_session_of
from django_authkit.service.external_epochs import revoke_external_logins
from django_authkit.session_keys import is_sid
from django_authkit.stores.outcomes import Found
from django_authkit.strategies.protocol import Identity
from django_authkit.types import AuthSession, RevocationReason
from django_authkit.users.loading import load_user, user_id_of
from django_authkit.wiring import get_jwt_strategy, get_store, get_strategy


def revoke_session(
    sid: str, reason: RevocationReason, *, key_digest: bytes | None = None
) -> AuthSession | None:
    """Revoke one auth session and send the signal; return ``None`` if it was not live."""
    revoked = get_store().revoke(sid, reason, key_digest=key_digest)
    if revoked is not None:
        announce_revocation(revoked, reason)
    return revoked


def announce_revocation(session: AuthSession, reason: RevocationReason) -> None:
    """Send ``session_revoked`` for an auth session that the store has revoked."""
    signals.session_revoked.send(sender=AuthSession, session=session, reason=reason)


def revoke(sid: str) -> bool:
    """Revoke the auth session *sid*, for an operator or administrator; tell whether it was live."""
    return is_sid(sid) and revoke_session(sid, RevocationReason.REVOKED) is not None


def revoke_user(
    user: AbstractBaseUser, *, keep: str | None = None, reason: RevocationReason = RevocationReason.REVOKED
) -> tuple[AuthSession, ...]:
    """Revoke all auth sessions of *user* except the one with sid *keep*; return those revoked."""
    return revoke_by_user_id(user_id_of(user), reason, keep=keep)


def revoke_by_user_id(
    user_id: str, reason: RevocationReason, *, keep: str | None = None, keep_hash: str | None = None
) -> tuple[AuthSession, ...]:
    """Do what ``revoke_user`` does, for a user who may have been deleted; those with *keep_hash* stay too."""
    revoke_external_logins(user_id)
    revoked = get_store().revoke_user(user_id, reason, keep=keep, keep_hash=keep_hash)
    for session in revoked:
        announce_revocation(session, reason)
    return revoked


def revoke_all() -> None:
    """Revoke every auth session of all users, in constant time. No signals are sent."""
    revoke_external_logins(None)
    get_store().revoke_all()


def sessions_of(user: AbstractBaseUser) -> tuple[AuthSession, ...]:
    """Return the live auth sessions of *user*, most recently seen first."""
    return get_store().list_user(user_id_of(user))


def revoke_presented(
    request: HttpRequest, reason: RevocationReason, *, refresh: str | None = None, cookies: bool = True
) -> list[AuthSession]:
    """
    Revoke every auth session for which the request presents a genuine credential; return those revoked.

    Args:
        refresh: A refresh token that came in the body.
        cookies: Whether cookies count if there is neither a header nor a body. A browser sends them
            automatically, so the caller must have made the CSRF check.
    """
    targets = dict.fromkeys(_targets(request, refresh, cookies))
    revoked = [revoke_session(sid, reason, key_digest=key_digest) for sid, key_digest in targets]
    django_session = django_session_of(request)
    if django_session is not None and (cookies or transports.has_bearer(request)):
        django_session.release()
    return [session for session in revoked if session is not None]


def revoke_tokens_of_others(request: HttpRequest, user: AbstractBaseUser) -> None:
    """Revoke the auth sessions of other users whose token cookies came with the login of *user*."""
    for text in (*transports.access_cookies_of(request), *transports.refresh_cookies_of(request)):
        sid = get_jwt_strategy().sid_of(text)
        found = get_store().load(sid) if sid else None
        if isinstance(found, Found) and found.session.user_id != user_id_of(user):
            revoke_session(found.session.sid, RevocationReason.REPLACED)
            state_of(request).clear_token_cookies = True


def _targets(request: HttpRequest, refresh: str | None, cookies: bool) -> Iterator[Identity]:
    """Yield the auth session of each genuine credential that the request presents."""
    django_session = django_session_of(request)
    own = django_session.own_key if django_session and (cookies or transports.has_bearer(request)) else None
    if own is not None:  # of a login in this request, for example
        yield Identity(own.handle, own.digest)
    adopted = state_of(request).adopted
    if adopted is not None and cookies:  # its credential is in the response
        yield Identity(adopted.session.sid)
    for text in _presented(request, refresh, cookies):
        identity = get_strategy(transports.mode_of(text)).identify(text)
        if identity is not None:
            yield identity


def _presented(request: HttpRequest, refresh: str | None, cookies: bool) -> Iterator[str]:
    """Yield the credentials from the header and the body, else from the cookies."""
    found: list[str | None] = [refresh]
    if transports.has_bearer(request):
        with suppress(CredentialRejected):
            found.append(transports.bearer_of(request))
    elif cookies and not refresh:
        found += [text for cookies_of in PRESENTED_COOKIES for text in cookies_of(request)]
    yield from (text for text in found if text)


PRESENTED_COOKIES = (
    transports.session_cookies_of,
    transports.access_cookies_of,
    transports.refresh_cookies_of,
)


def owner_of(session: AuthSession) -> AbstractBaseUser | None:
    """Return the user who was logged out, for Django's signal; ``None`` if they cannot be loaded."""
    try:
        return load_user(session.user_id, session.backend)
    except CredentialRejected:
        return None
