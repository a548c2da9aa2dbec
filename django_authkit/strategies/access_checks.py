"""
How a revocation reaches access tokens: the setting ``ACCESS_CHECK``, one class for each choice.

=============  ======================  =================================  =========================
policy         cost of a request       a revoked token is refused         when the store is down
=============  ======================  =================================  =========================
``"store"``    one read round trip     at once                            503
``"replica"``  none: local memory      within ``REPLICA["MAX_STALENESS"]``   as ``"store"``, so 503
``"none"``     nothing                 when it expires                    works
=============  ======================  =================================  =========================
"""

from typing import Protocol

from django_authkit.blacklist.replica import BlacklistReplica, Verdict
from django_authkit.errors import SessionEnded, TokenExpired, TokenInvalid
from django_authkit.stores.outcomes import Absent, Found
from django_authkit.stores.protocol import Store
from django_authkit.tokens.claims import AccessClaims
from django_authkit.tokens.dpop import SingleUse


class AccessCheck(Protocol):
    """Decides whether the auth session of a verified access token is still live."""

    def admit(self, claims: AccessClaims, single_use: SingleUse | None = None) -> Found | None:
        """
        Admit the token.

        Args:
            claims: Those of the token.
            single_use: The proof of the request, which the store uses up if it is asked.

        Returns:
            The record if it was read, else ``None``.

        Raises:
            SessionEnded: The auth session is not live.
            TokenExpired: It is, but the token was issued before its user proved who they are, or changed
                their password. A client that has the new credentials goes on with them.
            DpopProofInvalid: Another request has used the proof.
        """


class StoreCheck:
    """Asks the store, each time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(self, claims: AccessClaims, single_use: SingleUse | None = None) -> Found:
        """Return the live record, in one read round trip."""
        found = self._store.load(claims.sid, single_use)
        if isinstance(found, Absent):
            raise SessionEnded
        if found.session.user_id != claims.subject:
            raise TokenInvalid
        if claims.generation < found.session.least_generation:
            raise TokenExpired
        return found


class ReplicaCheck:
    """Looks in this process's copy of the blacklist, and asks the store when the copy may be stale."""

    def __init__(self, replica: BlacklistReplica, store: StoreCheck) -> None:
        self._replica = replica
        self._store = store

    def admit(self, claims: AccessClaims, single_use: SingleUse | None = None) -> Found | None:
        """Admit the token without a round trip while the copy is fresh."""
        verdict = self._replica.verdict(claims)
        if verdict is Verdict.LIVE:
            return None
        if verdict is Verdict.REVOKED:
            raise SessionEnded
        return self._store.admit(claims, single_use)


class NoCheck:
    """Accepts an access token until it expires."""

    def admit(self, claims: AccessClaims, single_use: SingleUse | None = None) -> None:
        """Admit the token."""
