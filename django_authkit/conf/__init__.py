"""
The settings ``AUTHKIT_MODE`` and ``AUTHKIT``: one typed, frozen dataclass, read when used.

``get_settings()`` is cached, and the cache is cleared by Django's ``setting_changed``; so
``override_settings`` works everywhere as long as nothing keeps a value from import time.

The reference page ``docs/reference/settings.md`` has a row for each field.
"""

from collections.abc import Iterator
from functools import cache

from django.core.signals import setting_changed

from django_authkit.conf.groups import Binding, Policy
from django_authkit.conf.parsing import form_problems, read_settings
from django_authkit.conf.schema import (
    MAX_COOKIE_AGE,
    Adoptions,
    AuthKitSettings,
    InvalidSettings,
    SigningKeys,
    milliseconds,
)
from django_authkit.conf.validation import combination_problems
from django_authkit.problems import Problem

__all__ = [
    "MAX_COOKIE_AGE",
    "Adoptions",
    "AuthKitSettings",
    "Binding",
    "InvalidSettings",
    "Policy",
    "SigningKeys",
    "find_problems",
    "get_settings",
    "milliseconds",
]


@cache
def get_settings() -> AuthKitSettings:
    """
    Return the project's settings.

    Raises:
        InvalidSettings: A key is unknown, a value has the wrong type, or a combination cannot work.
    """
    problems = list(find_problems())
    if problems:
        raise InvalidSettings(problems[0])
    return read_settings()


def find_problems() -> Iterator[Problem]:
    """Yield the problems of the settings: first the form of each one, then their combinations."""
    form = list(form_problems())
    yield from form
    if not form:
        yield from combination_problems(read_settings())


def _forget(*, setting: str, **_: object) -> None:
    if setting in {"AUTHKIT", "AUTHKIT_MODE", "DEBUG"} or setting.startswith("SESSION_COOKIE_"):
        get_settings.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_authkit.conf")
