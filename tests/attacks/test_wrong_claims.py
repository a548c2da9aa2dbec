"""
Well-signed tokens with claims that ours never have (RFC 7519, section 4).

Nobody without the keys can make them. They stand for a careless or an older issuer, and for the day on
which a key is lost: even then a token is refused or read, and nothing breaks further in.
"""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from django_authkit.errors import TokenExpired, TokenInvalid, TokenMalformed
from django_authkit.tokens.claims import ACCESS_REQUIRED, REFRESH_REQUIRED
from support.forged_tokens import (
    ACCESS_RING,
    CODEC,
    REFRESH_RING,
    access_payload,
    forge_access,
    forge_raw,
    forge_refresh,
    refresh_payload,
    without,
)

NO_TEXT: list[object] = [None, True, False, 0, 7, 1.5, [], ["a"], {}, {"a": 1}]
NO_INSTANT: list[object] = [
    None, True, False, -1, 1.0, 1.5, 4e9, "4000000000", "", [], {}, 10**12, 2**63, 10**400, -(10**400),
    float("nan"), float("inf"), float("-inf"),
]  # fmt: skip
NO_GENERATION: list[object] = [
    None, True, False, 0, -1, 1.0, 1.5, "3", [], {}, 2**53, 10**400, float("nan"),
]  # fmt: skip
NO_SID: list[object] = [
    *NO_TEXT,
    "",
    "short",
    "AbCdEfGhIjKlMn-_x",
    "AbCdEfGhIjKlMn-=",
    "AbCdEfGhIjKlMn-\n",
    "AbCdEfGhIjKlM\u00e9-_",
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


def assert_access_invalid(payload: dict[str, Any]) -> None:
    """Check that a well-signed access token with *payload* is invalid."""
    with pytest.raises(TokenInvalid):
        CODEC.read_access(forge_access(payload))


def assert_refresh_invalid(payload: dict[str, Any]) -> None:
    """Check that a well-signed refresh token with *payload* is invalid."""
    with pytest.raises(TokenInvalid):
        CODEC.read_refresh(forge_refresh(payload))


@pytest.mark.parametrize("name", ACCESS_REQUIRED)
def test_access_tokens_need_every_claim(name: str) -> None:
    """An access token with a claim missing or null is refused, even if it has expired."""
    assert_access_invalid(without(access_payload(), name))
    assert_access_invalid(access_payload(**{name: None}))
    with pytest.raises(TokenInvalid):
        CODEC.read_access(forge_access(without(access_payload(), name)), allow_expired=True)


@pytest.mark.parametrize("name", REFRESH_REQUIRED)
def test_refresh_tokens_need_every_claim(name: str) -> None:
    """A refresh token with a claim missing or null is refused, even if it has expired."""
    assert_refresh_invalid(without(refresh_payload(), name))
    assert_refresh_invalid(refresh_payload(**{name: None}))
    with pytest.raises(TokenInvalid):
        CODEC.read_refresh(forge_refresh(without(refresh_payload(), name)), allow_expired=True)


@pytest.mark.parametrize("value", NO_TEXT, ids=repr)
@pytest.mark.parametrize("name", ["sub", "jti", "stamp"])
def test_texts_are_texts(name: str, value: object) -> None:
    """sub, jti and stamp are strings."""
    assert_access_invalid(access_payload(**{name: value}))
    if name == "jti":
        assert_refresh_invalid(refresh_payload(jti=value))


def test_texts_that_name_something_are_not_empty() -> None:
    """A subject and a jti are never empty; the stamp may be."""
    assert_access_invalid(access_payload(sub=""))
    assert_access_invalid(access_payload(jti=""))
    assert_refresh_invalid(refresh_payload(jti=""))
    assert CODEC.read_access(forge_access(access_payload(stamp=""))).stamp == ""


@pytest.mark.parametrize("value", NO_INSTANT, ids=lambda value: repr(value)[:40])
@pytest.mark.parametrize("name", ["iat", "exp", "auth_time"])
def test_instants_are_whole_seconds(name: str, value: object) -> None:
    """Instants are integers from 1970 to 9999: no bool, float, NaN, text or number of 400 digits."""
    assert_access_invalid(access_payload(**{name: value}))
    if name != "auth_time":
        assert_refresh_invalid(refresh_payload(**{name: value}))


@pytest.mark.parametrize("value", NO_GENERATION, ids=lambda value: repr(value)[:12])
def test_generations_are_counted_from_one(value: object) -> None:
    """Generations are integers from 1 that a double represents exactly."""
    assert_refresh_invalid(refresh_payload(gen=value))


@pytest.mark.parametrize("value", NO_SID, ids=repr)
def test_sids_have_their_form(value: object) -> None:
    """A sid is 16 base64url characters, in both kinds."""
    assert_access_invalid(access_payload(sid=value))
    assert_refresh_invalid(refresh_payload(sid=value))


def test_not_before_counts() -> None:
    """Our tokens have no nbf, but if there is one, it is respected (ASVS 9.2.1)."""
    assert_access_invalid(access_payload(nbf=4_000_000_000))
    assert_refresh_invalid(refresh_payload(nbf=4_000_000_000))
    assert "nbf" not in CODEC.read_access(forge_access(access_payload(nbf=1))).extra


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"null", b"true", b"7", b'"text"', b"[]", b"{", b'{"a":}', b"{}{}", b"\xff\xfe\xfd", b"\x00",
        b"NaN", b"9" * 700, b"[" * 700, b'{"a":' * 140, b"\xef\xbb\xbf{}", b"{}",
    ],
    ids=lambda payload: repr(payload[:8]),
)  # fmt: skip
def test_payloads_that_are_no_claims_are_refused(payload: bytes) -> None:
    """A payload that is not JSON, not an object, or empty is refused, even if it is well signed."""
    with pytest.raises((TokenInvalid, TokenMalformed)):
        CODEC.read_access(forge_raw(payload, ACCESS_RING.signing, "at+jwt"))
    with pytest.raises((TokenInvalid, TokenMalformed)):
        CODEC.read_refresh(forge_raw(payload, REFRESH_RING.signing, "rt+jwt"))


