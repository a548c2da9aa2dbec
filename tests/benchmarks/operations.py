"""
Log-in (without hashing a password), refresh and log-out: ours beside simplejwt's.

The whole request through the view, with rotation and blacklist on both sides. Imported when Django is
ready and the servers are up.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.auth.models import User
from django.test import RequestFactory
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.views import TokenBlacklistView, TokenRefreshView

from benchmarks.authentication_cost import Variant
from django_authkit import log_in
from django_authkit.api.views import LogoutView, RefreshView
from django_authkit.types import Transport

factory = RequestFactory()


def posted(body: dict[str, str]) -> Any:
    """Return a request with a JSON body."""
    return factory.post("/", json.dumps(body), content_type="application/json")


def ada() -> User:
    """Return the user."""
    return User.objects.get(username="ada")


def ours() -> str:
    """Log in with us, and return what refreshes: a refresh token, or a session key."""
    grant = log_in(factory.get("/"), ada(), transport=Transport.HEADER)
    return grant.refresh or grant.access


def simplejwt() -> str:
    """Log in with simplejwt, and return the refresh token."""
    return str(RefreshToken.for_user(ada()))


def refreshing(start: Callable[[], str], view: Any) -> Callable[[], Any]:
    """Return what refreshes again and again, each time with what the last one gave."""
    held = start()

    def refresh() -> Any:
        nonlocal held
        answer = view(posted({"refresh": held}))
        held = answer.data.get("refresh") or answer.data["access"]
        return answer

    return refresh


def leaving(start: Callable[[], str], view: Any) -> Callable[[], Any]:
    """Return what logs a fresh log-in out; the log-ins are made beforehand, a hundred at a time."""

    def held() -> Iterator[str]:
        while True:
            yield from [start() for _ in range(400)]

    tokens = held()
    return lambda: view(posted({"refresh": next(tokens)}))


def of_ours() -> dict[str, Callable[[], Callable[[], Any]]]:
    """Return our operations by name."""
    return {
        "log-in": lambda: ours,
        "refresh": lambda: refreshing(ours, RefreshView.as_view()),
        "log-out": lambda: leaving(ours, LogoutView.as_view()),
    }


def of_simplejwt() -> dict[str, Callable[[], Callable[[], Any]]]:
    """Return simplejwt's operations by name."""
    return {
        "log-in": lambda: simplejwt,
        "refresh": lambda: refreshing(simplejwt, TokenRefreshView.as_view()),
        "log-out": lambda: leaving(simplejwt, TokenBlacklistView.as_view()),
    }


def operations() -> list[tuple[Variant, Callable[[], Callable[[], Any]]]]:
    """Return every operation of every side, with the settings that it needs."""
    found = []
    for mode, store in (("jwt", "redis"), ("jwt", "database"), ("session", "redis"), ("session", "database")):
        for name, start in of_ours().items():
            settings = {"STORE": store}
            found.append((Variant(f"{name}: {mode}, {store}", _none, _none, mode, settings), start))
    found += [(Variant(f"{name}: simplejwt", _none, _none), start) for name, start in of_simplejwt().items()]
    return found


def _none(*_: Any) -> Any:
    return None
