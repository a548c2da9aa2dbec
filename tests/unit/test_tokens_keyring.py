"""Keys, rings, and how keys follow from secrets."""

import hmac
import re
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_authkit.tokens import Key, KeyRing, derive_key, ring_from_secrets


def make_key(kid: str) -> Key:
    """Return a key that signs, with this *kid*."""
    return Key(kid=kid, algorithm="HS256", verifying=b"k" * 32, signing=b"k" * 32)


def hkdf_by_hand(secret: bytes, info: bytes) -> bytes:
    """Return the first 32 bytes of HKDF-SHA256 without salt, as in RFC 5869, section 2."""
    extracted = hmac.digest(b"\x00" * 32, secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def test_derived_key_is_the_one_of_rfc_5869() -> None:
    """Test case 3 of RFC 5869, appendix A: no salt, no info; the first 32 of its 42 bytes."""
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert derive_key("\x0b" * 22, "").hex() == expected


@given(st.text(min_size=1), st.text())
def test_derived_key_is_hkdf(secret: str, label: str) -> None:
    """Any secret and label give the same key as HKDF by hand."""
    assert derive_key(secret, label) == hkdf_by_hand(secret.encode(), label.encode())


def test_ring_follows_from_its_secrets() -> None:
    """Keys and kids are labeled HKDF outputs of the secrets, in their order."""
    ring = ring_from_secrets(["new", "old"], "access")
    expected = [
        (
            urlsafe_b64encode(hkdf_by_hand(secret, b"django-authkit/access/kid"))[:6].decode(),
            hkdf_by_hand(secret, b"django-authkit/access/key"),
        )
        for secret in (b"new", b"old")
    ]
    assert [(key.kid, key.verifying) for key in ring.keys] == expected
    assert [key.signing for key in ring.keys] == [key.verifying for key in ring.keys]
    assert {key.algorithm for key in ring.keys} == {"HS256"}


def test_first_secret_signs_and_all_are_found() -> None:
    """The first key signs; each is found by its kid of 6 base64url characters; others are not."""
    ring = ring_from_secrets(["new", "old"], "access")
    assert ring.signing is ring.keys[0]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{6}", key.kid) for key in ring.keys)
    assert all(ring.find(key.kid) is key for key in ring.keys)
    assert ring.find("012345") is None


def test_purposes_share_nothing() -> None:
    """One secret gives each purpose a key and a kid of its own."""
    access = ring_from_secrets(["secret"], "access").signing
    refresh = ring_from_secrets(["secret"], "refresh").signing
    assert access.kid != refresh.kid
    assert access.verifying != refresh.verifying


def test_secret_listed_twice_counts_once() -> None:
    """If the current secret is also a fallback, nothing changes."""
    assert ring_from_secrets(["a", "b", "a"], "access").keys == ring_from_secrets(["a", "b"], "access").keys


@pytest.mark.parametrize("secrets", [[], [""], ["good", ""]])
def test_no_ring_without_secrets(secrets: list[str]) -> None:
    """No secret, or an empty one among others, is refused, since everybody would know its key."""
    with pytest.raises(ValueError, match=r"empty|at least one"):
        ring_from_secrets(secrets, "access")


def test_two_keys_with_one_kid_are_refused() -> None:
    """A kid names one key of a ring."""
    with pytest.raises(ValueError, match="same kid"):
        KeyRing([make_key("a"), make_key("b"), make_key("a")])


@pytest.mark.parametrize("algorithm", ["none", "None", "hs256", "HS1", ""])
def test_unknown_algorithms_are_refused(algorithm: str) -> None:
    """A key has one of the algorithms that we allow, by its exact name."""
    with pytest.raises(ValueError, match="algorithm"):
        Key(kid="a", algorithm=algorithm, verifying=b"k" * 32)


@pytest.mark.parametrize(("verifying", "signing"), [(31, 32), (32, 31), (0, None)])
def test_short_keys_are_refused(verifying: int, signing: int | None) -> None:
    """A key for HS256 has at least the 32 bytes of RFC 7518, section 3.2."""
    with pytest.raises(ValueError, match="32 bytes"):
        Key(
            kid="a",
            algorithm="HS256",
            verifying=b"k" * verifying,
            signing=None if signing is None else b"k" * signing,
        )


def test_key_does_not_show_its_material() -> None:
    """The repr of a ring's key can be logged."""
    shown = repr(Key(kid="a", algorithm="HS256", verifying=b"secretsecret" * 3, signing=b"secretsecret" * 3))
    assert "secret" not in shown
    assert "kid='a'" in shown
