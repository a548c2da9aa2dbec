"""
The faults of a project's keys, each with a stable id and a hint.

The ids are those of the system checks. A message names a key by its position, never by its content.
"""

from enum import StrEnum

from django_authkit.problems import Problem


class Fault(StrEnum):
    """Why a key or a key ring is rejected."""

    FORM = "authkit.E080"
    UNREADABLE = "authkit.E081"
    WEAK = "authkit.E082"
    PUBLIC_AS_SECRET = "authkit.E083"  # noqa: S105 - an id
    ALGORITHM = "authkit.E084"
    USE = "authkit.E085"
    MIXED = "authkit.E086"
    DUPLICATE = "authkit.E087"
    CANNOT_SIGN = "authkit.E088"


HINTS = {
    Fault.FORM: (
        'Write PEM or a JWK, or a dict with one of "key", "path", "env" and "secret", and where it is needed '
        '"algorithm" and "password".'
    ),
    Fault.UNREADABLE: "It takes one key in PEM or as a JWK, readable by the process that serves.",
    Fault.WEAK: "Generate one that nobody can guess: manage.py authkit_keys generate --out FILE.",
    Fault.PUBLIC_AS_SECRET: (
        "A public value is not a secret: everybody could sign with it. To verify with a public key, give "
        'it as "key"; to sign with a secret: manage.py authkit_keys generate --algorithm HS256 --out FILE.'
    ),
    Fault.ALGORITHM: (
        "HS256 is for secrets, ES256 for P-256, EdDSA for Ed25519, RS256 or PS256 for RSA; for RSA say "
        'which, by "algorithm" beside the key or by "alg" in the JWK.'
    ),
    Fault.USE: 'Leave "use" out or at "sig", "key_ops" out or at "sign" and "verify": a key has one use.',
    Fault.MIXED: (
        "Take secrets only, or key pairs only: with both in one ring, a mistake about which is which lets a "
        "public key verify as a secret."
    ),
    Fault.DUPLICATE: "List each key once, with one algorithm.",
    Fault.CANNOT_SIGN: "Put a private key or a secret first; keys that only verify come after it.",
}


class KeyRefused(ValueError):
    """
    A key that cannot be used.

    Attributes:
        problem: What is wrong, and where; nothing of the key.
    """

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.problem = Problem(str(fault), message, HINTS[fault])

    def at(self, position: int) -> "KeyRefused":
        """Return the same for the entry of ``SIGNING_KEYS`` at *position*."""
        return KeyRefused(self.fault, f"SIGNING_KEYS[{position}] {self.problem.message}")
