"""Usernames as they are counted: all spellings that find the same user are one name."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Final
from unicodedata import category, normalize
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connections, router
from django.db.models import Model

LONGEST: Final = 254
"""Characters of a username whose column has no limit of its own."""
_NOT_COMPARED: Final = {"Mn", "Me", "Cf", "Cc"}
"""Categories of characters that collations ignore: accents, format and control characters."""


def folded(name: str) -> str:
    """
    Return *name* so that whatever finds the same user is the same name; for counting.

    MySQL and MariaDB say it themselves: their collations ignore case, accents and more. Some compare
    combining and invisible characters, which are removed first. Other databases compare exactly, unless the
    project chose otherwise, so case and accents are removed: a few names that differ are then counted
    together.

    Round trips:
        One query on MySQL and MariaDB, and another one once per process.
    """
    written, connection = _canonical(name), _connection()
    if connection.vendor == "mysql":
        return _weight(connection, "".join(each for each in written if not _is_ignorable(each)))
    decomposed = normalize("NFKD", normalize("NFKD", written).upper().casefold())  # upper: the dotless i too
    return "".join(each for each in decomposed if category(each) not in _NOT_COMPARED).strip()


def exact(name: str) -> str:
    """
    Return *name* so that only what finds the same user for certain is the same name; for exemptions.

    Two users whose names differ in case or accents must not be exempt for each other.

    Round trips:
        As ``folded``.
    """
    written, connection = _canonical(name), _connection()
    return _weight(connection, written) if connection.vendor == "mysql" else written


def account(name: str, name_field: str | None = None, more: Mapping[str, Any] | None = None) -> str | None:
    """
    Return what stands for the one account that these arguments of ``authenticate()`` select; for exemptions.

    ``None`` if one of them is of a type whose values cannot be told apart.

    Round trips:
        As ``folded``.
    """
    field = name_field or get_user_model().USERNAME_FIELD
    try:
        return json.dumps([field, exact(name), dict(more or {})], sort_keys=True, default=_told_apart)
    except (TypeError, ValueError):
        return None


def _told_apart(value: Any) -> Any:
    """Return *value* as JSON has it, so that only an equal one is written like it."""
    if isinstance(value, Model) and value.pk is not None:
        return [value._meta.label, str(value.pk)]
    if isinstance(value, UUID | Decimal | date):
        return str(value)
    raise TypeError


def as_looked_up(name: str) -> str:
    """Return *name* as a login looks it up: trimmed, and in Unicode as Django normalizes usernames."""
    return normalize("NFKC", name.strip())


def _connection() -> Any:
    return connections[router.db_for_write(get_user_model())]


def _canonical(name: str) -> str:
    """
    Return *name* as the column writes it: a UUID with dashes, a number without leading zeros.

    A longer name than the column takes is cut before it is normalized: that takes a time that grows with the
    square of the length.
    """
    model = get_user_model()
    column: Any = model._meta.get_field(model.USERNAME_FIELD)
    name = as_looked_up(name.strip()[: getattr(column, "max_length", None) or LONGEST])
    try:
        return str(column.to_python(name))
    except ValidationError:
        return name


def _is_ignorable(character: str) -> bool:
    """
    Tell whether no collation takes it for a letter.

    To collations such as ``utf8mb4_general_ci`` all characters above U+FFFF are the same one, and U+0345 is
    an iota, so these stay: without them a name would differ from others that find the same user.
    """
    is_compared = character > "\uffff" or character != character.upper()
    return not is_compared and category(character) in _NOT_COMPARED


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
