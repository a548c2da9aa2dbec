"""The session strategy: an opaque key, looked up in the store on every request."""

from django_authkit.conf import AuthKitSettings, milliseconds
from django_authkit.errors import SessionEnded, TokenMalformed
from django_authkit.session_keys import SessionKey, digest
from django_authkit.stores.outcomes import Absent, Found, Switch
from django_authkit.stores.protocol import Store
from django_authkit.strategies.protocol import Identity, Inspection
from django_authkit.tokens.claims import RefreshClaims
from django_authkit.tokens.derivation import CredentialDerivation
from django_authkit.types import Mode

_NEVER = 2**52
"""A touch interval that no record reaches, so that nothing is written."""


class SessionStrategy:
    """Finds auth sessions by session key."""

    def __init__(self, store: Store, settings: AuthKitSettings, derivation: CredentialDerivation) -> None:
        self._store = store
        self._derivation = derivation
        self._idle = milliseconds(settings.lifetimes.idle)
        self._interval = milliseconds(settings.lifetimes.touch_interval)
        self._issued_mode = settings.issued_mode

    def look_up(self, key: SessionKey, *, slide: bool = True) -> Found | Absent:
        """
        Return the auth session of *key*, and slide its idle end, in one round trip.

        Args:
            slide: Whether this counts as activity.
        """
        return self._touch(key, self._interval if slide else _NEVER)

    def resolve(self, text: str, *, slide: bool = True) -> Found:
        """
        Return the live auth session of the key in *text*.

        Raises:
            TokenMalformed: It does not have the form of a session key, or is that of an anonymous session.
            SessionEnded: No live auth session has this key.
        """
        return self._open(text, self._interval if slide else _NEVER)[1]

    def inspect(self, text: str) -> Inspection:
        """Return the auth session that the key opens; see the protocol."""
        found = self.resolve(text, slide=False)
        session = found.session
        return Inspection(
            found=found, issued_at=session.auth_time_ms // 1000, expires_at=session.idle_expires_ms // 1000
        )

    def check_renewable(self, text: str) -> Found:
        """Return the auth session that the key opens; see the protocol."""
        return self.resolve(text, slide=False)

    def revocable(self, text: str) -> Identity:
        """Return the sid and the digest of the key; see the protocol."""
        identity = self.identify(text)
        if identity is None:
            raise TokenMalformed
        return identity

    def identify(self, text: str) -> Identity | None:
        """Return the sid and the digest of the key, which is not looked up; see the protocol."""
        key = SessionKey.parse(text)
        return None if key is None or key.anonymous else Identity(key.handle, key.digest)

    def slide_now(self, text: str) -> tuple[SessionKey, Found]:
        """Return the key and its auth session as ``resolve`` does, and write the activity at once."""
        return self._open(text, 0)

    def switch_to_key(self, claims: RefreshClaims) -> tuple[SessionKey, Switch]:
        """
        Switch an auth session from its refresh token to a session key.

        Returns:
            The session key, derived from the refresh token, and the outcome.

        Args:
            claims: The verified claims of the refresh token.
        """
        key = self._derivation.derive_key_from(claims.sid, claims.jti)
        switch = self._store.switch_to_key(
            claims.sid, digest(claims.jti), claims.generation, proposed=key.digest, idle=self._idle
        )
        return key, switch

    def _open(self, text: str, interval: int) -> tuple[SessionKey, Found]:
        key = SessionKey.parse(text)
        if key is None or key.anonymous:
            raise TokenMalformed
        found = self._touch(key, interval)
        if isinstance(found, Absent):
            raise SessionEnded
        return key, found

    def _touch(self, key: SessionKey, interval: int) -> Found | Absent:
        issued = interval is not _NEVER and self._issued_mode(key.handle) is Mode.SESSION
        return self._store.touch(key.handle, key.digest, idle=self._idle, interval=interval, issued=issued)
