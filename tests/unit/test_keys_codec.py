"""Tokens under each algorithm: written, read, verified by others from the published set, and rotated."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from pytest_django import Settings

from django_authkit.conf import InvalidSettings, get_settings
from django_authkit.errors import TokenInvalid
from django_authkit.tokens import Codec, KeyRing
from django_authkit.tokens.keys.entries import ring_from_entries
from django_authkit.tokens.keys.jwk import public_set
from django_authkit.wiring import get_codec, get_key_ring
from support.forged_tokens import (
    ACCESS,
    AUDIENCE,
    ISSUER,
    LEEWAY,
    REFRESH,
    REFRESH_RING,
    access_payload,
    forge,
)
from support.signing_keys import ALGORITHMS, PAIRS, SECRET, jwk, key, private, public_jwk


def codec(*entries: Any, cache_size: int = 0) -> Codec:
    """Return a codec whose access tokens have these keys."""
    return codec_of(ring_from_entries(entries), cache_size=cache_size)


def codec_of(ring: KeyRing, *, cache_size: int = 0, refresh_ring: KeyRing = REFRESH_RING) -> Codec:
    """Return a codec with a ring of access keys."""
    return Codec(
        access_ring=ring,
        refresh_ring=refresh_ring,
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=LEEWAY,
        cache_size=cache_size,
    )


def octets(text: str) -> bytes:
    """Return the bytes of base64url *text*."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    """Return the number in base64url *text*."""
    return int.from_bytes(octets(text), "big")


class Elsewhere:
    """A verifier elsewhere: it has the published set, and no code of ours or of PyJWT's."""

    def __init__(self, published: dict[str, Any]) -> None:
        self.keys = {entry["kid"]: entry for entry in published["keys"]}

    def payload(self, token: str) -> dict[str, Any]:
        """Return the payload of *token*, or raise ``KeyError`` (unknown kid) or ``InvalidSignature``."""
        body, _, signature = token.rpartition(".")
        header, _, payload = body.partition(".")
        said = json.loads(octets(header))
        entry = self.keys[said["kid"]]
        assert said["alg"] == entry["alg"]
        VERIFY[entry["alg"]](entry, octets(signature), body.encode())
        claims: dict[str, Any] = json.loads(octets(payload))
        return claims


def rsa_key(entry: dict[str, str]) -> rsa.RSAPublicKey:
    """Return the RSA key of an entry."""
    return rsa.RSAPublicNumbers(number(entry["e"]), number(entry["n"])).public_key()


def verify_ec(entry: dict[str, str], signature: bytes, body: bytes) -> None:
    """Verify as RFC 7518, section 3.4 says: two numbers of 32 bytes."""
    numbers = ec.EllipticCurvePublicNumbers(number(entry["x"]), number(entry["y"]), ec.SECP256R1())
    assert len(signature) == 64
    halves = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    numbers.public_key().verify(encode_dss_signature(*halves), body, ec.ECDSA(SHA256()))


