"""
The written forms of sids and session keys, and the digests that are stored of secrets.

A session key has 40 characters: a 16-character handle, a separator and a 23-character secret. The
separator says what the key opens: ``.`` an auth session (the handle is its sid), ``~`` an anonymous
Django session. A handle is 2 characters of bucket and 14 random ones. All but the separator are
base64url characters.
"""

import re
import secrets
import string
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self
from zlib import crc32

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
MAX_BUCKETS = len(ALPHABET) ** 2
"""4,096: what two characters can say."""

KEY_LENGTH = 40
"""Characters of a session key."""
_SECRET_LENGTH = 23
"""23 characters of 6 bits are 138 bits; ASVS 7.2.3 asks for 128."""
_KEY = re.compile(r"([A-Za-z0-9_-]{16})([.~])([A-Za-z0-9_-]{23})")
_SID = re.compile(r"[A-Za-z0-9_-]{16}")


def _random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def digest(secret: str) -> bytes:
    """
    Return what is stored of *secret*: its SHA-256, 32 bytes.

    A fast hash is right here: the input has more than 128 random bits, so there is nothing to guess.
    """
    return sha256(secret.encode()).digest()


def bucket_of(user_id: str, buckets: int) -> int:
    """Return the bucket of *user_id* among *buckets*: an unkeyed hash, the same in every process."""
    return crc32(user_id.encode()) % buckets


def new_handle(bucket: int) -> str:
    """Return a fresh handle in *bucket*: 84 random bits, so that no two meet by chance."""
    high, low = divmod(bucket, len(ALPHABET))
    return ALPHABET[high] + ALPHABET[low] + _random_text(14)


def handle_from(bucket: int, digest: bytes) -> str:
    """Return the handle in *bucket* that follows from *digest* (14 bytes of it or more)."""
    high, low = divmod(bucket, len(ALPHABET))
    return ALPHABET[high] + ALPHABET[low] + "".join(ALPHABET[byte % 64] for byte in digest[:14])


def bucket_of_handle(handle: str) -> int:
    """Return the bucket that is written into *handle*."""
    return ALPHABET.index(handle[0]) * len(ALPHABET) + ALPHABET.index(handle[1])


def is_sid(text: object) -> bool:
    """Tell whether *text* has the form of a sid."""
    return isinstance(text, str) and _SID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class SessionKey:
    """
    A session key, taken apart.

    Attributes:
        handle: The public half; the sid when the key opens an auth session.
        anonymous: Whether it opens an anonymous Django session instead.
    """

    handle: str
    secret: str = field(repr=False)
    anonymous: bool = False

    @classmethod
    def new(cls, handle: str, *, anonymous: bool = False) -> Self:
        """Return a key for *handle* with a fresh secret."""
        return cls(handle, _random_text(_SECRET_LENGTH), anonymous)

    @classmethod
    def with_secret(cls, handle: str, material: str) -> Self:
        """Return the key of *handle* whose secret is the first 23 characters of *material*."""
        return cls(handle, material[:_SECRET_LENGTH])

    @classmethod
    def parse(cls, text: object) -> Self | None:
        """Return the key that *text* writes, or ``None`` if it is not the form of one."""
        match = _KEY.fullmatch(text) if isinstance(text, str) else None
        return match and cls(match[1], match[3], match[2] == "~")

    @property
    def digest(self) -> bytes:
        """What is stored of the secret (32 bytes)."""
        return digest(self.secret)

    @property
    def text(self) -> str:
        """The written form: 40 characters. Whoever has it is logged in."""
        return f"{self.handle}{'~' if self.anonymous else '.'}{self.secret}"
