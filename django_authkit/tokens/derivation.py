"""
The secret of the other form that follows from a credential, at a switch of the mode.

A browser sends several requests at once, and any answer may be lost. So what it is handed is no fresh
random secret: it follows from the one that it presented, and every request that presents this is handed
the same, in every process. Nothing has to be kept for that, and the store has the digest, as of all others.

The server's own secret is part of it. Whoever finds an old credential can work nothing out from it: they
have to present it, where it is refused or, if it was superseded, taken for the theft that it is.
"""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from django_authkit.session_keys import SessionKey
from django_authkit.tokens.keys.ring import derive_key

_LABEL = "django-authkit/switch"


class CredentialDerivation:
    """
    Args:
        secret: The server's. Another one gives other successors; whoever was handed none yet gets those.
    """

    def __init__(self, secret: str) -> None:
        self._key = derive_key(secret, _LABEL)

    def derive_jti_from(self, key: SessionKey) -> str:
        """
        Return the ``jti`` (43 base64url characters) of the refresh token that succeeds a session key.

        As hard to guess as the key: 138 bits.
        """
        return self._follow("jti", key.handle, key.secret)

    def derive_key_from(self, sid: str, jti: str) -> SessionKey:
        """Return the session key that succeeds the refresh token with this ``jti``."""
        return SessionKey.with_secret(sid, self._follow("key", sid, jti))

    def _follow(self, *parts: str) -> str:
        made = hmac.digest(self._key, "\0".join(parts).encode(), sha256)
        return urlsafe_b64encode(made).rstrip(b"=").decode()
