"""Keys for ``SIGNING_KEYS`` in each possible form, created once for all tests."""

import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from django_authkit.tokens.keys.generate import new_key, private_jwk
from django_authkit.tokens.keys.jwk import public_members
from django_authkit.tokens.keys.ring import Key, PrivateKey

PAIRS = ["ES256", "EdDSA", "RS256", "PS256"]
ALGORITHMS = ["HS256", *PAIRS]
SECRET = "pZ4Vq9Tn0xWc7Lr2Ys8Hd6Kb1Mf5Jg3Au_eN-iQo"
PASSWORD = "the password of a key file"


def key(algorithm: str, number: int = 0) -> Key:
    """Return a key, always the same one for an algorithm and a number."""
    return _made(algorithm, number)


@cache
def _made(algorithm: str, number: int) -> Key:
    return new_key(algorithm)


def private(algorithm: str, number: int = 0) -> PrivateKey:
    """Return the private half of a pair."""
    half = key(algorithm, number).signing
    assert half is not None
    assert not isinstance(half, bytes)
    return half


def jwk(algorithm: str, number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a key as a private JWK, with *changes*; ``None`` removes a member."""
    members = {**json.loads(private_jwk(key(algorithm, number))), **changes}
    return {name: value for name, value in members.items() if value is not None}


def public_jwk(algorithm: str, number: int = 0, **more: Any) -> dict[str, Any]:
    """Return the public half of a pair as a JWK."""
    half = private(algorithm, number).public_key()
    return {**public_members(half), "alg": algorithm, **more}


def pem(algorithm: str, number: int = 0, password: str | None = None) -> str:
    """Return a private key as PEM."""
    return pem_of(private(algorithm, number), password)


def pem_of(half: Any, password: str | None = None) -> str:
    """Return any private key as PEM."""
    locked = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
    text: bytes = half.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
    return text.decode()


def public_pem(algorithm: str, number: int = 0) -> str:
    """Return the public half of a pair as PEM."""
    half = private(algorithm, number).public_key()
    return half.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@cache
def short_rsa_pem() -> str:
    """Return an RSA key that is too short."""
    return pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505 - so it is


@cache
def other_curves() -> tuple[str, ...]:
    """Return keys of kinds that are similar to ours."""
    return (
        pem_of(ec.generate_private_key(ec.SECP384R1())),
        pem_of(ec.generate_private_key(ec.SECP256K1())),
        pem_of(ed448.Ed448PrivateKey.generate()),
    )


RFC_8037 = {
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
"""The key of RFC 8037, appendix A.1."""
RFC_7638 = {
    "kty": "RSA",
    "n": (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        "kEgU8awapJzKnqDKgw"
    ),
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
"""The key of RFC 7638, section 3.1."""