@pytest.mark.parametrize("opening", [b"[", b'{"a":'], ids=["lists", "objects"])
@pytest.mark.parametrize("size", [900, 1100, 5900])
def test_deep_payloads_are_refused(opening: bytes, size: int) -> None:
    """Nesting as deep as an access token has room for causes no recursion error."""
    depth = size // (len(opening) + 1)
    closing = {b"[": b"]", b'{"a":': b"}"}[opening]
    for payload in (opening * depth, opening * depth + b"1" + closing * depth):
        with pytest.raises(TokenInvalid):
            CODEC.read_access(forge_raw(payload, ACCESS_RING.signing, "at+jwt"))


def test_numbers_too_long_for_python_are_refused() -> None:
    """An exp of five thousand digits, which Python refuses to convert, is an invalid token."""
    payload = b'{"exp":' + b"9" * 5000 + b"}"
    with pytest.raises(TokenInvalid):
        CODEC.read_access(forge_raw(payload, ACCESS_RING.signing, "at+jwt"))


def test_doubled_claims_are_read_once() -> None:
    """If a claim appears twice, the last one counts (RFC 7519, section 4), in all checks."""
    text = '{"iss":"https://id.example.org","sid":"AbCdEfGhIjKlMn-_","jti":"j","iat":1,"exp":4000000000,%s}'
    good = forge_raw((text % '"gen":0,"gen":2').encode(), REFRESH_RING.signing, "rt+jwt")
    bad = forge_raw((text % '"gen":2,"gen":0').encode(), REFRESH_RING.signing, "rt+jwt")
    assert CODEC.read_refresh(good).generation == 2
    with pytest.raises(TokenInvalid):
        CODEC.read_refresh(bad)


@given(st.dictionaries(st.sampled_from(ACCESS_REQUIRED), json_values))
@example({"exp": 1, "aud": "https://other.example.org"})
@example({"sub": "\ud800"})
def test_any_claims_are_read_or_refused(changes: dict[str, Any]) -> None:
    """A well-signed token with any value for our claims is accepted or refused with our errors."""
    try:
        claims = CODEC.read_access(forge_access(access_payload(**changes)))
    except (TokenInvalid, TokenMalformed, TokenExpired):
        return
    assert {**claims.payload(), **changes} == claims.payload() | {
        name: changes[name] for name in ("iss", "aud") if name in changes
    }


@given(json_values)
def test_any_payload_is_refused(payload: Any) -> None:
    """Any JSON, well signed, is refused with our errors when our claims are not in it."""
    with pytest.raises((TokenInvalid, TokenMalformed)):
        CODEC.read_refresh(forge_raw(json.dumps(payload).encode(), REFRESH_RING.signing, "rt+jwt"))
