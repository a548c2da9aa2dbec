"""Headers that try to steer verification, wrong keys, and wrong kinds of token (RFC 8725, section 3)."""

import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from itertools import product
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from django_authkit.errors import TokenExpired, TokenInvalid, TokenMalformed
from django_authkit.tokens import Key, derive_key, ring_from_secrets
from support.forged_tokens import (
    ACCESS,
    ACCESS_RING,
    AUDIENCE,
    CODEC,
    EXPIRES,
    ISSUER,
    REFRESH,
    REFRESH_RING,
    SECRET,
    access_payload,
    forge,
    forge_access,
    forge_refresh,
    refresh_payload,
    segment,
)

OURS = ACCESS_RING.signing
HEADER = {"alg": "HS256", "kid": OURS.kid, "typ": "at+jwt"}
GENUINE_SEGMENT = CODEC.issue_access(ACCESS).split(".")[0]

KEYS = {"access": OURS, "refresh": REFRESH_RING.signing}
TYPES = {"access": "at+jwt", "refresh": "rt+jwt"}
PAYLOADS = {
    "access": access_payload(),
    "refresh": refresh_payload(),
    "both": {**access_payload(), **refresh_payload()},
}
READERS = {"access": CODEC.read_access, "refresh": CODEC.read_refresh}


def signature(body: str, secret: bytes) -> str:
    """Return the HMAC of *body* as the third part of a token."""
    return urlsafe_b64encode(hmac.digest(secret, body.encode(), "sha256")).decode().rstrip("=")


def signed(header_segment: str, secret: Any) -> str:
    """Return a token with exactly this header segment, which PyJWT might not create."""
    body = f"{header_segment}.{segment(access_payload())}"
    return f"{body}.{signature(body, secret)}"


def is_invalid(kind: str, token: str) -> bool:
    """Tell whether *token* is refused as invalid; other errors are raised."""
    try:
        READERS[kind](token)
    except TokenInvalid:
        return True
    return False


def test_forged_tokens_are_valid_apart_from_the_change() -> None:
    """Our own key and header make valid tokens here, so the refusals below are meaningful."""
    assert CODEC.read_access(forge_access(access_payload())) == ACCESS
    assert CODEC.read_refresh(forge_refresh(refresh_payload())) == REFRESH
    assert CODEC.read_access(signed(GENUINE_SEGMENT, OURS.verifying)) == ACCESS


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "noNE", "", None], ids=repr)
def test_unsigned_tokens_are_refused(algorithm: str | None) -> None:
    """No spelling of "none" is accepted, whether the signature is ours, junk or absent."""
    header = segment({**HEADER, "alg": algorithm})
    body = f"{header}.{segment(access_payload())}"
    assert is_invalid("access", signed(header, OURS.verifying))
    assert is_invalid("access", f"{body}.AA")
    with pytest.raises(TokenMalformed):
        CODEC.read_access(f"{body}.")


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_one_key_has_one_algorithm(algorithm: str) -> None:
    """A token signed with our own secret, but by another algorithm, is refused."""
    assert is_invalid("access", forge_access(access_payload(), alg=algorithm))


def test_asymmetric_keys_of_an_attacker_are_refused() -> None:
    """RS256 and ES256 tokens under our kid, the public key beside it in the header, are refused."""
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    rsa_jwk = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key.public_key(), as_dict=True)
    ec_jwk = jwt.algorithms.ECAlgorithm.to_jwk(ec_key.public_key(), as_dict=True)
    named = {"kid": OURS.kid, "typ": "at+jwt"}
    assert is_invalid("access", jwt.encode(access_payload(), rsa_key, "RS256", headers=named))
    assert is_invalid(
        "access", jwt.encode(access_payload(), rsa_key, "RS256", headers={**named, "jwk": rsa_jwk})
    )
    assert is_invalid(
        "access", jwt.encode(access_payload(), ec_key, "ES256", headers={**named, "jwk": ec_jwk})
    )


def test_public_texts_are_not_secrets() -> None:
    """Nothing public signs under our header: no kid, no public key, no empty key."""
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (b"", b"\x00" * 32, OURS.kid.encode(), pem, ISSUER.encode(), AUDIENCE.encode(), b"secret"):
        assert is_invalid("access", signed(GENUINE_SEGMENT, secret))


