"""
Weak secrets: known to everybody, easy to guess, or a public key.

A secret for HS256 is checked as it is and in the encodings that keys come in, since a verifier that mistakes
the kind of a key uses the bytes that it is given (RFC 8725, sections 2.1, 2.2 and
3.5; PyJWT's advisories GHSA-ffqj-6fqr-9h24 and GHSA-xgmm-8j9v-c9wx, and those fixed in 2.14).
"""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from django_authkit.tokens.keys.faults import Fault, KeyRefused
from django_authkit.tokens.keys.known_secrets import is_known
from django_authkit.tokens.keys.ring import KEY_BYTES

_INSECURE = b"django-insecure-"
"""What ``startproject`` puts before a ``SECRET_KEY`` that is for development only."""
_LEAST_PERIOD = 16
"""Bytes; a secret with a shorter period is as easy to guess as the period. No random secret has one."""
_LEAST_DISTINCT = 8
"""Different bytes; a random secret has more, in hexadecimal digits too."""
_LEAST_WITHOUT_RUNS = 24
"""Bytes that have to be left of a secret if each run of one byte counts once."""
_LEAST_LETTERS = 8
"""How much has to be left of a secret without the words below, if it has two or more of them."""

_KNOWN = (
    # from pages and tools for trying out tokens
    "your-256-bit-secret",
    "your-384-bit-secret",
    "your-512-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    # from tutorials that were copied often
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
    "GQDstcKsx0NHjPOuXOYg5MbeJ1XT0uFiwDVvVBrk",
    # from the examples in RFC 7515 (appendix A.1), RFC 7520 (section 3.5)
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    # rows of a keyboard, and sequences
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "abcdefghijklmnopqrstuvwxyz1234567890",
    "abcdefghijklmnopqrstuvwxyzabcdef",
    "qwertyuiopasdfghjklzxcvbnm123456",
    "qwertyuiopasdfghjklzxcvbnm1234567890",
    "0123456789abcdef0123456789abcdef",
    "0123456789abcdefghijklmnopqrstuvwxyz",
    "12345678901234567890123456789012",
    "1234567890abcdefghijklmnopqrstuvwxyz",
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
)
_WORD = re.compile(
    rb"access|admin|apple|application|authentication|auth|awesome|batteries|battery|changed|change|character|correct|default|development|django|dummy|"
    rb"example|foobar|generation|great|hello|hmac|horse|jsonwebtoken|keyboard|knows|least|letmein|long|nobody|password|placeholder|please|"
    rb"production|qwerty|random|really|refresh|replace|safe|sample|secret|secure|should|signing|staple|string|strong|super|"
    rb"supersecret|test|this|token|ultra|very|world|your|"
    rb"abc|and|api|app|at|bit|byte|cat|char|dev|for|here|in|is|it|jwt|key|me|must|my|not|of|one|some|that|the|to|use"
)
_RUN = re.compile(rb"(.)\1{3,}", re.DOTALL)
_PEM = re.compile(rb"----[- ]\s*BEGIN", re.IGNORECASE)
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_SSH = (b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-")
_WIDE = re.compile(rb"^(\xff\xfe|\xfe\xff)|\x00")
"""What UTF-16 and UTF-32 add to ASCII; the BOM of UTF-32 is that of UTF-16 and zeros."""


def refuse_weak(secret: bytes) -> None:
    """
    Check that *secret* is not weak as a key for HS256.

    Raises:
        KeyRefused: ``PUBLIC_AS_SECRET`` or ``WEAK``. A secret that passes need not be random.
    """
    views = list(_views(secret))
    if any(_is_key_in_disguise(view) for view in views):
        raise KeyRefused(Fault.PUBLIC_AS_SECRET, "is a key or a certificate in the place of a secret.")
    if secret.startswith(_INSECURE):
        raise KeyRefused(Fault.WEAK, "is a secret that Django made for development only.")
    if len(secret) < KEY_BYTES:
        raise KeyRefused(Fault.WEAK, f"is shorter than the {KEY_BYTES} bytes that a secret needs.")
    if any(is_known(view.lower()) or view.lower() in _KNOWN_VIEWS for view in views):
        raise KeyRefused(Fault.WEAK, "is a secret that everybody knows, from examples or lists of attackers.")
    if any(_is_guessable(view) for view in views):
        raise KeyRefused(Fault.WEAK, "is made of common words, or of a short piece again and again.")


def _views(secret: bytes, depth: int = 2) -> Iterator[bytes]:
    """Yield *secret*, and what it is without wrappings: BOM, white space, wide characters, base64, hex."""
    bare = secret.removeprefix(b"\xef\xbb\xbf").lstrip()
    text = _WIDE.sub(b"", bare).strip()
    yield from {secret, bare, text}
    if depth:
        for inner in _decoded(b"".join(text.split())):
            yield from _views(inner, depth - 1)


def _decoded(text: bytes) -> Iterator[bytes]:
    base64 = text.rstrip(b"=").translate(_TO_STANDARD)
    with suppress(binascii.Error):
        yield b64decode(base64 + b"=" * (-len(base64) % 4), validate=True)
    with suppress(ValueError):
        yield bytes.fromhex(text.decode("ascii"))


def _is_key_in_disguise(view: bytes) -> bool:
    return bool(_PEM.search(view)) or view.startswith(_SSH) or _is_json(view) or _is_der(view)


def _is_json(view: bytes) -> bool:
    """Tell whether it is an object or a list, as a JWK, a JWK Set or a list of either is."""
    if not view.startswith((b"{", b"[")):
        return False
    try:
        json.loads(view)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _is_der(view: bytes) -> bool:
    if not view.startswith(b"\x30"):
        return False
    for load in (load_der_public_key, x509.load_der_x509_certificate, _load_der_private_key):
        try:
            load(_first_value(view))
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        return True
    return False


def _first_value(view: bytes) -> bytes:
    """Return the DER value that *view* begins with, without what comes after it (X.690, section 8.1.3)."""
    if len(view) < 2 or view[1] < 0x80:
        return view[: 2 + view[1]] if len(view) > 1 else view
    start = 2 + view[1] - 0x80
    return view[: start + int.from_bytes(view[2:start])]


def _load_der_private_key(view: bytes) -> object:
    return load_der_private_key(view, password=None)


def _is_guessable(view: bytes) -> bool:
    if len(view) < KEY_BYTES:  # what is inside an encoding may be short: its encoding is not guessed by it
        return False
    if any(view[period:] == view[:-period] for period in range(1, _LEAST_PERIOD)):
        return True
    if len(set(view)) < _LEAST_DISTINCT or len(_RUN.sub(rb"\1", view)) < _LEAST_WITHOUT_RUNS:
        return True
    letters, words = _WORD.subn(b"", view.lower())
    return words > 1 and len(re.sub(rb"[^a-z\x80-\xff]", b"", letters)) < _LEAST_LETTERS


_KNOWN_VIEWS = frozenset(view.lower() for text in _KNOWN for view in _views(text.encode()))
