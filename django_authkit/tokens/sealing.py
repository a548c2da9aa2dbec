"""
Refresh token ids, and their encryption for the holder of the predecessor.

The store holds only digests, and yet two callers with one refresh token must get the same successor. So it
keeps the ``jti`` of the successor, encrypted with a key derived from the presented one. The content of the
store alone is useless.
"""

import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from django_authkit.tokens.keys.ring import derive_key

JTI_BYTES = 32
"""256 random bits, as 43 base64url characters; ASVS 7.2.3 asks for 128."""

_LABEL = "django-authkit/refresh/seal"
_NONCE_BYTES = 12
"""What NIST SP 800-38D, section 8.2 recommends. A key encrypts only a few times, so no nonce repeats."""


def new_jti() -> str:
    """Return a fresh refresh token id: 43 base64url characters, 256 random bits."""
    return secrets.token_urlsafe(JTI_BYTES)


def seal(jti: str, *, under: str) -> bytes:
    """
    Return *jti* encrypted, so that only somebody who knows the ``jti`` *under* can decrypt it.

    Two calls with the same arguments give different bytes: 71 for a ``jti`` of 43 characters.

    Source:
        AES-256-GCM with a random nonce in front (NIST SP 800-38D); the key by HKDF (RFC 5869), which is
        enough for 256 random bits.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(derive_key(under, _LABEL)).encrypt(nonce, jti.encode(), None)


def unseal(sealed: bytes, *, under: str) -> str | None:
    """Return the decrypted ``jti``, or ``None`` if it was encrypted under another one."""
    nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    if not ciphertext:
        return None
    try:
        return AESGCM(derive_key(under, _LABEL)).decrypt(nonce, ciphertext, None).decode()
    except InvalidTag:
        return None
