"""
Turns the settings of another project's test suite into those of a site that uses this package.

The variant comes from the environment, since the suites run in processes of their own. The names in
``MIDDLEWARE`` stay Django's: tests add, remove and override them by name. The classes behind the names are
ours, once ``replace_classes`` has run.
"""

import os
from collections.abc import MutableMapping
from typing import Any

from django.core.signals import setting_changed

VARIANTS: dict[str, dict[str, Any]] = {
    "session-database": {"AUTHKIT_MODE": "session", "AUTHKIT": {"STORE": "database"}},
    "session-redis": {
        "AUTHKIT_MODE": "session",
        # Counters in Redis outlive a test, whose transaction is rolled back: docs/how-to/testing.md.
        "AUTHKIT": {
            "STORE": "redis",
            "REDIS": {"ALIAS": "authkit"},
            "RATES": {"LOGIN": None, "REFRESH": None},
        },
    },
    "jwt-database": {"AUTHKIT_MODE": "jwt", "AUTHKIT": {"STORE": "database"}},
}
"""The settings of each variant; ``"django"`` is Django's own engine, with which they are compared."""

ENGINE = "django_authkit.session_engine"
APPS = ("rest_framework", "django_authkit")


def variant() -> str:
    """Return the variant of this process."""
    return os.environ["PEERS_VARIANT"]


def adapt(settings: MutableMapping[str, Any]) -> None:
    """Change *settings* to the variant of this process; Django's own engine needs no change."""
    if variant() not in VARIANTS:
        return
    settings.update(VARIANTS[variant()], SESSION_ENGINE=ENGINE)
    present = settings.get("INSTALLED_APPS", ())
    settings["INSTALLED_APPS"] = [*present, *(app for app in APPS if app not in present)]
    caches = dict(settings.get("CACHES", {}))
    caches.setdefault("default", {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"})
    settings["CACHES"] = caches
    _add_alias(setting="CACHES", value=caches)
    setting_changed.connect(_add_alias)


def _add_alias(*, setting: str, value: Any, **_: Any) -> None:
    """Keep the alias of the store in ``CACHES``, which some tests replace."""
    if setting == "CACHES" and value:
        location = os.environ["PEERS_REDIS"]
        value.setdefault("authkit", {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": location})


def replace_classes() -> None:
    """Put our two middleware classes in the places of Django's, for tests that import or name those."""
    if variant() not in VARIANTS:
        return
    from django.contrib.auth import middleware as auth
    from django.contrib.sessions import middleware as sessions

    from django_authkit.middleware import AuthenticationMiddleware, SessionMiddleware

    auth.AuthenticationMiddleware = AuthenticationMiddleware  # type: ignore[misc]
    sessions.SessionMiddleware = SessionMiddleware  # type: ignore[misc]
