"""The JWT strategy: a short access token, and a refresh token that is exchanged on each use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings as django_settings

from django_authkit.conf import AuthKitSettings, milliseconds
from django_authkit.errors import CredentialRejected, RefreshReused, SessionEnded
from django_authkit.session_keys import SessionKey, digest
from django_authkit.stores.outcomes import Absent, Found, RotateRequest, Rotation, RotationOutcome, Switch
from django_authkit.stores.protocol import Store
from django_authkit.strategies.access_checks import AccessCheck, StoreCheck
from django_authkit.tokens.claims import AccessClaims, RefreshClaims, password_stamp
from django_authkit.tokens.codec import Codec
from django_authkit.tokens.derivation import CredentialDerivation
from django_authkit.tokens.sealing import new_jti, seal, unseal
from django_authkit.types import AuthSession

ClaimsHook = Callable[[object, AuthSession], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """An access token and the refresh token beside it. ``expires_in`` is the former's, in seconds."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """
    The auth session after a refresh, and the ``jti`` that is current now.

    ``standing`` says whether the token of that ``jti`` is one that is not exchanged.
    """

    rotation: Rotation
    session: AuthSession
    jti: str = field(repr=False)
    standing: bool


class ReuseDetected(RefreshReused):
    """Carries the rotation that found the reuse, so that the service can tell about it."""

    def __init__(self, rotation: Rotation) -> None:
        super().__init__()
        self.rotation = rotation


class JwtStrategy:
    """Issues, verifies and rotates tokens over the store."""

    def __init__(
        self,
        store: Store,
        codec: Codec,
        check: AccessCheck,
        settings: AuthKitSettings,
        derivation: CredentialDerivation,
        extra_claims: ClaimsHook | None,
    ) -> None:
        self._store = store
        self._codec = codec
        self._check = check
        self._derivation = derivation
        self._extra_claims = extra_claims
        self._access = milliseconds(settings.access_lifetime)
        self._idle = milliseconds(settings.idle_timeout)
        self._grace = milliseconds(settings.refresh_grace)
        self._always_rotates = settings.simplejwt_rotation

    def resolve(self, text: str) -> tuple[AccessClaims, Found | None]:
        """
        Return the claims of an access token whose auth session is there, as far as ``ACCESS_CHECK`` asks.

        Returns:
            The claims; and the record, if it was read.

        Raises:
            TokenMalformed, TokenInvalid, TokenExpired: The token itself does not count.
            SessionEnded: Its auth session is over.
        """
        claims = self._codec.read_access(text)
        return claims, self._check.admit(claims)

    def find(self, claims: AccessClaims) -> Found:
        """Return the live auth session that verified *claims* name, from the store."""
        return StoreCheck(self._store).admit(claims)

    def issue(
        self, session: AuthSession, user: object, jti: str, now: int, *, standing: bool = False
    ) -> TokenPair:
        """
        Return the tokens of the auth session's current generation.

        The refresh token follows from the record, *jti* and *standing* alone, so that every caller inside
        the grace gets the same string. The access token never outlives the auth session.
        """
        issued = now // 1000
        expires = min(now + self._access, session.idle_expires_ms) // 1000
        access = AccessClaims(
            subject=session.user_id,
            sid=session.sid,
            issued_at=issued,
            expires_at=expires,
            auth_time=session.auth_time_ms // 1000,
            stamp=password_stamp(session.auth_hash),
            jti=new_jti()[:22],
            backend=session.backend if len(django_settings.AUTHENTICATION_BACKENDS) > 1 else "",
            extra=self._extra_claims(user, session) if self._extra_claims else {},
        )
        refresh = RefreshClaims(
            sid=session.sid,
            generation=session.generation,
            jti=jti,
            issued_at=session.rotated_ms // 1000,
            expires_at=session.expires_ms // 1000,
            standing=standing,
            subject=session.user_id,
        )
        return TokenPair(
            access=self._codec.issue_access(access),
            refresh=self._codec.issue_refresh(refresh),
            expires_in=max(0, expires - issued),
        )

    def rotate(self, claims: RefreshClaims, *, reauthenticated: bool = False) -> Rotated:
        """
        Exchange a refresh token for its successor, or for the successor it already has (replay).

        A standing token is not exchanged, unless the project has gone back to rotation
        (``SIMPLEJWT_ROTATION``) or the user has just proved again that it is them: whoever asks for that
        stores the answer.

        Args:
            claims: Those of the token, which was verified.
            reauthenticated: The user has just proved again that it is them.

        Raises:
            ReuseDetected: It was superseded; its auth session is revoked.
            SessionEnded: Its auth session is over.
        """
        proposal = new_jti()
        standing = claims.standing and not self._always_rotates
        rotation = self._store.rotate(
            RotateRequest(
                sid=claims.sid,
                generation=claims.generation,
                presented=digest(claims.jti),
                proposed=digest(proposal),
                sealed=seal(proposal, under=claims.jti),
                grace_ms=self._grace,
                idle_ms=self._idle,
                access_ms=self._access,
                address="",  # compared with the record's first, and noted then
                reauthenticated=reauthenticated,
                standing=standing and not reauthenticated,
            )
        )
        session, jti = self._became_of(rotation, claims, proposal)
        return Rotated(rotation=rotation, session=session, jti=jti, standing=standing)

    def succeed(self, key: SessionKey, held: RefreshClaims | None, *, advance: bool) -> tuple[str, Switch]:
        """
        Return the ``jti`` that succeeds a session key, and what became of the wish to switch to it.

        Args:
            held: The claims of the refresh token that the client was seen to have, if any.
            advance: As in the store's ``switch_to_tokens``.
        """
        jti = self._derivation.derive_jti_from(key)
        switch = self._store.switch_to_tokens(
            key.handle,
            key.digest,
            proposed=digest(jti),
            held=digest(held.jti) if held else None,
            advance=advance,
            access=self._access,
        )
        return jti, switch

    def read_refresh(self, text: str) -> RefreshClaims:
        """
        Return the claims of a refresh token. Nothing is looked up, and nothing taken for reuse.

        Raises:
            TokenMalformed, TokenInvalid, TokenExpired: The token itself does not count.
        """
        return self._codec.read_refresh(text)

    def _became_of(self, rotation: Rotation, claims: RefreshClaims, proposal: str) -> tuple[AuthSession, str]:
        if rotation.outcome is RotationOutcome.REUSED:
            raise ReuseDetected(rotation)
        if rotation.session is None:
            raise SessionEnded
        jti: str | None = proposal
        if rotation.outcome is RotationOutcome.KEPT:
            jti = claims.jti
        elif rotation.outcome is RotationOutcome.REPEATED:
            jti = unseal(rotation.sealed or b"", under=claims.jti)
        if jti is None:  # the store's copy is damaged; nothing that we could hand out would work
            raise SessionEnded
        return rotation.session, jti

    def check_refresh(self, text: str) -> Found:
        """
        Return the live auth session whose current refresh token *text* is. Nothing is exchanged.

        Raises:
            TokenMalformed, TokenInvalid, TokenExpired: The token itself does not count.
            SessionEnded: Its auth session is over, or it was superseded.
        """
        claims = self._codec.read_refresh(text)
        found = self._store.load(claims.sid)
        if isinstance(found, Absent) or found.session.generation != claims.generation:
            raise SessionEnded
        return found

    def sid_of(self, text: str) -> str | None:
        """
        Return the sid of a genuine token of either kind, expired or superseded ones included.

        For logout only: whoever holds such a token may end its auth session.
        """
        for read in (self._codec.read_access, self._codec.read_refresh):
            try:
                return read(text, allow_expired=True).sid
            except CredentialRejected:
                continue
        return None
