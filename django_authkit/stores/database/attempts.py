"""Counters of attempts in the database."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, QuerySet, When

from django_authkit.models import AttemptRow
from django_authkit.stores.database.table import SessionTable, raises_unavailable
from django_authkit.stores.outcomes import AttemptStatistics, Counter, Hit


class AttemptTable(SessionTable):
    """The rows that count attempts. A row whose window has ended is ignored until ``prune`` deletes it."""

    @property
    def attempts(self) -> QuerySet[AttemptRow]:
        """All rows."""
        return AttemptRow._base_manager.using(self.alias)

    @raises_unavailable
    def hit(self, counters: Sequence[Counter]) -> Hit:
        """
        Count one attempt in each of *counters*, if all of them allow it. One transaction of its own.

        Raises:
            RuntimeError: A transaction is in progress: its rollback would undo the count of a failed login.
        """
        with transaction.atomic(using=self.alias, durable=True):
            self.take_write_lock()
            due = [each for each in counters if each.unless is None or not self._is_marked(each.unless)]
            # In a fixed order, so that two callers never wait for each other.
            wait = max(map(self._count, sorted(due, key=lambda counter: counter.key)), default=0)
            if wait:
                transaction.set_rollback(True, using=self.alias)
        return Hit(wait, exempt=len(due) < len(counters))

    def _count(self, counter: Counter) -> int:
        """Count an attempt in one counter, or return the milliseconds to wait."""
        row = self.attempts.filter(pk=f"h:{counter.key}")
        if self._add(row, counter):
            return 0
        ends = row.annotate(left=F("ends_ms") - self.instant()).values_list("left", flat=True).first()
        if ends is not None:
            return max(1, int(ends))
        if counter.limit < 1:
            return counter.window_ms
        fresh = AttemptRow(pk=f"h:{counter.key}", hits=1, allowed=counter.limit)
        fresh.ends_ms = self.instant(counter.window_ms)
        try:
            with self.step():
                fresh.save(force_insert=True, using=self.alias)
        except IntegrityError:  # another attempt was first
            return self._count(counter)
        return 0

    def _add(self, row: QuerySet[AttemptRow], counter: Counter) -> bool:
        """Count an attempt in *row*, or begin its next window; tell whether that was allowed."""
        now, over = self.instant(), Q(ends_ms__lte=self.instant())
        if counter.limit < 1:
            return False
        # MySQL assigns from left to right: the end is read before it changes.
        added = row.filter(over | Q(hits__lt=counter.limit)).update(
            hits=Case(When(ends_ms__lte=now, then=1), default=F("hits") + 1),
            allowed=counter.limit,
            ends_ms=Case(When(ends_ms__lte=now, then=self.instant(counter.window_ms)), default=F("ends_ms")),
        )
        return added == 1

    def _is_marked(self, key: str) -> bool:
        return self.attempts.filter(pk=f"k:{key}", ends_ms__gt=self.instant()).exists()

    @raises_unavailable
    def mark(self, key: str, lifetime: int) -> None:
        """Mark *key*. An UPDATE, and an INSERT if it is new."""
        ends, marks = self.instant(lifetime), self.attempts.filter(pk=f"k:{key}")
        if marks.update(ends_ms=ends):
            return
        try:
            with self.step(needed=False):
                AttemptRow(pk=f"k:{key}", ends_ms=ends).save(force_insert=True, using=self.alias)
        except IntegrityError:  # another call marked it
            marks.update(ends_ms=ends)

    @raises_unavailable
    def clear_attempts(self, part: str) -> int:
        """Delete the counters and marks whose key contains *part*. Reads the whole table."""
        return self.attempts.filter(key__contains=part).delete()[0]

    @raises_unavailable
    def attempt_statistics(self) -> AttemptStatistics:
        """Count the counters. Two queries."""
        present = self.attempts.filter(key__startswith="h:", ends_ms__gt=self.instant())
        return AttemptStatistics(
            counters=present.count(), exhausted=present.filter(hits__gte=F("allowed")).count()
        )
