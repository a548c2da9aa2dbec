"""
The key ring: keys that sign and verify tokens, and their derivation from ``SECRET_KEY``.

A ring is ordered: its first key signs, all of them verify, so that a key can be replaced while tokens
signed with the old one are still valid. Each key has one id and one algorithm (RFC 8725, section 3.1). A
project's own keys are read by ``entries``.
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

HMAC = "HS256"
ALGORITHMS: dict[str, type] = {
    HMAC: bytes,
    "RS256": rsa.RSAPublicKey,
    "PS256": rsa.RSAPublicKey,
    "ES256": ec.EllipticCurvePublicKey,
    "EdDSA": ed25519.Ed25519PublicKey,
}
"""The algorithms that a key may have, and what checks a signature by each."""

KEY_BYTES = 32
"""As long as the output of SHA-256, the least that RFC 7518, section 3.2 allows for HS256."""
MIN_RSA_BITS = 2048
"""The least that RFC 7518, sections 3.3 and 3.5 allow."""

_KID_CHARACTERS = 6
"""36 bits: enough to tell the few keys of a ring apart. The signature proves which key it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """
    A key and the one algorithm that it is used with.

    Attributes:
        kid: Its public id. No key can be found from it.
        algorithm: The ``alg`` value of RFC 7518 or RFC 8037: one of ``ALGORITHMS``.
        verifying: What checks a signature: a public key, or for HS256 the secret itself. Keys are
            objects here and not PEM, so that nothing is parsed while a request waits.
        signing: What makes a signature; ``None`` for a key that only verifies, such as a retired one.

    Raises:
        ValueError: The algorithm is not one of ours, or the key is too short for it or on another curve.
        TypeError: The algorithm is not one for this kind of key.
    """

    kid: str
    algorithm: str
    verifying: bytes | PublicKey = field(repr=False)
    signing: bytes | PrivateKey | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        kind = ALGORITHMS.get(self.algorithm)
        if kind is None:
            message = f"Keys cannot have the algorithm {self.algorithm!r}."
            raise ValueError(message)
        if not isinstance(self.verifying, kind):
            message = f"The key is not of the kind that {self.algorithm} needs."
            raise TypeError(message)
        for material in (self.verifying, self.signing):
            _refuse_weak(self.algorithm, material)

    @property
    def is_secret(self) -> bool:
        """Whether a verifier could also sign with it, so that it cannot be published."""
        return self.algorithm == HMAC


def _refuse_weak(algorithm: str, material: bytes | PublicKey | PrivateKey | None) -> None:
    if isinstance(material, bytes) and len(material) < KEY_BYTES:
        message = f"A key for {algorithm} needs at least {KEY_BYTES} bytes."
        raise ValueError(message)
    if isinstance(material, rsa.RSAPublicKey | rsa.RSAPrivateKey) and material.key_size < MIN_RSA_BITS:
        message = f"A key for {algorithm} needs at least {MIN_RSA_BITS} bits."
        raise ValueError(message)
    curve = getattr(material, "curve", None)
    if curve is not None and curve.name != ec.SECP256R1.name:
        message = f"A key for {algorithm} is on the curve P-256."
        raise ValueError(message)


class KeyRing:
    """
    Keys in order: the first signs, all verify.

    Raises:
        ValueError: There is no key, or two have one ``kid``.
    """

    __slots__ = ("_by_kid", "keys")

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = tuple(keys)
        self._by_kid = {key.kid: key for key in self.keys}
        if not self.keys:
            message = "A key ring needs at least one key."
            raise ValueError(message)
        if len(self._by_kid) < len(self.keys):
            message = "Two keys of a ring have the same kid."
            raise ValueError(message)

    @property
    def signing(self) -> Key:
        """The key that signs."""
        return self.keys[0]

    def find(self, kid: str) -> Key | None:
        """Return the key with this *kid*, or ``None``."""
        return self._by_kid.get(kid)


def derive_key(secret: str | bytes, label: str) -> bytes:
    """
    Return the key (32 bytes) that is derived from *secret* for the purpose *label*.

    Keys of different labels are independent of each other, and the secret cannot be found from them, so that
    one secret can serve several purposes (OWASP JSON Web Token cheat sheet).

    Source:
        HKDF with SHA-256 and no salt, RFC 5869; the label is its ``info``.
    """
    material = secret.encode() if isinstance(secret, str) else secret
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=label.encode()).derive(material)


def _derived_kid(secret: str | bytes, purpose: str) -> str:
    return urlsafe_b64encode(derive_key(secret, f"django-authkit/{purpose}/kid"))[:_KID_CHARACTERS].decode()


def signing_kid(secret: bytes) -> str:
    """Return the public id (6 characters) of a secret that signs as it is."""
    return _derived_kid(secret, "signing")


def _key_from_secret(secret: str, purpose: str) -> Key:
    if not secret:
        message = "A secret that keys are derived from is empty."
        raise ValueError(message)
    material = derive_key(secret, f"django-authkit/{purpose}/key")
    return Key(kid=_derived_kid(secret, purpose), algorithm=HMAC, verifying=material, signing=material)


def ring_from_secrets(secrets: Sequence[str], purpose: str) -> KeyRing:
    """
    Return the ring of HS256 keys that are derived from *secrets*, the first of which signs.

    Equal secrets and purpose give an equal ring in every process; another purpose gives keys and kids
    that have nothing in common with it. A secret that is listed twice counts once.

    Raises:
        ValueError: There is no secret, or one is empty.
    """
    return KeyRing([_key_from_secret(secret, purpose) for secret in dict.fromkeys(secrets)])
