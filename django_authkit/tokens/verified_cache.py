"""
Access tokens that were verified already, so that the next request of the same client need not again.

Bounded in number and in the length of a token. Only good tokens are kept, so junk fills nothing and a
rejection is never remembered. ``exp`` is looked at on every hit. Whether the auth session was revoked is
never decided here, and never by the token's bytes: signatures and padding can be varied without the
signer (RFC 8725 §3.1 has the reasons; the blacklist goes by sid).

It lives and dies with the codec, so a key that leaves the ring takes what it verified with it.
"""

import os
from threading import Lock
from time import time
from typing import Final
from weakref import WeakSet

from django_authkit.tokens.claims import AccessClaims

LONGEST: Final = 2048
"""Characters; a token beyond is verified each time. With 1,024 entries, 2 MiB at the very most."""


class VerifiedTokens:
    """
    Claims by the token that was verified to make them.

    A hit takes no lock: looking a key up in a dict is one atomic step, with the global interpreter lock
    and, by the dict's own lock, in free-threaded builds without it. Entries are immutable. Whoever
    adds or removes holds the lock.

    Args:
        size: Most entries; the one that came first goes when another comes. 0 for none.
        leeway: Seconds by which ``exp`` is forgiven.
    """

    def __init__(self, size: int, leeway: int) -> None:
        self._size = size
        self._leeway = leeway
        self._claims: dict[str, AccessClaims] = {}
        self._begin()
        _caches.add(self)

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


_caches: "WeakSet[VerifiedTokens]" = WeakSet()


def _begin_anew_in_child() -> None:
    """The lock of a forked child may be held by a thread that only its parent has."""
    for cache in list(_caches):
        cache._begin()  # noqa: SLF001 - this module's own


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew_in_child)
