"""
The list for a table of any size: each query reads the beginning of a range of an index.

It is in the order of an index, and counts and pages only the first of them. To sort by a column, to count
for each filter, or to search within texts would read the whole table.
"""

from contextlib import AbstractContextManager
from typing import Any, Final, cast

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from django_authkit.models import AuthSessionRow
from django_authkit.outages import database_has_to_work, database_name
from django_authkit.session_keys import is_sid
from django_authkit.stores.database import DatabaseStore
from django_authkit.types import Mode
from django_authkit.users.search import users_named
from django_authkit.wiring import get_store

Rows = QuerySet[AuthSessionRow]

MOST: Final = 1_000
"""How many the list counts and pages. Search to find others."""
ORDER: Final = ("-epoch", "-idle_expires_ms")
"""Live ones first, and those that expire last before others. An index has this order."""

_ADDRESS: Final = frozenset("0123456789abcdef.:")
_AFTER: Final = "~"
"""Sorts after every character of an address."""


class FirstRows(Paginator):  # type: ignore[type-arg]  # not generic at run time
    """Pages of the first ``MOST`` rows: of auth sessions, or of the history of one."""

    @cached_property
    def _found(self) -> int:
        # In the order of the pages: else the database may look for few rows without an index.
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        if rows.model is AuthSessionRow:  # Django pages the history of an object by this class too
            rows = rows.order_by(*ORDER)
        return int(rows.values("pk")[: MOST + 1].count())

    @property
    def count(self) -> int:
        """How many rows the pages have."""
        return min(self._found, MOST)

    @property
    def leaves_out(self) -> bool:
        """Whether there are rows on no page."""
        return self._found > MOST


class IndexedList(ChangeList):
    """The list in one order only, whatever the URL asks for."""

    def get_ordering_field(self, field_name: Any) -> None:
        """Return that no column can be sorted by."""
        return


class ModeFilter(admin.SimpleListFilter):
    """Filters the first of them by the form of the credential that was issued last, which no index has."""

    title, parameter_name = _("mode"), "mode"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the modes."""
        return [(str(mode), str(mode)) for mode in Mode]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Filter by the chosen mode; a search is narrow enough without an index."""
        if self.value() not in list(Mode):
            return queryset
        if not request.GET.get(SEARCH_VAR):
            queryset = queryset.filter(pk__in=_first_of(queryset))
        return queryset.filter(mode=self.value())


class StateFilter(admin.SimpleListFilter):
    """Filters by whether the auth session is live, and if not, why."""

    title, parameter_name = _("state"), "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states."""
        return [("live", _("live")), ("revoked", _("revoked")), ("expired", _("expired"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Filter by the chosen state: each is a range of an index."""
        chosen = cast("DatabaseStore", get_store()).states().get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


def found_by(term: str, rows: Rows, *, by_email: bool) -> Rows:
    """
    Return the rows that *term* finds: those of a user, or else the one with that sid, or else the first of
    those whose address begins with it.
    """
    if users := users_named(term, by_email=by_email):
        return rows.filter(user_id__in=[user.pk for user in users])
    if is_sid(term):
        return rows.filter(pk=term)
    if set(term.lower()) <= _ADDRESS:
        every = AuthSessionRow._base_manager.using(rows.db).order_by("address")
        return rows.filter(
            pk__in=_first_of(every.filter(address__gte=term.lower(), address__lt=term.lower() + _AFTER))
        )
    return rows.none()


def _first_of(rows: Rows) -> list[str]:
    """Return the sids of the first ``MOST`` of *rows*, to be filtered or sorted by what no index has."""
    return list(rows.values_list("pk", flat=True)[:MOST])


def database_required() -> AbstractContextManager[None]:
    """Raise ``StoreUnavailable``, which is a 503, if the database does not respond within its time limit."""
    return database_has_to_work(lambda: database_name(cast("DatabaseStore", get_store()).alias))
