"""
What both strategies do with a credential that is named in a body or is to be revoked.

The service asks ``get_strategies()[mode]``. What only one of them has is not here: a refresh token is
exchanged, and a session key is not.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from django_authkit.stores.outcomes import Found


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


class Strategy(Protocol):
    """One form of credential. No method here slides the idle end or exchanges anything."""

    def inspect(self, text: str) -> Inspection:
        """
        Return what a session key or an access token opens.

        Raises:
            CredentialRejected: It opens nothing.
        """

    def check_renewable(self, text: str) -> Found:
        """
        Return the auth session that a session key or a refresh token would renew.

        Raises:
            CredentialRejected: It would renew nothing; ``SessionEnded`` if it was superseded.
        """

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
