"""How a browser registers the key of its device, and proves it again: Device Bound Session Credentials."""

from secrets import token_urlsafe
from typing import Final

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import NoReverseMatch, reverse

from django_authkit.conf import get_settings
from django_authkit.errors import DeviceProofInvalid, InvalidRequest, NotAuthenticated, SessionEnded
from django_authkit.http.bound_cookie import (
    BOUND_COOKIE,
    challenge_for,
    clear_bound_cookie,
    is_challenge,
    names_session,
)
from django_authkit.http.request_state import Authentication
from django_authkit.http.transports import cookies_of, session_keys_of
from django_authkit.session_keys import SessionKey, is_sid
from django_authkit.stores.outcomes import Absent, Found
from django_authkit.tokens.device_proof import ALGORITHMS, read_proof, read_registration
from django_authkit.types import AuthSession, Mode, Transport
from django_authkit.wiring import get_store

_NONCE_BYTES: Final = 16


class ProofRequired(Exception):
    """The browser has to sign *challenge*."""

    def __init__(self, challenge: str) -> None:
        super().__init__()
        self.challenge = challenge


def offer_binding(request: HttpRequest, response: HttpResponseBase) -> None:
    """
    Offer a browser that is given a session key to bind the auth session to its device.

    Not one that shows the bound cookie of that auth session. Browsers that do not know the header ignore it.
    A response that deletes the session cookie deletes the bound one.
    """
    if get_settings().device_bound == "off" or not request.is_secure():
        return
    cookie = response.cookies.get(django_settings.SESSION_COOKIE_NAME)
    key = None if cookie is None else SessionKey.parse(cookie.value)
    if key is None or key.anonymous:
        if cookie is not None:
            clear_bound_cookie(request, response)
    elif not any(names_session(text, key.handle) for text in cookies_of(request, BOUND_COOKIE)):
        try:
            path = reverse("authkit:bound-register")
        except NoReverseMatch:
            return  # a project without our endpoints
        challenge = challenge_for(key.handle, "")
        offer = f'({" ".join(ALGORITHMS)});path="{path}";challenge="{challenge}"'
        response["Secure-Session-Registration"] = offer


def register_device(known: Authentication | None, proof: str | None) -> AuthSession:
    """
    Note the key of the device that the auth session of a request is bound to.

    Args:
        known: Who the request is from.
        proof: The proof that it presents.

    Raises:
        NotAuthenticated: It is from nobody.
        InvalidRequest: There is no proof, it is not valid, or bearers and tokens are not bound.
        SessionEnded: The auth session is not live, or is bound to a device already.
    """
    if known is None:
        raise NotAuthenticated
    is_bindable = known.transport is Transport.COOKIE and known.mode is Mode.SESSION
    if proof is None or not is_bindable or get_settings().device_bound == "off":
        raise InvalidRequest
    shown = read_registration(proof)
    if not is_challenge(shown.challenge, known.sid, ""):
        raise DeviceProofInvalid
    found = get_store().bind_device(known.sid, shown.device_key, token_urlsafe(_NONCE_BYTES))
    if isinstance(found, Absent):
        raise SessionEnded
    return found.session


def renew_device(request: HttpRequest, sid: str, proof: str | None) -> AuthSession:
    """
    Return the auth session *sid*, whose device has proved its key again.

    Raises:
        ProofRequired: There is no proof, or its challenge is not the current one.
        DeviceProofInvalid: It is not signed with the key of the device.
        SessionEnded: The auth session is not live or not bound, or the browser is in another one by now.
    """
    found = get_store().load(sid) if is_sid(sid) and get_settings().device_bound != "off" else Absent.GONE
    if isinstance(found, Absent) or not found.session.device_key or _is_elsewhere(request, sid):
        raise SessionEnded
    session = found.session
    if proof is None or not is_challenge(read_proof(proof, session.device_key), sid, session.device_nonce):
        raise ProofRequired(challenge_for(sid, session.device_nonce))
    renewed = get_store().renew_binding(sid, session.device_nonce, token_urlsafe(_NONCE_BYTES))
    if isinstance(renewed, Found):
        return renewed.session
    if renewed is Absent.GONE:
        raise SessionEnded
    return renew_device(request, sid, None)  # another proof with this challenge came first


def _is_elsewhere(request: HttpRequest, sid: str) -> bool:
    """Tell whether the browser has session keys, and all of other auth sessions."""
    handles = {key.handle for key in session_keys_of(request) if not key.anonymous}
    return bool(handles) and sid not in handles
