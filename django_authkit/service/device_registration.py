"""How a browser registers the key of its device, and proves it again: Device Bound Session Credentials."""

from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Final

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import NoReverseMatch, reverse

from django_authkit import signals
from django_authkit.conf import get_settings
from django_authkit.errors import (
    CredentialRejected,
    DeviceProofInvalid,
    InvalidRequest,
    NotAuthenticated,
    SessionEnded,
)
from django_authkit.http.bound_cookie import (
    BOUND_COOKIE,
    FIRST_ACCESS_LIFE,
    challenge_for,
    clear_bound_cookie,
    is_challenge,
    set_bound_cookie,
)
from django_authkit.http.cookies import set_token_cookies
from django_authkit.http.grant import Grant
from django_authkit.http.request_state import Authentication, known_authentication, state_of
from django_authkit.http.transports import access_cookies_of, session_keys_of
from django_authkit.service.device_requirement import policy_for
from django_authkit.service.refreshing import rotate
from django_authkit.session_keys import SessionKey, is_sid
from django_authkit.stores.outcomes import Absent, Found
from django_authkit.strategies.protocol import DeviceProof, Unproved
from django_authkit.tokens.challenges import Challenge
from django_authkit.tokens.device_proof import ALGORITHMS, challenge_in, read_proof, read_registration
from django_authkit.types import AuthSession, Mode, Transport
from django_authkit.wiring import get_challenges, get_jwt_strategy, get_store

_NONCE_BYTES: Final = 16


class ProofRequired(Exception):
    """The browser has to sign *challenge*."""

    def __init__(self, challenge: str) -> None:
        super().__init__()
        self.challenge = challenge


@dataclass(frozen=True, slots=True)
class Binding:
    """
    An auth session that is bound to its device, and the cookie that the browser renews.

    Attributes:
        session: The auth session.
        access: The access token, whose cookie it is, after a registration; empty in session mode.
        access_life: How many seconds that cookie lives.
        grant: The new tokens after a renewal; ``None`` in session mode.
    """

    session: AuthSession
    access: str = ""
    access_life: int = 0
    grant: Grant | None = None

    @property
    def cookie_name(self) -> str:
        """The name of the cookie."""
        return get_settings().cookie.access_name if self.grant or self.access else BOUND_COOKIE

    @property
    def initiators(self) -> tuple[str, ...]:
        """The other hosts whose links renew the cookie. A refresh cookie does not come with those."""
        return get_settings().bound_scope.initiators if self.cookie_name == BOUND_COOKIE else ()

    @property
    def challenge(self) -> str:
        """The challenge for the next renewal."""
        return _challenge_of(self.session)

    def attach(self, response: HttpResponseBase) -> None:
        """Set the cookie, and in JWT mode the refresh cookie with it."""
        if self.grant is not None:
            self.grant.attach(response)
        elif self.access:
            life = self.access_life
            set_token_cookies(
                response, access=self.access, refresh=None, session=self.session, access_life=life
            )
        else:
            set_bound_cookie(response, self.session)


def offer_binding(request: HttpRequest, response: HttpResponseBase) -> None:
    """
    Offer a browser that is given a credential to bind the auth session to its device.

    Only after a login or a re-authentication: a copy of the cookies must not be bound to the device of a
    thief. Nor one whose auth session is bound already. Browsers that do not know the header ignore it. A
    response that deletes the session cookie deletes the bound one.
    """
    if get_settings().device_bound == "off" or not request.is_secure():
        return
    sid, ends = _sid_to_bind(request, response), _ends_django_session(response)
    if not (sid or ends):
        return
    known = known_authentication(request)
    if policy_for(request, None if known is None else known.user) == "off":
        return
    if ends:
        clear_bound_cookie(request, response)
    if sid:
        _offer(sid, response)


def _sid_to_bind(request: HttpRequest, response: HttpResponseBase) -> str | None:
    """Return the auth session whose credential the response gives, if this request may bind it."""
    bindable = state_of(request).bindable_sid
    if bindable is None:
        return None
    return bindable if bindable == (_sid_of_key(response) or _sid_of_token(response)) else None


def _sid_of_key(response: HttpResponseBase) -> str | None:
    """Return the auth session whose key the response sets."""
    cookie = response.cookies.get(django_settings.SESSION_COOKIE_NAME)
    key = None if cookie is None else SessionKey.parse(cookie.value)
    return None if key is None or key.anonymous else key.handle


def _sid_of_token(response: HttpResponseBase) -> str | None:
    """Return the auth session whose access token the response sets."""
    cookie = response.cookies.get(get_settings().cookie.access_name)
    return None if cookie is None else get_jwt_strategy().sid_of(cookie.value)


def _ends_django_session(response: HttpResponseBase) -> bool:
    """Tell whether the response deletes the session cookie, or makes it that of an anonymous session."""
    return django_settings.SESSION_COOKIE_NAME in response.cookies and _sid_of_key(response) is None


