"""Checks that the settings let the endpoints do their work that the project has in its URLs."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.urls import URLResolver, get_resolver

from django_authkit.conf import AuthKitSettings
from django_authkit.problems import Problem
from django_authkit.types import Transport

NO_HEADER = Problem.kind(
    "authkit.E109",
    'Add "header" to TRANSPORTS, or take the views of django_authkit.compat.simplejwt out of the URLs.',
)
_COMPAT = "django_authkit.compat.simplejwt.views"


def check_transports_of_compat(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that tokens are accepted where simplejwt's endpoints return them: in bodies and the header."""
    if Transport.HEADER in chosen.transports or not getattr(settings, "ROOT_URLCONF", None):
        return
    for view in _views(get_resolver().url_patterns):
        kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
        if isinstance(kind, type) and any(base.__module__ == _COMPAT for base in kind.__mro__):
            yield NO_HEADER(
                f'TRANSPORTS has no "header", and the URLs have {kind.__name__}: a login there fails, and no '
                "token that its clients have is accepted."
            )
            return


def _views(patterns: Iterable[Any]) -> Iterator[Any]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns)
        else:
            yield pattern.callback
