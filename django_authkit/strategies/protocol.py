"""
What a form of credential is: session keys, or access and refresh tokens.

The service asks ``get_strategy(mode)``. What only one of the two does is not here: the switch to the
other form, and what ``request.session`` has to do with a session key.
"""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from django_authkit.errors import DeviceMismatch, RefreshReused, SessionEnded
from django_authkit.http.client_info import Device
from django_authkit.http.grant import Grant
from django_authkit.stores.outcomes import (
    NOTHING_ASKED,
    Created,
    Found,
    NewSession,
    Refused,
    Rotation,
    RotationOutcome,
    Shown,
)
from django_authkit.tokens.claims import AccessClaims
from django_authkit.types import Mode, Transport


class Identity(NamedTuple):
    """
    Which auth session a credential belongs to.

    Attributes:
        sid: The auth session.
        key_digest: For a session key the digest that proves it, which the store compares. A token has
            proved itself by its signature.
    """

    sid: str
    key_digest: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """
    What a credential opens, and from when until when; seconds since the epoch.

    Attributes:
        found: The live auth session.
        issued_at: When the credential was issued, or when its user last authenticated.
        expires_at: When it expires if nothing renews it.
    """

    found: Found
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """
    An auth session that was renewed, and what its next credential is issued from.

    Attributes:
        found: The auth session after the renewal.
        secret: What ``issue`` takes.
        outcome: How the refresh token was exchanged; ``None`` for a session key.
        rotates: Its refresh token is exchanged when it is used.
        copy: As ``issue`` takes it.
    """

    found: Found
    secret: str = field(repr=False)
    outcome: RotationOutcome | None = None
    rotates: bool = True
    copy: str = ""


class ReuseDetected(RefreshReused):
    """Carries the rotation that found the reuse, so that the service can send the signal."""

    def __init__(self, rotation: Rotation) -> None:
        super().__init__()
        self.rotation = rotation


class Unproved(DeviceMismatch):
    """The auth session is bound to a device that has not proved itself; nothing was exchanged."""

    def __init__(self, rotation: Rotation) -> None:
        super().__init__()
        self.rotation = rotation


@dataclass(frozen=True, slots=True)
class DeviceProof:
    """
    What a device has proved about the auth session that is bound to it.

    Attributes:
        nonce: The nonce of the challenge that it has signed; empty without a proof.
        next_nonce: That of the next one.
        is_needed: Whether a bound auth session is only renewed with a proof.
    """

    nonce: str = ""
    next_nonce: str = ""
    is_needed: bool = True


class Superseded(SessionEnded):
    """Its user has proved who they are since, or changed their password; the auth session is live."""


class Strategy(Protocol):
    """
    One form of credential.

    Its *secret* is that of the session key, or the ``jti`` of the refresh token. Both are random, and only
    the digest is stored.

    Attributes:
        mode: The form.
        checks_device: Each use is compared with the device of the auth session. An access token is not: it
            is short-lived, and its refresh token is compared.
        by_header: ``TRANSPORTS`` has "header": a credential there, or in a body, counts.
        may_require_binding: ``DEVICE_BOUND`` may require that a browser's login is bound to its device.
    """

    mode: Mode
    checks_device: bool
    by_header: bool
    may_require_binding: bool

    # -- which cookies ----------------------------------------------------------------------------

    def access_cookies_of(self, request: HttpRequest) -> tuple[str, ...]:
        """Return what the request presents in cookies to open a view: session keys or access tokens."""

    def renewal_cookies_of(self, request: HttpRequest) -> tuple[str, ...]:
        """Return what the request presents in cookies to be renewed: session keys or refresh tokens."""

    # -- a request --------------------------------------------------------------------------------

    def resolve(
        self, text: str, device: Device | None = None, shown: Shown = NOTHING_ASKED
    ) -> tuple[Found | None, AccessClaims | None]:
        """
        Return the auth session that a session key or an access token opens. A session key slides it.

        Args:
            text: The credential.
            device: What the request comes from. Without it, a session key is always looked up.
            shown: What it shows of the device that the auth session may be bound to. Its proof is used up if
                the store is asked.

        Returns:
            The record, or ``None`` if an access token was accepted without it; and the claims of a token.

        Raises:
            TokenMalformed, TokenInvalid, TokenExpired: The text is no such credential.
            SessionEnded: Its auth session is not live.
            DpopProofInvalid: Another request has used the proof.
        """

    def recognizes(self, text: str) -> bool:
        """Tell whether *text* looks like a session key or an access token of ours; nothing is verified."""

    # -- issuing ----------------------------------------------------------------------------------

    def new_secret(self) -> str:
        """Return a fresh secret."""

    def begin(self, new: NewSession, secret: str) -> Created | Refused:
        """Create the record of an auth session whose first credential has this secret."""

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
        Return the credentials of the auth session as it is now. Nothing is stored.

        Args:
            secret: The current one.
            rotates: The refresh token is exchanged when it is used.
            copy: Distinguishes the refresh token from others with the same secret.
        """

    def renew(self, text: str, *, reauthenticated: bool = False, device: str = "") -> Renewed:
        """
        Renew the auth session of a session key or a refresh token.

        A session key stays and its idle end slides; it is replaced if the user has just authenticated again.
        A refresh token is exchanged for its successor.

        Raises:
            TokenMalformed, TokenInvalid, TokenExpired: The text is no such credential.
            ReuseDetected: It is a refresh token that was superseded; its auth session is revoked.
            SessionEnded: Its auth session is not live.
        """

    # -- looking, and revoking: nothing slides and nothing is exchanged ---------------------------

    def inspect(self, text: str) -> Inspection:
        """
        Return what a session key or an access token opens.

        Raises:
            CredentialRejected: It opens nothing.
        """

    def check_renewable(self, text: str) -> Found:
        """
        Return the live auth session of a session key or a refresh token.

        It does not tell whether a refresh token was superseded: otherwise, whoever has a copy would learn
        when the owner refreshes, and when to present the copy within the grace.

        Raises:
            CredentialRejected: It renews nothing, whenever it is presented.
        """

    def find_unrenewed(self, sid: str, secret: str) -> Found | None:
        """Return the auth session if it is live, and its first credential, with this secret, is current."""

    def revocable(self, text: str) -> Identity:
        """
        Return what a client may revoke with a session key or a refresh token (RFC 7009).

        A superseded refresh token is enough.

        Raises:
            TokenMalformed, TokenInvalid, TokenExpired: The text is no such credential.
        """

    def identify(self, text: str) -> Identity | None:
        """
        Return the auth session of any genuine credential, expired and superseded ones included.

        For logout only: the holder of such a credential may revoke its auth session.
        """
