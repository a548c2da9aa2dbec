"""
The verbs for async views: ``await alog_in(request, user)`` does what ``log_in(request, user)`` does.

With Redis they wait on the event loop, and with the database as Django's own: see ``running``.
"""

from collections.abc import Callable, Coroutine
from functools import WRAPPER_ASSIGNMENTS, wraps
from typing import Any, ParamSpec, TypeVar

from django_authkit.service.authentication import authenticate
from django_authkit.service.introspection import verify
from django_authkit.service.login import log_in
from django_authkit.service.logout import log_out
from django_authkit.service.password_changes import update_session_auth_hash
from django_authkit.service.refreshing import refresh
from django_authkit.service.revocation import revoke, revoke_all, revoke_user, sessions_of
from django_authkit.service.running import run

P = ParamSpec("P")
T = TypeVar("T")


def _asynchronous(verb: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return *verb* for async views, under its name with an ``a`` in front of it."""

    @wraps(verb, assigned=set(WRAPPER_ASSIGNMENTS) - {"__name__", "__qualname__", "__module__"})
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await run(verb, *args, **kwargs)

    call.__name__ = call.__qualname__ = f"a{verb.__name__}"
    return call


aauthenticate = _asynchronous(authenticate)
alog_in = _asynchronous(log_in)
alog_out = _asynchronous(log_out)
arefresh = _asynchronous(refresh)
arevoke = _asynchronous(revoke)
arevoke_all = _asynchronous(revoke_all)
arevoke_user = _asynchronous(revoke_user)
asessions_of = _asynchronous(sessions_of)
aupdate_session_auth_hash = _asynchronous(update_session_auth_hash)
averify = _asynchronous(verify)
