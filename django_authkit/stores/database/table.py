"""
The table as the store's methods use it: which rows are live, and how a row is read, written and revoked.

Every statement goes to the store's own alias, never where a router sends reads: a replica that lags
would return revoked sessions.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from hmac import compare_digest
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from django.db import Error, connections, transaction
from django.db.models import BigIntegerField, Case, Expression, F, Model, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Least, NullIf

from django_authkit.models import AuthSessionRow
from django_authkit.outages import database_unavailable, is_outage
from django_authkit.stores.database.expressions import CurrentEpoch, NowMs, evaluate
from django_authkit.stores.database.records import now_of
from django_authkit.types import RevocationReason
from django_authkit.users.compiled_query import PreparedQuery, cached_on
from django_authkit.users.query import joins_users

Rows: TypeAlias = QuerySet[AuthSessionRow]

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=Model)
T = TypeVar("T", bound="SessionTable")

REVOKED_EPOCH = -1
"""The epoch of revoked auth sessions."""


_NO_SID = "?" * 16
"""Placeholder of a sid in a query that is compiled once."""

ATTEMPTS = 5
"""How often a method is tried if it conflicts with another transaction."""
_CONFLICTS = {"40001", "40P01", 1213}
"""Serialization failure and deadlock: SQLSTATEs of PostgreSQL, and the number of a MySQL error."""


def raises_unavailable(method: Callable[Concatenate[T, P], R]) -> Callable[Concatenate[T, P], R]:
    """
    Make *method* raise ``StoreUnavailable`` when the database does not respond.

    A connection that broke is dropped, so that the next call opens a new one: in long-lived
    threads no request ends, when Django would do it. After a conflict with another transaction it is tried
    again: InnoDB locks index and row in an order that depends on the statement, so deadlocks occur.
    """

    @wraps(method)
    def wrapper(self: T, /, *args: P.args, **kwargs: P.kwargs) -> R:
        left = ATTEMPTS
        while True:
            try:
                return method(self, *args, **kwargs)
            except Error as error:
                if not is_outage(error):
                    raise
                self.connection.close_if_unusable_or_obsolete()
                left -= 1
                if self.connection.in_atomic_block or not (left and _is_conflict(error)):
                    raise database_unavailable(error, self.alias) from error

    return wrapper


def _is_conflict(error: Error) -> bool:
    """Tell whether the database rolled the transaction back in favor of another one."""
    return getattr(error.__cause__, "sqlstate", None) in _CONFLICTS or not _CONFLICTS.isdisjoint(
        error.args[:1]
    )


def is_digest(stored: bytes | memoryview | None, given: bytes) -> bool:
    """Tell whether *stored* is the digest *given*, in constant time."""
    return stored is not None and compare_digest(bytes(stored), given)


def is_unproved(row: AuthSessionRow, unproved_ms: int | None) -> bool:
    """
    Tell whether *row* is bound to the device of a browser, which has to prove itself by now.

    Args:
        row: The row, with the store's clock.
        unproved_ms: For how long after its first use the binding needs no proof; ``None`` for ever.
    """
    if unproved_ms is None or not (row.bound_ms and row.device_nonce):
        return False
    return bool(now_of(row) >= row.bound_ms + unproved_ms)


class SessionTable:
    """
    The rows of one database.

    Args:
        alias: The database's name in ``DATABASES``.

    Attributes:
        clock_offset: Milliseconds that are added to the database's clock; for tests.
    """

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias
        self.clock_offset = 0

    @property
    def connection(self) -> Any:
        """This thread's connection."""
        return connections[self.alias]

    @property
    def rows(self) -> Rows:
        """All rows."""
        return AuthSessionRow._base_manager.using(self.alias)

    def instant(self, plus: int = 0) -> NowMs:
        """Return the expression of the store's clock, *plus* milliseconds later."""
        return NowMs(self.clock_offset + plus)

    def proof_not_needed(self, unproved_ms: int | None) -> Q:
        """Return the opposite of ``is_unproved`` as a condition of a statement."""
        if unproved_ms is None:
            return Q()
        return Q(device_nonce="") | Q(bound_ms=0) | Q(bound_ms__gt=self.instant(-unproved_ms))

    def read_clock(self) -> int:
        """Return the store's clock. One query."""
        return evaluate(self.instant(), self.alias)

    def rows_of(self, user_id: str) -> Rows:
        """Return the user's rows. An id that no user can have is a ``ValueError``."""
        return self.rows.filter(user_id=user_id)

    def live(self) -> Rows:
        """
        Return the auth sessions that are live.

        The condition is part of the statement that uses the rows, a write too, so that a revoked auth session
        is never written again.
        """
        return self.rows.filter(epoch=CurrentEpoch(), idle_expires_ms__gt=self.instant())

    def live_of(self, user_id: str) -> Rows:
        """Return the user's auth sessions that are live."""
        return self.live() & self.rows_of(user_id)

    def read(self, sid: str, *, user: bool = True) -> AuthSessionRow | None:
        """Return the live row, annotated with ``now``, and its *user* if that is allowed. One query."""
        return self._look_up(user and joins_users(self.alias)).first(sid)

    def _look_up(self, joined: bool) -> PreparedQuery[AuthSessionRow]:
        """Return the query of ``read``, compiled once for each connection."""

        def compiled() -> PreparedQuery[AuthSessionRow]:
            rows = self.live().annotate(now=self.instant())
            rows = rows.select_related("user") if joined else rows
            return PreparedQuery(rows, self.connection, _NO_SID)

        return cached_on(self.connection, (AuthSessionRow, joined, self.clock_offset), compiled)

    def unchanged(self, row: AuthSessionRow) -> Rows:
        """Return the live row if no credential of it was issued or replaced since *row* was read."""
        return self.live().filter(
            pk=row.pk,
            key_digest=row.key_digest,
            generation=row.generation,
            access_until_ms=row.access_until_ms,
        )

    def insert(self, row: AuthSessionRow) -> None:
        """
        Insert *row*.

        Raises:
            IntegrityError: Its handle is taken. To be caught outside of a ``step``.
        """
        row.save(force_insert=True, using=self.alias)

    def step(self, *, needed: bool = True) -> AbstractContextManager[object]:
        """
        Return a block that is undone as a whole when it fails.

        If not *needed*, it costs nothing unless a transaction is in progress: then a failed statement
        would end that.
        """
        if needed or self.connection.in_atomic_block:
            return transaction.atomic(using=self.alias)
        return nullcontext()

    def hold(self, rows: Rows) -> list[AuthSessionRow]:
        """
        Return *rows*, which nobody else can write until the transaction in progress ends.

        On databases with one writer at a time its first statement must have been a write. Locked in the
        order of the primary key, so that two callers never wait for each other.
        """
        return list(rows.select_for_update().order_by("pk"))

    def delete_keys(self, rows: QuerySet[M], dead: QuerySet[M], limit: int) -> int:
        """Delete at most *limit* of the *dead* rows; return how many. Two statements, no signals."""
        keys = list(dead.values_list("pk", flat=True)[:limit])
        # Where a receiver listens to the deletions of all models, `delete` would read the rows, and delete
        # them a hundred at a time.
        return rows.filter(pk__in=keys)._raw_delete(self.alias) if keys else 0  # noqa: SLF001

    def take_write_lock(self) -> None:
        """On a database with one writer at a time (SQLite), wait until that is this transaction."""
        if not self.connection.features.has_select_for_update:
            self.rows.filter(pk="").update(revoke_reason="")

    def revoke_rows(
        self,
        rows: Rows,
        reason: RevocationReason,
        *,
        call: bytes | None = None,
        at: int | None = None,
        **noted: int,
    ) -> int:
        """
        Revoke *rows*, which must be chosen from ``live()``; return how many rows were revoked.

        The public fields stay until ``prune``, so that a repeated call can return the same. The digests of
        its credentials and its data are deleted, and *noted* fields written, in the same statement.
        """
        return rows.update(
            epoch=REVOKED_EPOCH,
            revoked_ms=self.instant() if at is None else at,
            revoke_reason=reason,
            revoked_by=call,
            key_digest=None,
            jti_digest=None,
            sealed=None,
            data="",
            **noted,
        )

    def revoke_of(
        self, user_id: str, rows: Rows, reason: RevocationReason, *, call: bytes
    ) -> list[AuthSessionRow]:
        """Revoke *rows* of the user. One UPDATE, and a query for those that it revoked, if any."""
        if not self.revoke_rows(rows, reason, call=call):
            return []
        return list(self.rows_of(user_id).filter(epoch=REVOKED_EPOCH, revoked_by=call).defer("data"))

    def revoke_held(
        self, held: Iterable[AuthSessionRow], reason: RevocationReason, *, call: bytes | None = None
    ) -> None:
        """Revoke the rows that this transaction has locked. One statement; none if there are no rows."""
        if sids := [row.pk for row in held]:
            self.revoke_rows(self.rows.filter(pk__in=sids), reason, call=call)


def first_use(now: Expression) -> Case:
    """Return the expression of when the device first used the binding: now, unless that is known already."""
    return Case(When(bound_ms=0, then=now), default=F("bound_ms"))


def idle_end(now: Expression, idle: int) -> Expression:
    """Return the idle end after activity at *now*: never past the row's own timeouts or absolute end."""
    integer = BigIntegerField()
    limit = Coalesce(F("idle_limit_ms"), Value(idle), output_field=integer)
    own = Coalesce(NullIf(F("idle_timeout"), Value(0)), Value(idle), output_field=integer)
    span = Least(limit, own, Value(idle), output_field=integer)
    return Least(now + span, F("expires_ms"), output_field=integer)
