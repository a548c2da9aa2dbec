"""Refreshing: a rotation in JWT mode, activity in session mode."""

from collections.abc import Sequence
from datetime import timedelta

from django.http import HttpRequest

from django_authkit import signals
from django_authkit.bridge import blocking
from django_authkit.conf import get_settings
from django_authkit.errors import (
    CredentialRejected,
    DeviceMismatch,
    NotAuthenticated,
    RefreshReused,
    TokenInvalid,
    TokenMalformed,
)
from django_authkit.http import transports
from django_authkit.http.client_info import device_of
from django_authkit.http.csrf import enforce_csrf
from django_authkit.http.grant import Grant
from django_authkit.http.request_state import Authentication, state_of
from django_authkit.service.adoption.adopt import adopt_refresh
from django_authkit.service.adoption.kept_tokens import credential_behind
from django_authkit.service.authentication import accepted_strategy
from django_authkit.service.device_binding import announce_elsewhere, browser_mark, check_binding
from django_authkit.service.device_keys import access_token_of, check_device, check_device_first, shown_by
from django_authkit.service.device_requirement import check_refresh_requirement, check_requirement
from django_authkit.service.dpop import HEADER, check_refresh, proof_of
from django_authkit.service.issue import issue
from django_authkit.service.mode_switch import key_if_due, tokens_if_due
from django_authkit.service.revocation import announce_revocation
from django_authkit.service.user_validity import load_valid_user
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Rotation, RotationOutcome
from django_authkit.strategies.protocol import DeviceProof, ReuseDetected, Superseded, Unproved
from django_authkit.throttling.attempts import count_failed_refresh
from django_authkit.types import AuthSession, Mode, RevocationReason, Transport
from django_authkit.wiring import get_accepted_strategies, get_jwt_strategy, get_session_strategy


def refresh(request: HttpRequest, *, token: str | None = None) -> Grant:
    """
    Renew the auth session, and return its credentials by the transport that the credential came by.

    In JWT mode the refresh token is exchanged for its successor, or again for the same one within the
    grace; a token that does not rotate stays. In session mode the idle end slides and the key stays. The
    cookies of a browser whose device proves itself stay too: the browser renews them.

    Args:
        token: The refresh token or session key from the body, if any.

    Raises:
        NotAuthenticated: Nothing was presented.
        CsrfFailed: It came as a cookie, and the request does not prove that it comes from our front end.
        CredentialRejected: It is not valid. After ``RefreshReused`` the auth session is revoked.
        DpopRefused: Over the header, its DPoP proof is not valid.
        Throttled: It is not valid, and there were too many like it from this address.
    """
    adopted = state_of(request).adopted
    if adopted is not None and token is None:  # an adopted browser gets its credentials now
        return adopted
    texts, transport = _presented(request, token)
    if transport is Transport.COOKIE:
        enforce_csrf(request)
    elif HEADER in request.META and get_settings().dpop.mode != "off":
        proof_of(request)  # a nonce that has to be renewed is no failed refresh
    try:
        return _first_good_or_adopted(request, texts, transport)
    except RefreshReused:  # it was valid once, and the client has to be told
        raise
    except CredentialRejected:
        count_failed_refresh(request)
        raise


def _first_good_or_adopted(request: HttpRequest, texts: Sequence[str], transport: Transport) -> Grant:
    try:
        return _first_good(request, texts, transport)
    except (TokenInvalid, TokenMalformed):
        if transport is not Transport.HEADER:
            raise
        if not get_settings().compat.simplejwt_rotation:
            own = blocking(credential_behind, texts[0])
            if own is not None:
                return _carry_on(request, own, transport)
        adopted = blocking(adopt_refresh, request, texts[0])
        if adopted is None:
            raise
        return adopted


def renew(request: HttpRequest, texts: Sequence[str]) -> Grant:
    """
    Exchange the first valid one of these refresh cookies as ``refresh`` does, for a request that is safe.

    Raises:
        CredentialRejected: As ``refresh`` says.
    """
    return _first_good(request, texts, Transport.COOKIE)


def _first_good(request: HttpRequest, texts: Sequence[str], transport: Transport) -> Grant:
    """
    Return what the first valid one of *texts* is exchanged for.

    One cookie says nothing against the others: any of them may have been planted.
    """
    rejected = list[CredentialRejected]()
    by_cookie, dead, is_mixed = transport is Transport.COOKIE, False, False
    for text in texts:
        is_token = transports.mode_of(text) is Mode.JWT
        if by_cookie and is_token and is_of_another(request, text):
            rejected.append(TokenInvalid())
            is_mixed = True
            continue
        try:
            return _carry_on(request, text, transport)
        except CredentialRejected as error:
            rejected.append(error)
            dead = dead or (is_token and not isinstance(error, Superseded | DeviceMismatch))
    # With a cookie that can never work again, the browser would refresh again and again.
    state_of(request).clear_token_cookies = by_cookie and dead and not is_mixed
    raise next((error for error in rejected if isinstance(error, RefreshReused)), rejected[0])


