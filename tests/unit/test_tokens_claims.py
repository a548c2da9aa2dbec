"""Claims: payloads and back, the password stamp, and what a repr shows."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_authkit.tokens import AccessClaims, password_stamp
from django_authkit.tokens.claims import RESERVED
from support.forged_tokens import ACCESS, REFRESH, access_payload


def test_no_hash_has_no_stamp() -> None:
    """An auth session without a session auth hash has the empty stamp."""
    assert password_stamp("") == ""


def test_stamp_is_the_labeled_digest() -> None:
    """The stamp begins the SHA-256 that openssl makes of label, NUL and hash."""
    assert password_stamp("5f4dcc3b5aa765d61d8327deb882cf99") == "pr9OVRk-"


@given(st.text(min_size=1), st.text(min_size=1))
def test_stamps_distinguish_hashes(one: str, other: str) -> None:
    """Equal hashes have equal stamps of 8 base64url characters, different hashes different ones."""
    assert re.fullmatch(r"[A-Za-z0-9_-]{8}", password_stamp(one))
    assert (password_stamp(one) == password_stamp(other)) == (one == other)


def test_stamp_does_not_contain_the_hash() -> None:
    """The stamp contains no part of the hash."""
    auth_hash = "0123456789abcdef" * 4
    assert not any(auth_hash[i : i + 6] in password_stamp(auth_hash) for i in range(58))


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_extra_claims_cannot_take_our_names(name: str) -> None:
    """A project's claim with the name of one of ours is an error that names it."""
    claims = AccessClaims(
        subject="7",
        sid=ACCESS.sid,
        issued_at=1,
        expires_at=2,
        auth_time=1,
        stamp="",
        jti="j",
        extra={name: 1},
    )
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        claims.payload()


def test_extra_claims_are_what_is_not_ours() -> None:
    """Reading separates a project's claims from ours, and accepts none with a reserved name."""
    claims = AccessClaims.from_payload(access_payload(org="acme", nbf=1, gen=2))
    assert claims.extra == {"org": "acme"}


def test_refresh_claims_do_not_show_their_jti() -> None:
    """The repr of refresh claims can be logged: it does not have the jti."""
    assert REFRESH.jti not in repr(REFRESH)
    assert REFRESH.sid in repr(REFRESH)
