"""
The claims of tokens, and their names in a payload.

Instants are ``NumericDate`` values: whole seconds since the Unix epoch (RFC 7519, section 2). The codec
adds and checks ``iss`` and ``aud``; this module has names and types. The signature of a payload was verified
before, but a wrong type still raises ``TokenInvalid``.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Self

from django_authkit.errors import TokenInvalid
from django_authkit.session_keys import is_sid

ACCESS_REQUIRED = ("iss", "aud", "sub", "sid", "iat", "exp", "stamp", "jti")
REFRESH_REQUIRED = ("iss", "sid", "gen", "jti", "iat", "exp")
RESERVED = frozenset({*ACCESS_REQUIRED, *REFRESH_REQUIRED, "auth_time", "backend", "cnf", "nbf"})
"""Names with a meaning; a project's own claims must have others."""

_LATEST = 253_402_300_799
"""The last second of the year 9999: the largest that every database and ``datetime`` can hold."""
_MOST_GENERATIONS = 2**53 - 1
"""A larger number is not exact as a double, which JSON and Lua use."""
_STAMP_LABEL = b"django-authkit password stamp\x00"
_STAMP_LENGTH = 8
"""
8 characters of 6 bits are 48 bits. Nobody can search for a password with a given stamp, since Django's hash
is keyed and salted. By chance, one password change in 2.8 * 10**14 gives the stamp of the password before.
"""


def password_stamp(auth_hash: str) -> str:
    """
    Return the stamp of the password under which an auth session began, for its access tokens.

    8 base64url characters of a SHA-256 over a label and the hash: equal hashes give equal stamps, and the
    hash cannot be found from the stamp. It is empty if the hash is.
    """
    if not auth_hash:
        return ""
    stamp = sha256(_STAMP_LABEL + auth_hash.encode()).digest()
    return urlsafe_b64encode(stamp)[:_STAMP_LENGTH].decode()


def _text(payload: Mapping[str, object], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str):
        raise TokenInvalid
    return value


def _some_text(payload: Mapping[str, object], name: str) -> str:
    value = _text(payload, name)
    if not value:
        raise TokenInvalid
    return value


def _whole(payload: Mapping[str, object], name: str, least: int, most: int) -> int:
    value = payload.get(name)
    # For isinstance a bool is an int, but true is not an instant.
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise TokenInvalid
    return value


def _seconds(payload: Mapping[str, object], name: str) -> int:
    return _whole(payload, name, 0, _LATEST)


def _sid(payload: Mapping[str, object]) -> str:
    value = _text(payload, "sid")
    if not is_sid(value):
        raise TokenInvalid
    return value


