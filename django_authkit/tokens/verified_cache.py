"""
A cache of verified access tokens, so that the next request of the same client is not verified again.

It is bounded in the number and in the length of tokens. Only valid tokens are cached, so junk does not fill
it and a rejection is never remembered. ``exp`` is checked on every hit. Revocation is never decided here,
and never by the token's bytes, since signatures and padding can be varied without the signer (RFC 8725
§3.1); the blacklist holds sids.

The cache belongs to the codec, so a key that leaves the ring takes the tokens that it verified with it.
"""

from threading import Lock
from time import time
from typing import Final

from django_authkit.forks import in_forked_children
from django_authkit.tokens.claims import AccessClaims

CLAIMS_CACHE_SIZE: Final = 1024
"""Tokens that a process remembers."""
LONGEST: Final = 2048
"""Characters; a longer token is verified each time. 1,024 entries take at most 2 MiB."""


class VerifiedTokens:
    """
    Claims by their verified token.

    A hit takes no lock: looking a key up in a dict is one atomic step, with the global interpreter lock
    and, by the dict's own lock, in free-threaded builds. Entries are immutable. Adding and removing
    takes the lock.

    Args:
        size: Most entries; a new one replaces the oldest. 0 for none.
        leeway: Seconds after ``exp`` in which a token is still accepted.
    """

    def __init__(self, size: int, leeway: int) -> None:
        self._size = size
        self._leeway = leeway
        self._claims: dict[str, AccessClaims] = {}
        self._begin()
        in_forked_children(self, VerifiedTokens._begin)

    def _begin(self) -> None:
        self._lock = Lock()

    def get(self, token: object) -> AccessClaims | None:
        """Return the claims of a token that was verified and has not expired since."""
        claims = self._claims.get(token) if type(token) is str else None
        if claims is None or claims.expires_at + self._leeway <= time():
            return None
        return claims

    def put(self, token: object, claims: AccessClaims) -> None:
        """Remember the claims of a token that was just verified."""
        if type(token) is not str or len(token) > LONGEST or not self._size:
            return
        with self._lock:
            if token not in self._claims and len(self._claims) >= self._size:
                del self._claims[next(iter(self._claims))]
            self._claims[token] = claims

    def __len__(self) -> int:
        return len(self._claims)
