"""
Genuine tokens, and tokens that an attacker or a careless issuer might make, for the tests of tokens/.

``forge`` signs whatever it is told to with whatever key it is given, so that a test can break one rule
and keep all the others.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import jwt

from django_authkit.tokens import AccessClaims, Codec, Key, RefreshClaims, ring_from_secrets

SECRET = "the secret of this service, long enough to be one: 4vKzQ0aPxw"
OLD_SECRET = "the secret that it had before, just as long as that: Zt81mLqhRu"
ISSUER = "https://id.example.org"
AUDIENCE = "https://api.example.org"
LEEWAY = 10

ACCESS_RING = ring_from_secrets([SECRET, OLD_SECRET], "access")
REFRESH_RING = ring_from_secrets([SECRET, OLD_SECRET], "refresh")
CODEC = Codec(
    access_ring=ACCESS_RING, refresh_ring=REFRESH_RING, issuer=ISSUER, audience=AUDIENCE, leeway=LEEWAY
)

SID = "AbCdEfGhIjKlMn-_"
ISSUED = 1_700_000_000
EXPIRES = 4_000_000_000
ACCESS = AccessClaims(
    subject="7",
    sid=SID,
    issued_at=ISSUED,
    expires_at=EXPIRES,
    auth_time=ISSUED - 60,
    stamp="abcdefgh",
    jti="0123456789abcdefghijkl",
)
REFRESH = RefreshClaims(
    sid=SID,
    generation=3,
    jti="0123456789-abcdefghijklmnopqrstuvwxyz_ABCDE",
    issued_at=ISSUED,
    expires_at=EXPIRES,
)


def access_payload(**changes: Any) -> dict[str, Any]:
    """The payload of the genuine access token, with *changes*."""
    return {"iss": ISSUER, "aud": AUDIENCE, **ACCESS.payload(), **changes}


def refresh_payload(**changes: Any) -> dict[str, Any]:
    """The payload of the genuine refresh token, with *changes*."""
    return {"iss": ISSUER, **REFRESH.payload(), **changes}


def without(payload: Mapping[str, Any], name: str) -> dict[str, Any]:
    """*payload* with one claim left out."""
    return {claim: value for claim, value in payload.items() if claim != name}


def forge(payload: Mapping[str, Any], key: Key, typ: str, **header: Any) -> str:
    """A token over *payload* that is well signed with *key*, its header changed by *header*."""
    # Not jwt.encode, which refuses some of the payloads that a reader must refuse too.
    return forge_raw(json.dumps(dict(payload)).encode(), key, typ, **header)


def forge_access(payload: Mapping[str, Any], **header: Any) -> str:
    """A token signed as access tokens are."""
    return forge(payload, ACCESS_RING.signing, "at+jwt", **header)


def forge_refresh(payload: Mapping[str, Any], **header: Any) -> str:
    """A token signed as refresh tokens are."""
    return forge(payload, REFRESH_RING.signing, "rt+jwt", **header)


def forge_raw(payload: bytes, key: Key, typ: str, **header: Any) -> str:
    """A token over bytes that need not be JSON, well signed with *key*."""
    assert key.signing is not None
    algorithm = header.get("alg", key.algorithm)
    return jwt.PyJWS().encode(payload, key.signing, algorithm, {"kid": key.kid, "typ": typ, **header})


def segment(value: object) -> str:
    """*value* as JSON, as a part of a token."""
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
