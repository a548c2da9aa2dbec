"""
Handles that work once: what one stands for is kept in the store for a short time, until somebody takes it.

The client has the handle. The store finds the value by the digest of the handle's secret, so nobody can use a
copy of the store.
"""

import re
from typing import Final

from django_authkit.session_keys import bucket_of, digest, new_handle, new_secret
from django_authkit.stores.outcomes import Counter
from django_authkit.wiring import get_store

_HANDLE: Final = re.compile(r"([A-Za-z0-9_-]{16})([A-Za-z0-9_-]{23})")


def put_once(purpose: str, user_id: str, value: str, lifetime: int) -> str:
    """
    Keep *value* for *lifetime* milliseconds, and return its handle: 39 characters of base64url.

    Args:
        purpose: What the handle is for; it is worth nothing for any other purpose.
        user_id: Whose it is, which decides where the store keeps it.
    """
    store, secret = get_store(), new_secret()
    handle = new_handle(bucket_of(user_id, store.buckets))
    store.create_anonymous(handle, _digest(purpose, secret), value, lifetime)
    return handle + secret


def take_once(purpose: str, text: str, lifetime: int) -> str | None:
    """
    Return what *text*, a handle, stands for; of any number of simultaneous calls one gets it.

    Args:
        purpose: As it was put.
        text: The handle, of any form.
        lifetime: The longest that it can have been put for.

    Returns:
        The value; ``None`` if the handle is unknown, was used or has expired.

    Round trips:
        Three; one if there is no such handle, and none if *text* does not have the form of one.
    """
    match = _HANDLE.fullmatch(text)
    if match is None:
        return None
    store, handle, digested = get_store(), match[1], _digest(purpose, match[2])
    value = store.load_anonymous(handle, digested)
    if value is None or store.hit([Counter(key=f"o:{handle}", limit=1, window_ms=lifetime)]).wait_ms:
        return None
    store.delete_anonymous(handle, digested)
    return value


def _digest(purpose: str, secret: str) -> bytes:
    """Return what finds a value: no key of an anonymous Django session, which is kept in the same place."""
    return digest(f"{purpose} {secret}")
