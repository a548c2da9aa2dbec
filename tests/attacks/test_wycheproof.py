"""
Wycheproof's vectors of faulty JWS and JWK, against our keys and the call that verifies our tokens.

``wycheproof.json`` (Apache License 2.0, see its first line) has all 26 vectors of keys, and 91 of the 401 of
signatures. Left out are, by ``tcId``:

* 46 to 340: RSA signatures with modified padding, salt or numbers, or by another algorithm than the key's.
  They test the arithmetic, which is OpenSSL's; the package ``cryptography`` runs Wycheproof's RSA vectors.
* 341 to 344: unsigned, as 16 is, with a key for PS512.
* 345 to 347 and 349 to 355: the figures of RFC 7520 for other keys.
* 385: a signature that is too long, as 379 is, by a thousand zeros.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest

from django_authkit.tokens import Key
from django_authkit.tokens.codec import _FORM
from django_authkit.tokens.keys.entries import find_refused, load_entry
from django_authkit.tokens.keys.faults import Fault, KeyRefused
from django_authkit.tokens.keys.jwk import read_secret

_VECTORS = json.loads((Path(__file__).parent / "wycheproof.json").read_text())

OTHER_SIGNATURES = {
    367: "the padding got lost: the same text as 357, which is valid",
    370: "the padding got lost, likewise",
    372: "valid for a decoder that skips what is not base64url; we refuse it",
    373: "likewise",
}
OTHER_KEYS = {
    4: "the kid of a JWK is not used: each of our keys has an id that follows from it",
    14: "HS384 is not one of our algorithms",
    15: "HS512 is not one of our algorithms",
}
"""Vectors whose result is the other one here, and why."""


def vectors(name: str, differing: dict[int, str]) -> list[Any]:
    """Return keys, JWS, and whether it is accepted, of each vector."""
    return [
        pytest.param(
            group["keys"],
            each["jws"],
            (each["result"] == "valid") != (each["tcId"] in differing),
            id=f"{each['tcId']}-{each['comment']}",
        )
        for group in _VECTORS[name]
        for each in group["tests"]
    ]


def verifies(keys: Sequence[Key], jws: str) -> bool:
    """Tell whether one of *keys* verifies *jws*, by the steps of ``tokens.codec``."""
    if _FORM.fullmatch(jws) is None:
        return False
    verifier = jwt.PyJWS(options={"enforce_minimum_key_length": True})
    for key in keys:
        try:
            verifier.decode(jws, key.verifying, [key.algorithm])
        except jwt.PyJWTError:
            continue
        return True
    return False


def key_of(jwk: dict[str, Any]) -> Key:
    """Return the key; the secrets are published ones, some of which we would refuse."""
    if jwk["kty"] == "oct":
        return Key(kid="published", algorithm=jwk["alg"], verifying=read_secret(jwk))
    return load_entry(jwk)


@pytest.mark.parametrize(("keys", "jws", "valid"), vectors("json_web_signature_test", OTHER_SIGNATURES))
def test_signatures(keys: list[Any], jws: str, valid: bool) -> None:
    """Each is accepted or refused as Wycheproof says, except for the named differences."""
    try:
        known = [key_of(jwk) for jwk in keys]
    except KeyRefused:
        known = []
    assert verifies(known, jws) is valid


@pytest.mark.parametrize(("keys", "jws", "valid"), vectors("json_web_key_test", OTHER_KEYS))
def test_keys(keys: list[Any], jws: str, valid: bool) -> None:
    """As ``SIGNING_KEYS``, each set is accepted or refused as Wycheproof says, except as named."""
    refused = [each for each in find_refused(keys) if each.fault is not Fault.CANNOT_SIGN]
    accepted = not refused and verifies([load_entry(jwk) for jwk in keys], jws)
    assert accepted is valid
