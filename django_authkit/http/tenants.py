"""
Which tenant this is about: what the project's function ``TENANT`` says of the request in progress.

It is asked each time and nothing is kept, since a project can change the tenant within a request, as
django-tenants' ``schema_context`` does. It is asked where Django's ORM runs, and never on an event loop: what
it finds in a connection has to be said of the connection from which the users are read.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final, Generic, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.asyncio import async_unsafe
from django.utils.module_loading import import_string

from django_authkit.conf import get_settings

T = TypeVar("T")

NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")
"""What names a tenant: part of the store's keys and of ``iss``."""

request_of_tenant: ContextVar[HttpRequest | None] = ContextVar("authkit_request_of_tenant", default=None)
"""The request in progress, from our ``SessionMiddleware`` on."""
_chosen: ContextVar[str | None] = ContextVar("authkit_tenant", default=None)


def current_tenant() -> str:
    """
    Return the name of the tenant; empty without ``TENANT``.

    Raises:
        ImproperlyConfigured: The project's function returned something else than a name.
        SynchronousOnlyOperation: There is an event loop in this thread, which has other connections to the
            database than the thread in which the view and Django's ORM run.
    """
    path = get_settings().tenant
    if path is None:
        return ""
    chosen = _chosen.get()
    name = _asked(path) if chosen is None else chosen
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ImproperlyConfigured(
            f"The tenant is {name!r}: it takes 1 to 32 letters, digits, dots, hyphens and underscores. "
            f"Outside of a request {path} is called with None; use tenant() there."
        )
    return name


@async_unsafe(
    "The tenant cannot be asked for from an async context, which has connections of its own: use "
    "`await request.auser()` before `request.user`, or sync_to_async, or tenant()."
)
def _asked(path: str) -> Any:
    return import_string(path)(request_of_tenant.get())


@contextmanager
def tenant(name: str) -> Iterator[None]:
    """Let the block be about the tenant *name*, whatever ``TENANT`` says: for commands, tasks and shells."""
    token = _chosen.set(name)
    try:
        yield
    finally:
        _chosen.reset(token)


@contextmanager
def tenant_of(request: HttpRequest) -> Iterator[str]:
    """Let the block be about the tenant of *request*, which no middleware has seen; give its name."""
    token = request_of_tenant.set(request)
    try:
        name = current_tenant()
        with tenant(name):
            yield name
    finally:
        request_of_tenant.reset(token)


def bound_to_tenant(act: Callable[[], T]) -> Callable[[], T]:
    """
    Return a function that does *act* for the tenant of now, whichever is the current one when it is called.

    Where no tenant can be named now, it raises what says so.
    """
    if get_settings().tenant is None:
        return act
    name, refusal = "", None
    try:
        name = current_tenant()
    except Exception as error:  # noqa: BLE001 - the project's function may raise anything
        refusal = error

    @wraps(act)
    def bound() -> T:
        if refusal is not None:
            raise refusal
        with tenant(name):
            return act()

    return bound


def tenant_if_named() -> str | None:
    """Return the name of the tenant; ``None`` where no tenant can be named."""
    try:
        return current_tenant()
    except Exception:  # noqa: BLE001 - the project's function may raise anything
        return None


def rows_are_of_tenant() -> bool:
    """
    Tell whether what is read from the database now is of the current tenant.

    Within ``tenant()``, it may not be: the connection can have the schema of another one, which the project's
    function then names.
    """
    path, chosen = get_settings().tenant, _chosen.get()
    if path is None or chosen is None:
        return True
    try:
        return bool(_asked(path) == chosen)
    except Exception:  # noqa: BLE001 - as above
        return False


def only_in_this_tenant(read: Callable[[], T]) -> Callable[[], T]:
    """
    Return a function that does *read*, for the tenant of now only.

    Raises:
        ImproperlyConfigured: By that function: another tenant is the current one by then.
    """
    name = current_tenant()

    def read_here() -> T:
        current = tenant_if_named()
        if current != name:
            raise ImproperlyConfigured(
                f"request.user is of the tenant {name!r}, and its row is needed first where the tenant is "
                f"{current!r}: use an attribute of it, such as its name, before you change the tenant."
            )
        return read()

    return read_here


class OfTenant(Generic[T]):
    """
    Stands for objects of one kind, one for each tenant: each use of an attribute goes to the current one's.

    Args:
        make: Makes that of a tenant.
    """

    def __init__(self, make: Callable[[str], T]) -> None:
        self._make = make
        self._made: dict[str, T] = {}

    def __getattr__(self, name: str) -> Any:
        """Return the attribute of the current tenant's object."""
        current = current_tenant()
        made = self._made.get(current)
        if made is None:
            made = self._made.setdefault(current, self._make(current))
        return getattr(made, name)
