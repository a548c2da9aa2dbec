"""
Refreshes that the store did not answer, as this process remembers them.

Whether the refresh token was exchanged is not known then, and the client may try again after the grace.
So the next attempt with that token repeats the same call, and the time during which the store did not answer
is no part of the grace.
"""

import time
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from django_authkit.tokens.sealing import new_jti

_MOST_REMEMBERED: Final = 10_000
_PATIENCE: Final = 30.0
"""
Most seconds between two attempts of a client that waits for the store; the 503 asks for 2.

Attempts further apart say nothing about the time between them, in which the store may have answered others.
"""


@dataclass(slots=True, kw_only=True)
class Call:
    """
    A call of ``rotate``; seconds on this process's monotonic clock.

    Attributes:
        device: The mark of the browser that asks.
        reauthenticated: Whether the user has just authenticated again.
        proposal: The ``jti`` that it proposes.
        began: When the token was presented first.
        failed: When the store last did not answer.
        answered: When it did, first.
    """

    device: str
    reauthenticated: bool
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
    The calls that the store did not answer: one for each refresh token, the first of several.

    Args:
        grace_ms: For how long after the answer other attempts with the token repeat the call too.
    """

    def __init__(self, grace_ms: int) -> None:
        self._grace = grace_ms / 1000
        self._calls: dict[bytes, Call] = {}
        self._changing = Lock()

    def call_of(self, presented: bytes, device: str, *, reauthenticated: bool) -> Call:
        """
        Return the call to repeat, or a new one.

        Args:
            presented: The digest of the token's ``jti``.
            device: The mark of the browser that asks.
            reauthenticated: Whether the user has just authenticated again.
        """
        known = self._calls.get(presented)
        caller = (device, reauthenticated)
        if known and (known.device, known.reauthenticated) == caller and not self._is_over(known):
            return known
        now = time.monotonic()
        return Call(device=device, reauthenticated=reauthenticated, proposal=new_jti(), began=now, failed=now)

    def note_outage(self, presented: bytes, call: Call) -> None:
        """Remember a call that the store did not answer, unless another one with the token is remembered."""
        with self._changing:
            known = self._calls.get(presented, call)
            if known is not call and not self._is_over(known):
                return
            if call.answered is None:
                call.failed = time.monotonic()
            self._calls.pop(presented, None)
            self._calls[presented] = call  # as the latest of all
            if len(self._calls) > _MOST_REMEMBERED:
                del self._calls[next(iter(self._calls))]

    def note_answer(self, call: Call) -> None:
        """Let the call be repeated for the length of the grace only."""
        call.answered = call.answered or time.monotonic()

    def _is_over(self, call: Call) -> bool:
        now = time.monotonic()
        if call.answered is not None:
            return now - call.answered > self._grace
        return now - call.failed > max(_PATIENCE, self._grace)
