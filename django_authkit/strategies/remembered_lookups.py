"""
Lookups of session keys that this process remembers: ``ACCESS_CHECK = "replica"`` for session keys.

A record is remembered until its next activity is due to be written, and only while this process is told of
each change: see ``blacklist/memory.py``. The data of the Django session is not: each view reads that from the
store, if it needs any.
"""

from collections.abc import Callable

from django_authkit.blacklist.clock import seconds
from django_authkit.blacklist.memory import Remembered
from django_authkit.blacklist.replica import BlacklistReplica
from django_authkit.http.client_info import Device
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Absent, Found
from django_authkit.stores.protocol import Store


class RememberedLookups:
    """
    What the process knows of session keys.

    Args:
        replica: Hears of changes.
        store: Whose clock counts.
        interval: How often activity is written, in milliseconds.
    """

    def __init__(self, replica: BlacklistReplica, store: Store, interval: int) -> None:
        self._replica = replica
        self._store = store
        self._interval = interval

    def recall(self, key: SessionKey, device: Device) -> Found | None:
        """
        Return the live auth session of *key*, without its data, if that is certain without a lookup.

        One that was last used from another device is looked up, since the request may change it.
        """
        now = self._now()
        known = self._replica.recall(key.handle, key.digest, now)
        if known is None:
            return None
        session = known.session
        if (device.address, device.browser_mark) != (session.address, session.browser_mark):
            return None
        elapsed = int((now - known.asked_at) * 1000)
        return Found(session=session, now_ms=known.now_ms + elapsed, data=None)

    def look_up(self, key: SessionKey, ask: Callable[[], Found | Absent]) -> Found | Absent:
        """Return what *ask* does, and remember a record until its activity is due, or it expires."""
        mark, asked_at = self._replica.mark_of(key.handle), self._now()
        found = ask()
        if mark is not None and isinstance(found, Found):
            session = found.session
            due = min(session.last_seen_ms + self._interval, session.idle_expires_ms)
            until = asked_at + (due - found.now_ms) / 1000
            known = Remembered(key.digest, session, found.now_ms, asked_at, until)
            self._replica.remember(mark, known)
        return found

    def _now(self) -> float:
        return seconds() + self._store.clock_offset / 1000
