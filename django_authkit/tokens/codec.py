"""
Encoding and signing tokens, verifying and decoding them.

PyJWT makes and checks every signature; beside this module only ``possession`` imports it. A token does not
decide how it is verified. The few header segments that a key ring can produce are known in advance, and each
belongs to one key and its algorithm; a token with any other header is rejected. So ``alg``, ``typ`` and
``kid`` are compared as a whole, and ``crit``, ``jku``, ``jwk`` or ``x5u`` cannot occur.

The order of the checks: type and length; three parts of base64url characters (RFC 8725, and section 3.14 of
its successor draft); header; signature; ``exp``, ``iat``, ``iss``, ``aud`` and required claims; types.
"""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import jwt

from django_authkit.errors import TokenExpired, TokenInvalid, TokenMalformed
from django_authkit.tokens.claims import ACCESS_REQUIRED, REFRESH_REQUIRED, AccessClaims, RefreshClaims
from django_authkit.tokens.keys.ring import Key, KeyRing
from django_authkit.tokens.verified_cache import VerifiedTokens

ACCESS_LIMIT = 8 * 1024
"""Most characters of an access token. Servers rarely accept longer header lines."""
REFRESH_LIMIT = 1024
"""Most characters of a refresh token, in which a project chooses only the issuer."""

Claims = TypeVar("Claims")

_FORM = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def _header(key: Key, typ: str) -> dict[str, str]:
    return {"alg": key.algorithm, "kid": key.kid, "typ": typ}


def _segment(header: Mapping[str, str]) -> str:
    """Return *header* as PyJWT encodes it; the bytes matter, since they are signed."""
    text = json.dumps(header, separators=(",", ":"), sort_keys=True)
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


class _Kind(Generic[Claims]):
    """One kind of token: its type, its keys, and its required claims."""

    def __init__(
        self,
        typ: str,
        ring: KeyRing,
        claims: Callable[[Mapping[str, Any]], Claims],
        *,
        required: Sequence[str],
        fixed: Mapping[str, str],
        limit: int,
        leeway: int,
    ) -> None:
        if ring.signing.signing is None:
            message = "The first key of a ring must be able to sign."
            raise ValueError(message)
        self._signing = ring.signing.signing
        self._algorithm = ring.signing.algorithm
        self._header = _header(ring.signing, typ)
        # Only this service issues the tokens that it reads. So the other spellings of a type that RFC 8725bis
        # (RFC 8725bis, section 3.11), "application/at+jwt" or "AT+JWT", never reach us and are refused.
        self._keys = {_segment(_header(key, typ)): key for key in ring.keys}
        self._claims = claims
        self._fixed = fixed
        self._limit = limit
        self._leeway = leeway
        self._jwt = jwt.PyJWT(
            {"require": list(required), "strict_aud": True, "enforce_minimum_key_length": True}
        )

    def has_header(self, token: str) -> bool:
        return token.partition(".")[0] in self._keys

    def issue(self, payload: Mapping[str, Any]) -> str:
        whole = {**self._fixed, **payload}
        token = self._jwt.encode(whole, self._signing, self._algorithm, headers=self._header)
        if len(token) > self._limit:
            message = f"A token of {len(token)} characters passes the limit of {self._limit}."
            raise ValueError(message)
        return token

    def read(self, token: object, *, allow_expired: bool) -> Claims:
        if not isinstance(token, str) or len(token) > self._limit:
            raise TokenMalformed
        form = _FORM.fullmatch(token)
        if form is None:
            raise TokenMalformed
        key = self._keys.get(form[1])
        if key is None:
            raise TokenInvalid
        try:
            return self._decode(token, key, verify_exp=not allow_expired)
        except TokenExpired:
            # PyJWT looks at exp before iss and aud. "Expired" is what a client acts on, and is only said
            # of a token that has nothing else wrong with it.
            self._decode(token, key, verify_exp=False)
            raise

    def _decode(self, token: str, key: Key, *, verify_exp: bool) -> Claims:
        try:
            payload = self._jwt.decode(
                token,
                key.verifying,
                [key.algorithm],
                {"verify_exp": verify_exp},
                audience=self._fixed.get("aud"),
                issuer=self._fixed["iss"],
                leeway=self._leeway,
            )
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except jwt.PyJWTError:
            raise TokenInvalid from None
        return self._claims(payload)


