"""
The live switch: an auth session gets the form of credential that is issued now.

A browser gets it with the response to any request, a header client with the response to a refresh. The auth
session stays the same, and the old credential stays valid. See ``docs/explanation/switching.md``.
"""

from dataclasses import replace
from functools import cache, partial

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from django_authkit.conf import get_settings
from django_authkit.errors import CookieTooLarge, CredentialRejected, DeviceMismatch, StoreUnavailable
from django_authkit.http import transports
from django_authkit.http.bound_cookie import has_cookie_of
from django_authkit.http.grant import Grant
from django_authkit.http.request_state import Authentication
from django_authkit.service.device_binding import announce_elsewhere, check_binding
from django_authkit.service.device_keys import access_token_of, check_device_first
from django_authkit.service.django_session import session_of_credential
from django_authkit.service.issue import log_too_large
from django_authkit.service.user_validity import load_valid_user
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import SwitchOutcome
from django_authkit.tokens.claims import RefreshClaims
from django_authkit.types import Mode, Transport
from django_authkit.users.lazy import ensure_loaded
from django_authkit.wiring import get_jwt_strategy, get_session_strategy


def with_replacement(request: HttpRequest, known: Authentication, presented: str) -> Authentication:
    """
    Return *known*, which came by cookie, with the replacement that the response sets, if one is due.

    A session key is needed while the view runs, for ``request.session``. Tokens are made with the response,
    outside of the view's transaction, and not at all if the response is a server error.

    Args:
        presented: The credential.

    Raises:
        BindingMismatch: It came from another device, and was revoked.
    """
    if get_settings().issued_mode(known.sid) is known.mode:
        return known
    key = SessionKey.parse(presented)
    if key is not None:
        return known.with_replacement(cache(partial(_tokens_for_browser, request, known.user, key)))
    held = _held_tokens(request, known.sid)
    # The access token shows the device: its cookie is the one that a bound browser has to renew.
    grant = _key_instead(request, held, known.user, Transport.COOKIE, is_proved=True) if held else None
    return known if grant is None else known.with_replacement(lambda: grant)


def key_is_due(request: HttpRequest) -> bool:
    """Tell whether a browser without a session key may be given one. Without a lookup."""
    settings = get_settings()
    return (
        settings.issues(Mode.SESSION)
        and all(map(settings.accepts, Mode))
        and not transports.has_bearer(request)
        and transports.access_cookie_of(request) is not None
    )


def key_if_due(request: HttpRequest, refresh_token: str, transport: Transport) -> Grant | None:
    """
    Return a session key in place of a refresh token, if its auth session is issued keys now.

    Raises:
        TokenMalformed, TokenInvalid, TokenExpired: The refresh token is not valid.
        BindingMismatch, DeviceMismatch, SessionEnded: As ``_key_instead`` says.
    """
    settings = get_settings()
    if not settings.issues(Mode.SESSION):
        return None
    claims = get_jwt_strategy().read_refresh(refresh_token)
    due = settings.issued_mode(claims.sid) is Mode.SESSION
    if not due:
        return None
    check_device_first(request, refresh_token)
    return _key_instead(request, claims, None, transport, is_proved=settings.device_bound == "off")


def tokens_if_due(
    request: HttpRequest, key: SessionKey, user: AbstractBaseUser, transport: Transport
) -> Grant | None:
    """Return tokens in place of a session key, if its auth session is issued tokens now."""
    due = get_settings().issued_mode(key.handle) is Mode.JWT
    return _tokens_instead(request, key, user, transport) if due else None


def _key_instead(
    request: HttpRequest,
    claims: RefreshClaims,
    user: AbstractBaseUser | None,
    transport: Transport,
    *,
    is_proved: bool,
) -> Grant | None:
    """
    Return a session key for an auth session that has tokens.

    In cookie transport ``request.session`` then belongs to that auth session.

    Args:
        claims: The verified claims of its refresh token.
        user: The user, if the caller has loaded them.
        transport: How the refresh token came.
        is_proved: The device has proved itself, or does not have to.

    Returns:
        ``None`` if the refresh token is not the current one, or was exchanged for another key.

    Raises:
        BindingMismatch: It came from another device, and was revoked.
        DeviceMismatch: The auth session is bound to a device, which the request does not show. Nothing was
            changed.
        SessionEnded: The user is not allowed to log in any more, and it was revoked.
    """
    strategy = get_session_strategy()
    key, switch = strategy.switch_to_key(claims, is_proved=is_proved)
    if switch.outcome is SwitchOutcome.UNPROVED and _shows_device(request, claims.sid, transport):
        key, switch = strategy.switch_to_key(claims, is_proved=True)
    if switch.found is None:
        return None
    session = switch.found.session
    if switch.outcome is SwitchOutcome.UNPROVED:
        announce_elsewhere(request, session.sid, lambda: session)
        raise DeviceMismatch
    check_binding(request, switch.found.session)
    django_session = session_of_credential(request, strategy.mode, transport)
    if django_session is not None:
        django_session.inherit(key, switch.found)
    user = user or load_valid_user(switch.found.session, switch.found.user, revoke_if_invalid=True)
    return strategy.issue(switch.found, user, key.secret, transport)


def _shows_device(request: HttpRequest, sid: str, transport: Transport) -> bool:
    """Tell whether the request has a cookie of the auth session that only the device can renew."""
    if transport is not Transport.COOKIE:
        return False
    return has_cookie_of(request, sid) or access_token_of(request, sid) is not None


def _tokens_instead(
    request: HttpRequest, key: SessionKey, user: AbstractBaseUser, transport: Transport
) -> Grant | None:
    """
    Return tokens for an auth session that has a session key.

    Returns:
        ``None`` if they were issued before and have been refreshed since, or if no browser would keep them.
    """
    held = _held_tokens(request, key.handle) if transport is Transport.COOKIE else None
    advance = held is None and (transport is Transport.HEADER or transports.sees_refresh_cookie(request))
    strategy = get_jwt_strategy()
    jti, switch = strategy.switch_to_tokens(key, held, advance=advance)
    if switch.found is None:
        return None
    grant = strategy.issue(switch.found, user, jti, transport)
    if switch.outcome is SwitchOutcome.HELD:  # the browser has its refresh token already
        grant = replace(grant, refresh=None)
    return grant if _fits(grant) else None


def _tokens_for_browser(request: HttpRequest, user: AbstractBaseUser, key: SessionKey) -> Grant | None:
    """Return the tokens to set; ``None`` for a user who is not allowed to log in, or if the store is down."""
    try:
        ensure_loaded(user)
        return _tokens_instead(request, key, user, Transport.COOKIE)
    except (CredentialRejected, StoreUnavailable):
        return None  # the response stays as it is; the next one may set them


def _held_tokens(request: HttpRequest, sid: str) -> RefreshClaims | None:
    """
    Return the claims of the refresh token of *sid*, if the request has it.

    It is not used up. A superseded one is no theft here: parallel requests may still have it.
    """
    strategy = get_jwt_strategy()
    for text in strategy.renewal_cookies_of(request):
        try:
            claims = strategy.read_refresh(text)
        except CredentialRejected:
            continue
        if claims.sid == sid:
            return claims
    return None


def _fits(grant: Grant) -> bool:
    try:
        grant.check_size()
    except CookieTooLarge as error:
        log_too_large(error, grant.session, "keeps its session key")
        return False
    return True
