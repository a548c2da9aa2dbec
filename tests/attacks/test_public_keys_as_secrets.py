"""Public keys offered as secrets in every disguise, and weak secrets."""

import json
import secrets
from base64 import b64encode, b85encode, encodebytes, urlsafe_b64encode
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from django_authkit.tokens.keys.entries import load_entry
from django_authkit.tokens.keys.faults import Fault, KeyRefused
from django_authkit.tokens.keys.jwk import encode
from support.signing_keys import PAIRS, SECRET, jwk, pem, private, public_jwk, public_pem


def der(algorithm: str) -> bytes:
    """Return a public key as DER."""
    return private(algorithm).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def ssh(algorithm: str) -> bytes:
    """Return a public key as a line of OpenSSH."""
    return private(algorithm).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


PUBLIC: dict[str, Callable[[str], bytes]] = {
    "PEM": lambda algorithm: public_pem(algorithm).encode(),
    "PEM of the private half": lambda algorithm: pem(algorithm).encode(),
    "PEM in one line": lambda algorithm: public_pem(algorithm).replace("\n", "\\n").encode(),
    "PEM in small letters": lambda algorithm: public_pem(algorithm).lower().encode(),
    "DER": der,
    "OpenSSH": ssh,
    "JWK": lambda algorithm: json.dumps(public_jwk(algorithm)).encode(),
    "JWK with escapes": lambda algorithm: (
        json.dumps(public_jwk(algorithm)).replace("kty", "\\u006bty").encode()
    ),
    "JWK Set": lambda algorithm: json.dumps({"keys": [public_jwk(algorithm)]}).encode(),
    "list of JWKs": lambda algorithm: json.dumps([public_jwk(algorithm)]).encode(),
    "JWK nested deeply": lambda algorithm: (
        b'{"kty": "RSA", "x": ' + b"[" * 100_000 + b"]" * 100_000 + json.dumps(public_jwk(algorithm)).encode()
    ),
}
DISGUISES: dict[str, Callable[[bytes], bytes]] = {
    "as it is": bytes,
    "with a BOM": lambda key: b"\xef\xbb\xbf" + key,
    "with spaces": lambda key: b" \r\n\t" + key + b"\n\n",
    "with BOM and spaces": lambda key: b"\xef\xbb\xbf  \n" + key,
    "in base64": b64encode,
    "in base64url": lambda key: urlsafe_b64encode(key).rstrip(b"="),
    "in lines of base64": encodebytes,
    "in base64 twice": lambda key: b64encode(b64encode(key)),
    "in hex": lambda key: key.hex().encode(),
}
WIDE = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]


def fault_of(secret: bytes | str) -> Fault | None:
    """Return why *secret* is refused as a secret, or ``None``."""
    try:
        load_entry({"secret": secret})
    except KeyRefused as refused:
        return refused.fault
    return None


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("form", PUBLIC)
@pytest.mark.parametrize("algorithm", PAIRS[:3])
def test_public_keys_are_not_secrets(algorithm: str, form: str, disguise: str) -> None:
    """Public material is refused as a secret, however it is encoded."""
    material = DISGUISES[disguise](PUBLIC[form](algorithm))
    assert fault_of(material) is Fault.PUBLIC_AS_SECRET
    if material.isascii():
        assert fault_of(material.decode()) is Fault.PUBLIC_AS_SECRET


@pytest.mark.parametrize("form", ["PEM", "JWK", "JWK Set", "list of JWKs"])
@pytest.mark.parametrize("wide", WIDE)
def test_wide_characters_hide_nothing(form: str, wide: str) -> None:
    """UTF-16 and UTF-32 are decoded."""
    assert fault_of(PUBLIC[form]("ES256").decode().encode(wide)) is Fault.PUBLIC_AS_SECRET


@pytest.mark.parametrize("disguise", DISGUISES)
def test_the_secret_of_a_jwk_is_checked_as_well(disguise: str) -> None:
    """A public key inside a JWK of the type ``oct`` is refused, too."""
    material = DISGUISES[disguise](public_pem("RS256").encode())
    with pytest.raises(KeyRefused) as caught:
        load_entry(jwk("HS256", k=encode(material)))
    assert caught.value.fault is Fault.PUBLIC_AS_SECRET


def test_a_jwk_of_a_secret_is_not_the_secret() -> None:
    """The text of a JWK is parsed, and never used as a secret itself."""
    assert fault_of(json.dumps(jwk("HS256"))) is Fault.PUBLIC_AS_SECRET


