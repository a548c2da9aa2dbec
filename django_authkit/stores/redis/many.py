"""Reads the records of many auth sessions at once from Redis."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from django_authkit.stores.redis.buckets import Buckets
from django_authkit.stores.redis.records import sessions_of
from django_authkit.types import AuthSession

READ_AT_ONCE: Final = 100
"""Most records that one script reads; other clients do not wait for longer than a few milliseconds."""


class ManyKeys(Buckets):
    """Records of any users."""

    def load_many(self, sids: Iterable[str]) -> Mapping[str, AuthSession]:
        """Return the live records: one round trip for each 100 in a bucket."""
        live: list[AuthSession] = []
        for sid, *others in _together(sids):
            live += self._for_handle(sessions_of, "load_many", sid, *others)
        return {session.sid: session for session in live}


def _together(sids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Yield those that one script can read."""
    by_bucket: defaultdict[str, list[str]] = defaultdict(list)
    for sid in sids:
        by_bucket[sid[:2]].append(sid)
    for bucket in by_bucket.values():
        for first in range(0, len(bucket), READ_AT_ONCE):
            yield bucket[first : first + READ_AT_ONCE]
