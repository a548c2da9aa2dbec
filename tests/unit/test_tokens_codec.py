"""Tokens written and read back: round trips, reference values, time, and the key rings."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from django_authkit.conf.schema import AuthKitSettings
from django_authkit.errors import TokenExpired, TokenInvalid
from django_authkit.session_keys import ALPHABET
from django_authkit.tokens import (
    AccessClaims,
    Codec,
    Key,
    KeyRing,
    RefreshClaims,
    password_stamp,
    ring_from_secrets,
)
from django_authkit.tokens.claims import RESERVED
from django_authkit.tokens.codec import ACCESS_LIMIT, REFRESH_LIMIT
from django_authkit.types import Mode
from support.forged_tokens import (
    ACCESS,
    ACCESS_RING,
    AUDIENCE,
    CODEC,
    EXPIRES,
    ISSUED,
    ISSUER,
    LEEWAY,
    OLD_SECRET,
    REFRESH,
    REFRESH_RING,
    SECRET,
    SID,
)
from support.signing_keys import key

REFERENCE_ACCESS = (
    "eyJhbGciOiJIUzI1NiIsImtpZCI6InhjSlNnQiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3J"
    "nIiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5vcmciLCJzdWIiOiI3Iiwic2lkIjoiQWJDZEVmR2hJaktsTW4tXyIsImlhdCI"
    "6MTcwMDAwMDAwMCwiZXhwIjo0MDAwMDAwMDAwLCJzdGFtcCI6ImFiY2RlZmdoIiwianRpIjoiMDEyMzQ1Njc4OWFiY2RlZmdoaWp"
    "rbCIsImF1dGhfdGltZSI6MTY5OTk5OTk0MH0.btlpwslq9Bk8b0myHjxtLZqwO5sCfW_9yqvoogGIQFk"
)
REFERENCE_REFRESH = (
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjFCODJuUyIsInR5cCI6InJ0K2p3dCJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3J"
    "nIiwic2lkIjoiQWJDZEVmR2hJaktsTW4tXyIsImdlbiI6MywianRpIjoiMDEyMzQ1Njc4OS1hYmNkZWZnaGlqa2xtbm9wcXJzdHV"
    "2d3h5el9BQkNERSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjo0MDAwMDAwMDAwfQ.JHd5BGEfEMs0DADngLA1u8PKyT8ke2GUjzmR"
    "hdRu34E"
)
"""Made with printf, openssl and base64, under keys that were derived with HKDF by hand."""

sids = st.text(ALPHABET, min_size=16, max_size=16)
past = st.integers(0, ISSUED)
future = st.integers(EXPIRES, 253_402_300_799)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
extras = st.dictionaries(
    st.text(max_size=10).filter(lambda name: name not in RESERVED), json_values, max_size=4
)


def written_by_hand(payload: dict[str, Any], key: Key, typ: str) -> str:
    """Return the token of RFC 7515, section 3.1, without a JOSE library."""
    assert isinstance(key.verifying, bytes)
    header = {"alg": "HS256", "kid": key.kid, "typ": typ}
    parts = [
        urlsafe_b64encode(json.dumps(part, separators=(",", ":")).encode()).rstrip(b"=")
        for part in (header, payload)
    ]
    signature = hmac.digest(key.verifying, b".".join(parts), "sha256")
    return b".".join([*parts, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def payload_of(token: str) -> dict[str, Any]:
    """Return the middle part of *token*, unverified."""
    part = token.split(".")[1]
    payload: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return payload


def codec(**changes: Any) -> Codec:
    """Return the codec of the tests, with *changes*."""
    arguments: dict[str, Any] = {
        "access_ring": ACCESS_RING,
        "refresh_ring": REFRESH_RING,
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "leeway": LEEWAY,
    }
    return Codec(**{**arguments, **changes})


@given(
    st.builds(
        AccessClaims,
        subject=st.text(min_size=1, max_size=40),
        sid=sids,
        issued_at=past,
        expires_at=future,
        auth_time=past,
        stamp=st.text(ALPHABET, max_size=8),
        jti=st.text(ALPHABET, min_size=1, max_size=43),
        generation=st.integers(1, 2**53 - 1),
        extra=extras,
    )
)
def test_access_claims_come_back(claims: AccessClaims) -> None:
    """All claims of an access token are read back, extra claims included."""
    assert CODEC.read_access(CODEC.issue_access(claims)) == claims


@given(
    st.builds(
        RefreshClaims,
        sid=sids,
        generation=st.integers(1, 2**53 - 1),
        jti=st.text(ALPHABET, min_size=43, max_size=43),
        issued_at=past,
        expires_at=future,
        rotates=st.booleans(),
        subject=st.text(max_size=40),
    )
)
def test_refresh_claims_come_back_and_tokens_repeat(claims: RefreshClaims) -> None:
    """All claims of a refresh token are read back, and equal claims give the same token again."""
    token = CODEC.issue_refresh(claims)
    assert CODEC.read_refresh(token) == claims
    assert codec().issue_refresh(replace(claims)) == token


def test_access_token_is_the_one_made_by_hand() -> None:
    """An access token is, byte for byte, as in RFC 7515 and RFC 9068."""
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "7",
        "sid": SID,
        "iat": ISSUED,
        "exp": EXPIRES,
        "stamp": ACCESS.stamp,
        "jti": ACCESS.jti,
        "auth_time": ISSUED - 60,
    }
    token = CODEC.issue_access(ACCESS)
    assert token == written_by_hand(payload, ACCESS_RING.signing, "at+jwt") == REFERENCE_ACCESS


def test_refresh_token_is_the_one_made_by_hand() -> None:
    """A refresh token is, byte for byte, as in RFC 7515."""
    payload = {"iss": ISSUER, "sid": SID, "gen": 3, "jti": REFRESH.jti, "iat": ISSUED, "exp": EXPIRES}
    token = CODEC.issue_refresh(REFRESH)
    assert token == written_by_hand(payload, REFRESH_RING.signing, "rt+jwt") == REFERENCE_REFRESH


def test_tokens_of_an_earlier_release_are_read() -> None:
    """The reference tokens stay readable: a changed form would log users out."""
    assert CODEC.read_access(REFERENCE_ACCESS) == ACCESS
    assert CODEC.read_refresh(REFERENCE_REFRESH) == REFRESH


def test_access_token_has_only_necessary_claims() -> None:
    """Without a project's own claims an access token has only the necessary ones, and none twice."""
    at_login = replace(ACCESS, auth_time=ACCESS.issued_at)
    assert set(payload_of(CODEC.issue_access(at_login))) == {
        "iss", "aud", "sub", "sid", "iat", "exp", "stamp", "jti",
    }  # fmt: skip
    later = payload_of(CODEC.issue_access(replace(ACCESS, generation=2)))
    assert (later["auth_time"], later["gen"]) == (ACCESS.auth_time, 2)


