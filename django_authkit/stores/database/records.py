"""Turns rows into records and outcomes. The columns have the names of the record's fields."""

from dataclasses import fields

from django_authkit.models import AuthSessionRow
from django_authkit.stores.outcomes import Found
from django_authkit.types import STOCK_BACKEND, AuthSession, Mode

_FIELDS = tuple(each.name for each in fields(AuthSession))
_COLUMNS = {each.attname for each in AuthSessionRow._meta.concrete_fields}
if missing := set(_FIELDS) - _COLUMNS:  # a mistake in this package: a field without a migration
    message = f"AuthSessionRow has no column for {sorted(missing)}"
    raise TypeError(message)


def user_of(row: AuthSessionRow) -> object | None:
    """Return the user that was read with *row*, if a stock Django auth backend vouched for them."""
    joined = AuthSessionRow._meta.get_field("user").is_cached(row)
    return row.user if joined and row.backend == STOCK_BACKEND else None


def now_of(row: AuthSessionRow) -> int:
    """Return the store's clock when *row* was read."""
    return int(row.now)  # type: ignore[attr-defined]


def session_of(row: AuthSessionRow) -> AuthSession:
    """Return the record that *row* holds."""
    values = {name: getattr(row, name) for name in _FIELDS}
    values |= {"user_id": str(row.user_id), "mode": Mode(row.mode), "amr": tuple(row.amr)}
    return AuthSession(**values)


def found_of(row: AuthSessionRow) -> Found:
    """Return the outcome of a lookup that read *row*."""
    return Found(session=session_of(row), now_ms=now_of(row), data=row.data, user=user_of(row))
