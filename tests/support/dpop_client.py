"""A header client with a key of its own, which proves it with each request (DPoP)."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

import jwt
from django.http import HttpResponse

from django_authkit.types import Mode, Transport
from support.client import Device
from support.client_keys import PrivateKey, algorithm_of, jwk_of, new_key

SITE = "https://testserver"


def hash_of(text: str) -> str:
    """Return the SHA-256 of *text*, as tokens and proofs write it."""
    return urlsafe_b64encode(sha256(text.encode()).digest()).decode().rstrip("=")


def thumbprint_of(key: PrivateKey) -> str:
    """Return the thumbprint of its public half (RFC 7638)."""
    return hash_of(json.dumps(jwk_of(key), separators=(",", ":"), sort_keys=True))


def claims_of(method: str, path: str, credential: str = "", **others: Any) -> dict[str, Any]:
    """Return what a proof for a request says; ``None`` leaves a claim out."""
    claims = {
        "jti": token_urlsafe(12),
        "htm": method,
        "htu": f"{SITE}{path}",
        "iat": int(time.time()),
        "ath": hash_of(credential) if credential else None,
        **others,
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(key: PrivateKey, claims: Mapping[str, Any], **header: Any) -> str:
    """Return a proof; *header* changes what it says of itself."""
    header = {"typ": "dpop+jwt", "jwk": jwk_of(key), **header}
    return jwt.encode(dict(claims), key, algorithm_of(key), headers=header)


class ProvingDevice(Device):
    """
    An app that binds its login to its key, and proves that key with each request.

    Attributes:
        key: Its key.
        nonce: The nonce that the site gave it last.
        challenged: How often it had to repeat a request with another nonce.
    """

    def __init__(
        self, mode: Mode, transport: Transport = Transport.HEADER, address: str = "192.0.2.7"
    ) -> None:
        super().__init__(mode, transport, address)
        self.key, self.nonce, self.challenged = new_key(), "", 0

    def prove(self, method: str, path: str, credential: str = "", **others: Any) -> str:
        """Return a proof for a request with *credential*."""
        nonce = self.nonce or None
        return signed(
            self.key, claims_of(method, path.partition("?")[0], credential, **{"nonce": nonce, **others})
        )

    def send(
        self,
        method: str,
        path: str,
        content: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> HttpResponse:
        """Send a request with a proof, and again if it needs another nonce."""
        credential = (headers or {}).get("Authorization", "").partition(" ")[2]
        for _ in range(2):
            proof = {"DPoP": self.prove(method, path, credential)}
            answer = super().send(
                method, path, content, headers={**(headers or {}), **proof}, content_type=content_type
            )
            fresh, self.nonce = answer.headers.get("DPoP-Nonce"), answer.headers.get("DPoP-Nonce", self.nonce)
            if fresh is None or answer.status_code not in {400, 401}:
                break
            self.challenged += 1
        return answer

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"DPoP {self.access}"} if self.access else {}
