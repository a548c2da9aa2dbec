"""Decorators for plain Django views."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction  # knows async class-based views, too
from django.http import HttpRequest

from django_authkit.errors import NotAuthenticated
from django_authkit.http.request_state import Authentication
from django_authkit.service import current, require_device_bound, require_recent
from django_authkit.service.running import run

V = TypeVar("V", bound=Callable[..., Any])


def recent_auth_required(max_age: timedelta | None = None) -> Callable[[V], V]:
    """
    Require that the user authenticated recently, for a sync or async view.

    Without a login it is 401 ``not_authenticated``; after too long 401 ``reauthentication_required``: the
    client calls ``reauthenticate/`` and tries again. Needs our ``AuthenticationMiddleware``.

    Args:
        max_age: How long ago the user may have authenticated; ``RECENT_AUTH["MAX_AGE"]`` if ``None``.
    """

    def check(_: HttpRequest, known: Authentication) -> None:
        require_recent(known, max_age)

    return _requiring(check)


def device_bound_required(view: V) -> V:
    """
    Require that the login is bound to the browser's device (``DEVICE_BOUND``), for a sync or async view.

    Without a login it is 401 ``not_authenticated``; without a binding 403 ``device_binding_required``. Needs
    our ``AuthenticationMiddleware``.
    """
    return _requiring(require_device_bound)(view)


def _requiring(required: Callable[[HttpRequest, Authentication], None]) -> Callable[[V], V]:
    """Return a decorator that calls *required* before the view."""

    def check(request: HttpRequest) -> None:
        known = current(request)
        if known is None:
            raise NotAuthenticated
        required(request, known)

    def decorate(view: Any) -> Any:
        if iscoroutinefunction(view):

            @wraps(view)
            async def asynchronous(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                await run(check, request)
                return await view(request, *args, **kwargs)

            return asynchronous

        @wraps(view)
        def synchronous(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            check(request)
            return view(request, *args, **kwargs)

        return synchronous

    return decorate
