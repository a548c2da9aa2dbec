"""Reads the records of many auth sessions at once from the database."""

from collections.abc import Iterable, Mapping
from typing import Final

from django_authkit.stores.database.records import session_of
from django_authkit.stores.database.table import SessionTable, raises_unavailable
from django_authkit.types import AuthSession

_READ_AT_ONCE: Final = 500
"""Most records of one query. SQLite takes 999 parameters."""


class ManyTable(SessionTable):
    """Records of any users."""

    @raises_unavailable
    def load_many(self, sids: Iterable[str]) -> Mapping[str, AuthSession]:
        """Return the live records. One query for each 500."""
        wanted, live = tuple(sids), {}
        for first in range(0, len(wanted), _READ_AT_ONCE):
            some = self.live().filter(pk__in=wanted[first : first + _READ_AT_ONCE])
            live.update({row.pk: session_of(row) for row in some.defer("data")})
        return live