@pytest.mark.parametrize(("algorithm", "most"), [("HS256", 330), ("ES256", 423), ("EdDSA", 423)])
def test_the_header_line_is_short(algorithm: str, most: int) -> None:
    """The header line of a login's access token, by each algorithm, for a user id of up to five digits."""
    chosen = AuthKitSettings(mode=Mode.JWT)
    issuing = codec(access_ring=KeyRing([key(algorithm)]), issuer=chosen.issuer, audience=chosen.audience)
    claims = AccessClaims(
        subject="12345",
        sid=SID,
        issued_at=ISSUED,
        expires_at=EXPIRES,
        auth_time=ISSUED,
        stamp=password_stamp("a" * 64),
        jti=token_urlsafe(16),
    )
    assert len(f"Authorization: Bearer {issuing.issue_access(claims)}") <= most
    refreshed = replace(claims, auth_time=ISSUED - 60, generation=2)
    assert len(f"Authorization: Bearer {issuing.issue_access(refreshed)}") <= most + 42


def test_extra_claims_cannot_replace_ours() -> None:
    """A project's claim with the name of one of ours is refused when the token is issued."""
    with pytest.raises(ValueError, match="sub"):
        CODEC.issue_access(replace(ACCESS, extra={"sub": "8"}))


def test_no_token_is_issued_that_would_not_be_read() -> None:
    """A token beyond the limit of its kind is an error when it is issued, not when it is presented."""
    with pytest.raises(ValueError, match=str(ACCESS_LIMIT)):
        CODEC.issue_access(replace(ACCESS, extra={"roles": "x" * ACCESS_LIMIT}))
    with pytest.raises(ValueError, match=str(REFRESH_LIMIT)):
        codec(issuer="https://" + "x" * REFRESH_LIMIT).issue_refresh(REFRESH)


def test_longest_access_token_is_read() -> None:
    """The longest token that can be issued is read; it is as close to the limit as base64 allows."""
    room = max(n for n in range(5000, 6200) if fits({"x": "y" * n}))
    claims = replace(ACCESS, extra={"x": "y" * room})
    assert ACCESS_LIMIT - 1 <= len(CODEC.issue_access(claims)) <= ACCESS_LIMIT
    assert CODEC.read_access(CODEC.issue_access(claims)) == claims


