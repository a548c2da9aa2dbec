"""
Deriving the credential of the other form from one that was presented, at a switch of the mode.

A browser sends several requests at once, and any response may be lost. So the new secret is not random: it is
derived from the presented one, and every request with that one gets the same secret, in every process.
Nothing has to be stored for it except its digest, as for all credentials.

The server's own secret is part of the derivation, so nothing can be computed from an old credential alone. It
has to be presented, and is then rejected or, if it was superseded, detected as theft.
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
        secret: The server's secret. Another one derives other credentials.
    """

    def __init__(self, secret: str) -> None:
        self._key = derive_key(secret, _LABEL)

    def derive_jti_from(self, key: SessionKey) -> str:
        """
        Return the ``jti`` (43 base64url characters) of the refresh token for the holder of a session key.

        It is as hard to guess as the key: 138 bits.
        """
        return self._follow("jti", key.handle, key.secret)

    def derive_key_from(self, sid: str, jti: str) -> SessionKey:
        """Return the session key for the holder of the refresh token with this ``jti``."""
        return SessionKey.with_secret(sid, self._follow("key", sid, jti))

    def _follow(self, *parts: str) -> str:
        made = hmac.digest(self._key, "\0".join(parts).encode(), sha256)
        return urlsafe_b64encode(made).rstrip(b"=").decode()
