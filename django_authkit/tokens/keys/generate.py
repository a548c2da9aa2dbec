"""Generating keys, and writing them for ``SIGNING_KEYS``."""

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from django_authkit.tokens.keys.jwk import COORDINATE_BYTES, encode, public_members, thumbprint, unsigned
from django_authkit.tokens.keys.ring import HMAC, KEY_BYTES, Key, PrivateKey, signing_kid

GENERATED_RSA_BITS: Final = 3072
"""As strong as AES with 128 bits, like the other algorithms here (NIST SP 800-57, part 1, table 2)."""


def _new_rsa() -> PrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=GENERATED_RSA_BITS)


_MAKERS: Mapping[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": _new_rsa,
    "PS256": _new_rsa,
}


def new_key(algorithm: str) -> Key:
    """Return a fresh key for one of ``ALGORITHMS``: 256 random bits, or a pair."""
    if algorithm == HMAC:
        secret = secrets.token_bytes(KEY_BYTES)
        return Key(kid=signing_kid(secret), algorithm=HMAC, verifying=secret, signing=secret)
    private = _MAKERS[algorithm]()
    public = private.public_key()
    return Key(kid=thumbprint(public), algorithm=algorithm, verifying=public, signing=private)


def private_jwk(key: Key) -> str:
    """Return *key* as the text of a JWK, private part, algorithm and kid included."""
    members = {**_private_members(key), "use": "sig", "alg": key.algorithm, "kid": key.kid}
    return json.dumps(members, indent=2) + "\n"


def private_pem(key: Key) -> str:
    """
    Return the private *key* as PEM (PKCS #8), not encrypted.

    Raises:
        ValueError: It is a secret, for which there is no PEM, or only verifies.
    """
    if key.signing is None or isinstance(key.signing, bytes):
        message = "Only private keys can be written as PEM."
        raise ValueError(message)
    return key.signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _private_members(key: Key) -> dict[str, str]:
    private = key.signing
    if isinstance(private, bytes):
        return {"kty": "oct", "k": encode(private)}
    if private is None:
        message = "The key only verifies."
        raise ValueError(message)
    public = public_members(private.public_key())
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return {**public, "d": encode(private.private_bytes_raw())}
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return {**public, "d": encode(private.private_numbers().private_value.to_bytes(COORDINATE_BYTES))}
    return {**public, **_rsa_members(private.private_numbers())}


def _rsa_members(numbers: rsa.RSAPrivateNumbers) -> dict[str, str]:
    named = {
        "d": numbers.d,
        "p": numbers.p,
        "q": numbers.q,
        "dp": numbers.dmp1,
        "dq": numbers.dmq1,
        "qi": numbers.iqmp,
    }
    return {name: unsigned(number) for name, number in named.items()}
