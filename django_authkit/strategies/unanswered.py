"""
Refreshes that the store did not answer, as this process remembers them.

Whether the refresh token was exchanged is not known then, and the client may try again after the grace.
So the next attempt with that token repeats the same call, and the time during which the store did not answer
is no part of the grace.
"""

import time
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from django_authkit.tokens.sealing import new_jti

_MOST_REMEMBERED: Final = 10_000


class Presented(NamedTuple):
    """
    What two attempts with one token have in common.

    Attributes:
        digest: That of its ``jti``.
        device: The mark of the browser.
        reauthenticated: Whether the user has just authenticated again.
    """

    digest: bytes
    device: str
    reauthenticated: bool


@dataclass(slots=True, kw_only=True)
class Call:
    """
    A call of ``rotate``; seconds on this process's monotonic clock.

    Attributes:
        proposal: The ``jti`` that it proposes.
        began: When the token was presented first.
        failed: When the store last did not answer.
        answered: When it did.
    """

    proposal: str = field(repr=False)
    began: float
    failed: float
    answered: float | None = None

    @property
    def outage_ms(self) -> int:
        """How long the store did not answer: the time between the first attempt and the last that failed."""
        return int((self.failed - self.began) * 1000)


class UnansweredCalls:
    """
    The calls that the store did not answer.

    Args:
        grace_ms: For how long after the answer other attempts with the token repeat the call too.
    """

    def __init__(self, grace_ms: int) -> None:
        self._grace = grace_ms / 1000
        self._calls: dict[Presented, Call] = {}

    def call_of(self, presented: Presented) -> Call:
        """Return the call to repeat, or a new one."""
        call, now = self._calls.get(presented), time.monotonic()
        if call is None or (call.answered is not None and now - call.answered > self._grace):
            return Call(proposal=new_jti(), began=now, failed=now)
        return call

    def note_outage(self, presented: Presented, call: Call) -> None:
        """Remember a call that the store did not answer."""
        if len(self._calls) >= _MOST_REMEMBERED:
            self._calls.clear()
        call.failed, call.answered = time.monotonic(), None
        self._calls[presented] = call

    def note_answer(self, call: Call) -> None:
        """Let the call be repeated for the length of the grace only."""
        call.answered = call.answered or time.monotonic()
