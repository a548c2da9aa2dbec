"""
Header clients whose logins are bound to a key of theirs: DPoP (RFC 9449).

A login with a proof is bound to the key of that proof. From then on its credentials are worth nothing without
another proof by the same key, for each request. Nothing is revoked if one is presented without: somebody else
has it, and the owner goes on.
"""

import time
from collections.abc import Callable
from hashlib import sha256
from secrets import token_bytes
from typing import Final

from django.http import HttpRequest

from django_authkit.conf import get_settings, milliseconds
from django_authkit.errors import (
    DeviceMismatch,
    DpopNonceRequired,
    DpopProofInvalid,
    DpopRefused,
    SessionEnded,
)
from django_authkit.http.request_state import state_of
from django_authkit.http.transports import bearer_of, has_bearer, has_dpop_scheme
from django_authkit.service.device_binding import announce_elsewhere
from django_authkit.session_keys import bucket_of, handle_from, handle_in_bucket_of
from django_authkit.stores.outcomes import NOTHING_ASKED, Shown
from django_authkit.tokens.claims import AccessClaims, RefreshClaims
from django_authkit.tokens.dpop import Proof, SingleUse, hash_of, is_same_address, read_proof, thumbprint_of
from django_authkit.types import AuthSession, Transport
from django_authkit.wiring import get_jwt_strategy, get_nonces, get_store

HEADER: Final = "HTTP_DPOP"
"""The header of proofs, as WSGI names it."""
_SPACE: Final = "django-authkit/dpop/used"


def key_to_bind(request: HttpRequest) -> str:
    """
    Return the public key that a login over the header is bound to; empty if it shows no proof.

    Raises:
        DpopRefused: The proof is not valid, or there is none and ``DPOP["MODE"]`` is "require".
    """
    mode = get_settings().dpop.mode
    if mode != "off" and HEADER in request.META:
        proof = proof_of(request)
        _use_up(request, proof)
        return proof.device_key
    if mode == "require":
        raise DpopProofInvalid
    return ""


def proof_of(request: HttpRequest) -> Proof:
    """
    Return the proof of the request, checked once: all but its single use, and what depends on the credential.

    Raises:
        DpopProofInvalid: There is none, it is for another request, or it is stale.
        DpopNonceRequired: It has no fresh nonce; the response has one.

    Source:
        RFC 9449, section 4.3.
    """
    state = state_of(request)
    if state.dpop_proof is None:
        proof = read_proof(request.META.get(HEADER, ""))
        if proof.method != request.method or not is_same_address(proof.address, request.build_absolute_uri()):
            raise DpopProofInvalid
        _check_freshness(request, proof)
        state.dpop_proof = proof
    return state.dpop_proof


def _check_freshness(request: HttpRequest, proof: Proof) -> None:
    settings, now = get_settings(), time.time()
    if settings.dpop.nonce:
        nonces = get_nonces()
        current = nonces.current(now)
        if proof.nonce != current:
            state_of(request).dpop_nonce = current
        if proof.nonce is None or not nonces.accepts(proof.nonce, now):
            raise DpopNonceRequired
    else:
        age = now - proof.issued_at
        if not -settings.leeway.total_seconds() <= age <= settings.dpop.max_age.total_seconds():
            raise DpopProofInvalid


def _single_use(request: HttpRequest, proof: Proof) -> SingleUse | None:
    """Return how the use of *proof* is noted, for as long as it would be fresh; ``None`` if it is not."""
    settings, state = get_settings(), state_of(request)
    if settings.dpop.single_use and state.dpop_use is None:
        identity = f"{_SPACE}\0{proof.thumbprint}\0{proof.jti}"
        lifetime = 2 * milliseconds(settings.dpop.max_age + settings.leeway)
        state.dpop_use = SingleUse(
            digest=sha256(identity.encode()).digest(), request=token_bytes(32), lifetime_ms=lifetime
        )
    return state.dpop_use


def _use_up(request: HttpRequest, proof: Proof, sid: str = "") -> None:
    """
    Note that a proof was used, unless a lookup has done it.

    One that names its credential is noted in the bucket of the auth session *sid*, where lookups note it too;
    any other where its own digest says. So a proof has one place.

    Raises:
        DpopProofInvalid: It was used before.

    Round trips:
        None, or with ``DPOP["SINGLE_USE"]`` one.
    """
    use = _single_use(request, proof)
    if use is None or use.is_noted:
        return
    store = get_store()
    if sid and proof.credential_hash:
        handle = handle_in_bucket_of(sid, use.digest)
    else:
        handle = handle_from(bucket_of(use.digest.hex(), store.buckets), use.digest)
    if not store.create_anonymous(handle, use.request, "", use.lifetime_ms):
        raise DpopProofInvalid
    use.is_noted = True


