"""Requests of an app that proves its key (DPoP), and the signature check that each of them needs at least."""

import hashlib
import secrets
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.contrib.auth.models import User

from benchmarks.measuring import Act, Variant
from benchmarks.subjects import answering, factory, view_with
from django_authkit import log_in
from django_authkit.authentication import AuthKitAuthentication
from django_authkit.tokens.keys.jwk import encode, public_members
from django_authkit.types import Transport
from django_authkit.wiring import get_nonces

VERIFY = "one ES256 signature, checked by cryptography"
PROVED = "jwt, redis, replica, lazy, DPoP"


def proofs() -> list[Variant]:
    """Return the variants with a proof, and the lower bound."""
    common = {"STORE": "redis", "USER_LOADING": "lazy"}
    return [
        Variant(PROVED, _of_ours, {**common, "ACCESS_CHECK": "replica"}, above=True),
        Variant("jwt, redis, store, lazy, DPoP", _of_ours, common, above=True),
        Variant("session, redis, lazy, DPoP", _of_ours, common, "session", above=True),
        Variant(VERIFY, _verify, common),
    ]


def _of_ours() -> Act:
    """Log in with a proof, and return an act: requests with the credential, each with a proof of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    headers = {"DPoP": _signed(key, "POST", "")}
    user = User.objects.get(username="ada")
    token = log_in(factory.post("/", headers=headers), user, transport=Transport.HEADER).access

    def make() -> Any:
        proof = _signed(key, "GET", encode(hashlib.sha256(token.encode()).digest()))
        return factory.get("/", headers={"Authorization": f"DPoP {token}", "DPoP": proof})

    return Act(run=answering(view_with(AuthKitAuthentication)), make=make)


def _signed(key: ec.EllipticCurvePrivateKey, method: str, credential_hash: str) -> str:
    now = time.time()
    claims = {
        "jti": secrets.token_urlsafe(12),
        "htm": method,
        "htu": "http://testserver/",
        "iat": int(now),
        "nonce": get_nonces().current(now),
        **({"ath": credential_hash} if credential_hash else {}),
    }
    header = {"typ": "dpop+jwt", "jwk": public_members(key.public_key())}
    return jwt.encode(claims, key, "ES256", headers=header)


def _verify() -> Act:
    key = ec.generate_private_key(ec.SECP256R1())
    public, algorithm, text = key.public_key(), ec.ECDSA(SHA256()), b"x" * 400
    return Act(
        run=lambda signature: public.verify(signature, text, algorithm),
        make=lambda: key.sign(text, algorithm),
    )
