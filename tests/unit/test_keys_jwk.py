"""Keys as JWKs: thumbprints against the RFCs, public halves, new keys written and read back."""

import json
from base64 import urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from django_authkit.tokens.keys.entries import load_entry, ring_from_entries
from django_authkit.tokens.keys.generate import new_key, private_jwk, private_pem
from django_authkit.tokens.keys.jwk import UnsupportedKey, encode, parse, public_set, read_key
from django_authkit.tokens.keys.ring import Key
from support.signing_keys import ALGORITHMS, PAIRS, RFC_7638, RFC_8037, SECRET, jwk, key, private, public_jwk


def key_bytes(name: str) -> bytes:
    """Return the bytes of a member of the key for ES256."""
    return urlsafe_b64decode(jwk("ES256")[name] + "=")


PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
"""Every member of RFC 7518, section 6 that the registry calls private; RFC 8037 adds ``d`` only."""


@pytest.mark.parametrize(
    ("members", "thumbprint"),
    [
        (RFC_7638, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (RFC_8037, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
    ],
    ids=["RFC 7638", "RFC 8037"],
)
def test_the_kid_is_the_thumbprint(members: dict[str, str], thumbprint: str) -> None:
    """The kid of a pair is the SHA-256 thumbprint that the RFCs give for their example keys."""
    assert load_entry(members).kid == thumbprint


def test_the_kid_of_a_jwk_is_ignored() -> None:
    """One key has one kid, whatever the JWK calls it, for either half."""
    kids = {load_entry(jwk("ES256", kid=name)).kid for name in ("a", "b")}
    assert kids == {load_entry(public_jwk("ES256")).kid} == {key("ES256").kid}


def test_the_kid_of_a_secret_does_not_show_it() -> None:
    """It is 6 characters, the same each time, and not part of the secret."""
    kid = load_entry({"secret": SECRET}).kid
    assert kid == load_entry({"secret": SECRET.encode()}).kid
    assert len(kid) == 6
    assert kid not in SECRET
    assert kid != load_entry({"secret": SECRET + "."}).kid


def test_the_set_has_public_halves_only() -> None:
    """Each pair is there with its kid, algorithm and use, and without private members."""
    ring = ring_from_entries([jwk(algorithm) for algorithm in PAIRS])
    published = public_set(ring)["keys"]
    assert [entry["kid"] for entry in published] == [key(algorithm).kid for algorithm in PAIRS]
    assert [entry["alg"] for entry in published] == PAIRS
    assert {entry["use"] for entry in published} == {"sig"}
    assert all(PRIVATE_MEMBERS.isdisjoint(entry) for entry in published)
    texts = [
        value for algorithm in PAIRS for name, value in jwk(algorithm).items() if name in PRIVATE_MEMBERS
    ]
    assert len(texts) == 1 + 1 + 6 + 6
    assert not [text for text in texts if text in json.dumps(published)]


def test_the_set_of_secrets_is_empty() -> None:
    """Nothing of a secret is published, not even its kid."""
    assert public_set(ring_from_entries([jwk("HS256"), {"secret": SECRET}])) == {"keys": []}


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_published_key_verifies_and_does_not_sign(algorithm: str) -> None:
    """A key of the set can be read back: the same key, without its private half."""
    (published,) = public_set(ring_from_entries([jwk(algorithm)]))["keys"]
    read = load_entry(published)
    assert (read.kid, read.algorithm) == (key(algorithm).kid, algorithm)
    assert read.signing is None
    assert read.verifying == key(algorithm).verifying


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_new_key_is_read_back_from_its_jwk(algorithm: str) -> None:
    """``private_jwk`` contains the whole key: it is read back as the same key, and signs."""
    made = key(algorithm)
    read = load_entry(private_jwk(made))
    assert (read.kid, read.algorithm, read.verifying) == (made.kid, made.algorithm, made.verifying)
    assert read.signing is not None


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_new_key_is_read_back_from_its_pem(algorithm: str) -> None:
    """``private_pem`` contains the whole pair, except which of two algorithms it is for."""
    read = load_entry({"key": private_pem(key(algorithm)), "algorithm": algorithm})
    assert (read.kid, read.algorithm) == (key(algorithm).kid, algorithm)
    assert read.signing is not None


def test_new_keys_are_different() -> None:
    """Two keys for one algorithm have nothing in common."""
    one, other = new_key("EdDSA"), new_key("EdDSA")
    assert one.kid != other.kid
    assert one.verifying != other.verifying


def test_what_cannot_be_written_is_refused() -> None:
    """There is no PEM of a secret, and no private form of a key that only verifies."""
    verifying = load_entry(public_jwk("ES256"))
    with pytest.raises(ValueError, match="PEM"):
        private_pem(key("HS256"))
    with pytest.raises(ValueError, match="PEM"):
        private_pem(verifying)
    with pytest.raises(ValueError, match="only verifies"):
        private_jwk(verifying)


def test_an_rsa_key_may_leave_all_but_its_exponent_out() -> None:
    """``d`` alone is enough, as RFC 7518, section 6.3.2 allows: the rest follows."""
    short = jwk("RS256", p=None, q=None, dp=None, dq=None, qi=None)
    read = load_entry(short).signing
    assert read is not None
    assert not isinstance(read, bytes)
    assert read.public_key() == private("RS256").public_key()


@pytest.mark.parametrize(
    "members",
    [
        jwk("ES256", x=jwk("ES256", 1)["x"]),  # a point that is not on the curve
        jwk("ES256", d=jwk("ES256", 1)["d"]),
        jwk("ES256", x=encode(bytes(1) + key_bytes("x"))),
        jwk("ES256", y=None),
        jwk("ES256", x=jwk("ES256")["x"] + "="),
        jwk("ES256", x=7),
        jwk("EdDSA", d=jwk("EdDSA", 1)["d"]),
        jwk("EdDSA", x=jwk("EdDSA")["x"][:-4]),
        jwk("RS256", d=jwk("RS256", 1)["d"]),
        jwk("RS256", p=jwk("RS256", 1)["p"]),
        jwk("RS256", e=None),
        jwk("RS256", e="AA"),
        jwk("RS256", n="A"),
    ],
    ids=[
        "off the curve",
        "other d",
        "long x",
        "no y",
        "padding",
        "no string",
        "other Ed25519",
        "short Ed25519",
        "other RSA",
        "other prime",
        "no e",
        "e of zero",
        "n of no length",
    ],
)
def test_members_that_do_not_match_are_refused(members: dict[str, str]) -> None:
    """A JWK is accepted only if all members match, public and private."""
    with pytest.raises(ValueError, match=r".") as caught:
        read_key(members)
    assert not isinstance(caught.value, UnsupportedKey)


@pytest.mark.parametrize(
    "members",
    [
        {"kty": "EC", "crv": "P-384"},
        {"kty": "EC", "crv": "secp256k1"},
        {"kty": "EC"},
        {"kty": "OKP", "crv": "X25519"},
        {"kty": "OKP", "crv": "Ed448"},
        {"kty": "AKP"},
        {"kty": "rsa"},
        {"kty": None},
        jwk("RS256", oth=[]),
    ],
    ids=lambda members: f"{members['kty']} {members.get('crv')}",
)
def test_other_kinds_and_curves_are_refused(members: dict[str, str]) -> None:
    """Keys that none of our algorithms uses are refused, with the reason."""
    with pytest.raises(UnsupportedKey):
        read_key(members)


@pytest.mark.parametrize("text", ['{"kty":"oct","k":"a","k":"b"}', "{", "[" * 100_000, "", "nothing"])
def test_json_is_read_strictly(text: str) -> None:
    """A duplicate member, or invalid JSON, is always the same kind of error."""
    with pytest.raises(ValueError, match=r"."):
        parse(text)


def test_a_key_on_another_curve_is_refused_for_es256() -> None:
    """A key for ES256 is on P-256, even if it was made by hand."""
    with pytest.raises(ValueError, match="P-256"):
        Key(kid="a", algorithm="ES256", verifying=ec.generate_private_key(ec.SECP384R1()).public_key())


@pytest.mark.parametrize("algorithm", PAIRS)
def test_no_pair_is_for_another_kind_of_algorithm(algorithm: str) -> None:
    """A public key is never the secret of HS256, and a secret never a public key."""
    public = private(algorithm).public_key()
    with pytest.raises(TypeError):
        Key(kid="a", algorithm="HS256", verifying=public)
    with pytest.raises(TypeError):
        Key(kid="a", algorithm=algorithm, verifying=b"k" * 32)
