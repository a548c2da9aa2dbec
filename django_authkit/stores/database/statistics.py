"""The table for operators and administrators: all auth sessions, and statistics."""

from typing import Any, Final

from django.db.models import Aggregate, Case, CharField, Count, Max, Q, Value, When

from django_authkit.session_keys import ALPHABET, tag_of
from django_authkit.stores.database.expressions import EPOCH_ROW, CurrentEpoch, evaluate
from django_authkit.stores.database.table import Rows, SessionTable, raises_unavailable
from django_authkit.stores.outcomes import Remaining, StoreStatistics
from django_authkit.types import Mode

_STEP: Final = 10_000
"""Rows that one query counts. An estimate from so many is right to two percent, nineteen times in twenty."""
_BEFORE, _BEHIND = tag_of(0), tag_of(1)
"""All sids are between them; anonymous sessions and the rows for locks are not."""
_IN_ORDER = "".join(sorted(ALPHABET))
_SAMPLE = 200
_PER_ROW = 180
"""Bytes of a row without its texts: about twenty numbers, one or two digests, and the row header."""
_TEXTS = ("sid", "backend", "auth_hash", "address", "label", "data")


class StatisticsTable(SessionTable):
    """Queries for operators. Requests of users do not use them."""

    def auth_sessions(self) -> Rows:
        """
        Return every auth session, dead ones included until they are pruned; never an anonymous session.

        Each row is annotated with ``state``: ``live``, ``expired`` or ``revoked``. One query, for the epoch.
        """
        states = self.states()
        state = Case(
            *(When(states[name], then=Value(name)) for name in ("live", "expired")),
            default=Value("revoked"),
            output_field=CharField(),
        )
        return self._all().annotate(state=state)

    def states(self) -> dict[str, Q]:
        """Return the condition of each state: a range of the index on epoch and expiry. One query."""
        current, now = evaluate(CurrentEpoch(), self.alias), self.instant()
        return {
            "live": Q(epoch=current, idle_expires_ms__gt=now),
            "expired": Q(epoch=current, idle_expires_ms__lte=now),
            "revoked": Q(epoch__lt=current),
        }

    def _all(self) -> Rows:
        # Not those with a user: a join would then leave out those whose user was deleted.
        return self.rows.filter(epoch__isnull=False).exclude(pk=EPOCH_ROW)

    @raises_unavailable
    def statistics(self, *, count: bool = True, every: bool = True) -> StoreStatistics:
        """Return how many there are. Three queries, each of a part of the rows; more to read *every* one."""
        if not count:
            self.read_clock()
            return StoreStatistics()
        live, last = self.states()["live"], _BEFORE
        steps: list[dict[str, Any]] = []
        while not steps or (every and steps[-1]["rows"] == _STEP):
            steps.append(self._count_from(live, last))
            last = steps[-1]["last"]
        estimated = steps[-1]["rows"] == _STEP
        times = 1 / _position(last) if estimated else 1
        records = round(sum(step["rows"] for step in steps) * times)
        return StoreStatistics(
            live={mode: _remaining(mode, steps, times) for mode in Mode},
            device_bound=round(sum(step["device_bound"] for step in steps) * times),
            dpop_bound=round(sum(step["dpop_bound"] for step in steps) * times),
            records=records,
            record_bytes=self._bytes_a_row() * records,
            estimated=estimated,
        )

    def _count_from(self, live: Q, after: str) -> dict[str, Any]:
        """Count the first ``_STEP`` auth sessions whose sids are greater than *after*."""
        counts: dict[str, Aggregate] = {"rows": Count("pk"), "last": Max("pk")}
        for mode in Mode:
            of_mode = live & Q(mode=mode)
            counts[f"{mode}_live"] = Count("pk", filter=of_mode)
            counts[f"{mode}_idle_expires_ms"] = Max("idle_expires_ms", filter=of_mode)
            counts[f"{mode}_expires_ms"] = Max("expires_ms", filter=of_mode)
        bound = live & Q(bound_ms__gt=0)
        counts["device_bound"] = Count("pk", filter=bound & ~Q(device_nonce=""))
        counts["dpop_bound"] = Count("pk", filter=bound & Q(device_nonce=""))
        rows = self._all().filter(pk__gt=after, pk__lt=_BEHIND).order_by("pk")
        return rows[:_STEP].aggregate(**counts)

    def _bytes_a_row(self) -> int:
        """Return the approximate size of a row, from a sample, without indexes and free space."""
        sample = list(self.rows.filter(pk__gt=_BEFORE, pk__lt=_BEHIND).values_list(*_TEXTS)[:_SAMPLE])
        texts = sum(len(text.encode()) for row in sample for text in row)
        return _PER_ROW + texts // max(1, len(sample))


def _remaining(mode: Mode, steps: list[dict[str, Any]], times: float) -> Remaining:
    def latest(name: str) -> int | None:
        return max((step[f"{mode}_{name}"] or 0 for step in steps), default=0) or None

    live = round(sum(step[f"{mode}_live"] for step in steps) * times)
    return Remaining(live=live, idle_expires_ms=latest("idle_expires_ms"), expires_ms=latest("expires_ms"))


def _position(sid: str) -> float:
    """Return which share of all sids is less than *sid*. Sids are random, so it is that of the rows."""
    digits = map(_IN_ORDER.index, sid[2:])
    return sum(digit / 64**place for place, digit in enumerate(digits, 1)) or 1