VERIFY: dict[str, Callable[[dict[str, str], bytes, bytes], None]] = {
    "RS256": lambda entry, signature, body: rsa_key(entry).verify(
        signature, body, padding.PKCS1v15(), SHA256()
    ),
    "PS256": lambda entry, signature, body: rsa_key(entry).verify(
        signature, body, padding.PSS(padding.MGF1(SHA256()), 32), SHA256()
    ),
    "ES256": verify_ec,
    "EdDSA": lambda entry, signature, body: ed25519.Ed25519PublicKey.from_public_bytes(
        octets(entry["x"])
    ).verify(signature, body),
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tokens_are_read_back(algorithm: str) -> None:
    """A token under each algorithm is read back the same, and its header has algorithm and kid."""
    ours = codec(jwk(algorithm))
    token = ours.issue_access(ACCESS)
    assert ours.read_access(token) == ACCESS
    expected = {"alg": algorithm, "kid": key(algorithm).kid, "typ": "at+jwt"}
    assert json.loads(octets(token.split(".")[0])) == expected


@pytest.mark.parametrize("algorithm", PAIRS)
def test_others_can_verify_from_the_published_set(algorithm: str) -> None:
    """With only the set and the RFCs, a token is verified, and refused with one bit changed."""
    ring = ring_from_entries([jwk(algorithm)])
    elsewhere, token = Elsewhere(public_set(ring)), codec_of(ring).issue_access(ACCESS)
    assert elsewhere.payload(token) == access_payload()
    head, _, signature = token.rpartition(".")
    with pytest.raises(InvalidSignature):
        elsewhere.payload(f"{head[:-1]}{'A' if head[-1] != 'A' else 'B'}.{signature}")


def test_others_can_verify_with_a_shared_secret() -> None:
    """A secret of ``SIGNING_KEYS`` is the HMAC key itself, so others who have it can verify."""
    body, _, signature = codec({"secret": SECRET}).issue_access(ACCESS).rpartition(".")
    assert hmac.digest(SECRET.encode(), body.encode(), hashlib.sha256) == octets(signature)


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_key_that_only_verifies_reads(algorithm: str) -> None:
    """If another key signs, the public half is enough to read what the private one signed."""
    token = codec(jwk(algorithm)).issue_access(ACCESS)
    assert codec(jwk("ES256", 9), public_jwk(algorithm)).read_access(token) == ACCESS
    with pytest.raises(TokenInvalid):
        codec(jwk("ES256", 9)).read_access(token)


@pytest.mark.parametrize(("signed", "said"), [("RS256", "PS256"), ("PS256", "RS256")])
def test_a_key_has_one_algorithm(signed: str, said: str) -> None:
    """An RSA key of the ring is not used with the other RSA algorithm, whatever the header says."""
    genuine = key(signed)
    ours = codec(jwk(signed))
    assert ours.read_access(forge(access_payload(), genuine, "at+jwt")) == ACCESS
    with pytest.raises(TokenInvalid):
        ours.read_access(forge(access_payload(), genuine, "at+jwt", alg=said))
    header = ours.issue_access(ACCESS).split(".")[0]
    other = forge(access_payload(), genuine, "at+jwt", alg=said).split(".", 1)[1]
    with pytest.raises(TokenInvalid):
        ours.read_access(f"{header}.{other}")


@pytest.mark.parametrize("length", [0, 1, 63, 65, 200])
@pytest.mark.parametrize("algorithm", PAIRS)
def test_signatures_of_other_lengths_are_refused(algorithm: str, length: int) -> None:
    """A signature that is too short or too long makes a token invalid."""
    ours = codec(jwk(algorithm))
    body = ours.issue_access(ACCESS).rpartition(".")[0]
    with pytest.raises(TokenInvalid):
        ours.read_access(f"{body}.{'A' * (4 + 4 * length)}")


@pytest.mark.parametrize("algorithm", PAIRS)
def test_refresh_tokens_are_made_with_secrets_only(algorithm: str) -> None:
    """A ring of key pairs is refused for refresh tokens."""
    with pytest.raises(ValueError, match="secrets only"):
        codec_of(ring_from_entries([jwk("HS256")]), refresh_ring=ring_from_entries([jwk(algorithm)]))


def test_a_key_that_only_verifies_does_not_sign() -> None:
    """A codec needs a first key that can sign."""
    with pytest.raises(ValueError, match="able to sign"):
        codec_of(KeyRing([ring_from_entries([jwk("ES256", 9), public_jwk("ES256")]).keys[1]]))


def steps(algorithm: str, successor: str) -> list[list[dict[str, Any]]]:
    """Return ``SIGNING_KEYS`` before, during and after a rotation, as ``authkit_keys rotate`` prints them."""
    old, new = jwk(algorithm), jwk(successor, 5)
    return [[old], [old, new], [new, old], [new]]


@pytest.mark.parametrize(
    ("algorithm", "successor"),
    [(algorithm, algorithm) for algorithm in ALGORITHMS] + [("RS256", "ES256"), ("ES256", "EdDSA")],
)
def test_a_rotation_logs_nobody_out(algorithm: str, successor: str) -> None:
    """
    At each step workers with the settings before and after it accept what either issues, and so does a
    verifier with the set that it fetched before or after it; refresh tokens are not concerned at all.
    """
    rings = [ring_from_entries(entries) for entries in steps(algorithm, successor)]
    refresh = codec_of(rings[0]).issue_refresh(REFRESH)
    for before, after in pairwise(rings):
        workers: Sequence[Codec] = codec_of(before), codec_of(after)
        tokens = [worker.issue_access(ACCESS) for worker in workers]
        assert [worker.read_access(token) for worker in workers for token in tokens] == [ACCESS] * 4
        assert [worker.read_refresh(refresh) for worker in workers] == [REFRESH] * 2
        if algorithm in PAIRS:
            verifiers = Elsewhere(public_set(before)), Elsewhere(public_set(after))
            read = [verifier.payload(token) for verifier in verifiers for token in tokens]
            assert read == [access_payload()] * 4


def test_a_rotation_in_one_step_would_not_work() -> None:
    """Without the first step, other verifiers get a kid that they do not know."""
    old, _, new, _ = (ring_from_entries(entries) for entries in steps("ES256", "ES256"))
    with pytest.raises(KeyError):
        Elsewhere(public_set(old)).payload(codec_of(new).issue_access(ACCESS))


def configure(settings: Settings, *entries: Any) -> None:
    """Put *entries* into ``SIGNING_KEYS``."""
    settings.AUTHKIT = {"STORE": "database", "SIGNING_KEYS": list(entries)}


def test_the_settings_choose_the_keys(settings: Settings) -> None:
    """``SIGNING_KEYS`` is read when used; if empty, as by default, the key is derived from ``SECRET_KEY``."""
    settings.AUTHKIT = {"STORE": "database"}
    derived = get_key_ring().signing
    assert derived.algorithm == "HS256"
    configure(settings, jwk("EdDSA"), jwk("ES256"))
    assert [known.kid for known in get_key_ring().keys] == [key("EdDSA").kid, key("ES256").kid]
    refresh = get_codec().issue_refresh(REFRESH)
    assert json.loads(octets(refresh.split(".")[0]))["alg"] == "HS256"
    configure(settings)
    assert get_key_ring().signing == derived
    assert get_codec().read_refresh(refresh) == REFRESH


def test_a_removed_key_is_removed_from_the_cache(settings: Settings) -> None:
    """A token that was verified before is refused as soon as its key is removed from the ring."""
    old, new = jwk("ES256"), jwk("ES256", 5)
    configure(settings, old, new)
    token = get_codec().issue_access(ACCESS)
    assert get_codec().read_access(token) is get_codec().read_access(token)
    configure(settings, new, old)
    assert get_codec().read_access(token) == ACCESS
    configure(settings, new)
    with pytest.raises(TokenInvalid):
        get_codec().read_access(token)


def test_a_bad_key_is_reported_at_the_first_use(settings: Settings) -> None:
    """Without checks, the first use reports the same as the check."""
    configure(settings, jwk("ES256"), {"secret": "secret"})
    with pytest.raises(InvalidSettings, match=r"SIGNING_KEYS\[1\]") as caught:
        get_codec()
    assert caught.value.problem.id == "authkit.E082"
    assert caught.value.__cause__ is None


def test_settings_show_no_key(settings: Settings) -> None:
    """Neither the settings nor an error about a wrong type show the value."""
    configure(settings, {"secret": SECRET})
    assert SECRET not in repr(get_settings())
    assert "<1 signing keys>" in repr(get_settings())
    settings.AUTHKIT = {"STORE": "database", "SIGNING_KEYS": SECRET}
    with pytest.raises(InvalidSettings, match="SIGNING_KEYS") as caught:
        get_settings()
    assert caught.value.problem.id == "authkit.E004"
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", ["PEM", {"kty": "EC"}, None, 7, [7], [None], {"a"}])
def test_signing_keys_are_a_list_of_texts_and_dicts(settings: Settings, value: object) -> None:
    """A single key without a list is an error."""
    settings.AUTHKIT = {"STORE": "database", "SIGNING_KEYS": value}
    with pytest.raises(InvalidSettings, match="list of strings"):
        get_settings()


def test_private_halves_are_not_shown() -> None:
    """The repr of a key of a ring can be logged."""
    shown = repr([key("ES256"), key("HS256")])
    assert "object at" not in shown
    assert private("ES256").__class__.__name__ not in shown
