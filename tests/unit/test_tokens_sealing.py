"""Refresh token ids, and sealing one under another."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_authkit.tokens import new_jti, seal, unseal


def test_jtis_are_random() -> None:
    """Ten thousand ids have 43 base64url characters and no two are equal."""
    ids = [new_jti() for _ in range(10_000)]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", jti) for jti in ids)
    assert len(set(ids)) == len(ids)


def test_holder_of_the_predecessor_opens() -> None:
    """Bytes sealed under a jti are opened with it."""
    jti, predecessor = new_jti(), new_jti()
    assert unseal(seal(jti, under=predecessor), under=predecessor) == jti


def test_nobody_else_opens() -> None:
    """No other jti, not even its own, opens them."""
    jti, predecessor = new_jti(), new_jti()
    sealed = seal(jti, under=predecessor)
    near_miss = predecessor[:-1] + ("A" if predecessor[-1] != "A" else "B")
    assert [unseal(sealed, under=other) for other in (jti, new_jti(), near_miss, "")] == [None] * 4


def test_every_flipped_bit_is_detected() -> None:
    """If any bit is changed, nonce and tag included, they do not open."""
    predecessor = new_jti()
    sealed = seal(new_jti(), under=predecessor)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        assert unseal(bytes(changed), under=predecessor) is None


def test_every_truncation_is_detected() -> None:
    """A prefix does not open, and neither do empty bytes."""
    predecessor = new_jti()
    sealed = seal(new_jti(), under=predecessor)
    assert all(unseal(sealed[:length], under=predecessor) is None for length in range(len(sealed)))


@given(st.binary(max_size=200))
def test_junk_does_not_open(junk: bytes) -> None:
    """Bytes that nobody sealed do not open, and raise nothing."""
    assert unseal(junk, under="some-jti") is None


def test_sealing_hides_and_never_repeats() -> None:
    """Sealed bytes do not contain the jti, have 71 bytes, and differ each time."""
    jti = new_jti()
    sealed = [seal(jti, under="some-jti") for _ in range(50)]
    assert len(set(sealed)) == 50
    assert {len(each) for each in sealed} == {71}
    assert not any(jti.encode() in each for each in sealed)


@pytest.mark.parametrize("under", ["a", "b" * 1000])
def test_sealing_key_is_as_long_as_it_must_be(under: str) -> None:
    """A predecessor of any length can seal: the key is derived from it."""
    assert unseal(seal("jti", under=under), under=under) == "jti"
