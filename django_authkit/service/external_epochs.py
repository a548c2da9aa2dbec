"""
Which logins of other packages were revoked before they were adopted (``ADOPT``).

A login that was not adopted yet has no auth session to revoke. So the time of the latest revocation is kept,
and a login from before it is not adopted any more. It is stored as an anonymous session, like the claims of
adoption: nobody can present it as one.
"""

import time
from hashlib import sha256
from typing import Final

from django_authkit.conf import get_settings
from django_authkit.session_keys import bucket_of, handle_from
from django_authkit.wiring import get_store

_SALT: Final = "django_authkit.external_epochs"
_LIFETIME_MS: Final = 10 * 365 * 24 * 60 * 60 * 1000
"""Some credentials of other packages never expire."""


def revoke_external_logins(user_id: str | None) -> None:
    """Adopt no login of this user, or of all, that began before now. To be called before revoking."""
    if not get_settings().adopt:
        return
    store, now = get_store(), str(int(time.time() * 1000))
    buckets = range(store.buckets) if user_id is None else [bucket_of(user_id, store.buckets)]
    for handle, digest in (_place_of(user_id, bucket) for bucket in buckets):
        if not store.save_anonymous(handle, digest, now, _LIFETIME_MS, durable=True):
            store.create_anonymous(handle, digest, now, _LIFETIME_MS, durable=True)


def is_revoked(user_id: str, began_ms: int) -> bool:
    """
    Tell whether a login of the user that began at *began_ms* was revoked before it was adopted.

    One round trip: the time of the latest revocation of all is in the bucket of each user.
    """
    store = get_store()
    bucket = bucket_of(user_id, store.buckets)
    marks = store.load_anonymous_together([_place_of(each, bucket) for each in (user_id, None)])
    return any(mark is not None and began_ms <= int(mark) for mark in marks)


def _place_of(user_id: str | None, bucket: int) -> tuple[str, bytes]:
    """Return the handle and the digest under which the time is stored."""
    identity = f"{_SALT}\0{'all' if user_id is None else f'user {user_id}'}"
    digest = sha256(identity.encode()).digest()
    return handle_from(bucket, digest), sha256(digest).digest()
