"""The session strategy: an opaque key, looked up in the store."""

from dataclasses import replace

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from django_authkit.conf import AuthKitSettings, milliseconds
from django_authkit.errors import SessionEnded, TokenMalformed
from django_authkit.http import transports
from django_authkit.http.client_info import Device
from django_authkit.http.grant import Grant
from django_authkit.session_keys import SessionKey, digest, new_secret
from django_authkit.stores.outcomes import (
    NOTHING_ASKED,
    Absent,
    Created,
    Found,
    NewSession,
    Refused,
    Shown,
    Switch,
)
from django_authkit.stores.protocol import Store
from django_authkit.strategies.exchange import UNPROVED_MS
from django_authkit.strategies.protocol import Identity, Inspection, Renewed
from django_authkit.strategies.remembered_lookups import RememberedLookups
from django_authkit.tokens.claims import RefreshClaims
from django_authkit.tokens.derivation import CredentialDerivation
from django_authkit.types import Mode, Transport

_NEVER = 2**52
"""A touch interval that no record reaches, so that nothing is written."""


class SessionStrategy:
    """
    Finds auth sessions by session key; see the protocol.

    Attributes:
        remembers: Whether lookups may be answered from memory, which depends on the device that asks.
        asks_for_cookie: Whether a browser whose login is bound to its device has to show the bound cookie.
    """

    mode = Mode.SESSION
    checks_device = True

    def __init__(
        self,
        store: Store,
        settings: AuthKitSettings,
        derivation: CredentialDerivation,
        lookups: RememberedLookups | None,
    ) -> None:
        self._store = store
        self._lookups = lookups
        self.remembers = lookups is not None
        self._derivation = derivation
        self.by_header = Transport.HEADER in settings.transports
        self.may_require_binding = settings.may_require_binding
        self.asks_for_cookie = settings.device_bound != "off"
        self._idle = milliseconds(settings.lifetimes.idle)
        self._interval = milliseconds(settings.lifetimes.touch_interval)
        self._issued_mode = settings.issued_mode

    def look_up(
        self,
        key: SessionKey,
        *,
        slide: bool = True,
        device: Device | None = None,
        shown: Shown = NOTHING_ASKED,
    ) -> Found | Absent:
        """
        Return the auth session of *key*, and slide its idle end, in one round trip.

        Args:
            slide: Whether this counts as activity.
            device: What the request comes from. With it, the answer may be one that the process remembers
                (``ACCESS_CHECK = "replica"``), for none: then nothing slides, and the data is missing.
            shown: What it shows of the device that the auth session may be bound to.
        """
        if self._lookups is None or not slide:
            return self._touch(key, self._interval if slide else _NEVER, shown)
        known = self._lookups.recall(key, device) if device is not None else None
        if known is not None:
            return known
        return self._lookups.look_up(key, lambda: self._touch(key, self._interval, shown))

    def access_cookies_of(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the session keys in the session cookies."""
        return transports.session_cookies_of(request)

    renewal_cookies_of = access_cookies_of

    def resolve(
        self, text: str, device: Device | None = None, shown: Shown = NOTHING_ASKED
    ) -> tuple[Found, None]:
        """Return the live auth session of the key, and slide its idle end, as ``look_up`` does."""
        found = self.look_up(_parsed(text), device=device, shown=shown)
        if isinstance(found, Absent):
            raise SessionEnded
        return found, None

    def recognizes(self, text: str) -> bool:
        """Tell whether it has the form of a session key."""
        return SessionKey.parse(text) is not None

    def new_secret(self) -> str:
        """Return a fresh secret of a session key."""
        return new_secret()

    def begin(self, new: NewSession, secret: str) -> Created | Refused:
        """Create the record of an auth session with a session key."""
        return self._store.create(replace(new, key_digest=digest(secret)))

    def issue(
        self,
        found: Found,
        user: AbstractBaseUser,
        secret: str,
        transport: Transport,
        *,
        rotates: bool = True,  # noqa: ARG002 - as the protocol says
        copy: str = "",  # noqa: ARG002 - as the protocol says
    ) -> Grant:
        """Return the session key, which is never exchanged when it is used."""
        return Grant(
            session=found.session,
            user=user,
            mode=self.mode,
            transport=transport,
            access=SessionKey(found.session.sid, secret).text,
            refresh=None,
            expires_in=(found.session.idle_expires_ms - found.now_ms) // 1000,
        )

    def renew(
        self,
        text: str,
        *,
        reauthenticated: bool = False,
        device: str = "",  # noqa: ARG002 - as the protocol says
        shown: Shown = NOTHING_ASKED,
    ) -> Renewed:
        """Write the activity at once; or replace the key, if the user has just authenticated again."""
        if not reauthenticated:
            key, found = self._open(text, 0, shown, required=True)
            return Renewed(found=found, secret=key.secret)
        key = _parsed(text)
        fresh = SessionKey.new(key.handle)
        replaced = self._store.rekey(key.handle, key.digest, fresh.digest, reauthenticated=True)
        if isinstance(replaced, Absent):
            raise SessionEnded
        return Renewed(found=replaced, secret=fresh.secret)

    def inspect(self, text: str) -> Inspection:
        """Return the auth session that the key opens."""
        found = self.check_renewable(text)
        session = found.session
        return Inspection(
            found=found, issued_at=session.auth_time_ms // 1000, expires_at=session.idle_expires_ms // 1000
        )

    def check_renewable(self, text: str) -> Found:
        """Return the auth session that the key opens."""
        return self._open(text, _NEVER)[1]

    def find_unrenewed(self, sid: str, secret: str) -> Found | None:
        """Return the auth session that the key opens, unless it was refreshed in the other form since."""
        found = self.look_up(SessionKey(sid, secret), slide=False)
        return found if isinstance(found, Found) and found.session.generation <= 1 else None

    def revocable(self, text: str) -> Identity:
        """Return the sid and the digest of the key."""
        key = _parsed(text)
        return Identity(key.handle, key.digest)

    def identify(self, text: str) -> Identity | None:
        """Return the sid and the digest of the key, which is not looked up."""
        key = SessionKey.parse(text)
        return None if key is None or key.anonymous else Identity(key.handle, key.digest)

    def switch_to_key(self, claims: RefreshClaims, *, is_proved: bool) -> tuple[SessionKey, Switch]:
        """
        Switch an auth session from its refresh token to a session key.

        Returns:
            The session key, derived from the refresh token, and the outcome.

        Args:
            claims: The verified claims of the refresh token.
            is_proved: The device has proved itself, or does not have to.
        """
        key = self._derivation.derive_key_from(claims.sid, claims.jti)
        switch = self._store.switch_to_key(
            claims.sid,
            digest(claims.jti),
            claims.generation,
            proposed=key.digest,
            idle=self._idle,
            unproved_ms=None if is_proved else UNPROVED_MS,
        )
        return key, switch

    def _open(
        self, text: str, interval: int, shown: Shown = NOTHING_ASKED, *, required: bool = False
    ) -> tuple[SessionKey, Found]:
        key = _parsed(text)
        found = self._touch(key, interval, shown, required=required)
        if isinstance(found, Absent):
            raise SessionEnded
        return key, found

    def _touch(
        self, key: SessionKey, interval: int, shown: Shown, *, required: bool = False
    ) -> Found | Absent:
        issued = interval is not _NEVER and self._issued_mode(key.handle) is Mode.SESSION
        return self._store.touch(
            key.handle,
            key.digest,
            idle=self._idle,
            interval=interval,
            issued=issued,
            required=required,
            shown=shown,
        )


def _parsed(text: str) -> SessionKey:
    """Return the key in *text*; that of an anonymous session opens nothing."""
    key = SessionKey.parse(text)
    if key is None or key.anonymous:
        raise TokenMalformed
    return key