def _offer(sid: str, response: HttpResponseBase) -> None:
    try:
        path = reverse("authkit:bound-register")
    except NoReverseMatch:
        return  # a project without our endpoints
    offer = f'({" ".join(ALGORITHMS)});path="{path}";challenge="{challenge_for(sid)}"'
    response["Secure-Session-Registration"] = offer


def register_device(request: HttpRequest, known: Authentication | None, proof: str | None) -> Binding:
    """
    Note the key of the device that the auth session of a request is bound to.

    Args:
        request: The request.
        known: Who it is from.
        proof: The proof that it presents.

    Raises:
        NotAuthenticated: It is from nobody.
        InvalidRequest: There is no proof, it is not valid, or bearers are not bound.
        SessionEnded: The auth session is not live, or is bound to a device already.
    """
    if known is None:
        raise NotAuthenticated
    if proof is None or known.transport is not Transport.COOKIE or get_settings().device_bound == "off":
        raise InvalidRequest
    shown = read_registration(proof)
    if not is_challenge(shown.challenge, known.sid):
        raise DeviceProofInvalid
    found = get_store().bind_device(known.sid, shown.device_key, token_urlsafe(_NONCE_BYTES))
    if isinstance(found, Absent):
        raise SessionEnded
    signals.device_bound.send(sender=AuthSession, session=found.session, request=request)
    if known.token_expires_at is None:
        return Binding(found.session)
    left = max(0, known.token_expires_at - found.now_ms // 1000)
    return Binding(found.session, _access_token_of(request, known.sid), min(left, FIRST_ACCESS_LIFE))


def _access_token_of(request: HttpRequest, sid: str) -> str:
    sid_of = get_jwt_strategy().sid_of
    return next(text for text in access_cookies_of(request) if sid_of(text) == sid)


def renew_device(request: HttpRequest, sid: str, proof: str | None) -> Binding:
    """
    Renew the credential of the auth session *sid*, whose device has proved its key again.

    In JWT mode that exchanges the refresh token, in one step with the challenge.

    Raises:
        ProofRequired: There is no proof, or its challenge is not the current one.
        DeviceProofInvalid: It is not signed with the key of the device.
        CredentialRejected: The auth session is not live or not bound, its user is not allowed to log in, or
            the browser is in another one by now.

    Round trips:
        One, with a proof of the current challenge.
    """
    if not is_sid(sid) or get_settings().device_bound == "off":
        raise SessionEnded
    token = _refresh_token_of(request, sid)
    if token is None and not _may_have_key(request, sid):
        raise SessionEnded
    signed = None if proof is None else get_challenges().read(challenge_in(proof))
    if proof is None or signed is None or signed.sid != sid:
        raise _proof_required(sid, proof)
    read_proof(proof, signed.device_key)
    proved = DeviceProof(signed.nonce, token_urlsafe(_NONCE_BYTES))
    if token is None:
        return _renewed_cookie(sid, proved)
    try:
        grant = rotate(request, token, Transport.COOKIE, proof=proved)
    except Unproved:
        raise _proof_required(sid) from None  # another proof with this challenge came first
    return Binding(grant.session, grant=grant)


def _renewed_cookie(sid: str, proved: DeviceProof) -> Binding:
    renewed = get_store().renew_binding(sid, proved.nonce, proved.next_nonce)
    if isinstance(renewed, Found):
        return Binding(renewed.session)
    if renewed is Absent.GONE:
        raise SessionEnded
    raise _proof_required(sid)


def _proof_required(sid: str, proof: str | None = None) -> ProofRequired:
    """
    Return what asks for a proof of a fresh challenge.

    Raises:
        DeviceProofInvalid: *proof*, of an old challenge, is not signed with the key of the device.
        SessionEnded: The auth session is not live or not bound.
    """
    found = get_store().load(sid)
    if isinstance(found, Absent) or not found.session.device_nonce:
        raise SessionEnded
    if proof is not None:
        read_proof(proof, found.session.device_key)
    return ProofRequired(_challenge_of(found.session))


def _challenge_of(session: AuthSession) -> str:
    return get_challenges().make(Challenge(session.sid, session.device_nonce, session.device_key))


def _refresh_token_of(request: HttpRequest, sid: str) -> str | None:
    """Return the refresh token of *sid* that the browser has, if it is issued tokens."""
    settings, strategy = get_settings(), get_jwt_strategy()
    if settings.issued_mode(sid) is not Mode.JWT:
        return None
    for text in strategy.renewal_cookies_of(request):
        try:
            if strategy.read_refresh(text).sid == sid:
                return text
        except CredentialRejected:
            continue
    return None


def _may_have_key(request: HttpRequest, sid: str) -> bool:
    """
    Tell whether the browser may have the session key of *sid*.

    If it shows none, it may be one that does not send cookies from another site.
    """
    settings = get_settings()
    if not settings.accepts(Mode.SESSION):
        return False
    handles = {key.handle for key in session_keys_of(request) if not key.anonymous}
    return sid in handles or (not handles and settings.issued_mode(sid) is Mode.SESSION)
