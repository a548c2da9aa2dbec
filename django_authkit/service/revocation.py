"""Ending auth sessions: logout, revocation, and whose they are."""

from collections.abc import Iterator
from contextlib import suppress

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from django_authkit import signals
from django_authkit.errors import CredentialRejected
from django_authkit.http import transports
from django_authkit.http.request_state import state_of
from django_authkit.service.django_session import django_session_of
from django_authkit.session_keys import is_sid
from django_authkit.stores.outcomes import Found
from django_authkit.strategies.protocol import Identity
from django_authkit.types import AuthSession, RevocationReason
from django_authkit.users.loading import load_user, user_id_of
from django_authkit.wiring import get_jwt_strategy, get_store, get_strategies


def revoke_session(
    sid: str, reason: RevocationReason, *, key_digest: bytes | None = None
) -> AuthSession | None:
    """End one auth session and tell about it; ``None`` if it was not live (see the store's ``revoke``)."""
    ended = get_store().revoke(sid, reason, key_digest=key_digest)
    if ended is not None:
        announce_revocation(ended, reason)
    return ended


def announce_revocation(session: AuthSession, reason: RevocationReason) -> None:
    """Send ``session_ended`` for an auth session that the store has ended."""
    signals.session_ended.send(sender=AuthSession, session=session, reason=reason)


def revoke(sid: str) -> bool:
    """End the auth session *sid*; tell whether it was live. An operator's or administrator's act."""
    return is_sid(sid) and revoke_session(sid, RevocationReason.REVOKED) is not None


def revoke_user(
    user: AbstractBaseUser, *, keep: str | None = None, reason: RevocationReason = RevocationReason.REVOKED
) -> tuple[AuthSession, ...]:
    """End all auth sessions of *user* but the one with sid *keep*; return those ended."""
    return revoke_by_user_id(user_id_of(user), reason, keep=keep)


def revoke_by_user_id(
    user_id: str, reason: RevocationReason, *, keep: str | None = None
) -> tuple[AuthSession, ...]:
    """Do what ``revoke_user`` does, for a user who may no longer exist."""
    ended = get_store().revoke_user(user_id, reason, keep=keep)
    for session in ended:
        announce_revocation(session, reason)
    return ended


def revoke_all() -> None:
    """End every auth session of everybody, in constant time. Nobody's signals are sent."""
    get_store().revoke_all()


def sessions_of(user: AbstractBaseUser) -> tuple[AuthSession, ...]:
    """Return the live auth sessions of *user*, most recently seen first."""
    return get_store().list_user(user_id_of(user))


def revoke_presented(
    request: HttpRequest, reason: RevocationReason, *, refresh: str | None = None, cookies: bool = True
) -> list[AuthSession]:
    """
    End every auth session for which the request presents a genuine credential; return those ended.

    Args:
        refresh: A refresh token that came in the body.
        cookies: Whether cookies count, where no header or body says whose request it is. A browser sends
            them unasked, so a caller that counts them has made the CSRF check.
    """
    targets = dict.fromkeys(_targets(request, refresh, cookies))
    ended = [revoke_session(sid, reason, key_digest=key_digest) for sid, key_digest in targets]
    django_session = django_session_of(request)
    if django_session is not None and (cookies or transports.has_bearer(request)):
        django_session.release()
    return [session for session in ended if session is not None]


def revoke_tokens_of_others(request: HttpRequest, user: AbstractBaseUser) -> None:
    """End the auth sessions of other users whose token cookies a browser brings that *user* logs in with."""
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
    if own is not None:  # of a login in this very request, say
        yield Identity(own.handle, own.digest)
    adopted = state_of(request).adopted
    if adopted is not None and cookies:  # so the credential is on its way
        yield Identity(adopted.session.sid)
    for text in _presented(request, refresh, cookies):
        identity = get_strategies()[transports.mode_of(text)].identify(text)
        if identity is not None:
            yield identity


def _presented(request: HttpRequest, refresh: str | None, cookies: bool) -> Iterator[str]:
    """Yield what the request presents: by header and body, else by cookies."""
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


def owner_of(ended: AuthSession) -> AbstractBaseUser | None:
    """Return the user who was logged out, for Django's signal; ``None`` if nobody can be told."""
    try:
        return load_user(ended.user_id, ended.backend)
    except CredentialRejected:
        return None
