"""The exchange of a refresh token for its successor, and for the same one again within the grace."""

from typing import Final

from django_authkit.conf import AuthKitSettings, milliseconds
from django_authkit.errors import SessionEnded, StoreUnavailable
from django_authkit.session_keys import digest
from django_authkit.stores.outcomes import Found, RotateRequest, Rotation, RotationOutcome
from django_authkit.stores.protocol import Store
from django_authkit.strategies.protocol import DeviceProof, Renewed, ReuseDetected, Superseded, Unproved
from django_authkit.strategies.unanswered import Call, UnansweredCalls
from django_authkit.tokens.claims import RefreshClaims
from django_authkit.tokens.codec import Codec
from django_authkit.tokens.sealing import new_jti, seal, unseal
from django_authkit.types import AuthSession

_COPY_LENGTH: Final = 8
UNPROVED_MS: Final = 10_000
"""For requests that were on their way when the device of an auth session first used the binding."""
REGISTRATION_MS: Final = 30_000
"""How long a login may take to be bound to its device where that is required."""


class RefreshExchange:
    """Exchanges refresh tokens over the store."""

    def __init__(self, store: Store, codec: Codec, settings: AuthKitSettings) -> None:
        self._store = store
        self._codec = codec
        self._access = milliseconds(settings.lifetimes.access)
        self._idle = milliseconds(settings.lifetimes.idle)
        self._grace = milliseconds(settings.lifetimes.refresh_grace)
        self._binds = settings.device_bound != "off"
        self._always_rotates = settings.compat.simplejwt_rotation
        self._unanswered = UnansweredCalls(self._grace)

    def renew(self, text: str, proof: DeviceProof | None, *, reauthenticated: bool, device: str) -> Renewed:
        """
        Exchange a refresh token for its successor, or again for the same one within the grace (repeat).

        A token that does not rotate is kept, unless the project has turned rotation on again
        (``COMPAT["SIMPLEJWT_ROTATION"]``) or the user has just authenticated again: a client that does that
        stores the new token.
        """
        claims = self._codec.read_refresh(text)
        proof = proof or DeviceProof()
        presented = digest(claims.jti)
        call = self._unanswered.call_of(presented, device, reauthenticated=reauthenticated)
        rotates = claims.rotates or self._always_rotates
        rotation = self._rotation_of(
            call,
            RotateRequest(
                sid=claims.sid,
                generation=claims.generation,
                presented=presented,
                proposed=digest(call.proposal),
                sealed=seal(call.proposal, under=claims.jti),
                grace_ms=self._grace and self._grace + call.outage_ms,
                idle_ms=self._idle,
                access_ms=self._access,
                address="",  # device binding compares it with the record's, and then records it
                reauthenticated=reauthenticated,
                rotates=rotates or reauthenticated,
                copy=claims.copy,
                device=device,
                nonce=proof.nonce,
                next_nonce=proof.next_nonce,
                unproved_ms=UNPROVED_MS if proof.is_needed and self._binds else None,
            ),
        )
        session, jti = self._session_and_jti(rotation, claims, call.proposal)
        found = Found(session=session, now_ms=rotation.now, user=rotation.user)
        copy = self._copy_for(rotation.outcome, claims)
        return Renewed(found=found, secret=jti, outcome=rotation.outcome, rotates=rotates, copy=copy)

    def _rotation_of(self, call: Call, request: RotateRequest) -> Rotation:
        """Return the store's answer; without one, remember the call."""
        try:
            rotation = self._store.rotate(request)
        except StoreUnavailable:
            self._unanswered.note_outage(request.presented, call)
            raise
        self._unanswered.note_answer(call)
        return rotation

    def _copy_for(self, outcome: RotationOutcome, claims: RefreshClaims) -> str:
        """Return what distinguishes the refresh token in this answer from that in others."""
        if outcome is RotationOutcome.REPEATED:
            return new_jti()[:_COPY_LENGTH]
        return claims.copy if outcome is RotationOutcome.KEPT else ""

    def _session_and_jti(
        self, rotation: Rotation, claims: RefreshClaims, proposal: str
    ) -> tuple[AuthSession, str]:
        if rotation.outcome is RotationOutcome.REUSED:
            raise ReuseDetected(rotation)
        if rotation.outcome is RotationOutcome.UNPROVED:
            raise Unproved(rotation)
        if rotation.outcome is RotationOutcome.SUPERSEDED:
            raise Superseded
        if rotation.session is None:
            raise SessionEnded
        jti: str | None = proposal
        if rotation.outcome is RotationOutcome.KEPT:
            jti = claims.jti
        elif rotation.outcome is RotationOutcome.REPEATED:
            jti = unseal(rotation.sealed or b"", under=claims.jti)
        if jti is None:  # the stored successor is damaged, so no token that we could issue would work
            raise SessionEnded
        return rotation.session, jti
