"""
Keys as JSON Web Keys: read from them, published as them, and named by their thumbprint.

RFC 7517 is the form, RFC 7518 section 6 and RFC 8037 say what each kind of key holds. Reading is strict:
what is missing, badly spelled or does not fit together raises ``ValueError``, with no part of the key in
its message.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from django_authkit.tokens.keys.ring import Key, KeyRing, PrivateKey, PublicKey

COORDINATE_BYTES = 32
"""The length of each number of a P-256 key, leading zeros included (RFC 7518, section 6.2)."""
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


class UnsupportedKey(ValueError):
    """A key of a kind, or on a curve, that none of our algorithms takes."""


def encode(material: bytes) -> str:
    """Return *material* as base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(material).decode().rstrip("=")


def _decode(jwk: Mapping[str, Any], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        message = f'The member "{name}" is missing, or no base64url.'
        raise ValueError(message)
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(jwk: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(_decode(jwk, name))


def _coordinate(jwk: Mapping[str, Any], name: str) -> int:
    octets = _decode(jwk, name)
    if len(octets) != COORDINATE_BYTES:
        message = f'The member "{name}" is not of {COORDINATE_BYTES} bytes.'
        raise ValueError(message)
    return int.from_bytes(octets)


def unsigned(number: int) -> str:
    """Return *number* as base64url, without leading zeros (RFC 7518, section 2)."""
    return encode(number.to_bytes((number.bit_length() + 7) // 8))


def parse(text: str) -> Any:
    """
    Return the JSON value that *text* is.

    Raises:
        ValueError: It is none, or an object in it has two members of one name (RFC 7517, section 4).
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        message = "It is nested too deeply."
        raise ValueError(message) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        message = "An object has two members of one name."
        raise ValueError(message)
    return members


def read_secret(jwk: Mapping[str, Any]) -> bytes:
    """Return the secret that a JWK of the kind ``oct`` holds."""
    return _decode(jwk, "k")


def read_key(jwk: Mapping[str, Any]) -> PublicKey | PrivateKey:
    """
    Return the key that a JWK of the kind ``RSA``, ``EC`` or ``OKP`` holds: private, if it has ``d``.

    Raises:
        UnsupportedKey: It is of another kind, or on another curve than P-256 and Ed25519.
        ValueError: It is not well formed, or its private part does not belong to its public part.
    """
    kind = (jwk.get("kty"), jwk.get("crv") if jwk.get("kty") != "RSA" else None)
    if kind == ("RSA", None):
        return _read_rsa(jwk)
    if kind == ("EC", "P-256"):
        return _read_ec(jwk)
    if kind == ("OKP", "Ed25519"):
        return _read_okp(jwk)
    message = "None of our algorithms takes keys of this kind or curve."
    raise UnsupportedKey(message)


def _read_rsa(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey | rsa.RSAPrivateKey:
    public = rsa.RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n"))
    if "d" not in jwk:
        return public.public_key()
    if "oth" in jwk:
        message = "None of our algorithms takes keys of more than two primes."
        raise UnsupportedKey(message)
    d = _number(jwk, "d")
    if "p" in jwk:
        p, q = _number(jwk, "p"), _number(jwk, "q")
    else:  # RFC 7518, section 6.3.2: a producer may leave all but "d" out
        p, q = rsa.rsa_recover_prime_factors(public.n, public.e, d)
    return rsa.RSAPrivateNumbers(
        p,
        q,
        d,
        _number(jwk, "dp") if "dp" in jwk else rsa.rsa_crt_dmp1(d, p),
        _number(jwk, "dq") if "dq" in jwk else rsa.rsa_crt_dmq1(d, q),
        _number(jwk, "qi") if "qi" in jwk else rsa.rsa_crt_iqmp(p, q),
        public,
    ).private_key()


def _read_ec(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey:
    curve = ec.SECP256R1()
    public = ec.EllipticCurvePublicNumbers(_coordinate(jwk, "x"), _coordinate(jwk, "y"), curve)
    if "d" not in jwk:
        return public.public_key()
    return ec.EllipticCurvePrivateNumbers(_coordinate(jwk, "d"), public).private_key()


def _read_okp(jwk: Mapping[str, Any]) -> ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey:
    public = ed25519.Ed25519PublicKey.from_public_bytes(_decode(jwk, "x"))
    if "d" not in jwk:
        return public
    private = ed25519.Ed25519PrivateKey.from_private_bytes(_decode(jwk, "d"))
    if private.public_key() != public:
        message = "The private part does not belong to the public part."
        raise ValueError(message)
    return private


def public_members(key: PublicKey) -> dict[str, str]:
    """Return the members that make *key* a JWK, and no other: those that its thumbprint covers."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"e": unsigned(numbers.e), "kty": "RSA", "n": unsigned(numbers.n)}
    if isinstance(key, ec.EllipticCurvePublicKey):
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
        x, y = encode(point[:COORDINATE_BYTES]), encode(point[COORDINATE_BYTES:])
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    return {"crv": "Ed25519", "kty": "OKP", "x": encode(key.public_bytes_raw())}


def thumbprint(key: PublicKey) -> str:
    """Return the SHA-256 thumbprint of *key* (43 characters): RFC 7638, and RFC 8037 for Ed25519."""
    text = json.dumps(public_members(key), separators=(",", ":"), sort_keys=True)
    return encode(sha256(text.encode()).digest())


def public_set(ring: KeyRing) -> dict[str, list[dict[str, str]]]:
    """
    Return the JWK Set by which others can verify what *ring* signs: public halves only.

    Secrets have no public half, so a ring of them gives an empty set.

    Source:
        RFC 7517, sections 4 and 5.
    """
    pairs = [(key, key.verifying) for key in ring.keys]
    return {"keys": [_published(key, half) for key, half in pairs if not isinstance(half, bytes)]}


def _published(key: Key, public: PublicKey) -> dict[str, str]:
    return {**public_members(public), "use": "sig", "alg": key.algorithm, "kid": key.kid}
