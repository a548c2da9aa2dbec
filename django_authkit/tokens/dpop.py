"""
Proofs of DPoP (RFC 9449): one for each request, signed with the key that a login is bound to.

A proof names the method and the address of its request, the credential that it goes with, and a nonce of
ours. The service compares these with the request.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from django_authkit.errors import DpopProofInvalid
from django_authkit.tokens.keys.jwk import encode
from django_authkit.tokens.keys.ring import PublicKey, derive_key
from django_authkit.tokens.possession import NotProved, canonical, header_of, shown_key, verified_claims

ALGORITHMS: Final = ("ES256", "Ed25519", "EdDSA", "RS256")
"""Those that a proof may be signed with."""
_TYP: Final = "dpop+jwt"
_LONGEST_JTI: Final = 256
_LONGEST_NAME: Final = 1024
_REMEMBERED_KEYS: Final = 1024
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NONCES: Final = "django-authkit/dpop/nonce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """
    A proof whose signature is right.

    Attributes:
        device_key: The public key, as RFC 7638 writes it.
        thumbprint: The SHA-256 of that, in base64url (``jkt``).
        jti: The id that the client gave it.
        method, address: Of the request that it is for (``htm``, ``htu``).
        issued_at: In seconds, on the client's clock.
        credential_hash: Of the credential that it goes with (``ath``), if any.
        nonce: The nonce that it signed, if any.
    """

    device_key: str
    thumbprint: str
    jti: str
    method: str
    address: str
    issued_at: float
    credential_hash: str | None
    nonce: str | None


@dataclass(slots=True, kw_only=True)
class SingleUse:
    """
    The use of a proof that works once, by one request.

    Attributes:
        digest: SHA-256 (32 bytes) of what identifies the proof.
        request: 32 random bytes that identify the request, which may use it again.
        lifetime_ms: How long it is noted.
        is_noted: The store has noted it; set by the method that has done it.
    """

    digest: bytes
    request: bytes
    lifetime_ms: int
    is_noted: bool = False


def read_proof(text: str) -> Proof:
    """
    Return what a proof says, which is signed with the key that it shows.

    Raises:
        DpopProofInvalid: It is no such proof.

    Source:
        RFC 9449, section 4.3, checks 2 to 7.
    """
    try:
        key, device_key = _key_in(text.partition(".")[0])
        claims = verified_claims(text, key)
        return Proof(
            device_key=device_key,
            thumbprint=thumbprint_of(device_key),
            jti=_text(claims, "jti", _LONGEST_JTI),
            method=_method(claims),
            address=_text(claims, "htu", _LONGEST_NAME),
            issued_at=_instant(claims),
            credential_hash=_text(claims, "ath", _LONGEST_JTI) if "ath" in claims else None,
            nonce=_text(claims, "nonce", _LONGEST_NAME) if "nonce" in claims else None,
        )
    except NotProved:
        raise DpopProofInvalid from None


@lru_cache(_REMEMBERED_KEYS)
def _key_in(segment: str) -> tuple[PublicKey, str]:
    """Return the key that the header *segment* shows, which a client repeats in each proof."""
    key = shown_key(header_of(f"{segment}.e30.", _TYP))
    return key, canonical(key)


def _text(claims: Mapping[str, Any], name: str, longest: int) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise NotProved
    return value


def _method(claims: Mapping[str, Any]) -> str:
    method = _text(claims, "htm", _LONGEST_JTI)
    if not _METHOD.fullmatch(method):
        raise NotProved
    return method


def _instant(claims: Mapping[str, Any]) -> float:
    value = claims.get("iat")
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
        raise NotProved
    return value


@lru_cache(_REMEMBERED_KEYS)
def thumbprint_of(device_key: str) -> str:
    """Return the thumbprint (RFC 7638) of a key that is written as ``Proof.device_key`` is."""
    return encode(sha256(device_key.encode()).digest())


def hash_of(credential: str) -> str:
    """Return what a proof that goes with *credential* has as ``ath``."""
    return encode(sha256(credential.encode()).digest())


def is_same_address(one: str, other: str) -> bool:
    """
    Tell whether two URIs are the same without their query and fragment (RFC 9449, section 4.3).

    Scheme and host are compared without case, the port of a scheme may be left out, an empty path is ``/``,
    and percent-encoding does not count (RFC 3986, sections 6.2.2 and 6.2.3): the server has decoded it too.
    """
    try:
        return _normalized(one) == _normalized(other)
    except ValueError:
        return False


def _normalized(uri: str) -> tuple[str, str, int, str]:
    parts = urlsplit(uri)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        message = "It is no address of a web server."
        raise ValueError(message)
    port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    return parts.scheme, parts.hostname.rstrip("."), port, unquote(parts.path) or "/"


class Nonces:
    """
    Nonces that nobody has to store: each is an HMAC of the time, and fresh for one or two steps of it.

    So every process of a project knows them, and nobody else can tell one in advance.

    Args:
        secrets: The server's secrets. The first makes nonces, all recognize them.
        step: In seconds.
        leeway: How many seconds the clocks of two workers may differ.
    """

    def __init__(self, secrets: Sequence[str], step: float, leeway: float) -> None:
        self._keys = [derive_key(secret, _NONCES) for secret in secrets]
        self._step, self._leeway = step, leeway
        self._made = lru_cache(64)(self._make)

    def current(self, now: float) -> str:
        """Return the nonce to give to clients, *now* in seconds."""
        return self._made(self._keys[0], now // self._step)

    def accepts(self, nonce: str, now: float) -> bool:
        """Tell whether *nonce* is the current one, or that of the step before."""
        steps = {moment // self._step for moment in (now, now - self._step, now + self._leeway)}
        known = {self._made(key, step) for key in self._keys for step in steps}
        return nonce in known  # no secret: each client is given it

    @staticmethod
    def _make(key: bytes, step: float) -> str:
        made = hmac.digest(key, b"%d" % step, sha256)
        return urlsafe_b64encode(made[:24]).decode()
