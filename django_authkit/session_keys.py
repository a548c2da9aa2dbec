"""
The forms of sids and session keys, and the digests of secrets that are stored.

A session key has 40 characters: a 16-character handle, a separator and a 23-character secret. The
separator says what the key opens: ``.`` for an auth session (the handle is its sid), ``~`` for an anonymous
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
"""4,096: as many as two characters can name."""

KEY_LENGTH = 40
"""Characters of a session key."""
_SECRET_LENGTH = 23
"""23 characters of 6 bits are 138 bits; ASVS 7.2.3 asks for 128."""
_KEY = re.compile(r"([A-Za-z0-9_-]{16})([.~])([A-Za-z0-9_-]{23})")
_SID = re.compile(r"[A-Za-z0-9_-]{16}")


def _random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def new_secret() -> str:
    """Return a fresh secret of a session key."""
    return _random_text(_SECRET_LENGTH)


def digest(secret: str) -> bytes:
    """
    Return the first 16 bytes of the SHA-256 of *secret*, which are stored in its place.

    A fast hash is right: a secret of more than 128 random bits cannot be guessed. Half of it is enough: to
    find a secret that fits a digest takes 2^128 attempts, and only the server chooses secrets.
    """
    return sha256(secret.encode()).digest()[:16]


def bucket_of(user_id: str, buckets: int) -> int:
    """Return the bucket of *user_id* among *buckets*: an unkeyed hash, the same in every process."""
    return crc32(user_id.encode()) % buckets


def tag_of(bucket: int) -> str:
    """Return the two characters that every handle in *bucket* begins with."""
    high, low = divmod(bucket, len(ALPHABET))
    return ALPHABET[high] + ALPHABET[low]


def new_handle(bucket: int) -> str:
    """Return a fresh handle in *bucket*: 84 random bits, so that no two are equal by chance."""
    return tag_of(bucket) + _random_text(14)


def handle_from(bucket: int, digest: bytes) -> str:
    """Return the handle in *bucket* that is derived from *digest* (14 bytes or more)."""
    return tag_of(bucket) + _text_of(digest)


def handle_in_bucket_of(sid: str, digest: bytes) -> str:
    """Return the handle in the bucket of *sid* that is derived from *digest* (14 bytes or more)."""
    return sid[:2] + _text_of(digest)


def _text_of(digest: bytes) -> str:
    return "".join(ALPHABET[byte % 64] for byte in digest[:14])


def is_sid(text: object) -> bool:
    """Tell whether *text* has the form of a sid."""
    return isinstance(text, str) and _SID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class SessionKey:
    """
    A session key in its parts.

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
        return cls(handle, new_secret(), anonymous)

    @classmethod
    def with_secret(cls, handle: str, material: str) -> Self:
        """Return the key of *handle* whose secret is the first 23 characters of *material*."""
        return cls(handle, material[:_SECRET_LENGTH])

    @classmethod
    def parse(cls, text: object) -> Self | None:
        """Return the key in *text*, or ``None`` if it does not have the form of one."""
        match = _KEY.fullmatch(text) if isinstance(text, str) else None
        return match and cls(match[1], match[3], match[2] == "~")

    @property
    def digest(self) -> bytes:
        """What is stored of the secret: see ``digest``."""
        return digest(self.secret)

    @property
    def text(self) -> str:
        """The text of the key: 40 characters. It logs its holder in."""
        return f"{self.handle}{'~' if self.anonymous else '.'}{self.secret}"
