"""The JWT strategy: a short access token, and a refresh token that is exchanged on each use."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from django_authkit.bridge import blocking
from django_authkit.conf import AuthKitSettings, milliseconds
from django_authkit.errors import CredentialRejected, SessionEnded
from django_authkit.http import transports
from django_authkit.http.client_info import Device
from django_authkit.http.grant import Grant
from django_authkit.session_keys import SessionKey, digest
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
from django_authkit.strategies.access_checks import AccessCheck, StoreCheck
from django_authkit.strategies.exchange import REGISTRATION_MS, RefreshExchange
from django_authkit.strategies.protocol import DeviceProof, Identity, Inspection, Renewed
from django_authkit.tokens.claims import AccessClaims, RefreshClaims, password_stamp
from django_authkit.tokens.codec import Codec
from django_authkit.tokens.derivation import CredentialDerivation
from django_authkit.tokens.dpop import thumbprint_of
from django_authkit.tokens.sealing import new_jti
from django_authkit.types import AuthSession, Mode, Transport

ClaimsHook = Callable[[object, AuthSession], Mapping[str, Any]]

_ACCESS_JTI_BYTES = 16
"""128 random bits, so that no two access tokens have the same ``jti``."""


class JwtStrategy:
    """Issues, verifies and rotates tokens over the store; see the protocol."""

    mode = Mode.JWT
    checks_device = False

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
        self._access = milliseconds(settings.lifetimes.access)
        self._grace = milliseconds(settings.lifetimes.refresh_grace)
        self._bound = min(self._access, milliseconds(settings.lifetimes.bound))
        self._binds = settings.device_bound != "off"
        self.by_header = Transport.HEADER in settings.transports
        self._by_cookie = Transport.COOKIE in settings.transports
        self.may_require_binding = settings.may_require_binding
        self._requires_binding = settings.device_bound == "require"
        self._exchange = RefreshExchange(store, codec, settings)

    def access_cookies_of(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the access tokens in the access cookies; none where ``TRANSPORTS`` has no cookies."""
        return transports.access_cookies_of(request) if self._by_cookie else ()

    def renewal_cookies_of(self, request: HttpRequest) -> tuple[str, ...]:
        """
        Return the refresh tokens in the refresh cookies; of each auth session only the newest.

        None where ``TRANSPORTS`` has no cookies.
        A browser may have an older one too, from another path or domain. That is no theft.
        """
        texts = transports.refresh_cookies_of(request) if self._by_cookie else ()
        if len(texts) < 2:
            return texts
        claims = {text: self._claims_of(text) for text in texts}
        known = sorted(filter(None, claims.values()), key=lambda each: each.generation)
        newest = {each.sid: each.generation for each in known}
        return tuple(
            text for text, each in claims.items() if each is None or each.generation == newest[each.sid]
        )

    def _claims_of(self, text: str) -> RefreshClaims | None:
        """Return the claims of a refresh token; ``None`` if it is not valid."""
        try:
            return self._codec.read_refresh(text)
        except CredentialRejected:
            return None

    def resolve(
        self,
        text: str,
        device: Device | None = None,  # noqa: ARG002 - as the protocol says
        shown: Shown = NOTHING_ASKED,
    ) -> tuple[Found | None, AccessClaims]:
        """Return what an access token opens; it is live as far as ``ACCESS_CHECK`` checks."""
        claims = self._codec.read_access(text)
        return self._check.admit(claims, shown.single_use), claims

    def recognizes(self, text: str) -> bool:
        """Tell whether it begins with the header of our access tokens."""
        return self._codec.has_access_header(text)

    def find(self, claims: AccessClaims) -> Found:
        """Return the live auth session of verified *claims*, from the store."""
        return StoreCheck(self._store).admit(claims)

    def new_secret(self) -> str:
        """Return a fresh ``jti`` of a refresh token."""
        return new_jti()

    def begin(self, new: NewSession, secret: str) -> Created | Refused:
        """Create the record of an auth session with tokens."""
        return self._store.create(replace(new, jti_digest=digest(secret), access_ms=self._access))

    def issue(
        self,
        found: Found,
        user: AbstractBaseUser,
        secret: str,
        transport: Transport,
        *,
        rotates: bool = True,
        copy: str = "",
    ) -> Grant:
        """
        Return the tokens of the auth session's current generation.

        The refresh token depends only on the record, *secret*, *rotates* and *copy*. The access token never
        outlives the auth session, nor, if that is bound to its device, lives longer than a bound cookie.
        """
        session, now = found.session, found.now_ms
        thumbprint = thumbprint_of(session.device_key) if session.is_dpop_bound else ""
        issued = now // 1000
        life = self._life_of(session, transport)
        expires = min(now + life, session.idle_expires_ms) // 1000
        access = AccessClaims(
            subject=session.user_id,
            sid=session.sid,
            issued_at=issued,
            expires_at=expires,
            auth_time=session.auth_time_ms // 1000,
            stamp=password_stamp(session.auth_hash),
            generation=session.generation,
            jti=secrets.token_urlsafe(_ACCESS_JTI_BYTES),
            backend=session.backend if len(django_settings.AUTHENTICATION_BACKENDS) > 1 else "",
            thumbprint=thumbprint,
            extra=self._extra_of(user, session),
        )
        refresh = RefreshClaims(
            sid=session.sid,
            generation=session.generation,
            jti=secret,
            issued_at=session.rotated_ms // 1000,
            expires_at=session.expires_ms // 1000,
            rotates=rotates,
            copy=copy,
            subject=session.user_id,
            thumbprint=thumbprint,
        )
        return Grant(
            session=session,
            user=user,
            mode=self.mode,
            transport=transport,
            access=self._codec.issue_access(access),
            refresh=self._codec.issue_refresh(refresh),
            expires_in=max(0, expires - issued),
        )

    def _life_of(self, session: AuthSession, transport: Transport) -> int:
        """Return how many milliseconds an access token lives."""
        if session.device_nonce and self._binds:
            return self._bound
        is_unbound = self._requires_binding and (transport is Transport.COOKIE or not session.by_header)
        return min(self._access, REGISTRATION_MS) if is_unbound else self._access

    def _extra_of(self, user: AbstractBaseUser, session: AuthSession) -> Mapping[str, Any]:
        """Return the project's claims of an access token. Those of the login are the same in each."""
        if self._extra_claims is None:
            return session.claims
        return {**blocking(self._extra_claims, user, session), **session.claims}

    def renew(
        self, text: str, *, reauthenticated: bool = False, device: str = "", proof: DeviceProof | None = None
    ) -> Renewed:
        """Exchange a refresh token; see ``RefreshExchange``."""
        return self._exchange.renew(text, proof, reauthenticated=reauthenticated, device=device)

    def switch_to_tokens(
        self, key: SessionKey, held: RefreshClaims | None, *, advance: bool
    ) -> tuple[str, Switch]:
        """
        Switch an auth session from its session key to tokens.

        Returns:
            The ``jti`` of the refresh token, derived from the key, and the outcome.

        Args:
            held: The claims of the refresh token that the client has already, if any.
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

    def replace_tokens(self, sid: str, auth_hash: str) -> tuple[str, Found]:
        """
        Give an auth session other tokens, for the user's new session auth hash.

        Returns:
            The ``jti`` of the refresh token, and the record.

        Raises:
            SessionEnded: It is not live.
        """
        jti = new_jti()
        found = self._store.renew_tokens(sid, auth_hash, proposed=digest(jti), access=self._access)
        if isinstance(found, Absent):
            raise SessionEnded
        return jti, found

    def session_of(self, claims: RefreshClaims) -> AuthSession:
        """
        Return the live auth session of the verified *claims* of a refresh token, superseded or not.

        Raises:
            SessionEnded: It is not live.
        """
        return self._found_by(claims).session

    def read_refresh(self, text: str) -> RefreshClaims:
        """
        Return the claims of a refresh token. Without a lookup, and without detecting reuse.

        Raises:
            TokenMalformed, TokenInvalid, TokenExpired: The token itself is not valid.
        """
        return self._codec.read_refresh(text)

    def inspect(self, text: str) -> Inspection:
        """Return the auth session of an access token."""
        record, claims = self.resolve(text)
        found = self.find(claims) if record is None else record
        return Inspection(found=found, issued_at=claims.issued_at, expires_at=claims.expires_at)

    def revocable(self, text: str) -> Identity:
        """Return the sid of a refresh token."""
        return Identity(self._codec.read_refresh(text).sid)

    def identify(self, text: str) -> Identity | None:
        """Return the sid of a token of either kind."""
        sid = self.sid_of(text)
        return None if sid is None else Identity(sid)

    def check_renewable(self, text: str) -> Found:
        """Return the live auth session of a refresh token, be it the current one or not; see the protocol."""
        return self._found_by(self._codec.read_refresh(text))

    def check_current(self, text: str) -> Found:
        """
        Return the live auth session of its current refresh token, or of the predecessor within the grace.

        Nothing is exchanged. A generation is issued once, and a proof, a password change and a new session
        key raise ``least_generation``. Only a store that lost its latest writes issues one again, later.

        Raises:
            TokenMalformed, TokenInvalid, TokenExpired: The token itself is not valid.
            SessionEnded: Its auth session is not live, or it was superseded.
        """
        claims = self._codec.read_refresh(text)
        found = self._found_by(claims)
        session, has_grace = found.session, found.now_ms - found.session.rotated_ms < self._grace
        is_previous = has_grace and claims.generation == session.generation - 1
        is_current = (claims.generation, claims.issued_at) == (session.generation, session.rotated_ms // 1000)
        if not (is_current or is_previous):
            raise SessionEnded
        return found

    def _found_by(self, claims: RefreshClaims) -> Found:
        found = self._store.load(claims.sid)
        if isinstance(found, Absent) or claims.generation < found.session.least_generation:
            raise SessionEnded
        return found

    def find_unrenewed(self, sid: str, secret: str) -> Found | None:  # noqa: ARG002 - as the protocol says
        """Return the auth session if its refresh token was never exchanged."""
        found = self._store.load(sid)
        return found if isinstance(found, Found) and found.session.generation <= 1 else None

    def is_fresh(self, text: str) -> bool:
        """Tell whether *text* is an access token that has not expired, without leeway. Without a lookup."""
        try:
            return self._codec.read_access(text).expires_at > time.time()
        except CredentialRejected:
            return False

    def sid_of(self, text: str) -> str | None:
        """
        Return the sid of a genuine token of either kind, expired or superseded ones included.

        For logout only: the holder of such a token may revoke its auth session.
        """
        for read in (self._codec.read_access, self._codec.read_refresh):
            try:
                return read(text, allow_expired=True).sid
            except CredentialRejected:
                continue
        return None
