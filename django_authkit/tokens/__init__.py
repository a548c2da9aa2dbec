"""
Signed tokens: their claims, their encoding (codec), and the keys that sign them (keys).

``sealing`` encrypts the id of a refresh token for the holder of its predecessor, and ``derivation`` derives
the credential of the other mode at a switch. Nothing here imports Django or a store.
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
