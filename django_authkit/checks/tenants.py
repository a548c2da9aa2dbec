"""Checks that all users are in one table, or that ``TENANT`` keeps apart those of several tables."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import Error as DatabaseError
from django.db import connections, router

from django_authkit.conf import AuthKitSettings
from django_authkit.problems import Problem

USERS_BY_TENANT = Problem.kind(
    "authkit.E056",
    "Set TENANT, or keep the users in a table that all tenants share (SHARED_APPS), or deploy each tenant by "
    "itself.",
)
SEVERAL_TABLES = Problem.kind(
    "authkit.E058",
    "Set TENANT, or keep all users in one database, or deploy each tenant by itself. If no router selects "
    "the users' table by tenant, let allow_migrate() of a router return False for the table that is not "
    "used.",
)
NO_REQUEST = Problem.kind("authkit.E057", "Add it behind the middleware that finds the tenant.")
OWN_MIDDLEWARE = "django_authkit.middleware.SessionMiddleware"
_COMPARED = 100
"""How many users of each database are compared, the lowest primary keys first."""


def check_tenants(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that tenants (django-tenants, django-pgschemas) have no tables of users of their own."""
    if chosen.tenant is not None:
        yield from _middleware_problems()
        return
    users = apps.get_app_config(settings.AUTH_USER_MODEL.partition(".")[0]).name
    if users in _tenant_apps() and users not in getattr(settings, "SHARED_APPS", ()):
        yield USERS_BY_TENANT(
            f"Each tenant has its own table of {settings.AUTH_USER_MODEL}: a user of one would be "
            "authenticated as the user of another one with the same primary key."
        )


def _middleware_problems() -> Iterator[Problem]:
    if OWN_MIDDLEWARE not in settings.MIDDLEWARE:
        yield NO_REQUEST(f"TENANT is set, and MIDDLEWARE does not have {OWN_MIDDLEWARE}.")


def _tenant_apps() -> set[str]:
    """Return the apps whose tables each tenant has for itself."""
    schemas = getattr(settings, "TENANTS", {})
    by_schema = [app for name, each in schemas.items() if name != "public" for app in each.get("APPS", ())]
    return {*getattr(settings, "TENANT_APPS", ()), *by_schema}


def check_databases(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that no two databases, from which routers choose, have different users under one primary key."""
    if chosen.tenant is not None:
        return
    seen: dict[Any, tuple[str, tuple[Any, ...]]] = {}
    for alias in _aliases():
        for pk, *texts in _first_users(alias):
            other, found = seen.setdefault(pk, (alias, tuple(texts)))
            if all(mine != theirs for mine, theirs in zip(texts, found, strict=True)):
                yield SEVERAL_TABLES(
                    f"{settings.AUTH_USER_MODEL} {pk} is one user in the database {other!r} and another one "
                    f"in {alias!r}. If DATABASE_ROUTERS select the table by tenant, a user of one tenant is "
                    "authenticated as a user of another one."
                )
                return


def _aliases() -> list[str]:
    """Return the aliases that can have the users' table and are no replicas of others."""
    if not settings.DATABASE_ROUTERS:
        return []
    return [
        alias
        for alias in connections
        if not connections[alias].settings_dict["TEST"]["MIRROR"]
        and router.allow_migrate_model(alias, get_user_model())
    ]


def _first_users(alias: str) -> list[tuple[Any, ...]]:
    """Return primary key, name and password of users, or nothing if they cannot be read there."""
    users = get_user_model()
    names = {field.name for field in users._meta.concrete_fields}
    compared = names & {getattr(users, "USERNAME_FIELD", "pk"), "password"}
    with suppress(DatabaseError):  # no such table, or no such server: not for us to say
        rows = users._base_manager.using(alias).order_by("pk").values_list("pk", *sorted(compared))
        return list(rows[:_COMPARED]) if compared else []
    return []
