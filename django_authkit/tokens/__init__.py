"""
Signed tokens: what they say (claims), which keys sign them (keyring), and their written form (codec).

A project's own keys come from ``key_entries``, which reads them, by way of ``jwk`` and ``weak_secrets``;
``key_faults`` says what can be wrong with them. Beside them ``sealing``, which hides a refresh token's id
from everybody who does not hold the one before it. Nothing here imports Django or knows of a store.
"""

from django_authkit.tokens.claims import AccessClaims, RefreshClaims, password_stamp
from django_authkit.tokens.codec import Codec
from django_authkit.tokens.keys.ring import Key, KeyRing, derive_key, ring_from_secrets
from django_authkit.tokens.sealing import new_jti, seal, unseal

__all__ = [
    "AccessClaims",
    "Codec",
    "Key",
    "KeyRing",
    "RefreshClaims",
    "derive_key",
    "new_jti",
    "password_stamp",
    "ring_from_secrets",
    "seal",
    "unseal",
]