def _thumbprint(payload: Mapping[str, object]) -> str:
    confirmation = payload.get("cnf")
    if not isinstance(confirmation, Mapping):
        raise TokenInvalid
    return _some_text(confirmation, "jkt")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """
    The claims of an access token.

    Attributes:
        subject: The user's primary key as text (``sub``).
        sid: The auth session that it belongs to.
        issued_at, expires_at: In seconds (``iat``, ``exp``).
        auth_time: When the user last authenticated, in seconds. No claim if that is ``issued_at``.
        stamp: ``password_stamp`` of the auth session's hash; empty if it has none.
        jti: The id of the token. It is not a secret.
        backend: Dotted path of the Django auth backend that authenticated the user; empty, and no claim, if
            the project has only one.
        generation: How often a refresh token had been issued for the auth session (``gen``). No claim if
            it is 1.
        thumbprint: Of the key that it is bound to (``cnf.jkt``, RFC 9449 section 6.1). Empty, and no claim,
            if there is none.
        extra: A project's own claims: JSON values under names that are not ``RESERVED``.
    """

    subject: str
    sid: str
    issued_at: int
    expires_at: int
    auth_time: int
    stamp: str
    jti: str
    backend: str = ""
    generation: int = 1
    thumbprint: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def payload(self) -> dict[str, Any]:
        """
        Return the claims by their names in a token, without ``iss`` and ``aud``.

        Raises:
            ValueError: A claim in ``extra`` has a reserved name.
        """
        if taken := RESERVED.intersection(self.extra):
            message = f"Reserved claim names cannot be used: {', '.join(sorted(taken))}."
            raise ValueError(message)
        return {
            "sub": self.subject,
            "sid": self.sid,
            "iat": self.issued_at,
            "exp": self.expires_at,
            "stamp": self.stamp,
            "jti": self.jti,
            **({"auth_time": self.auth_time} if self.auth_time != self.issued_at else {}),
            **({"gen": self.generation} if self.generation != 1 else {}),
            **({"backend": self.backend} if self.backend else {}),
            **({"cnf": {"jkt": self.thumbprint}} if self.thumbprint else {}),
            **self.extra,
        }

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """
        Return the claims in a verified *payload*.

        Raises:
            TokenInvalid: A claim is missing, or has a wrong type or range.
        """
        return cls(
            subject=_some_text(payload, "sub"),
            sid=_sid(payload),
            issued_at=_seconds(payload, "iat"),
            expires_at=_seconds(payload, "exp"),
            auth_time=_seconds(payload, "auth_time" if "auth_time" in payload else "iat"),
            stamp=_text(payload, "stamp"),
            jti=_some_text(payload, "jti"),
            backend=_text(payload, "backend") if "backend" in payload else "",
            generation=_whole(payload, "gen", 1, _MOST_GENERATIONS) if "gen" in payload else 1,
            thumbprint=_thumbprint(payload) if "cnf" in payload else "",
            extra={name: value for name, value in payload.items() if name not in RESERVED},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshClaims:
    """
    The claims of a refresh token.

    Attributes:
        sid: The auth session that it belongs to.
        generation: Its number among the refresh tokens of that auth session, from 1 (``gen``).
        jti: 256 random bits, a secret: who knows it and can sign, can refresh.
        issued_at, expires_at: In seconds (``iat``, ``exp``).
        rotates: Whether it is exchanged when it is used. Only the tokens of clients that do not store the
            successor have the claim, and it is false.
        copy: Distinguishes this token from others with the same ``jti``: each repeat is answered with a token
            that has another one. Empty, and no claim, in the answer of the rotation itself.
        subject: The user's primary key as text (``sub``), which only explains why a refresh was rejected; the
            record has the user. Empty in older tokens.
        thumbprint: Of the key that it is bound to, as in access tokens.
    """

    sid: str
    generation: int
    jti: str = field(repr=False)
    issued_at: int
    expires_at: int
    rotates: bool = True
    copy: str = ""
    subject: str = ""
    thumbprint: str = ""

    def payload(self) -> dict[str, Any]:
        """Return the claims by their names in a token, without ``iss``."""
        return {
            "sid": self.sid,
            "gen": self.generation,
            "jti": self.jti,
            "iat": self.issued_at,
            "exp": self.expires_at,
            **({} if self.rotates else {"rotates": False}),
            **({"copy": self.copy} if self.copy else {}),
            **({"sub": self.subject} if self.subject else {}),
            **({"cnf": {"jkt": self.thumbprint}} if self.thumbprint else {}),
        }

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """
        Return the claims in a verified *payload*; claims with other names are ignored.

        Raises:
            TokenInvalid: A claim is missing, or has a wrong type or range.
        """
        return cls(
            sid=_sid(payload),
            generation=_whole(payload, "gen", 1, _MOST_GENERATIONS),
            jti=_some_text(payload, "jti"),
            issued_at=_seconds(payload, "iat"),
            expires_at=_seconds(payload, "exp"),
            rotates=payload.get("rotates") is not False,
            copy=_text(payload, "copy") if "copy" in payload else "",
            subject=_text(payload, "sub") if "sub" in payload else "",
            thumbprint=_thumbprint(payload) if "cnf" in payload else "",
        )
