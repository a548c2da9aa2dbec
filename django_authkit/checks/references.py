"""Checks that what the settings refer to exists and is usable."""

import re
from collections.abc import Iterator
from dataclasses import asdict

from django.conf import settings
from django.utils.module_loading import import_string

from django_authkit.conf import AuthKitSettings
from django_authkit.problems import Problem

_RATE = re.compile(r"[1-9][0-9]*/[smhd][a-z]*")
"""As DRF parses it: only the first letter of the period is significant."""

NO_DATABASE = Problem.kind("authkit.E050", "Name an alias of DATABASES.")
NO_CALLABLE = Problem.kind(
    "authkit.E070", "Write the full dotted path, and make sure that it can be imported."
)
NO_RATE = Problem.kind("authkit.E071", 'Write a count and a period: "20/min", "5/s", "100/hour", "1000/day".')


def check_database(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the database store has a database."""
    if chosen.store == "database" and chosen.database_alias not in settings.DATABASES:
        yield NO_DATABASE(f"DATABASE_ALIAS is {chosen.database_alias!r}, which DATABASES does not have.")


def check_dotted_paths(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the project's serializer and functions can be imported."""
    for name in ("user_serializer", "extra_claims", "max_sessions", "reauthenticator"):
        path = getattr(chosen, name)
        if isinstance(path, str) and not _leads_to_callable(path):
            yield NO_CALLABLE(f"{name.upper()} is {path!r}, which cannot be imported or called.")


def check_rates(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the throttle rates can be parsed; otherwise each login would be an error."""
    rates = {f'RATES["{name.upper()}"]': rate for name, rate in asdict(chosen.rates).items()}
    drf = getattr(settings, "REST_FRAMEWORK", {}).get("DEFAULT_THROTTLE_RATES") or {}
    for scope in ("authkit_login", "authkit_refresh"):
        rates[f'DEFAULT_THROTTLE_RATES["{scope}"]'] = drf.get(scope)
    for name, rate in rates.items():
        if rate is not None and not _RATE.fullmatch(rate):
            yield NO_RATE(f"{name} is {rate!r}, which is not a rate in DRF's notation.")


def _leads_to_callable(path: str) -> bool:
    try:
        return callable(import_string(path))
    except ImportError:
        return False
