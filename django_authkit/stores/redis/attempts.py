"""Counters of attempts in Redis: all in the slot of the first bucket, so that one script sees several."""

import re
from collections.abc import Iterator, Sequence

from django_authkit.stores.outcomes import AttemptStatistics, Counter, Hit
from django_authkit.stores.redis.buckets import Buckets
from django_authkit.stores.redis.failures import CLIENT_ERRORS
from django_authkit.stores.redis.records import flag_of, hit_of, number_of
from django_authkit.stores.redis.sending import Argument
from django_authkit.stores.redis.server_names import no_answer

_STEP = 500
"""Keys that one SCAN looks at, and counters that one script reads."""
_SPECIAL = re.compile(r"[*?\[\]\\]")


class AttemptKeys(Buckets):
    """The keys ``h:<counter>`` and ``k:<mark>``, in the first bucket."""

    def hit(self, counters: Sequence[Counter]) -> Hit:
        """Count one attempt in each of *counters*, if all of them allow it: one round trip."""
        arguments: list[Argument] = []
        for each in counters:
            arguments += (each.key, each.limit, each.window_ms, each.unless or "")
        return self._scripts.run(hit_of, "hit", self._first, self.clock_offset, *arguments)

    def mark(self, key: str, lifetime: int) -> None:
        """Mark *key*: one round trip."""
        self._scripts.run(flag_of, "mark", self._first, self.clock_offset, key, lifetime)

    def clear_attempts(self, part: str) -> int:
        """
        Delete the counters and marks whose key contains *part*, by SCAN in steps.

        Raises:
            StoreUnavailable: No answer.
        """
        try:
            found = [*self._keys("h", part), *self._keys("k", part)]
            for start in range(0, len(found), _STEP):
                self._client.unlink(*found[start : start + _STEP])
        except CLIENT_ERRORS as error:
            raise no_answer(self._client, error) from error
        return len(found)

    def attempt_statistics(self) -> AttemptStatistics:
        """
        Count the counters, by SCAN in steps, and a script for each step.

        Raises:
            StoreUnavailable: No answer.
        """
        try:
            keys = [key.decode().rpartition(":h:")[2] for key in self._keys("h", "")]
        except CLIENT_ERRORS as error:
            raise no_answer(self._client, error) from error
        exhausted = 0
        for start in range(0, len(keys), _STEP):
            step = keys[start : start + _STEP]
            exhausted += self._scripts.run(number_of, "exhausted", self._first, self.clock_offset, *step)
        return AttemptStatistics(counters=len(keys), exhausted=exhausted)

    def _keys(self, kind: str, part: str) -> Iterator[bytes]:
        start = _SPECIAL.sub(r"\\\g<0>", f"{self._first}:{kind}:")
        found: Iterator[bytes] = self._client.scan_iter(match=f"{start}*{part}*", count=_STEP)
        return found