def shown_proof(request: HttpRequest, *, is_in_body: bool = False) -> Shown:
    """
    Return what the proof of a request shows for its credential, before that is looked up: a key, and its use.

    Args:
        request: The request.
        is_in_body: The credential is in the body of the request.
    """
    shows_proof = has_dpop_scheme(request)
    if get_settings().dpop.mode == "off" or not (shows_proof or (is_in_body and HEADER in request.META)):
        return NOTHING_ASKED
    try:
        proof = proof_of(request)
    except DpopRefused:
        return NOTHING_ASKED
    if shows_proof and proof.credential_hash != hash_of(bearer_of(request) or ""):
        return NOTHING_ASKED
    use = _single_use(request, proof) if proof.credential_hash else None
    return Shown(key=proof.device_key, single_use=use)


def shown_with_token(request: HttpRequest) -> Shown:
    """Return what the proof of a request shows for its access token, if the lookup is to use it up."""
    return shown_proof(request) if get_settings().dpop.single_use else NOTHING_ASKED


def check_session(request: HttpRequest | None, session: AuthSession, *, is_in_body: bool = False) -> None:
    """
    Check that a request with a session key shows what the auth session is bound to, if it is.

    Args:
        request: The request; ``None`` where only the credential is known.
        is_in_body: The key is in the body of the request.

    Raises:
        DeviceMismatch: It does not, or the session is not bound and the request treats it so.
        DpopRefused: Its proof is not valid.
    """
    thumbprint = thumbprint_of(session.device_key) if session.is_dpop_bound else ""
    is_of_app = is_in_body or session.by_header
    _check(request, thumbprint, session.sid, lambda: session, is_in_body=is_in_body, is_of_app=is_of_app)


def check_access(request: HttpRequest | None, claims: AccessClaims, *, by_header: bool = False) -> None:
    """
    Check that a request with an access token shows what the token is bound to, if it is.

    Args:
        request: The request; ``None`` where only the credential is known.
        claims: The claims of the token.
        by_header: The token is known to be of a login over the header, wherever it came from.

    Raises:
        DeviceMismatch, DpopRefused: As ``check_session`` says.
    """

    def find() -> AuthSession:
        return get_jwt_strategy().find(claims).session

    _check(request, claims.thumbprint, claims.sid, find, is_of_app=by_header)


def check_refresh(request: HttpRequest, claims: RefreshClaims, transport: Transport) -> None:
    """
    Check that a request with a refresh token shows what the token is bound to, before it is exchanged.

    Raises:
        DeviceMismatch, DpopRefused: As ``check_session`` says.
    """

    def find() -> AuthSession:
        return get_jwt_strategy().session_of(claims)

    is_in_body = is_of_app = transport is Transport.HEADER
    if not (claims.thumbprint or is_in_body):
        if get_settings().dpop.mode != "require":
            return
        try:
            is_of_app = find().by_header
        except SessionEnded:
            return  # the rotation refuses it
    _check(request, claims.thumbprint, claims.sid, find, is_in_body=is_in_body, is_of_app=is_of_app)


def _check(
    request: HttpRequest | None,
    thumbprint: str,
    sid: str,
    find_session: Callable[[], AuthSession],
    *,
    is_in_body: bool = False,
    is_of_app: bool,
) -> None:
    shows_proof = request is not None and has_dpop_scheme(request)
    if not thumbprint:
        is_required = get_settings().dpop.mode == "require"
        if shows_proof or (is_required and request is not None and (is_of_app or has_bearer(request))):
            raise DeviceMismatch
        return
    if request is None:
        raise DeviceMismatch
    if not (shows_proof or (is_in_body and HEADER in request.META)) or get_settings().dpop.mode == "off":
        announce_elsewhere(request, sid, find_session)
        raise DeviceMismatch
    proof = proof_of(request)
    if shows_proof and proof.credential_hash != hash_of(bearer_of(request) or ""):
        raise DpopProofInvalid
    if proof.thumbprint != thumbprint:
        announce_elsewhere(request, sid, find_session)
        raise DeviceMismatch
    _use_up(request, proof, sid)
