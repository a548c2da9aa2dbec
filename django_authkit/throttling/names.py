"""Usernames as they are counted: all spellings that find the same user are one name."""

from functools import cache
from typing import Any
from unicodedata import category, normalize

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connections, router

_NOT_COMPARED = {"Mn", "Me", "Cf", "Cc"}
"""Categories of characters that collations ignore: accents, format and control characters."""


def folded(name: str) -> str:
    """
    Return *name* as the database compares it.

    MySQL and MariaDB say it themselves: their collations ignore case, accents and more. Other databases
    compare exactly, unless the project chose otherwise, so case and accents are removed: a few names that
    differ are then counted together.

    Round trips:
        One query on MySQL and MariaDB, and another one once per process.
    """
    name = _canonical(name.strip())
    alias = router.db_for_write(get_user_model())
    connection = connections[alias]
    if connection.vendor == "mysql":
        return _weight(connection, name)
    decomposed = normalize("NFKD", normalize("NFKD", name).casefold())
    return "".join(each for each in decomposed if category(each) not in _NOT_COMPARED).strip()


def _canonical(name: str) -> str:
    """Return *name* as the column writes it: a UUID with dashes, a number without leading zeros."""
    model = get_user_model()
    column: Any = model._meta.get_field(model.USERNAME_FIELD)
    try:
        return str(column.to_python(name))
    except ValidationError:
        return name


def _weight(connection: Any, name: str) -> str:
    collation = _collation(connection.alias)
    charset = collation.partition("_")[0]
    with connection.cursor() as cursor:
        text = name.rstrip().encode("utf-8", "replace").decode()
        cursor.execute(f"SELECT HEX(WEIGHT_STRING(CONVERT(%s USING {charset}) COLLATE {collation}))", [text])
        return str(cursor.fetchone()[0])


@cache
def _collation(alias: str) -> str:
    """Return the collation of the column with the usernames."""
    model = get_user_model()
    field: Any = model._meta.get_field(model.USERNAME_FIELD)
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT collation_name FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND table_name = %s AND column_name = %s",
            [model._meta.db_table, field.column],
        )
        found = cursor.fetchone()
    return str(found[0]) if found and found[0] else "utf8mb4_general_ci"