def test_the_secret_itself_is_not_a_key() -> None:
    """Neither the secret that keys are derived from nor a key derived for another use signs."""
    for secret in (SECRET.encode(), derive_key(SECRET, "another use"), REFRESH_RING.signing.verifying):
        assert is_invalid("access", signed(GENUINE_SEGMENT, secret))


@pytest.mark.parametrize(
    "kid",
    [
        "", "unknown", OURS.kid[:-1], OURS.kid + "A", OURS.kid.swapcase(), REFRESH_RING.signing.kid,
        "../../dev/null", "' OR 1=1 --", "https://attacker.example/key", "\x00", "*",
    ],
)  # fmt: skip
def test_unknown_kids_are_refused(kid: str) -> None:
    """A kid that is not in the ring is refused, even if our key signed the token."""
    assert is_invalid("access", forge_access(access_payload(), kid=kid))


def test_kid_of_another_key_of_the_ring_is_refused() -> None:
    """The kids of two keys of a ring cannot be exchanged."""
    first, second = ACCESS_RING.keys
    for key, other in ((first, second), (second, first)):
        assert CODEC.read_access(forge(access_payload(), key, "at+jwt")) == ACCESS
        assert is_invalid("access", forge(access_payload(), key, "at+jwt", kid=other.kid))


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["exp"], "exp": EXPIRES},
        {"crit": []},
        {"b64": True, "crit": ["b64"]},
        {"jku": "https://attacker.example/keys.json"},
        {"x5u": "https://attacker.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"enc": "A128GCM"},
        {"b64": False},
        {"unknown": 1},
    ],
    ids=repr,
)
def test_headers_with_additional_parameters_are_refused(extra: dict[str, Any]) -> None:
    """An unknown header parameter makes a token invalid, even if our key signed it."""
    assert is_invalid("access", signed(segment({**HEADER, **extra}), OURS.verifying))


@pytest.mark.parametrize(
    "typ",
    ["JWT", "jwt", "AT+JWT", "At+jwt", "application/at+jwt", "rt+jwt", "at+jwt ", "dpop+jwt", "", None, 1],
)
def test_other_types_are_refused(typ: object) -> None:
    """Only our own spelling of the type is accepted."""
    assert is_invalid("access", signed(segment({**HEADER, "typ": typ}), OURS.verifying))


@pytest.mark.parametrize("missing", ["alg", "kid", "typ"])
def test_headers_without_a_parameter_are_refused(missing: str) -> None:
    """A header without one of its three parameters is refused, even if our key signed it."""
    header = {name: value for name, value in HEADER.items() if name != missing}
    assert is_invalid("access", signed(segment(header), OURS.verifying))


@pytest.mark.parametrize(
    "header",
    [
        b"", b"null", b"[]", b'"at+jwt"', b"7", b"{", b"\xff\xfe", b"\x00", b"[" * 3000, b'{"alg":' * 800,
        b'{"alg":"none","alg":"HS256","kid":"%b","typ":"at+jwt"}' % OURS.kid.encode(),
        b'{"alg": "HS256", "kid": "%b", "typ": "at+jwt"}' % OURS.kid.encode(),
    ],
    ids=["empty", "null", "list", "text", "number", "open", "not-utf8", "nul", "deep", "deep-objects",
         "doubled", "spaced"],
)  # fmt: skip
def test_malformed_headers_are_refused(header: bytes) -> None:
    """Malformed, deeply nested or duplicated headers are refused, even if our key signed them."""
    token = signed(urlsafe_b64encode(header).decode().rstrip("="), OURS.verifying)
    with pytest.raises((TokenInvalid, TokenMalformed)):
        CODEC.read_access(token)


@pytest.mark.parametrize(
    ("reader", "key", "typ", "payload"),
    [
        case
        for case in product(READERS, KEYS, TYPES, PAYLOADS)
        if not (case[0] == case[1] == case[2] and case[3] == case[0])
        # Claims of both kinds under an access token's key and type are an access token with extra claims.
        and case != ("access", "access", "access", "both")
    ],
)
def test_kinds_exclude_each_other(reader: str, key: str, typ: str, payload: str) -> None:
    """Of all combinations of key, type and claims, each kind accepts only its own."""
    assert is_invalid(reader, forge(PAYLOADS[payload], KEYS[key], TYPES[typ]))