def _presented(request: HttpRequest, token: str | None) -> tuple[Sequence[str], Transport]:
    """
    Return the credentials to try, in order: from the body, else from the header, else from cookies.

    Raises:
        NotAuthenticated: There are none.
        TokenInvalid: It is not in a cookie, and ``TRANSPORTS`` has nothing else.
    """
    text = transports.bearer_of(request) if token is None else token
    if text is not None:
        if Transport.HEADER not in get_settings().transports:
            raise TokenInvalid
        return [text], Transport.HEADER
    cookies = [text for each in get_accepted_strategies() for text in each.renewal_cookies_of(request)]
    if not cookies:
        raise NotAuthenticated
    return cookies, Transport.COOKIE


def _carry_on(request: HttpRequest, text: str, transport: Transport) -> Grant:
    by_key = accepted_strategy(text).mode is Mode.SESSION
    return _slide(request, text, transport) if by_key else _exchanged(request, text, transport)


def is_of_another(request: HttpRequest, refresh_token: str) -> bool:
    """
    Tell whether every access cookie belongs to another auth session than the refresh token.

    Both are always set together, so one was planted: by a sibling host, for example, under a name without
    the prefix ``__Host-``. The attacker wants the user to continue in a session of the attacker's.
    """
    sid_of = get_jwt_strategy().sid_of
    others = {sid_of(text) for text in transports.access_cookies_of(request)} - {None}
    return bool(others) and sid_of(refresh_token) not in {None, *others}


def _slide(request: HttpRequest, text: str, transport: Transport) -> Grant:
    """Return the session key again; or tokens, if the mode was switched to tokens."""
    strategy = get_session_strategy()
    is_in_body = transport is Transport.HEADER
    renewed = strategy.renew(text, shown=shown_by(request, text, is_in_body=is_in_body))
    found = renewed.found
    check_device(request, found, is_in_body=is_in_body)
    user = load_valid_user(found.session, found.user, revoke_if_invalid=True)
    check_requirement(request, Authentication.by_record(user, found.session, strategy.mode, transport))
    grant = tokens_if_due(request, SessionKey(found.session.sid, renewed.secret), user, transport)
    if grant is None:
        return issue(strategy, found, user, renewed.secret, transport)
    signals.session_refreshed.send(sender=AuthSession, session=grant.session, request=request)
    return grant


def _exchanged(request: HttpRequest, text: str, transport: Transport) -> Grant:
    """Return the successor of a refresh token; or a session key, if the mode was switched to keys."""
    check_refresh(request, get_jwt_strategy().read_refresh(text), transport)
    check_refresh_requirement(text, transport)
    grant = key_if_due(request, text, transport)
    if grant is None:  # the rotation decides about errors and reuse
        try:
            return rotate(request, text, transport)
        except Unproved as unproved:
            return _left_to_browser(request, unproved, transport)
    signals.session_refreshed.send(sender=AuthSession, session=grant.session, request=request)
    return grant


def _left_to_browser(request: HttpRequest, unproved: Unproved, transport: Transport) -> Grant:
    """
    Return the access token that the request has, which its browser renews by itself.

    Raises:
        DeviceMismatch: It has none, and the refresh token is worth nothing without the device.
    """
    session = unproved.rotation.session
    assert session is not None
    own = access_token_of(request, session.sid) if transport is Transport.COOKIE else None
    if own is None:
        announce_elsewhere(request, session.sid, lambda: session)
        raise unproved
    text, claims = own
    return Grant(
        session=session,
        user=load_valid_user(session, unproved.rotation.user, revoke_if_invalid=True),
        mode=Mode.JWT,
        transport=transport,
        access=text,
        refresh=None,
        expires_in=max(0, claims.expires_at - unproved.rotation.now // 1000),
    )


def rotate(
    request: HttpRequest,
    token: str,
    transport: Transport,
    *,
    reauthenticated: bool = False,
    proof: DeviceProof | None = None,
) -> Grant:
    """
    Exchange a refresh token, and send the signal.

    Args:
        request: The request.
        token: The refresh token.
        transport: How it came.
        reauthenticated: The user has just authenticated again.
        proof: What the device has proved, if anything.

    Raises:
        CredentialRejected: As ``refresh`` says.
        Unproved: The device has to prove itself first.
    """
    strategy = get_jwt_strategy()
    check_device_first(request, token, is_proved=proof is not None)
    try:
        renewed = strategy.renew(
            token, reauthenticated=reauthenticated, device=browser_mark(request), proof=proof
        )
    except ReuseDetected as reuse:
        _announce_reuse(request, reuse.rotation)
        raise
    found = renewed.found
    user = load_valid_user(found.session, found.user, revoke_if_invalid=True)
    check_binding(request, found.session)
    repeated = renewed.outcome is RotationOutcome.REPEATED
    signal = signals.refresh_repeated if repeated else signals.session_refreshed
    signal.send(sender=AuthSession, session=found.session, request=request)
    secret, rotates, copy = renewed.secret, renewed.rotates, renewed.copy
    return issue(strategy, found, user, secret, transport, rotates=rotates, copy=copy)


def _announce_reuse(request: HttpRequest, rotation: Rotation) -> None:
    """Send ``refresh_reused`` once: the auth session, the age of the token, and the client address."""
    assert rotation.session is not None
    signals.refresh_reused.send(
        sender=AuthSession,
        session=rotation.session,
        request=request,
        reuse=rotation.reuse,
        age=timedelta(milliseconds=rotation.age),
        address=device_of(request).address,
    )
    announce_revocation(rotation.session, RevocationReason.REUSE)
