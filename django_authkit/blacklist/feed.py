"""
The blacklist, as a store's feed reports it.

A copy is made of a snapshot and kept up to date by following; ``replica.py`` does both. Plain
dataclasses, so that the two sides of the feed need not know each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One entry of the stream: a sid and until when it matters, or an epoch (with ``sid`` empty).

    With a *generation*, the record was changed, and tokens of earlier generations are not valid; the first
    is 1. With a *user*, it is the epoch of that user's auth sessions.
    """

    number: int
    sid: str
    until: int
    generation: int = 0
    user: str = ""


@dataclass(slots=True)
class BucketCopy:
    """
    What is known of one bucket. Instants in milliseconds on the store's clock.

    Attributes:
        began: When the list began: another list began at another time.
        birth: Of tokens issued before, the copy may not know everything.
        birth_of_list: The same of the list, which may have removed since what the copy still has.
        window: The longest life of any access token issued under the bucket.
        epoch: Auth sessions that began up to then are dead.
        number: The number of the last entry seen; entries are counted without gaps.
        position: Where to read on.
        run: Which run of the server it was made from.
        revoked: Until when each revoked sid matters.
        renewed: The least generation whose tokens are valid, and until when that matters, for sids.
        users: When the auth sessions of a user were revoked. Which of them were kept only the store knows.
    """

    began: int
    birth: int
    birth_of_list: int
    window: int
    epoch: int
    number: int
    position: str
    run: str
    revoked: dict[str, int] = field(default_factory=dict)
    renewed: dict[str, tuple[int, int]] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """
        Add the next entry.

        Raises:
            Gap: It is not the next.
        """
        if entry.number != self.number + 1:
            raise Gap
        if entry.generation:
            if entry.generation > 1:
                self.renewed[entry.sid] = entry.generation, entry.until
        elif entry.user:
            self.users[entry.user] = max(self.users.get(entry.user, 0), entry.until)
        elif entry.sid:
            self.revoked[entry.sid] = entry.until
        else:
            self.epoch = max(self.epoch, entry.until)
        self.number = entry.number

    def lost_since(self, earlier: "BucketCopy") -> list[Entry]:
        """Return what an *earlier* copy knew and this one does not, if the server changed."""
        if earlier.run == self.run:
            return []
        lost = partial(Entry, number=0, sid="")
        epoch = [lost(until=earlier.epoch)] if earlier.epoch > self.epoch else []
        users = [
            lost(user=user, until=at) for user, at in earlier.users.items() if at > self.users.get(user, 0)
        ]
        renewed = [
            lost(sid=sid, until=until, generation=least)
            for sid, (least, until) in earlier.renewed.items()
            if least > self.renewed.get(sid, (0, 0))[0]
        ]
        sids = [
            lost(sid=sid, until=until) for sid, until in earlier.revoked.items() if sid not in self.revoked
        ]
        return [*epoch, *users, *renewed, *sids]


@dataclass(frozen=True, slots=True)
class Update:
    """
    What came after a position.

    Attributes:
        began: When the list began; 0 where this is not the list that the position is of.
        birth: Of tokens issued before, the list may not know everything now.
        number: How many entries there were at the sending.
        now: What the store's clock says.
        position: Where to read on.
        entries: In order; the first may have come before.
    """

    began: int
    birth: int
    window: int
    number: int
    now: int
    position: str
    entries: tuple[Entry, ...]


class BlacklistFeed(Protocol):
    """How a copy reads the blacklist: from the primary, on a connection of its own."""

    buckets: tuple[str, ...]
    """The two characters that the sids of each bucket begin with."""

    unconfirmed: float
    """Seconds before a read within which it was known last that its server is the primary."""

    def snapshot(self) -> Mapping[str, BucketCopy]:
        """Return all that is in the list now. Raises ``StoreUnavailable``; ``Gap`` if it changed too much."""

    def follow(self, positions: Mapping[str, str], wait: float) -> Mapping[str, Update]:
        """
        Return what came after *positions*, waiting up to *wait* seconds for the first entry.

        Raises:
            StoreUnavailable: No answer.
        """

    def repeat(self, bucket: str, seen: Sequence[Entry]) -> None:
        """
        Revoke again what the store has lost of what was *seen*. What began after that goes on.

        Raises:
            StoreUnavailable: No answer.
        """

    def close(self) -> None:
        """Give the connection back."""


class Gap(Exception):
    """A copy missed an entry; a new copy has to be made."""
