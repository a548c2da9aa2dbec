"""The table for operators and administrators: all auth sessions, and statistics."""

from django.db.models import Case, CharField, Count, Max, Q, Value, When

from django_authkit.stores.database.expressions import CurrentEpoch
from django_authkit.stores.database.table import Rows, SessionTable, raises_unavailable
from django_authkit.stores.outcomes import Remaining, StoreStatistics
from django_authkit.types import Mode

_SAMPLE = 200
_PER_ROW = 200
"""Bytes of a row without its texts: about twenty numbers, two or three digests, and the row header."""
_TEXTS = ("sid", "backend", "auth_hash", "address", "user_agent", "data")


class StatisticsTable(SessionTable):
    """Queries for operators. Requests of users do not use them."""

    def auth_sessions(self) -> Rows:
        """
        Return every auth session, dead ones included until they are pruned; never an anonymous session.

        Each row is annotated with ``state``: ``live``, ``expired`` or ``revoked``.
        """
        current = Q(epoch=CurrentEpoch())
        state = Case(
            When(current & Q(idle_expires_ms__gt=self.instant()), then=Value("live")),
            When(current, then=Value("expired")),
            default=Value("revoked"),
            output_field=CharField(),
        )
        return self._all().annotate(state=state)

    def _all(self) -> Rows:
        return self.rows.filter(user__isnull=False, epoch__isnull=False)

    @raises_unavailable
    def statistics(self, *, count: bool = True) -> StoreStatistics:
        """Return how many there are. Two queries, of which one reads the whole table."""
        if not count:
            self.read_clock()
            return StoreStatistics()
        live = Q(epoch=CurrentEpoch(), idle_expires_ms__gt=self.instant())
        counts = (
            self._all()
            .values_list("mode")
            .annotate(
                rows=Count("pk"),
                live=Count("pk", filter=live),
                idle_ends=Max("idle_expires_ms", filter=live),
                ends=Max("expires_ms", filter=live),
            )
        )
        modes = list(counts.order_by())
        records = sum(row[1] for row in modes)
        remaining = {
            mode: Remaining(live=n, idle_expires_ms=idle, expires_ms=ends) for mode, _, n, idle, ends in modes
        }
        return StoreStatistics(
            live={mode: remaining.get(mode.value, Remaining(live=0)) for mode in Mode},
            records=records,
            record_bytes=self._bytes_a_row() * records,
        )

    def _bytes_a_row(self) -> int:
        """Return the approximate size of a row, from a sample, without indexes and free space."""
        sample = list(self.rows.filter(user__isnull=False).values_list(*_TEXTS)[:_SAMPLE])
        texts = sum(len(text.encode()) for row in sample for text in row)
        return _PER_ROW + texts // max(1, len(sample))
