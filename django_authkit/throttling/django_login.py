"""Logins through Django's own views, the admin's and ``LoginView``: counted as those through our endpoint."""

from functools import partial
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from django_authkit.bridge import blocking
from django_authkit.errors import Throttled
from django_authkit.http.request_state import state_of
from django_authkit.throttling.attempts import LoginAttempt, count_login
from django_authkit.throttling.names import exact
from django_authkit.users.loading import username_of

_USUAL_FIELDS: Final = frozenset(
    {"username", "password", "csrfmiddlewaretoken", "next", "this_is_the_login_form", "remember"}
)
"""Of these fields of a form, only the name selects the account."""


def count_django_login(request: HttpRequest, view: Any) -> HttpResponse | None:
    """
    Count a login that a POST to *view* is about to check; return the response to one of too many.

    Call it after the CSRF check, and ``note_django_login`` with the response.

    Raises:
        StoreUnavailable: The store did not respond.
    """
    if not is_login_view(view):
        return None
    name, password = request.POST.get("username"), request.POST.get("password")
    if not (name and password):
        return None
    by_more = not _USUAL_FIELDS.issuperset(request.POST)  # a tenant or a captcha: nobody can tell
    more = {"": "a form with more fields"} if by_more else None
    try:  # how a name is written, MySQL has to be asked
        attempt = blocking(count_login, request, name, more=more)
        state_of(request).note_login = partial(_note, attempt, name, by_more)
    except Throttled as error:
        response = HttpResponse(gettext(error.message), status=429, content_type="text/plain; charset=utf-8")
        response["Retry-After"] = str(error.wait)
        return response
    return None


def note_django_login(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give the browser its device cookie if this request logged its user in through Django's own view."""
    state = state_of(request)
    if state.note_login is not None and state.logged_in_user is not None:
        blocking(state.note_login, state.logged_in_user, response)


def _note(
    attempt: LoginAttempt, name: str, by_more: bool, user: AbstractBaseUser, response: HttpResponseBase
) -> None:
    """
    Note that *attempt* succeeded, unless the form has logged in somebody else than the counted *name*.

    With further fields, another user may log in by the same name, unless that is a unique username.
    """
    names = [username_of(user)] if not by_more or _is_unique(get_user_model().USERNAME_FIELD) else []
    email = getattr(user, getattr(user, "EMAIL_FIELD", ""), None)
    if email and not by_more:
        names.append(str(email))
    if exact(name) in map(exact, names):
        attempt.succeeded(response)


def _is_unique(name: str) -> bool:
    meta: Any = get_user_model()._meta
    alone = [each.fields for each in meta.total_unique_constraints]
    return meta.get_field(name).unique or (name,) in alone


def is_login_view(view: Any) -> bool:
    """Tell whether *view*, or what it decorates, is one of Django's login views."""
    while view is not None:
        kind = getattr(view, "view_class", None)
        if isinstance(kind, type) and issubclass(kind, LoginView):
            return True
        if isinstance(getattr(view, "__self__", None), AdminSite) and view.__name__ == "login":
            return True
        view = getattr(view, "__wrapped__", None)
    return False
