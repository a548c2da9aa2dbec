"""
Auth sessions that are bound to their device by the browser: Device Bound Session Credentials.

Once the device has used the binding, a session key is worth nothing without the bound cookie, and a refresh
token nothing without a proof with the key of the device. The bound cookie, or in its place that of the access
token, lives for some minutes, and only such a proof renews it.
"""

import time
from contextlib import suppress

from django.http import HttpRequest

from django_authkit.conf import get_settings
from django_authkit.errors import CredentialRejected, DeviceBindingRequired, DeviceMismatch
from django_authkit.http.bound_cookie import bound_cookie_expiry, has_bound_cookie, has_cookie_of
from django_authkit.http.grant import is_registered
from django_authkit.http.request_state import Authentication
from django_authkit.outages import activity_is_optional
from django_authkit.service.device_binding import announce_elsewhere, check_binding
from django_authkit.service.dpop import HEADER, check_session, shown_proof
from django_authkit.stores.outcomes import NOTHING_ASKED, Found, Shown
from django_authkit.strategies.exchange import UNPROVED_MS
from django_authkit.tokens.claims import AccessClaims
from django_authkit.types import AuthSession, Mode, Transport
from django_authkit.wiring import get_jwt_strategy, get_store


def shown_by(request: HttpRequest | None, text: str, *, is_in_body: bool = False) -> Shown:
    """
    Return what a request with a session key shows of its device, before the auth session is looked up.

    What ``check_device_key`` refuses afterwards is no activity, so it does not keep a login alive.

    Args:
        request: The request; ``None`` where only the credential is known.
        text: The session key.
        is_in_body: The session key is in the body of the request.
    """
    is_asked = get_settings().device_bound != "off"
    if request is None:
        return Shown(has_cookie=not is_asked)
    by_proof = shown_proof(request, is_in_body=is_in_body) if HEADER in request.META else NOTHING_ASKED
    has_cookie = not is_asked or has_cookie_of(request, text.partition(".")[0])
    return Shown(key=by_proof.key, has_cookie=has_cookie, single_use=by_proof.single_use)


def check_device_key(request: HttpRequest | None, found: Found, *, is_in_body: bool = False) -> None:
    """
    Check that a request with a session key or a refresh token is from the device of the auth session.

    Nothing is revoked: somebody else has the key, and the owner, whose browser proves the device, goes on.
    ``device_binding_failed`` is sent once in ``TOUCH_INTERVAL`` for each place that it is used from.

    Args:
        request: The request; ``None`` where only the credential is known.
        found: What the credential opens.
        is_in_body: The credential is in the body of the request.

    Raises:
        DeviceMismatch: It is not, or it does not show that it is.
        DpopRefused: The proof of a header client is not valid.

    Round trips:
        None; one when the browser shows the bound cookie for the first time.
    """
    session, settings = found.session, get_settings()
    if session.device_key or (request and (HEADER in request.META or settings.dpop.mode == "require")):
        check_session(request, session, is_in_body=is_in_body)
    if not session.device_key or session.is_dpop_bound or settings.device_bound == "off":
        return
    if request is not None and has_bound_cookie(request, session):
        if not session.bound_ms:
            with activity_is_optional():
                get_store().renew_binding(session.sid, session.device_nonce, session.device_nonce)
    elif session.bound_ms and found.now_ms >= session.bound_ms + UNPROVED_MS:
        if request is not None:
            announce_elsewhere(request, session.sid, lambda: session)
        raise DeviceMismatch


def has_to_prove(session: AuthSession) -> bool:
    """Tell whether the auth session is bound to a device, which has to prove itself again and again."""
    return session.is_dpop_bound or is_registered(session)


def proved_until(request: HttpRequest, known: Authentication) -> float | None:
    """
    Return until when the device has proved itself to who opens a connection; ``None`` if it does not have to.

    That is until the access token or the bound cookie expires. A proof of a session key, and a binding that
    was not used yet, count for as long as a bound cookie lives.
    """
    session = known.session
    if not has_to_prove(session):
        return None
    if known.token_expires_at is not None:
        return known.token_expires_at
    shown = bound_cookie_expiry(request, session)
    return time.time() + get_settings().lifetimes.bound.total_seconds() if shown is None else shown


def check_device(request: HttpRequest, found: Found, *, is_in_body: bool = False) -> None:
    """
    Check where a session key is used from: the key of the device first, since without it nothing is revoked.

    Raises:
        DeviceMismatch, BindingMismatch: As ``check_device_key`` and ``check_binding`` say.
    """
    check_device_key(request, found, is_in_body=is_in_body)
    if not found.is_remembered:
        check_binding(request, found.session)


def check_device_first(request: HttpRequest, refresh_token: str, *, is_proved: bool = False) -> None:
    """
    Apply ``BIND`` before a refresh token is exchanged, where a mismatch revokes: one round trip.

    A thief elsewhere must not use up the owner's token. What the rotation refuses anyway is left to it.

    Args:
        request: The request.
        refresh_token: What it presents.
        is_proved: The device has proved its key.

    Raises:
        BindingMismatch: As ``check_binding`` says.
        DeviceMismatch: As ``check_device_key`` says.
    """
    policy = get_settings().bind
    if "revoke" not in {policy.user_agent, policy.address}:
        return
    try:
        found = get_jwt_strategy().check_current(refresh_token)
    except CredentialRejected:
        return
    if not is_proved and not found.session.is_dpop_bound:  # a proof for a header was checked already
        check_device_key(request, found)
    check_binding(request, found.session)


def access_token_of(request: HttpRequest, sid: str) -> tuple[str, AccessClaims] | None:
    """Return the valid access token of the auth session that the request has in a cookie, and its claims."""
    strategy = get_jwt_strategy()
    for text in strategy.access_cookies_of(request):
        with suppress(CredentialRejected):
            _, claims = strategy.resolve(text)
            if claims.sid == sid:
                return text, claims
    return None


def require_device_bound(request: HttpRequest, known: Authentication) -> None:
    """
    Check that the login is bound to its device, and that the request is from there.

    Raises:
        DeviceBindingRequired: It is not.
        SessionEnded: The auth session is not live any more.
    """
    session = known.session
    if session.is_dpop_bound and known.transport is Transport.HEADER:
        return  # the proof was checked
    if get_settings().device_bound == "off" or not session.device_nonce:
        raise DeviceBindingRequired
    has_access_cookie = (known.mode, known.transport) == (Mode.JWT, Transport.COOKIE)
    if not (has_access_cookie or has_bound_cookie(request, session)):
        raise DeviceBindingRequired
