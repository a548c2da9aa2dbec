"""A database without the table of auth sessions, as after a forgotten migration."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from django_authkit.models import AuthSessionRow


@contextmanager
def without_table(alias: str) -> Iterator[None]:
    """Rename the table for a while."""
    table = AuthSessionRow._meta.db_table
    _execute(alias, f"ALTER TABLE {table} RENAME TO hidden")
    try:
        yield
    finally:
        _execute(alias, f"ALTER TABLE hidden RENAME TO {table}")


def _execute(alias: str, statement: str) -> None:
    with connections[alias].cursor() as cursor:  # the store closes the connection after an error
        cursor.execute(statement)
