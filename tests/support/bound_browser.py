"""A browser that binds its logins to its device, as far as a server sees it."""

import hmac
import json
import re
from base64 import urlsafe_b64encode
from typing import Any

import jwt
from django.http import HttpResponse

from support.client import Device
from support.client_keys import PrivateKey, algorithm_of, jwk_of, new_key

OFFER = re.compile(r'\(ES256 RS256\);path="(?P<path>[^"]+)";challenge="(?P<challenge>[^"]+)"')
CHALLENGE = re.compile(r'"(?P<challenge>[^"]+)";id="(?P<sid>[^"]+)"')
BOUND = "__Host-authkit_bound"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Origin": "https://testserver"}


def proof(key: PrivateKey, challenge: str, *, shows_key: bool = False, **header: Any) -> str:
    """Return *challenge* signed as a browser does; *header* changes what it says of itself."""
    shown = {"jwk": jwk_of(key)} if shows_key else {}
    return jwt.encode(
        {"jti": challenge}, key, algorithm_of(key), headers={"typ": "dbsc+jwt", **shown, **header}
    )


def raw(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """Return a JWT with any header, claims and signature."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def by_public_key(key: PrivateKey, challenge: str) -> str:
    """Return *challenge* signed by HMAC, with the public key, which everybody may know, as the secret."""
    header = {"alg": "HS256", "typ": "dbsc+jwt"}
    signed = raw(header, {"jti": challenge}).rpartition(".")[0]
    public = json.dumps(jwk_of(key), separators=(",", ":"), sort_keys=True).encode()
    return raw(header, {"jti": challenge}, hmac.digest(public, signed.encode(), "sha256"))


def offered(answer: HttpResponse) -> re.Match[str]:
    """Return what a response offers."""
    found = OFFER.fullmatch(answer["Secure-Session-Registration"])
    assert found is not None
    return found


def register(device: Device, key: PrivateKey, challenge: str) -> HttpResponse:
    """Register *key*, as a browser does by itself after a login."""
    headers = {**SAME_ORIGIN, "Secure-Session-Response": proof(key, challenge, shows_key=True)}
    return device.send("POST", "/auth/bound/register/", headers=headers, content_type="")


def renew(device: Device, sid: str, text: str | None = None, **headers: str) -> HttpResponse:
    """Ask for the bound cookie, with the proof *text* if there is one."""
    shown = {} if text is None else {"Secure-Session-Response": text}
    sent = {**SAME_ORIGIN, "Sec-Secure-Session-Id": sid, **shown, **headers}
    return device.send("POST", "/auth/bound/refresh/", headers=sent, content_type="")


def challenge_of(answer: HttpResponse) -> str:
    """Return the challenge for the next proof."""
    found = CHALLENGE.fullmatch(answer["Secure-Session-Challenge"])
    assert found is not None
    return found["challenge"]


def bind(device: Device, login: HttpResponse) -> tuple[PrivateKey, HttpResponse]:
    """Accept what a login offers, and use the bound cookie once."""
    key = new_key()
    answer = register(device, key, offered(login)["challenge"])
    assert answer.status_code == 200, answer.content
    assert device.call().status_code == 200
    return key, answer
