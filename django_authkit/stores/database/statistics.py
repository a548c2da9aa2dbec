"""The table for operators and administrators: all auth sessions, and statistics."""

from django.db.models import Case, CharField, Count, Max, Q, Value, When

from django_authkit.stores.database.expressions import EPOCH_ROW, CurrentEpoch, evaluate
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