class Codec:
    """
    Writes and reads access and refresh tokens.

    A token of one kind is never accepted as the other: they differ in keys, in ``typ``, and in their required
    claims (RFC 8725, section 3.12).

    Args:
        access_ring, refresh_ring: Their keys. The two have no key in common, and refresh tokens are
            always made with a secret that only this service holds.
        issuer: ``iss`` of both kinds, compared exactly.
        audience: ``aud`` of access tokens, compared exactly.
        leeway: How many seconds the clocks of two workers may differ.
        cache_size: How many verified access tokens are remembered; 0 for none.
        retired_ring: Keys of access tokens that were valid until recently. Tokens that they signed are
            "expired" and not invalid, so that a client refreshes and nobody has to log in again.

    Raises:
        ValueError: A key is in both rings, a refresh key is no secret, or issuer or audience is empty.
    """

    def __init__(
        self,
        *,
        access_ring: KeyRing,
        refresh_ring: KeyRing,
        issuer: str,
        audience: str,
        leeway: int,
        cache_size: int = 0,
        retired_ring: KeyRing | None = None,
    ) -> None:
        if any(key.verifying == other.verifying for key in access_ring.keys for other in refresh_ring.keys):
            message = "Access tokens and refresh tokens cannot share a key."
            raise ValueError(message)
        if not all(key.is_secret for key in refresh_ring.keys):
            message = "Refresh tokens are made with secrets only: nobody else has to verify them."
            raise ValueError(message)
        if not issuer or not audience:
            message = "Tokens need an issuer and an audience."
            raise ValueError(message)
        self._verified = VerifiedTokens(cache_size, leeway)

        def access(ring: KeyRing) -> _Kind[AccessClaims]:
            return _Kind(
                "at+jwt",
                ring,
                AccessClaims.from_payload,
                required=ACCESS_REQUIRED,
                fixed={"iss": issuer, "aud": audience},
                limit=ACCESS_LIMIT,
                leeway=leeway,
            )

        self._access = access(access_ring)
        self._retired = access(retired_ring) if retired_ring is not None else None
        self._refresh = _Kind(
            "rt+jwt",
            refresh_ring,
            RefreshClaims.from_payload,
            required=REFRESH_REQUIRED,
            fixed={"iss": issuer},
            limit=REFRESH_LIMIT,
            leeway=leeway,
        )

    def issue_access(self, claims: AccessClaims) -> str:
        """
        Return the access token with these claims.

        Raises:
            ValueError: An extra claim has a reserved name, or the token passes ``ACCESS_LIMIT``.
            TypeError: An extra claim is not a JSON value.
        """
        return self._access.issue(claims.payload())

    def issue_refresh(self, claims: RefreshClaims) -> str:
        """
        Return the refresh token with these claims: the same string for equal claims and keys.

        Raises:
            ValueError: The token passes ``REFRESH_LIMIT``.
        """
        return self._refresh.issue(claims.payload())

    def has_access_header(self, token: str) -> bool:
        """Tell whether *token* begins like an access token of this service; nothing is verified."""
        return self._access.has_header(token)

    def read_access(self, token: object, *, allow_expired: bool = False) -> AccessClaims:
        """
        Return the claims of an access token of ours.

        Args:
            token: As presented; anything that is no ``str`` is malformed.
            allow_expired: Accept an expired one. Everything else is checked.

        Raises:
            TokenMalformed: It does not have the form of a token.
            TokenInvalid: It is not an access token that this service issued for this audience.
            TokenExpired: It is, and is valid except that it has expired.

        Source:
            RFC 9068, section 4; RFC 8725, sections 3.1 to 3.12; OWASP ASVS 5.0, V9.
        """
        claims = self._verified.get(token)
        if claims is None:
            claims = self._verify(token, allow_expired=allow_expired)
            if not allow_expired:
                self._verified.put(token, claims)
        return claims

    def _verify(self, token: object, *, allow_expired: bool) -> AccessClaims:
        try:
            return self._access.read(token, allow_expired=allow_expired)
        except TokenInvalid:
            if self._retired is None:
                raise
        claims = self._retired.read(token, allow_expired=True)
        if not allow_expired:
            raise TokenExpired
        return claims

    def read_refresh(self, token: object, *, allow_expired: bool = False) -> RefreshClaims:
        """
        Return the claims of a refresh token of ours. Arguments and errors are those of ``read_access``.

        Whether the token is still the current one, only the store knows.
        """
        return self._refresh.read(token, allow_expired=allow_expired)
