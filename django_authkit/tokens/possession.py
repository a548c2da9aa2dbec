"""
JWTs that prove the possession of a private key: what Device Bound Session Credentials and DPoP share.

The key decides how a proof is verified, never the proof itself: a P-256 key by ES256, an Ed25519 key by EdDSA
and an RSA key by RS256. Here too, PyJWT checks the signatures.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import OKPAlgorithm

from django_authkit.tokens.keys.jwk import parse, public_members, read_key
from django_authkit.tokens.keys.ring import MIN_RSA_BITS, PublicKey

MAX_KEY: Final = 800
"""Most characters of a public key: an RSA key of 4,096 bits has 716."""
_LIMIT: Final = 4096
_HEADERS: Final = frozenset({"alg", "typ", "jwk"})
"""What a header may have: what PyJWT would act on, such as ``b64`` and ``crit``, is refused."""
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""The members of private and secret keys: RFC 7518, section 6."""


_JWS: Final = jwt.PyJWS()
_JWS.register_algorithm("Ed25519", OKPAlgorithm())  # the name that RFC 9864 gives to EdDSA with this curve


class NotProved(ValueError):
    """The text is no proof of this type, or it is not signed with its key."""


def header_of(text: str, typ: str) -> Mapping[str, Any]:
    """
    Return the header of a proof, which is not verified yet.

    Raises:
        NotProved: It is no JWT of the type *typ*, or has other headers than ``alg``, ``typ`` and ``jwk``.
    """
    try:
        if len(text) > _LIMIT:
            raise NotProved
        header = jwt.get_unverified_header(text)
    except (jwt.PyJWTError, RecursionError):
        raise NotProved from None
    if header.get("typ") != typ or not _HEADERS.issuperset(header):
        raise NotProved
    return header


def shown_key(header: Mapping[str, Any]) -> PublicKey:
    """
    Return the public key that a proof shows.

    Raises:
        NotProved: There is none, it is too weak, or it is not only public.
    """
    jwk = header.get("jwk")
    if not isinstance(jwk, Mapping) or not _PRIVATE.isdisjoint(jwk):
        raise NotProved
    key = public_key(jwk)
    if len(canonical(key)) > MAX_KEY:
        raise NotProved
    return key


def public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """
    Return the public key that *jwk* is.

    Raises:
        NotProved: It is none of P-256, Ed25519, or RSA of at least 2,048 bits.
    """
    try:
        key = read_key(jwk)
    except (ValueError, TypeError):
        raise NotProved from None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise NotProved
    if not isinstance(key, PublicKey):
        raise NotProved
    return key


def canonical(key: PublicKey) -> str:
    """Return *key* as RFC 7638 writes it; the SHA-256 of that is its thumbprint."""
    return json.dumps(public_members(key), separators=(",", ":"), sort_keys=True)


def _algorithms_of(key: PublicKey) -> list[str]:
    """Return the names of the one algorithm that *key* is used with."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return ["ES256"]
    return ["RS256"] if isinstance(key, rsa.RSAPublicKey) else ["EdDSA", "Ed25519"]


def verified_claims(text: str, key: PublicKey) -> Mapping[str, Any]:
    """
    Return the claims that *key* has signed.

    Raises:
        NotProved: It has not, or with another algorithm than its own, or they are no JSON object.
    """
    return _claims(text, key, _algorithms_of(key), None)


def unverified_claims(text: str) -> Mapping[str, Any]:
    """
    Return the claims of a proof, which anybody may have written: they say which key has to verify it.

    Raises:
        NotProved: They are no JSON object.
    """
    return _claims(text, "", None, {"verify_signature": False})


def _claims(text: str, key: Any, algorithms: list[str] | None, options: Any) -> Mapping[str, Any]:
    if len(text) > _LIMIT:
        raise NotProved
    try:
        claims = parse(_JWS.decode_complete(text, key, algorithms, options)["payload"].decode())
    except (jwt.PyJWTError, ValueError):
        raise NotProved from None
    if not isinstance(claims, dict):
        raise NotProved
    return claims
