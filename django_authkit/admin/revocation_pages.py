"""The admin's own pages: the auth sessions of a user, and what revokes them."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from django import VERSION as DJANGO_VERSION
from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth import get_permission_codename
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from django_authkit import service
from django_authkit.http.places import place_of
from django_authkit.models import AuthSessionRow
from django_authkit.service.devices import Devices, session_of_user
from django_authkit.service.revocation import revoke_session
from django_authkit.session_keys import is_sid
from django_authkit.types import AuthSession, RevocationReason
from django_authkit.users.loading import user_id_of, username_of
from django_authkit.users.search import user_with

if TYPE_CHECKING:
    _RowAdmin: TypeAlias = admin.ModelAdmin[AuthSessionRow]
else:
    _RowAdmin = admin.ModelAdmin

_ALL, _SELECTED = "all", "selected"


def address_and_place(address: str) -> str:
    """Return *address*, and in brackets where it is, if the project has a database that knows."""
    place = place_of(address)
    return f"{address} ({place})" if place else address


class RevocationPages(_RowAdmin):
    """The page of a user, for both stores, and revoking one, some or all auth sessions."""

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Return whether the administrator may revoke auth sessions: the model's delete permission."""
        codename = get_permission_codename("delete", self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))

    def get_urls(self) -> list[URLPattern]:
        """Return our URLs, then Django's."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        wrap = self.admin_site.admin_view
        return [
            path("by-user/<path:user_id>/", wrap(self.user_view), name=f"{name}_by_user"),
            path("<path:object_id>/revoke/", wrap(require_POST(self.revoke_view)), name=f"{name}_revoke"),
            *super().get_urls(),
        ]

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Revoke one, and redirect back to it."""
        self._require_revoke(request)
        sid = unquote(object_id)
        self._revoke(request, [sid] if is_sid(sid) else [])
        return self._redirect("change", object_id)

    def user_view(self, request: HttpRequest, user_id: str) -> HttpResponse:
        """Show the live auth sessions of a user; revoke one, some or all of them."""
        self._require_view(request)
        user = user_with(unquote(user_id))
        if user is None:
            raise Http404
        if request.method == "POST":
            self._require_revoke(request)
            if request.POST.get("revoke") == _ALL and "confirmed" not in request.POST:
                return self._confirmation(request, user)
            self._revoke_of(user, request)
            return HttpResponseRedirect(request.path)
        pages = Paginator(Devices(user_id_of(user)), service.DEVICES_AT_ONCE)
        page = pages.get_page(request.GET.get("page"))
        context = {
            "title": _("Auth sessions of %(user)s") % {"user": username_of(user)},
            "sessions": [(each, address_and_place(each.address)) for each in page],
            "page": page,
            "may_revoke": self.has_revoke_permission(request),
            "owner": user,
            "owner_url": self._url_of_user(request, user),
        }
        return self._page(request, "by_user", context)

    def _url_of_user(self, request: HttpRequest, user: AbstractBaseUser) -> str:
        """Return the path of the admin's page of *user*; empty if there is none that may be viewed."""
        site, model = self.admin_site, type(user)
        if not (site.is_registered(model) and site.get_model_admin(model).has_view_permission(request, user)):
            return ""
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        return reverse(name, args=[quote(user.pk)], current_app=site.name)

    def _confirmation(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        """Ask before all auth sessions of *user* are revoked."""
        title = _("Revoke all auth sessions of %(user)s?") % {"user": username_of(user)}
        count = len(Devices(user_id_of(user)))
        return self._page(request, "revoke_all", {"title": title, "owner": user, "count": count})

    def _revoke_of(self, user: AbstractBaseUser, request: HttpRequest) -> None:
        what = request.POST.get("revoke", "")
        if what == _ALL:
            self._tell(request, service.revoke_user(user))
            return
        chosen = request.POST.getlist("sid") if what == _SELECTED else [what]
        self._revoke(request, [sid for sid in chosen if session_of_user(user_id_of(user), sid)])

    def _revoke(self, request: HttpRequest, sids: Iterable[str]) -> None:
        attempts = [revoke_session(sid, RevocationReason.REVOKED) for sid in sids]
        self._tell(request, [session for session in attempts if session is not None])

    def _tell(self, request: HttpRequest, revoked: Collection[AuthSession]) -> None:
        """Record in the admin log what was revoked, and add a message."""
        for session in revoked:
            owner = user_with(session.user_id)
            told = {
                "user": username_of(owner) if owner else session.user_id,
                "device": session.label,
                "address": session.address,
            }
            text = gettext("Revoked an auth session of %(user)s (%(device)s, %(address)s).") % told
            self.log_change(request, AuthSessionRow(sid=session.sid), text)
        count = len(revoked)
        text = ngettext("%(count)d auth session was revoked.", "%(count)d auth sessions were revoked.", count)
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, text % {"count": count}, level)

    def _require_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _require_revoke(self, request: HttpRequest) -> None:
        if not self.has_revoke_permission(request):
            raise PermissionDenied

    def _redirect(self, name: str, *arguments: str) -> HttpResponseRedirect:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}"
        return HttpResponseRedirect(reverse(name, args=arguments, current_app=self.admin_site.name))

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> TemplateResponse:
        request.current_app = self.admin_site.name
        template = f"admin/django_authkit/authsessionrow/{name}.html"
        return TemplateResponse(
            request,
            template,
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "breadcrumb_list": DJANGO_VERSION >= (6, 1),  # as Django's own templates and styles do then
                **context,
            },
        )
