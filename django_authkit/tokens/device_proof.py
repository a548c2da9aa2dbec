"""
The proof of a browser that its login is still on the same device: a challenge, signed with that device's key.

A proof is a JWT of Device Bound Session Credentials (W3C webappsec-dbsc).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ed25519

from django_authkit.errors import DeviceProofInvalid
from django_authkit.tokens.possession import (
    NotProved,
    canonical,
    header_of,
    public_key,
    shown_key,
    unverified_claims,
    verified_claims,
)

ALGORITHMS: Final = ("ES256", "RS256")
"""Those that a browser is offered, the preferred one first."""
_TYP: Final = "dbsc+jwt"


@dataclass(frozen=True, slots=True)
class Registration:
    """A proof that shows its own key, which it is signed with."""

    challenge: str
    device_key: str


def read_registration(text: str) -> Registration:
    """
    Return the public key that a proof shows, and the challenge that it signed.

    The key is written as RFC 7638 says, so the SHA-256 of it is its thumbprint.

    Raises:
        DeviceProofInvalid: It is no such proof, or not signed with its key.
    """
    try:
        key = shown_key(header_of(text, _TYP))
        if isinstance(key, ed25519.Ed25519PublicKey):  # was not offered
            raise DeviceProofInvalid
        return Registration(_challenge_of(verified_claims(text, key)), canonical(key))
    except NotProved:
        raise DeviceProofInvalid from None


def read_proof(text: str, device_key: str) -> str:
    """
    Return the challenge that *text* signed with the key of the device.

    Raises:
        DeviceProofInvalid: It is no such proof, or signed with another key.
    """
    try:
        header_of(text, _TYP)
        return _challenge_of(verified_claims(text, public_key(json.loads(device_key))))
    except NotProved:
        raise DeviceProofInvalid from None


def challenge_in(text: str) -> str:
    """
    Return the challenge that *text* says it has signed, which may be a lie.

    Raises:
        DeviceProofInvalid: It says none.
    """
    try:
        return _challenge_of(unverified_claims(text))
    except NotProved:
        raise DeviceProofInvalid from None


def _challenge_of(claims: Mapping[str, Any]) -> str:
    """Return ``jti``. Other claims do not count: the clock of a browser may be wrong."""
    challenge = claims.get("jti")
    if not isinstance(challenge, str):
        raise NotProved
    return challenge