def test_tokens_of_the_other_kind_are_refused() -> None:
    """An access token never refreshes; a refresh token never authenticates a view."""
    assert is_invalid("refresh", CODEC.issue_access(ACCESS))
    assert is_invalid("access", CODEC.issue_refresh(REFRESH))


NEAR_ISSUERS = [
    "", ISSUER + "/", ISSUER[:-1], ISSUER.upper(), ISSUER + " ", " " + ISSUER, "http" + ISSUER[5:],
    ISSUER + "\x00", AUDIENCE, [ISSUER], {ISSUER: 1}, None, True, 1,
]  # fmt: skip
NEAR_AUDIENCES = [
    "", AUDIENCE + "/", AUDIENCE[:-1], AUDIENCE.upper(), AUDIENCE + " ", ISSUER, [AUDIENCE], [AUDIENCE, "x"],
    {AUDIENCE: 1}, [], None, True, 1,
]  # fmt: skip


@pytest.mark.parametrize("issuer", NEAR_ISSUERS, ids=repr)
def test_other_issuers_are_refused(issuer: object) -> None:
    """The issuer is compared exactly, in both kinds."""
    assert is_invalid("access", forge_access(access_payload(iss=issuer)))
    assert is_invalid("refresh", forge_refresh(refresh_payload(iss=issuer)))


@pytest.mark.parametrize("audience", NEAR_AUDIENCES, ids=repr)
def test_other_audiences_are_refused(audience: object) -> None:
    """The audience is compared exactly: a list is refused, even if ours is in it."""
    assert is_invalid("access", forge_access(access_payload(aud=audience)))


def test_refresh_tokens_have_no_audience() -> None:
    """A refresh token that names an audience is refused."""
    assert is_invalid("refresh", forge_refresh(refresh_payload(aud=AUDIENCE)))


def test_rings_of_other_secrets_and_purposes_are_refused() -> None:
    """A valid token signed with keys of another secret or purpose is refused."""
    unknown: list[Key] = [
        ring_from_secrets(["another secret"], "access").signing,
        ring_from_secrets([SECRET], "another purpose").signing,
    ]
    for key in unknown:
        assert is_invalid("access", forge(access_payload(), key, "at+jwt"))
        assert is_invalid("access", forge(access_payload(), key, "at+jwt", kid=OURS.kid))


def test_only_genuine_tokens_are_called_expired() -> None:
    """An expired token with any other fault is invalid, so the error reveals nothing."""
    genuine = forge_access(access_payload())
    unknown = Key(kid=OURS.kid, algorithm="HS256", verifying=b"x" * 32, signing=b"x" * 32)
    wrong = [
        genuine[:-2] + ("AA" if genuine[-2:] != "AA" else "BA"),
        forge(access_payload(), unknown, "at+jwt"),
        forge_access(access_payload(aud="https://other.example.org")),
        forge_access(access_payload(iss="https://other.example.org")),
        forge_access(access_payload(sid="short")),
        forge_access(access_payload(auth_time="1")),
        forge_access(access_payload(exp=True)),
        forge_access(access_payload(exp=1.5)),
        forge_access(access_payload(exp="1")),
        forge_access(access_payload(exp=-1)),
    ]
    with time_machine.travel(datetime.fromtimestamp(EXPIRES + 1000, tz=UTC), tick=False):
        with pytest.raises(TokenExpired):
            CODEC.read_access(genuine)
        assert [is_invalid("access", token) for token in wrong] == [True] * len(wrong)


def test_errors_do_not_contain_the_token() -> None:
    """The error does not contain the token, and no PyJWT error is attached to it."""
    for token in (forge_access(access_payload(sub=1)), signed(GENUINE_SEGMENT, b"wrong"), "a.b.c", "junk"):
        with pytest.raises((TokenInvalid, TokenMalformed)) as caught:
            CODEC.read_access(token)
        assert str(caught.value) in {TokenInvalid.message, TokenMalformed.message}
        assert caught.value.__cause__ is None
