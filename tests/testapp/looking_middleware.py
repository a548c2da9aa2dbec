"""Middleware as in projects and packages: it reads ``request.user``, or replaces it."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import SimpleLazyObject


def looks(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Read the user, as for a time zone or an audit trail."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.user.is_authenticated  # noqa: B018 - that is all it does
        return get_response(request)

    return middleware


def shows_the_session(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Read the session after everybody else, as debugging tools do."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["X-Session-Keys"] = " ".join(request.session.keys())
        return response

    return middleware


class LooksBeforeTheView:
    """Reads the user in ``process_view``, as packages that require a login do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Call the next middleware."""
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Read the user."""
        request.user.is_authenticated  # noqa: B018 - that is all it does


def demands_login(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Redirect anonymous users to the login."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            return get_response(request)
        return HttpResponseRedirect("/accounts/login/")

    return middleware


def acts_as(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Replace the user by that of the header ``X-Act-As``, and mark it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        real = request.user

        def who() -> Any:
            name = request.headers.get("X-Act-As")
            user: Any = User.objects.get(username=name) if real.is_authenticated and name else real
            user.first_name = "seen by the middleware"
            return user

        request.user = SimpleLazyObject(who)  # type: ignore[assignment]
        return get_response(request)

    return middleware
