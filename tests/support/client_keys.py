"""Key pairs that clients keep to themselves, and their public halves as JWKs."""

import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def new_key(algorithm: str = "ES256") -> PrivateKey:
    """Return a key that never leaves its client."""
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "RS256":
        return rsa.generate_private_key(65537, 2048)
    return ed25519.Ed25519PrivateKey.generate()


def algorithm_of(key: PrivateKey) -> str:
    """Return the algorithm of *key*."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return "ES256"
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else "EdDSA"


def jwk_of(key: PrivateKey, *, private: bool = False) -> dict[str, Any]:
    """Return its public half, or all of it."""
    algorithm = jwt.get_algorithm_by_name(algorithm_of(key))
    members: dict[str, Any] = json.loads(algorithm.to_jwk(key if private else key.public_key()))
    return {name: value for name, value in members.items() if name != "key_ops"}
