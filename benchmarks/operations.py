"""
Login (without hashing a password), refresh and logout: ours and simplejwt's.

The whole request through the view is measured, with rotation and blacklist for both.
"""

import json
from collections.abc import Callable
from typing import Any

from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.views import TokenBlacklistView, TokenRefreshView

from benchmarks.measuring import Act, Variant
from benchmarks.subjects import ada, factory
from django_authkit import log_in
from django_authkit.api.views import LogoutView, RefreshView
from django_authkit.types import Transport


def posted(body: dict[str, str]) -> Any:
    """Return a request with a JSON body."""
    return factory.post("/", json.dumps(body), content_type="application/json")


def ours(_: object = None) -> str:
    """Log in with this package, and return the credential for a refresh: a refresh token or a session key."""
    grant = log_in(factory.get("/"), ada(), transport=Transport.HEADER)
    return grant.refresh or grant.access


def simplejwt(_: object = None) -> str:
    """Log in with simplejwt, and return the refresh token."""
    return str(RefreshToken.for_user(ada()))


def of_fresh_log_ins(begin: Callable[[object], str], view: Any) -> Act:
    """Return an act that sends the refresh tokens of new logins to *view*, each once."""
    return Act(run=view, make=lambda: posted({"refresh": begin(None)}))


_OF_OURS: dict[str, Callable[[], Act]] = {
    "login": lambda: Act(run=ours),
    "refresh": lambda: of_fresh_log_ins(ours, RefreshView.as_view()),
    "logout": lambda: of_fresh_log_ins(ours, LogoutView.as_view()),
}
_OF_SIMPLEJWT: dict[str, Callable[[], Act]] = {
    "login": lambda: Act(run=simplejwt),
    "refresh": lambda: of_fresh_log_ins(simplejwt, TokenRefreshView.as_view()),
    "logout": lambda: of_fresh_log_ins(simplejwt, TokenBlacklistView.as_view()),
}


def operations() -> list[Variant]:
    """Return every operation of both packages, with its settings."""
    found = [
        Variant(f"{name}: {mode}, {store}", start, {"STORE": store}, mode)
        for mode in ("jwt", "session")
        for store in ("redis", "database")
        for name, start in _OF_OURS.items()
    ]
    return found + [Variant(f"{name}: simplejwt", start) for name, start in _OF_SIMPLEJWT.items()]
