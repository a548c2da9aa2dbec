"""Retired keys can still tell that a token has expired."""

import pytest

from django_authkit.errors import TokenExpired, TokenInvalid
from django_authkit.tokens import Codec, ring_from_secrets
from support.forged_tokens import (
    ACCESS,
    ACCESS_RING,
    AUDIENCE,
    CODEC,
    ISSUER,
    LEEWAY,
    REFRESH_RING,
    access_payload,
)
from support.forged_tokens import forge_access as forged


def codec_after_a_change(*, retired: bool) -> Codec:
    """Return a codec whose access tokens have other keys than ``CODEC``'s."""
    return Codec(
        access_ring=ring_from_secrets(["another secret, long enough for everybody's tokens"], "access"),
        refresh_ring=REFRESH_RING,
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=LEEWAY,
        cache_size=8,
        retired_ring=ACCESS_RING if retired else None,
    )


def test_what_a_retired_key_signed_is_expired() -> None:
    """It authenticates nothing, and the client has to refresh; a second try gives the same."""
    codec = codec_after_a_change(retired=True)
    for _ in range(2):
        with pytest.raises(TokenExpired):
            codec.read_access(CODEC.issue_access(ACCESS))


def test_logout_accepts_what_a_retired_key_signed() -> None:
    """The same as with an expired token."""
    codec = codec_after_a_change(retired=True)
    assert codec.read_access(CODEC.issue_access(ACCESS), allow_expired=True) == ACCESS


def test_nothing_else_is_excused() -> None:
    """A retired key's token with any other fault, and one of an unknown key, are invalid."""
    token = CODEC.issue_access(ACCESS)
    for codec, presented in (
        (codec_after_a_change(retired=False), token),
        (codec_after_a_change(retired=True), token[:-2] + "AA"),
        (codec_after_a_change(retired=True), forged(access_payload(aud="https://other.example"))),
    ):
        with pytest.raises(TokenInvalid):
            codec.read_access(presented)
