"""
The blacklist, and this process's copy of it.

With it the process remembers what it has looked up by session key: see ``memory.py``.

The store keeps the sids of revoked auth sessions in a stream until the last access token that they
could concern has expired. A copy answers "is this token revoked?" with no round trip, and only while it
can prove that it is fresh; whatever it cannot tell, the caller asks the store.
"""

import random
import threading
import time
from collections.abc import Mapping
from enum import Enum
from typing import Final

from django_authkit.blacklist.clock import seconds
from django_authkit.blacklist.feed import BlacklistFeed, BucketCopy, Entry, Gap, Update
from django_authkit.blacklist.memory import Remembered, SessionMemory
from django_authkit.errors import StoreUnavailable
from django_authkit.forks import in_forked_children
from django_authkit.outages import log_full_blacklist
from django_authkit.tokens.claims import AccessClaims


class Verdict(Enum):
    """What a copy of the blacklist says of a verified access token."""

    LIVE = "live"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


_WAIT: Final = 0.2
"""Fraction of the allowed staleness that a read waits for an update."""
_PAUSE: Final = 0.2
"""Fraction of it that passes between a read that brought something and the next."""
_RETRY: Final = 0.1
"""Seconds until another try to make a copy."""
_SLACK: Final = 120_000
"""Milliseconds that entries are kept beyond their use: more than any leeway."""
_EXPIRE_EVERY: Final = 60.0
_SETTLE: Final = 0.5
"""Seconds from a copy until lookups are remembered: other connections may still lead to a deposed server."""
_LOOK: Final = 0.01
"""Seconds between looks at whether the copy is fresh."""


_Held = tuple[Mapping[str, BucketCopy], float]
"""The copies, and when the last completed read of them was sent: always replaced as one."""
_NOTHING: Final[_Held] = ({}, float("-inf"))
_ANY: Final = (0, 0)
"""Tokens of every generation are valid."""


