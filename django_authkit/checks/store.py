"""Checks that the store does its work: its table is there, and its server accepts the credentials."""

from collections.abc import Iterator

from django.conf import settings
from django.db import Error as DatabaseError

from django_authkit import outages
from django_authkit.conf import AuthKitSettings
from django_authkit.errors import StoreUnavailable
from django_authkit.http.tenants import tenant
from django_authkit.problems import Problem
from django_authkit.wiring import get_store

NOT_MIGRATED = Problem.kind(
    "authkit.E052", "Run it with the settings of the site, and --database if DATABASE_ALIAS is set."
)
REFUSED = Problem.kind("authkit.E053", "Correct the user, the password or the permissions of that alias.")
UNREACHABLE = Problem.kind("authkit.W054", "Run this where the database can be reached.")

_UNKNOWN_SID = "A" * 16


def check_store(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that an auth session can be looked up."""
    if not _has_server(chosen):  # reported by other checks
        return
    try:
        with outages.nothing_logged(), tenant("check"):
            get_store().load(_UNKNOWN_SID)
    except StoreUnavailable as failure:
        cause = failure.__cause__
        if outages.is_not_migrated(cause):
            yield NOT_MIGRATED(failure.cause)
        elif outages.is_refused(cause):
            yield REFUSED(failure.cause)
        elif isinstance(cause, DatabaseError):  # W047 says it of Redis
            yield UNREACHABLE(failure.cause)


def _has_server(chosen: AuthKitSettings) -> bool:
    """Return whether the settings name a server that the store can use."""
    if chosen.store == "database":
        return chosen.database_alias in settings.DATABASES
    from django_authkit.checks import redis_alias  # imported only if used

    return not any(redis_alias.unusable(chosen.redis.alias))
