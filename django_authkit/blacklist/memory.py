"""What a process remembers of the auth sessions that it looked up by their session key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from django_authkit.blacklist.feed import Entry
from django_authkit.types import AuthSession


@dataclass(frozen=True, slots=True)
class Remembered:
    """
    A record, as the store answered.

    Attributes:
        key_digest: The digest of the session key that it was looked up with.
        session: The record.
        now_ms: The store's clock when it answered.
        asked_at: When it was asked; seconds, on the caller's clock.
        until: When it has to be asked again, on the same clock.
    """

    key_digest: bytes = field(repr=False)
    session: AuthSession
    now_ms: int
    asked_at: float
    until: float


class SessionMemory:
    """
    Records by sid, each until something changes it.

    Reading takes no lock: looking a key up in a dict is one atomic step, and entries are immutable. A record
    that was changed while it was looked up is not remembered: see ``mark``.

    Args:
        size: Most records; a new one replaces the one that was looked up first. 0 for none.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._records: dict[str, Remembered] = {}
        self._mark = 0

    def __len__(self) -> int:
        return len(self._records)

    @property
    def mark(self) -> int:
        """What ``put`` compares: another number after each change that was heard of."""
        return self._mark

    def get(self, sid: str, key_digest: bytes, now: float) -> Remembered | None:
        """Return the record, if it was looked up with this key and does not have to be looked up again."""
        known = self._records.get(sid)
        return known if known and known.key_digest == key_digest and now < known.until else None

    def put(self, mark: int, known: Remembered) -> None:
        """Remember a record, unless anything was changed since *mark* was read, before it was looked up."""
        sid = known.session.sid
        with self._lock:
            if mark != self._mark or not self._size:
                return
            self._records.pop(sid, None)
            if len(self._records) >= self._size:
                del self._records[next(iter(self._records))]
            self._records[sid] = known

    def forget(self, entries: Sequence[Entry]) -> None:
        """Forget the records that *entries* of the list concern."""
        if not entries:
            return
        users = {entry.user for entry in entries if entry.user}
        everybody = any(not entry.sid and not entry.user for entry in entries)
        with self._lock:
            self._mark += 1
            for entry in entries:
                self._records.pop(entry.sid, None)
            if everybody or users:
                self._keep_if(lambda known: not everybody and known.session.user_id not in users)

    def forget_expired(self, now: float) -> None:
        """Forget the records that have to be looked up again."""
        with self._lock:
            self._keep_if(lambda known: now < known.until)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._mark += 1
            self._records = {}

    def _keep_if(self, wanted: Callable[[Remembered], bool]) -> None:
        self._records = {sid: known for sid, known in self._records.items() if wanted(known)}