def fits(extra: dict[str, Any]) -> bool:
    """Tell whether an access token with *extra* can be issued."""
    try:
        CODEC.issue_access(replace(ACCESS, extra=extra))
    except ValueError:
        return False
    return True


def at(seconds: float) -> time_machine.travel:
    """Stop the clock at *seconds* since the epoch."""
    return time_machine.travel(datetime.fromtimestamp(seconds, tz=UTC), tick=False)


@pytest.mark.parametrize("leeway", [0, LEEWAY])
def test_tokens_live_until_exp_and_leeway(leeway: int) -> None:
    """A token is valid while now < exp + leeway, by RFC 7519's "on or after", and expired from then on."""
    ours = codec(leeway=leeway)
    access, refresh = ours.issue_access(ACCESS), ours.issue_refresh(REFRESH)
    with at(EXPIRES + leeway - 0.5):
        assert (ours.read_access(access), ours.read_refresh(refresh)) == (ACCESS, REFRESH)
    with at(EXPIRES + leeway), pytest.raises(TokenExpired):
        ours.read_access(access)
    with at(EXPIRES + leeway), pytest.raises(TokenExpired):
        ours.read_refresh(refresh)


@pytest.mark.parametrize("leeway", [0, LEEWAY])
def test_tokens_from_the_future_are_refused(leeway: int) -> None:
    """A token issued more than the leeway ahead of this clock is invalid."""
    ours = codec(leeway=leeway)
    access, refresh = ours.issue_access(ACCESS), ours.issue_refresh(REFRESH)
    with at(ISSUED - leeway):
        assert (ours.read_access(access), ours.read_refresh(refresh)) == (ACCESS, REFRESH)
    with at(ISSUED - leeway - 0.5), pytest.raises(TokenInvalid):
        ours.read_access(access)
    with at(ISSUED - leeway - 0.5), pytest.raises(TokenInvalid):
        ours.read_refresh(refresh)


def test_expired_tokens_are_read_on_request() -> None:
    """Logout can still read the sid of an expired token."""
    access, refresh = CODEC.issue_access(ACCESS), CODEC.issue_refresh(REFRESH)
    with at(EXPIRES + 10_000_000):
        assert CODEC.read_access(access, allow_expired=True) == ACCESS
        assert CODEC.read_refresh(refresh, allow_expired=True) == REFRESH


def test_tokens_are_valid_as_long_as_their_key_verifies() -> None:
    """Tokens of the old secret are read while it is a fallback, and refused once it is removed."""
    old = codec(
        access_ring=ring_from_secrets([OLD_SECRET], "access"),
        refresh_ring=ring_from_secrets([OLD_SECRET], "refresh"),
    )
    new = codec(
        access_ring=ring_from_secrets([SECRET], "access"), refresh_ring=ring_from_secrets([SECRET], "refresh")
    )
    access, refresh = old.issue_access(ACCESS), old.issue_refresh(REFRESH)
    assert (CODEC.read_access(access), CODEC.read_refresh(refresh)) == (ACCESS, REFRESH)
    with pytest.raises(TokenInvalid):
        new.read_access(access)
    with pytest.raises(TokenInvalid):
        new.read_refresh(refresh)


def test_retired_key_still_verifies() -> None:
    """A key without its signing half reads what it once signed."""
    retired = replace(ring_from_secrets([OLD_SECRET], "access").signing, signing=None)
    token = codec(access_ring=ring_from_secrets([OLD_SECRET], "access")).issue_access(ACCESS)
    assert codec(access_ring=KeyRing([ACCESS_RING.signing, retired])).read_access(token) == ACCESS


def test_first_key_must_sign() -> None:
    """A ring whose first key only verifies is refused at once."""
    with pytest.raises(ValueError, match="sign"):
        codec(access_ring=KeyRing([replace(ACCESS_RING.signing, signing=None)]))


def test_kinds_cannot_share_a_key() -> None:
    """One ring for both kinds is refused, as is one key in both rings."""
    with pytest.raises(ValueError, match="share"):
        codec(refresh_ring=ACCESS_RING)
    with pytest.raises(ValueError, match="share"):
        codec(refresh_ring=KeyRing([REFRESH_RING.signing, replace(ACCESS_RING.keys[1], kid="another")]))


@pytest.mark.parametrize("changes", [{"issuer": ""}, {"audience": ""}])
def test_issuer_and_audience_are_needed(changes: dict[str, str]) -> None:
    """A codec without a name to check is refused."""
    with pytest.raises(ValueError, match="issuer and an audience"):
        codec(**changes)
