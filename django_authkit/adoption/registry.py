"""From the entries of the setting ``ADOPT`` to adapters."""

from collections.abc import Mapping
from difflib import get_close_matches
from inspect import isabstract, signature
from typing import Any, Final

from django.utils.module_loading import import_string

from django_authkit.adoption.adapter import Adapter
from django_authkit.conf import InvalidSettings
from django_authkit.problems import Problem

STOCK: Final = {
    "django_sessions": "django_authkit.adoption.django_sessions.DjangoSessions",
    "simplejwt": "django_authkit.adoption.simplejwt.RefreshTokens",
    "simplejwt_access": "django_authkit.adoption.simplejwt.AccessTokens",
    "simplejwt_cookie": "django_authkit.adoption.simplejwt.RefreshCookies",
    "knox": "django_authkit.adoption.knox_tokens.KnoxTokens",
    "drf_tokens": "django_authkit.adoption.drf_tokens.DRFTokens",
    "allauth": "django_authkit.adoption.allauth_sessions.SessionTokens",
}
"""The adapters that come with the package, by their short names."""


def adapter_of(entry: str | Mapping[str, Any]) -> Adapter:
    """
    Return the adapter that *entry* names: a short name or dotted path, or a dict with it and options.

    Raises:
        InvalidSettings: There is none of that name, or it does not take these options.
    """
    options = {} if isinstance(entry, str) else {k: v for k, v in entry.items() if k != "adapter"}
    name = entry if isinstance(entry, str) else entry.get("adapter")
    kind = _class_of(name)
    try:
        signature(kind).bind(**options)
        return kind(**options)
    except TypeError:
        known = ", ".join(signature(kind).parameters) or "none"
        raise _problem(
            f'AUTHKIT["ADOPT"] gives {name!r} options that it does not take.', f"It takes: {known}."
        ) from None


def _class_of(name: object) -> type[Adapter]:
    if not isinstance(name, str):
        raise _problem('An entry of AUTHKIT["ADOPT"] does not say which adapter.', 'Give it an "adapter".')
    path = STOCK.get(name, name)
    if "." not in path:
        near = get_close_matches(name, STOCK, n=1)
        hint = f'Did you mean "{near[0]}"?' if near else f"Known are {', '.join(STOCK)}, and dotted paths."
        raise _problem(f'AUTHKIT["ADOPT"] names {name!r}, which is no adapter.', hint)
    try:
        kind = import_string(path)
    except ImportError as error:
        raise _problem(
            f'AUTHKIT["ADOPT"] names {name!r}, which cannot be imported: {error}.',
            "Install the package that it is for, or correct the path.",
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, Adapter)) or isabstract(kind):
        raise _problem(
            f'AUTHKIT["ADOPT"] names {name!r}, which is no adapter.',
            "Derive from django_authkit.adoption.Adapter and implement its methods.",
        )
    return kind


def _problem(message: str, hint: str) -> InvalidSettings:
    return InvalidSettings(Problem("authkit.E100", message, hint))