WEAK = [
    "secret",
    "your-256-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    "A-String-Secret-At-Least-256-Bits-Long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
    "GQDstcKsx0NHjPOuXOYg5MbeJ1XT0uFiwDVvVBrk",
    "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    "django-insecure-3v$kq9!x7@w2#m5z8^c1&b4*n6(h0)j-_=+gfdsapoiuy",
    "a" * 64,
    "\x00" * 32,
    "changeme" * 8,
    "secretsecretsecretsecretsecretsecret",
    "0123456789" * 4,
    "qwertyuiopasdfghjklzxcvbnm123456",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "this-is-my-super-secret-jwt-signing-key-change-me",
    "ThisIsMySuperSecretKeyForJwtAuthentication123!",
    "please_replace_this_with_a_very_long_random_string_in_production"[:33],
    "correct horse battery staple 2026!!!",
    "my_super_secret_key_0123456789_1234567890",
    " " * 40,
    "supersecretsupersecretsupersecret",
    # from lists of attackers
    "r9iMKoe5CRMgvJBBtp4HrqN7QiPpUToj",
    "16f8c0ef4a5d391b26034086c628469d3f9f497f08163ab9b40137092f2909ef",
    "0JqF84JhmKqCPyRbSvDHYSsp6ljwW9NK",
    "C*F-JaNdRgUkXn2r5u8x/A?D(G+KbPeS",
    "413F4428472B4B6250655368566D5970337336763979244226452948404D6351",
    "4469SD13051EB8986C6HK3F9617F3135",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "my-32-character-ultra-secure-and-ultra-long-secret",
    "iNivDmHLpUA223sqsfhqGbMRdRj1PVkH",
    "kjhgfdsaqwertyuiopzxcvbnm1234567890",
    "123NotAParticularyGreatSecret!!!",
    "SomeSuperSecretKeyThatNobodyKnows123",
    # with few different bytes
    "k9mzvbqtw7c" + "0" * 40,
    "1231232131231231231231231231231231231231231231231231#$$",
    "0110100110010110100101100110100101101001",
]


@pytest.mark.parametrize("secret", WEAK)
def test_weak_secrets_are_refused(secret: str) -> None:
    """Known, short and repetitive secrets and common words are refused, in base64, too."""
    assert fault_of(secret) is Fault.WEAK
    assert fault_of(secret.encode()) is Fault.WEAK
    with pytest.raises(KeyRefused):
        load_entry({"secret": secret, "algorithm": "HS256"})


@pytest.mark.parametrize("secret", [weak for weak in WEAK if len(weak.strip()) >= 32])
def test_weak_secrets_in_base64_are_refused(secret: str) -> None:
    """An encoding does not make a weak secret strong."""
    if not secret.startswith("django"):
        assert fault_of(b64encode(secret.encode())) is Fault.WEAK


def test_the_keys_of_the_rfcs_are_refused_as_bytes() -> None:
    """The example key of RFC 7515, appendix A.1 is refused as text and as a JWK."""
    known = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    assert fault_of(known) is Fault.WEAK
    with pytest.raises(KeyRefused) as caught:
        load_entry({"kty": "oct", "k": known})
    assert caught.value.fault is Fault.WEAK


@pytest.mark.parametrize(
    "make",
    [
        lambda: secrets.token_bytes(32),
        lambda: secrets.token_bytes(64),
        lambda: secrets.token_hex(32),
        lambda: secrets.token_hex(16),
        lambda: secrets.token_urlsafe(32),
        lambda: secrets.token_urlsafe(64),
        lambda: b64encode(secrets.token_bytes(48)),
        lambda: b85encode(secrets.token_bytes(32)),
        lambda: "".join(secrets.choice("0123456789") for _ in range(40)),
        lambda: "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(40)),
        lambda: " ".join(secrets.choice(["otter", "maple", "violin", "crater", "anchor"]) for _ in range(14)),
    ],
    ids=[
        "32",
        "64",
        "hex",
        "short hex",
        "url",
        "long url",
        "base64",
        "base85",
        "digits",
        "letters",
        "phrase",
    ],
)
def test_random_secrets_are_accepted(make: Callable[[], bytes | str]) -> None:
    """Of two hundred random secrets of each usual kind, none is refused by mistake."""
    assert [fault_of(make()) for _ in range(200)] == [None] * 200


def test_a_good_secret_is_accepted() -> None:
    """So the refusals above are meaningful."""
    assert fault_of(SECRET) is None
