"""
Auth sessions in Django's admin: list and revoke them.

With the database store they are listed and searched. The Redis store finds auth sessions by user only, so
administrators search for the user first. With either store, each user has a page.

The model's view permission allows viewing, its delete permission allows revoking. Nothing is added,
changed or deleted here: auth sessions are revoked through the service, which updates the blacklist and
sends the signals. The fields shown are listed by name; digests and session data are never shown.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth import get_permission_codename, get_user_model
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_authkit.admin.large_tables import (
    ORDER,
    FirstRows,
    IndexedList,
    ModeFilter,
    StateFilter,
    database_required,
    found_by,
)
from django_authkit.admin.revocation_pages import RevocationPages, address_and_place
from django_authkit.models import AuthSessionRow
from django_authkit.session_keys import is_sid
from django_authkit.stores.database import DatabaseStore
from django_authkit.stores.outcomes import Found
from django_authkit.types import instant
from django_authkit.users.loading import username_of
from django_authkit.users.query import joins_users
from django_authkit.users.search import users_named
from django_authkit.wiring import get_store

_NEVER_READ = ("auth_hash", "key_digest", "jti_digest", "previous_digest", "sealed", "revoked_by", "data")


_LOCKED = '{} <span role="img" aria-label="{}">🔒</span>'


def _moment(field: str, title: Any) -> Callable[[Any, AuthSessionRow], str]:
    """Return a column that shows *field*, in milliseconds, as a time."""

    @admin.display(description=title)
    def column(self: Any, row: AuthSessionRow) -> str:
        milliseconds = getattr(row, field)
        return date_format(localtime(instant(milliseconds)), "DATETIME_FORMAT") if milliseconds else "-"

    return column


@admin.register(AuthSessionRow)
class AuthSessionAdmin(RevocationPages):
    """The list and the object page of the database store, and the page of a user for both stores."""

    list_display = ("owner", "device", "origin", "mode", "state", "last_seen_at", "created_at")
    list_filter = (ModeFilter, StateFilter)
    search_fields = ("sid",)  # shows the box; see `get_search_results`
    search_help_text = _("Login name, sid, or beginning of the address")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = FirstRows
    ordering = ORDER
    sortable_by = ()
    actions = ("revoke_selected",)
    fields = readonly_fields = (
        *("sid", "owner", "device", "origin", "mode", "state", "reason"),
        *("created_at", "proved_at", "last_seen_at", "idle_until_at", "expires_at", "revoked_at", "remember"),
    )

    created_at = _moment("created_ms", _("logged in"))
    proved_at = _moment("auth_time_ms", _("last proof of the user"))
    last_seen_at = _moment("last_seen_ms", _("last seen"))
    idle_until_at = _moment("idle_expires_ms", _("expires without activity"))
    expires_at = _moment("expires_ms", _("expires at the latest"))
    revoked_at = _moment("revoked_ms", _("revoked"))

    @admin.display(description=_("user"))
    def owner(self, row: AuthSessionRow) -> str:
        """Return the username, or the primary key if the user was deleted."""
        try:
            user = row.user
        except ObjectDoesNotExist:
            user = None
        return str(row.user_id) if user is None else username_of(user)

    @admin.display(description=_("device"))
    def device(self, row: AuthSessionRow) -> str:
        """Return a readable name of the browser; with a lock if the login is bound to the device."""
        name = str(row.label)
        if not row.bound_ms:
            return name
        return format_html(_LOCKED, name, gettext("bound to its device"))

    @admin.display(description=_("address"))
    def origin(self, row: AuthSessionRow) -> str:
        """Return the client address, and where that is if the project has a database of places."""
        return address_and_place(row.address)

    @admin.display(description=_("state"))
    def state(self, row: Any) -> str:
        """Return whether it is live."""
        return gettext(row.state)

    @admin.display(description=_("reason of the revocation"))
    def reason(self, row: AuthSessionRow) -> str:
        """Return why it was revoked."""
        return row.revoke_reason or "-"

    # -- permissions ---------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return ``False``: only a login creates one."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return ``False``: auth sessions are read-only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """
        Return ``False``: auth sessions are revoked, not deleted.

        Django also calls this for each auth session of a user being deleted. Those are deleted with the user,
        by anyone allowed to delete the user.
        """
        return obj is not None

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Reject lookups on columns that are not shown, which would reveal their values."""
        return lookup in {"mode", "state"}

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """
        Return the row; none for a text that no sid can be (PostgreSQL rejects NUL).

        With the Redis store, whose rows the database does not have, it is an empty one, of which only the
        history is shown: that stays when the record has expired.
        """
        if not is_sid(object_id):
            return None
        if not isinstance(get_store(), DatabaseStore):
            return AuthSessionRow(sid=object_id)
        return super().get_object(request, object_id, from_field)

    # -- the database store's rows -----------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuthSessionRow]:
        """Return the auth sessions, without anonymous sessions; none with the Redis store."""
        store = get_store()
        if not isinstance(store, DatabaseStore):
            return AuthSessionRow._base_manager.none()
        rows = store.auth_sessions().defer(*_NEVER_READ).order_by(*ORDER)
        return (rows.select_related if joins_users(store.alias) else rows.prefetch_related)("user")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[IndexedList]:
        """Return the class of the list."""
        return IndexedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuthSessionRow], search_term: str
    ) -> tuple[QuerySet[AuthSessionRow], bool]:
        """Search by user, sid and address."""
        by_email = _may_view_users(request)
        return (found_by(search_term, queryset, by_email=by_email) if search_term else queryset), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """List the rows; with the Redis store, ask for a user instead."""
        if isinstance(get_store(), DatabaseStore):
            with database_required():
                return super().changelist_view(request, extra_context)
        self._require_view(request)
        term = request.GET.get("q", "").strip()
        users = users_named(term, by_email=_may_view_users(request)) if term else ()
        context = {"term": term, "users": users, "title": _("Find a user")}
        return self._page(request, "find_user", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one; with the Redis store, show the page of its user."""
        if isinstance(get_store(), DatabaseStore):
            extra = {**(extra_context or {}), "may_revoke": self.has_revoke_permission(request)}
            with database_required():
                return super().change_view(request, object_id, form_url, extra)
        self._require_view(request)
        sid = unquote(object_id)
        found = get_store().load(sid) if is_sid(sid) else None
        if not isinstance(found, Found):
            raise Http404
        return self._redirect("by_user", quote(found.session.user_id))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Refuse: deleting a row would send no signal and leave its access tokens valid."""
        raise PermissionDenied

    @admin.action(description=_("Revoke selected auth sessions"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Revoke the live auth sessions among those selected, on one page."""
        live = queryset.filter(state="live").values_list("pk", flat=True)
        self._revoke(request, live[: self.list_max_show_all])


def _may_view_users(request: HttpRequest) -> bool:
    options = get_user_model()._meta
    return request.user.has_perm(f"{options.app_label}.{get_permission_codename('view', options)}")
