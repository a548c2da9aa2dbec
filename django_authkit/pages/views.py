"""
Pages for the device list, the names of devices, and re-authentication. They need no JavaScript.

``path("account/devices/", include("django_authkit.pages.urls"))`` adds them to a project. They are for
browsers: a bearer credential is ignored, so Django's CSRF check covers whatever they do.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings as django_settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import resolve, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext, ngettext
from django.views import View
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from django_authkit import service
from django_authkit.errors import (
    CredentialRejected,
    InvalidRequest,
    LoginFailed,
    NoSuchSession,
    NotAuthenticated,
    ReauthenticationRequired,
    Throttled,
)
from django_authkit.http import cookies, transports
from django_authkit.http.client_info import MAX_LABEL
from django_authkit.http.grant import Grant
from django_authkit.http.places import place_of
from django_authkit.http.request_state import Authentication, state_of
from django_authkit.throttling.attempts import count_reauthentication
from django_authkit.types import AuthSession
from django_authkit.users.loading import username_of

OTHERS = "others"
"""Value used instead of a sid for all auth sessions but the current one."""

_PROTECTION = (csrf_protect, xframe_options_deny, sensitive_post_parameters("password"), login_not_required)


@method_decorator(_PROTECTION, name="dispatch")  # the pages ask for a login themselves, see ``authenticate``
class PersonalPage(View):
    """
    A page about the current user; anonymous users are redirected to ``LOGIN_URL``.

    It is never cached or framed, and runs outside ``ATOMIC_REQUESTS``, which could undo a revocation.

    Attributes:
        known: The authentication of the request.
        grant: A credential issued for the browser during the request; or ``None``.
    """

    known: Authentication
    grant: Grant | None = None

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view, exempt from ``ATOMIC_REQUESTS`` on every database."""
        view = super().as_view(**initkwargs)
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return view

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return the response, with the cookies of what was issued or revoked during the request."""
        try:
            self.authenticate()
            response = super().dispatch(request, *args, **kwargs)
        except (CredentialRejected, InvalidRequest):  # the second: there is no refresh token to prove it with
            response = redirect_to_login(request.get_full_path())
        if self.grant is not None:
            self.grant.attach(response)
        service.apply_response_effects(request, response)
        cookies.mark_private(response)
        return response

    def authenticate(self) -> None:
        """
        Authenticate the request from its cookies.

        These pages have no script that refreshes. If the access token has expired and a refresh token
        is present, it is rotated during the request, as by ``refresh/``.

        Raises:
            CredentialRejected: The request is anonymous, or its auth session is no longer live.
        """
        request = self.request
        if transports.has_bearer(request):
            raise NotAuthenticated
        try:
            known = service.current(request)
            if known is not None:
                known.ensure_loaded()
        except CredentialRejected:
            known = None
        if known is None:
            known = self._refreshed()
        self.known = known

    def _refreshed(self) -> Authentication:
        if transports.refresh_cookie_of(self.request) is None:
            raise NotAuthenticated
        grant = self.grant = service.refresh(self.request)
        known = Authentication.by_record(grant.user, grant.session, grant.mode, grant.transport)
        state_of(self.request).authentication = known
        self.request.user = grant.user  # type: ignore[assignment]
        return known

    def url_of(self, name: str) -> str:
        """Return the path of one of the pages, with what the path of this one captured."""
        here: Any = self.request.resolver_match or resolve(self.request.path_info)
        captured = {part: value for part, value in here.kwargs.items() if part not in here.extra_kwargs}
        return reverse(f"{here.namespace or 'authkit_devices'}:{name}", args=here.args, kwargs=captured)

    def revoke(self, what: str) -> HttpResponseRedirect:
        """
        Revoke one auth session of the user, or all ``OTHERS``, and add a message for the next page.

        Raises:
            ReauthenticationRequired: The project requires recent authentication.
        """
        if what == OTHERS:
            _say(self.request, _others_revoked(service.revoke_other_devices(self.known)))
            return redirect(self.url_of("list"))
        device = service.device_of_user(self.known, what)
        try:
            service.revoke_device(self.known, what)
        except NoSuchSession:
            _say(self.request, gettext("That device was logged out already."))
            return redirect(self.url_of("list"))
        if what == self.known.sid:
            service.log_out(self.request)
            self.grant = None
            return redirect(resolve_url(django_settings.LOGOUT_REDIRECT_URL or django_settings.LOGIN_URL))
        _say(
            self.request,
            gettext("%(device)s was logged out.") % {"device": _label(device) if device else what},
        )
        return redirect(self.url_of("list"))


class DevicesPage(PersonalPage):
    """Lists the auth sessions of the user, and revokes one or all others."""

    template_name = "django_authkit/devices.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a page of the list, the current auth session first."""
        pages = Paginator(service.devices_of(request, self.known), service.DEVICES_AT_ONCE)
        page = pages.get_page(request.GET.get("page"))
        listed = (each for each in page if each.sid == self.known.sid)
        current = next(listed, None) or service.device_of_user(self.known, self.known.sid)
        context = {
            "current": current and _device_context(current),
            "others": [_device_context(each) for each in page if each.sid != self.known.sid],
            "page": page,
            "rename_url": self.url_of("rename"),
        }
        return render(request, self.template_name, context)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Revoke the chosen auth sessions, or ask for re-authentication first."""
        what = request.POST.get("revoke", "")
        try:
            return self.revoke(what)
        except ReauthenticationRequired:
            query = QueryDict(mutable=True)
            query["revoke"] = what
            return redirect(f"{self.url_of('reauthenticate')}?{query.urlencode()}")


class RenamePage(PersonalPage):
    """Gives a device of the user another name."""

    template_name = "django_authkit/rename.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form, with the name that the device has."""
        session = service.device_of_user(self.known, request.GET.get("device", ""))
        return self._gone() if session is None else self._form(session.sid, session.label)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Rename the device, and return to the list."""
        sid, label = request.POST.get("device", ""), request.POST.get("label", "")
        try:
            renamed = service.rename_device(request, self.known, sid, label)
        except InvalidRequest:
            return self._form(sid, "", gettext("Enter a name for the device."))
        except NoSuchSession:
            return self._gone()
        _say(request, gettext("The device is now called %(device)s.") % {"device": renamed.label})
        return redirect(self.url_of("list"))

    def _gone(self) -> HttpResponse:
        _say(self.request, gettext("That device was logged out already."))
        return redirect(self.url_of("list"))

    def _form(self, sid: str, label: str, error: str = "") -> HttpResponse:
        context = {
            "sid": sid,
            "label": label,
            "longest": MAX_LABEL,
            "list_url": self.url_of("list"),
            "error": error,
        }
        return render(self.request, self.template_name, context)


class ReauthenticatePage(PersonalPage):
    """Re-authenticate the user, then revoke what they asked to revoke."""

    template_name = "django_authkit/reauthenticate.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form."""
        return self._form(request.GET.get("revoke", ""))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Re-authenticate the user; then revoke what they asked to revoke."""
        what = request.POST.get("revoke", "")
        try:
            count_reauthentication(self.known.sid)
            self.grant = service.reauthenticate(request, self.known, request.POST.dict())
        except LoginFailed:
            return self._form(what, gettext("That is not your password. Try again."))
        except Throttled as error:
            response = self._form(what, gettext("Too many attempts. Wait a little, then try again."), 429)
            response["Retry-After"] = str(error.wait)
            return response
        grant = self.grant
        self.known = Authentication.by_record(grant.user, grant.session, grant.mode, grant.transport)
        return self.revoke(what) if what else redirect(self.url_of("list"))

    def _form(self, what: str, error: str = "", status: int = 200) -> HttpResponse:
        device = service.device_of_user(self.known, what)
        context = {
            "revoke": what,
            "list_url": self.url_of("list"),
            "revokes_others": what == OTHERS,
            "device": device and _device_context(device),
            "username": username_of(self.known.user),
            "error": error,
        }
        return render(self.request, self.template_name, context, status=status)


def _device_context(session: AuthSession) -> dict[str, Any]:
    """Return the template context of *session*."""
    return {
        "sid": session.sid,
        "label": _label(session),
        "address": session.address,
        "place": place_of(session.address),
        "created_at": session.created_at,
        "last_seen_at": session.last_seen_at,
        "bound": session.is_bound,
        "seen_now": datetime.now(tz=UTC) - session.last_seen_at < timedelta(minutes=1),
    }


def _label(session: AuthSession) -> str:
    return session.label or gettext("Unknown device")


def _others_revoked(count: int) -> str:
    if not count:
        return gettext("You were not logged in anywhere else.")
    text = ngettext(
        "%(count)d other device was logged out.", "%(count)d other devices were logged out.", count
    )
    return text % {"count": count}


def _say(request: HttpRequest, text: str) -> None:
    """Add a message for the next page, if the project uses Django's messages."""
    messages.success(request, text, fail_silently=True)
