"""The database's clock and the current epoch, as expressions for the store's statements."""

from typing import Any, TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Func, IntegerField, Value
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.constants import SINGLE

SQL: TypeAlias = tuple[str, Any]

EPOCH_ROW = "!epoch"
"""The primary key of the row that counts epochs. Neither a sid nor an anonymous handle has its form."""


class NowMs(Func):
    """
    The database's clock, plus a number of milliseconds.

    It is the same instant in all of a statement, and that of the statement: PostgreSQL's ``now()`` would be
    that of the transaction.
    """

    output_field = BigIntegerField()

    def __init__(self, plus: int = 0) -> None:
        super().__init__(Value(plus))

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> SQL:
        """Return the SQL of PostgreSQL."""
        template = "(FLOOR(EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP()) * 1000)::bigint + %(expressions)s)"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> SQL:
        """Return the SQL of SQLite."""
        # A Julian day as a double is good to 0.04 ms, so rounding gives the exact millisecond.
        template = "(CAST(ROUND((JULIANDAY('now') - 2440587.5) * 86400000) AS INTEGER) + %(expressions)s)"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_mysql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> SQL:
        """Return the SQL of MySQL and MariaDB."""
        # Not UNIX_TIMESTAMP(NOW()): that is ambiguous in the hour when summer time ends.
        microseconds = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
        template = f"({microseconds} DIV 1000 + %(expressions)s)"
        return self.as_sql(compiler, connection, template=template, **extra)


class CurrentEpoch(Func):
    """
    The number of the current epoch: how often ``revoke_all`` was called.

    A counter and not an instant, so that the order does not depend on clocks, nor on two events in one
    millisecond.

    MySQL lets a statement read the table that it writes only through a derived table, and only if that
    is not merged away, which LIMIT prevents.
    """

    output_field = IntegerField()
    template = (
        "COALESCE((SELECT epoch FROM"
        " (SELECT epoch FROM authkit_session WHERE sid = %(expressions)s LIMIT 1) AS epoch_row), 0)"
    )

    def __init__(self) -> None:
        super().__init__(Value(EPOCH_ROW))


def evaluate(expression: Func, alias: str) -> int:
    """Return the value of *expression*, which names no column, on the database *alias*. One query."""
    query = Query(None)
    query.add_annotation(expression, "value")
    return int(query.get_compiler(using=alias).execute_sql(SINGLE)[0])
