"""
The keys that sign and verify tokens, and how they follow from a project's secret.

A ring is ordered: its first key signs, all of them verify, so that a key can be replaced while tokens
signed with the old one are still about. Each key has one id and one algorithm, for good (RFC 8725,
section 3.1).
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
"""As long as the output of SHA-256, the least that RFC 7518, section 3.2 allows for HS256."""

_LEAST_BYTES = {"HS256": KEY_BYTES}
"""The algorithms that a key may have, and how many bytes of secret each needs at least."""
_KID_BYTES = 12
"""96 bits, written as 16 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """
    A key and the one algorithm that it is used with.

    Attributes:
        kid: Its public id. No key can be found from it.
        algorithm: The ``alg`` value of RFC 7518: ``HS256``.
        verifying: What checks a signature; for HS256 the secret itself.
        signing: What makes a signature; ``None`` for a key that only verifies, such as a retired one.

    Raises:
        ValueError: The algorithm is not one of ours, or the key is too short for it.
    """

    kid: str
    algorithm: str
    verifying: bytes = field(repr=False)
    signing: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        least = _LEAST_BYTES.get(self.algorithm)
        if least is None:
            message = f"Keys cannot have the algorithm {self.algorithm!r}."
            raise ValueError(message)
        if any(len(material) < least for material in (self.verifying, self.signing) if material is not None):
            message = f"A key for {self.algorithm} needs at least {least} bytes."
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


def derive_key(secret: str, label: str) -> bytes:
    """
    Return the key (32 bytes) that follows from *secret* for the use that *label* names.

    Keys of different labels say nothing about each other, nor about the secret, so that one secret can
    serve several purposes without being used for any (OWASP JSON Web Token cheat sheet).

    Source:
        HKDF with SHA-256 and no salt, RFC 5869; the label is its ``info``.
    """
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=label.encode()).derive(secret.encode())


def _key_from_secret(secret: str, purpose: str) -> Key:
    if not secret:
        message = "A secret that keys are derived from is empty."
        raise ValueError(message)
    material = derive_key(secret, f"django-authkit/{purpose}/key")
    kid = derive_key(secret, f"django-authkit/{purpose}/kid")[:_KID_BYTES]
    return Key(kid=urlsafe_b64encode(kid).decode(), algorithm="HS256", verifying=material, signing=material)


def ring_from_secrets(secrets: Sequence[str], purpose: str) -> KeyRing:
    """
    Return the ring of HS256 keys that follow from *secrets*, the first of which signs.

    Equal secrets and purpose give an equal ring in every process; another purpose gives keys and kids
    that have nothing in common with it. A secret that is listed twice counts once.

    Raises:
        ValueError: There is no secret, or one is empty.
    """
    return KeyRing([_key_from_secret(secret, purpose) for secret in dict.fromkeys(secrets)])
