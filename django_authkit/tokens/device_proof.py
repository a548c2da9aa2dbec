"""
The proof of a browser that its login is still on the same device: a challenge, signed with that device's key.

A proof is a JWT of Device Bound Session Credentials (W3C webappsec-dbsc). The key decides how it is verified,
never the proof itself: a P-256 key by ES256 and an RSA key by RS256. Here too, PyJWT checks the signatures.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from django_authkit.errors import DeviceProofInvalid
from django_authkit.tokens.keys.jwk import parse, public_members, read_key

ALGORITHMS: Final = ("ES256", "RS256")
"""Those that a browser is offered, the preferred one first."""
MAX_KEY: Final = 800
"""Most characters of a public key: an RSA key of 4,096 bits has 716."""
_TYP: Final = "dbsc+jwt"
_LIMIT: Final = 4096
_LEAST_RSA_BITS: Final = 2048
_HEADERS: Final = frozenset({"alg", "typ", "jwk"})
"""What a header may have: what PyJWT would act on, such as ``b64`` and ``crit``, is refused."""


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
    jwk = _header_of(text).get("jwk")
    if not isinstance(jwk, Mapping) or "d" in jwk:
        raise DeviceProofInvalid
    key = _public_key(jwk)
    device_key = json.dumps(public_members(key), separators=(",", ":"), sort_keys=True)
    if len(device_key) > MAX_KEY:
        raise DeviceProofInvalid
    return Registration(_challenge_of(text, key), device_key)


def read_proof(text: str, device_key: str) -> str:
    """
    Return the challenge that *text* signed with the key of the device.

    Raises:
        DeviceProofInvalid: It is no such proof, or signed with another key.
    """
    _header_of(text)
    return _challenge_of(text, _public_key(json.loads(device_key)))


def _header_of(text: str) -> Mapping[str, Any]:
    try:
        if len(text) > _LIMIT:
            raise DeviceProofInvalid
        header = jwt.get_unverified_header(text)
    except (jwt.PyJWTError, RecursionError):
        raise DeviceProofInvalid from None
    if header.get("typ") != _TYP or not _HEADERS.issuperset(header):
        raise DeviceProofInvalid
    return header


def _public_key(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    try:
        key = read_key(jwk)
    except (ValueError, TypeError):
        raise DeviceProofInvalid from None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS:
        return key
    raise DeviceProofInvalid


def _challenge_of(text: str, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> str:
    """Return ``jti``. Other claims do not count: the clock of a browser may be wrong."""
    algorithm = "ES256" if isinstance(key, ec.EllipticCurvePublicKey) else "RS256"
    try:
        claims = parse(jwt.PyJWS().decode_complete(text, key, [algorithm])["payload"].decode())
    except (jwt.PyJWTError, ValueError):
        raise DeviceProofInvalid from None
    challenge = claims.get("jti") if isinstance(claims, dict) else None
    if not isinstance(challenge, str):
        raise DeviceProofInvalid
    return challenge
