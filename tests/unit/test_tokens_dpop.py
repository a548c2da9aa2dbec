"""Proofs of DPoP: the examples of RFC 9449, what is no proof, and nonces."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_authkit.errors import DpopProofInvalid
from django_authkit.tokens.dpop import Nonces, hash_of, is_same_address, read_proof
from support.bound_browser import raw
from support.client_keys import jwk_of, new_key
from support.dpop_client import claims_of, signed, thumbprint_of

HEADER = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZ"
    "OXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIs"
    "ImNydiI6IlAtMjU2In19"
)
TOKEN_REQUEST = (
    f"{HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUu"
    "Y29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NV"
    "Y-FNyJK70nfbV37xRZT3Lg"
)
"""RFC 9449, Figure 3."""
RESOURCE_REQUEST = (
    f"{HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxl"
    "Lm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1"
    "OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpL"
    "jA"
)
"""RFC 9449, Figure 12."""
TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
KEY, RSA = new_key(), new_key("RS256")


def test_the_proof_of_a_token_request() -> None:
    """The first example of RFC 9449 is read, and its key has the thumbprint of section 6.1."""
    proof = read_proof(TOKEN_REQUEST)
    assert (proof.method, proof.address) == ("POST", "https://server.example.com/token")
    assert (proof.jti, proof.issued_at) == ("-BwC3ESc6acc2lTc", 1562262616)
    assert (proof.credential_hash, proof.nonce) == (None, None)
    assert proof.thumbprint == THUMBPRINT


def test_the_proof_of_a_request_with_a_token() -> None:
    """The example of section 7.1 is read, and its ``ath`` is the hash of the token of the example."""
    proof = read_proof(RESOURCE_REQUEST)
    assert (proof.method, proof.address) == ("GET", "https://resource.example.org/protectedresource")
    assert proof.credential_hash == hash_of(TOKEN) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    assert proof.thumbprint == THUMBPRINT


@pytest.mark.parametrize("position", range(0, len(RESOURCE_REQUEST) - 2, 7))
def test_a_changed_example_is_refused(position: int) -> None:
    """A proof with one other character is no proof, wherever that is."""
    other = "A" if RESOURCE_REQUEST[position] != "A" else "B"
    with pytest.raises(DpopProofInvalid):
        read_proof(RESOURCE_REQUEST[:position] + other + RESOURCE_REQUEST[position + 1 :])


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_each_algorithm(algorithm: str) -> None:
    """A proof by a key of each kind is read."""
    key = new_key(algorithm)
    assert read_proof(signed(key, claims_of("GET", "/"))).thumbprint == thumbprint_of(key)


MISSING: list[dict[str, Any]] = [{"jti": None}, {"htm": None}, {"htu": None}, {"iat": None}]
WRONG: list[dict[str, Any]] = [
    {"jti": ""},
    {"jti": 7},
    {"jti": "x" * 257},
    {"htm": "GET /"},
    {"htu": ["https://testserver/"]},
    {"iat": "1562262616"},
    {"iat": True},
    {"iat": 1e300},
    {"ath": 7},
    {"nonce": {}},
    {"nonce": ""},
]


@pytest.mark.parametrize("changed", MISSING + WRONG, ids=str)
def test_claims_of_a_wrong_type(changed: dict[str, Any]) -> None:
    """A proof without a claim, or with one of another type, is refused."""
    with pytest.raises(DpopProofInvalid):
        read_proof(signed(KEY, claims_of("GET", "/", **changed)))


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "x.y.z", "e30.e30.", raw({"typ": "dpop+jwt", "alg": "ES256", "jwk": []}, {}), "[" * 5000],
)
def test_what_is_no_proof(text: str) -> None:
    """Text that is no JWT with a key is refused."""
    with pytest.raises(DpopProofInvalid):
        read_proof(text)


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_key_that_is_not_only_public(member: str) -> None:
    """A proof whose key has any member of a private or secret key is refused; its signature is right."""
    for key in (KEY, RSA):
        shown = {**jwk_of(key), member: jwk_of(key).get("x", "AQAB")}
        with pytest.raises(DpopProofInvalid):
            read_proof(signed(key, claims_of("GET", "/"), jwk=shown))


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_refused(header: str, payload: str) -> None:
    """No text makes reading fail in another way."""
    for text in (header, f"{header}.{payload}.x", f"{HEADER}.{payload}.{header}"):
        with pytest.raises(DpopProofInvalid):
            read_proof(text)


def test_a_proof_that_is_too_long() -> None:
    """A proof of more than four kilobytes is refused, with a header that was seen before too."""
    assert read_proof(signed(KEY, claims_of("GET", "/"))).method == "GET"
    with pytest.raises(DpopProofInvalid):
        read_proof(signed(KEY, claims_of("GET", "/", more="x" * 4096)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org", "https://example.org/"),
        ("HTTPS://Example.ORG/a", "https://example.org/a"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("http://example.org:80/a", "http://example.org/a"),
        ("https://example.org/a?b=c#d", "https://example.org/a"),
        ("https://example.org/%7euser/%c3%a9", "https://example.org/~user/%C3%A9"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443"),
    ],
)
def test_the_same_address(one: str, other: str) -> None:
    """Addresses that RFC 3986 takes for equivalent are the same, whatever their query and fragment."""
    assert is_same_address(one, other)


@pytest.mark.parametrize(
    "other",
    [
        "http://example.org/a",
        "https://example.org/A",
        "https://example.org/a/",
        "https://example.org:8443/a",
        "https://www.example.org/a",
        "https://example.org.evil.example/a",
        "https://user@example.org/a",
        "https://evil.example@example.org/a",
        "https://example.org:x/a",
        "//example.org/a",
        "/a",
        "ftp://example.org/a",
        "https://[/a",
        "",
    ],
)
def test_another_address(other: str) -> None:
    """Any other address is another one, and what is no address is no error."""
    assert not is_same_address(other, "https://example.org/a")


def test_a_nonce_is_fresh_for_two_steps() -> None:
    """The current nonce and that of the step before are accepted, and no other."""
    nonces = Nonces(["secret"], 60, 5)
    start = 60_000_000.0
    nonce = nonces.current(start)
    assert nonces.current(start + 59) == nonce != nonces.current(start + 60)
    assert nonces.accepts(nonce, start + 119)
    assert not nonces.accepts(nonce, start + 120)


def test_a_nonce_of_a_worker_whose_clock_is_ahead() -> None:
    """A nonce of the next step is accepted within the leeway."""
    nonces = Nonces(["secret"], 60, 5)
    start = 60_000_000.0
    assert nonces.accepts(nonces.current(start), start - 4)
    assert not nonces.accepts(nonces.current(start), start - 6)


def test_a_nonce_of_a_secret_that_is_being_replaced() -> None:
    """Workers with the new secret accept the nonces of the old one as long as that is a fallback."""
    old = Nonces(["old"], 60, 5).current(0)
    assert Nonces(["new", "old"], 60, 5).accepts(old, 0)
    assert not Nonces(["new"], 60, 5).accepts(old, 0)