class BlacklistReplica:
    """
    This process's copy of the blacklist, kept up to date by one thread.

    The thread starts at the first question and ends with ``stop``, or with the process. A forked child
    begins anew. While the copy is not fresh the verdict is UNKNOWN.

    Args:
        feed: Where it comes from.
        max_staleness: Seconds for which a copy is fresh: since the sending of the last completed read, or
            since it was last known that what it reads from is the primary.
        sessions: Most records that are remembered.
    """

    def __init__(self, feed: BlacklistFeed, max_staleness: float, sessions: int = 0) -> None:
        self._feed = feed
        self._sessions = sessions
        self._max_staleness = max_staleness - feed.unconfirmed
        self._begin()
        in_forked_children(self, BlacklistReplica._begin)

    def _begin(self) -> None:
        self._held: _Held = _NOTHING
        self._seen: Mapping[str, BucketCopy] = {}
        self._copied_at = float("inf")
        self._memory = SessionMemory(self._sessions)
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._starting = threading.Lock()

    @property
    def age(self) -> float:
        """Seconds since the sending of the last completed read; infinite before the first."""
        return seconds() - self._held[1]

    def __len__(self) -> int:
        return sum(len(copy.revoked) + len(copy.users) for copy in self._held[0].values())

    def verdict(self, claims: AccessClaims) -> Verdict:
        """Tell whether the auth session of a verified token was revoked, as far as can be known here."""
        copies, fresh_at = self._held
        if seconds() - fresh_at > self._max_staleness:
            self._start()
            return self._without_copy(claims)
        copy = copies.get(claims.sid[:2])
        if copy is None:
            return Verdict.UNKNOWN
        if claims.sid in copy.revoked:
            return Verdict.REVOKED
        if claims.generation < copy.renewed.get(claims.sid, _ANY)[0]:
            return Verdict.UNKNOWN  # the store tells why it is refused
        # Tokens tell seconds: what was issued within the second of a mark may be from before it.
        issued = claims.issued_at * 1000
        if issued < copy.birth or issued <= max(copy.epoch, copy.users.get(claims.subject, 0)):
            return Verdict.UNKNOWN
        if (claims.expires_at - claims.issued_at) * 1000 > copy.window:
            return Verdict.UNKNOWN  # it may outlive its entry
        return Verdict.LIVE

    def recall(self, sid: str, key_digest: bytes, now: float) -> Remembered | None:
        """Return the record of a session key that was looked up, if nothing can have changed it since."""
        if seconds() - self._held[1] > self._max_staleness:
            self._start()
            return None
        return self._memory.get(sid, key_digest, now)

    def mark_of(self, sid: str) -> int | None:
        """Return what ``remember`` takes, before a lookup; ``None`` if changes might be missed."""
        mark = self._memory.mark
        copies, fresh_at = self._held
        now = seconds()
        if now - fresh_at > self._max_staleness:
            self._start()
            return None
        return mark if sid[:2] in copies and now - self._copied_at > _SETTLE else None

    def remember(self, mark: int, known: Remembered) -> None:
        """Remember what was looked up since *mark* was returned, unless anything was changed meanwhile."""
        self._memory.put(mark, known)

    @property
    def remembered(self) -> int:
        """How many records are remembered."""
        return len(self._memory)

    def _without_copy(self, claims: AccessClaims) -> Verdict:
        """Tell what needs no fresh copy: what was revoked stays so, whatever the server has lost."""
        copy = self._seen.get(claims.sid[:2])
        return Verdict.REVOKED if copy and claims.sid in copy.revoked else Verdict.UNKNOWN

    def wait_until_fresh(self, patience: float) -> bool:
        """Start following, and tell whether the copy was fresh within *patience* seconds."""
        deadline = time.monotonic() + patience
        while self.age > self._max_staleness:
            self._start()
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK)
        return True

    def stop(self) -> None:
        """End the thread; the next question would start another."""
        self._stopping.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)
        self._feed.close()
        self._begin()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="authkit-blacklist", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        stopping = self._stopping
        while not stopping.is_set():
            try:
                self._keep_up(stopping)
            except StoreUnavailable:
                stopping.wait(self._until_retry())
            except Gap:
                self._held = _NOTHING  # known to be wrong, so do not use it until the next snapshot
                stopping.wait(self._until_retry())

    def _until_retry(self) -> float:
        """Return how many seconds to wait: not the same in all processes, which failed at the same time."""
        return _RETRY + random.random() * self._max_staleness  # noqa: S311 - nothing to guess

    def _keep_up(self, stopping: threading.Event) -> None:
        """Copy everything, then follow until an error, or until the thread is stopped."""
        sent = seconds()
        copies = self._feed.snapshot()
        for bucket, copy in copies.items():
            lost = copy.lost_since(self._seen.get(bucket, copy))
            if lost:
                self._feed.repeat(bucket, lost)
        self._seen = copies
        self._memory.clear()
        self._copied_at = seconds()
        self._held = copies, sent
        expired_at = sent
        while not stopping.is_set():
            sent = seconds()
            positions = {bucket: copy.position for bucket, copy in copies.items()}
            updates = self._feed.follow(positions, self._max_staleness * _WAIT)
            news: list[Entry] = []
            for bucket, update in updates.items():
                news += _apply(copies[bucket], update)
                if sent - expired_at > _EXPIRE_EVERY:
                    _expire(copies[bucket], update.now)
            self._memory.forget(news)
            self._held = copies, sent
            if news:
                # Many revocations cost one read, and the server does not spend its time on telling each.
                stopping.wait(self._max_staleness * _PAUSE)
            if sent - expired_at > _EXPIRE_EVERY:
                self._memory.forget_expired(sent)
                expired_at = sent


def _apply(copy: BucketCopy, update: Update) -> list[Entry]:
    """
    Add what came, and return the entries that are new.

    Raises:
        Gap: Entries are missing, or it is another list than before.
    """
    known, news = copy.number, []
    for entry in update.entries:
        if entry.number > copy.number:  # one that waited when the read began may have been listed meanwhile
            copy.add(entry)
            news.append(entry)
    if update.began != copy.began or not known <= update.number <= copy.number:
        raise Gap
    if update.birth != copy.birth_of_list:
        copy.birth_of_list = update.birth  # the copy has all that the list has removed
        log_full_blacklist()
    copy.position = update.position
    copy.window = max(copy.window, update.window)
    return news


def _expire(copy: BucketCopy, now: int) -> None:
    """Delete entries whose access tokens have all expired, by the store's clock: ours may be ahead."""
    horizon = now - _SLACK
    for sid in [sid for sid, until in copy.revoked.items() if until < horizon]:
        del copy.revoked[sid]
    for sid in [sid for sid, (_, until) in copy.renewed.items() if until < horizon]:
        del copy.renewed[sid]
    for user in [user for user, revoked in copy.users.items() if revoked + copy.window < horizon]:
        del copy.users[user]
