"""
Giving an auth session the form of credential that is issued now, when it comes with the other one.

A browser is handed it with the answer to whatever it asked, any client with the answer to a refresh. It is
the same auth session, and what came goes on being good. See ``docs/explanation/switching.md``.
"""

import logging
from functools import cache, partial

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from django_authkit.conf import get_settings
from django_authkit.errors import CookieTooLarge, CredentialRejected, StoreUnavailable
from django_authkit.http import transports
from django_authkit.http.grant import Grant
from django_authkit.http.request_state import Authentication
from django_authkit.service.device_binding import check_binding
from django_authkit.service.django_session import django_session_of
from django_authkit.service.user_validity import load_valid_user
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Found, SwitchOutcome
from django_authkit.tokens.claims import RefreshClaims
from django_authkit.types import Mode, Transport
from django_authkit.users.lazy import read_now
from django_authkit.wiring import get_jwt_strategy, get_session_strategy

logger = logging.getLogger("django_authkit.cookies")


def with_successor(request: HttpRequest, known: Authentication, key: SessionKey | None) -> Authentication:
    """
    Return *known*, which came by cookie, with what the answer has to hand over if it has the other form.

    A session key is needed while the view runs, for ``request.session``; tokens are made when the answer
    is there, outside of the view's transaction, and not at all if that is an error of the server.

    Args:
        key: The session key that was presented; ``None`` for an access token.

    Raises:
        BindingMismatch: It came from elsewhere, and was ended.
    """
    if get_settings().issued_mode(known.sid) is known.mode:
        return known
    if key is not None:
        return known.with_replacement(cache(partial(_tokens_for_browser, request, known.user, key)))
    held = _held_tokens(request, known.sid)
    grant = key_instead(request, held, known.user, Transport.COOKIE) if held else None
    return known if grant is None else known.with_replacement(lambda: grant)


def key_is_due(request: HttpRequest) -> bool:
    """Tell whether a browser that has no session key may be handed one. Looks nothing up."""
    settings = get_settings()
    issues_keys = settings.mode is Mode.SESSION or settings.switch_share < 100
    return (
        issues_keys
        and all(map(settings.accepts, Mode))
        and not transports.has_bearer(request)
        and transports.access_cookie_of(request) is not None
    )


def key_instead(
    request: HttpRequest, claims: RefreshClaims, user: AbstractBaseUser | None, transport: Transport
) -> Grant | None:
    """
    Return the session key for an auth session that has tokens.

    In cookie transport ``request.session`` is its Django session afterwards.

    Args:
        claims: Those of its refresh token, which was verified.
        user: Whose it is, where the caller knows.

    Returns:
        ``None`` if the refresh token is not the current one, or another one was given a key.

    Raises:
        BindingMismatch: It came from elsewhere, and was ended.
        SessionEnded: The user may not come in any more, and it was ended.
    """
    key, switch = get_session_strategy().succeed(claims)
    if switch.found is None:
        return None
    check_binding(request, switch.found.session)
    django_session = django_session_of(request)
    if django_session is not None and transport is Transport.COOKIE:
        django_session.inherit(key, switch.found)
    return key_grant(
        key,
        switch.found,
        user or load_valid_user(switch.found.session, switch.found.user, revoke_if_invalid=True),
        transport,
    )


def key_grant(key: SessionKey, found: Found, user: AbstractBaseUser, transport: Transport) -> Grant:
    """Return the session key of an auth session as it is handed out."""
    return Grant(
        session=found.session,
        user=user,
        transport=transport,
        access=key.text,
        refresh=None,
        expires_in=(found.session.idle_expires_ms - found.now_ms) // 1000,
    )


def tokens_instead(
    request: HttpRequest, key: SessionKey, user: AbstractBaseUser, transport: Transport
) -> Grant | None:
    """
    Return the tokens for an auth session that has a session key.

    Returns:
        ``None`` if they were handed out and have moved on, or if no browser would keep them.
    """
    held = _held_tokens(request, key.handle) if transport is Transport.COOKIE else None
    advance = held is None and (transport is Transport.HEADER or transports.sees_refresh_cookie(request))
    strategy = get_jwt_strategy()
    jti, switch = strategy.succeed(key, held, advance=advance)
    if switch.found is None:
        return None
    pair = strategy.issue(switch.found.session, user, jti, switch.found.now_ms)
    has_refresh = switch.outcome is SwitchOutcome.HELD
    grant = Grant(
        session=switch.found.session,
        user=user,
        transport=transport,
        access=pair.access,
        refresh=None if has_refresh else pair.refresh,
        expires_in=pair.expires_in,
        keeps_refresh=has_refresh,
    )
    return grant if _fits(grant) else None


def _tokens_for_browser(request: HttpRequest, user: AbstractBaseUser, key: SessionKey) -> Grant | None:
    """Return what the answer brings; nothing for a user who may not come in, or if the store is down."""
    try:
        read_now(user)
        return tokens_instead(request, key, user, Transport.COOKIE)
    except (CredentialRejected, StoreUnavailable):
        return None  # the answer stands; the next one may bring it


def _held_tokens(request: HttpRequest, sid: str) -> RefreshClaims | None:
    """
    Return the claims of the refresh token of *sid* that the browser has, as far as the request shows it.

    It is only looked at. A superseded one is no theft here: requests that were under way bring them.
    """
    for text in transports.refresh_cookies_of(request):
        try:
            claims = get_jwt_strategy().read_refresh(text)
        except CredentialRejected:
            continue
        if claims.sid == sid:
            return claims
    return None


def _fits(grant: Grant) -> bool:
    if grant.transport is Transport.HEADER:
        return True
    try:
        transports.check_size(access=grant.access, refresh=grant.refresh, session=grant.session)
    except CookieTooLarge as error:
        logger.error(  # noqa: TRY400 - the trace says nothing; what to do does
            "The cookie %s would have %d bytes, and browsers keep %d: put less into EXTRA_CLAIMS. "
            "The browsers of the auth session %s stay with their session key.",
            error.name,
            error.size,
            transports.MAX_COOKIE_BYTES,
            grant.session.sid,
        )
        return False
    return True
