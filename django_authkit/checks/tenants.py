"""Checks that all users are in one table: the store knows a user by the primary key alone."""

from collections.abc import Iterator

from django.apps import apps
from django.conf import settings

from django_authkit.conf import AuthKitSettings
from django_authkit.problems import Problem

USERS_BY_TENANT = Problem.kind(
    "authkit.E056",
    "Keep the users in a table that all tenants share (SHARED_APPS), or deploy each tenant by itself.",
)


def check_tenants(chosen: AuthKitSettings) -> Iterator[Problem]:  # noqa: ARG001 - as all checks
    """Check that tenants (django-tenants, django-pgschemas) have no tables of users of their own."""
    users = apps.get_app_config(settings.AUTH_USER_MODEL.partition(".")[0]).name
    if users in _tenant_apps() and users not in getattr(settings, "SHARED_APPS", ()):
        yield USERS_BY_TENANT(
            f"Each tenant has its own table of {settings.AUTH_USER_MODEL}: a user of one would be "
            "authenticated as the user of another one with the same primary key."
        )


def _tenant_apps() -> set[str]:
    """Return the apps whose tables each tenant has for itself."""
    schemas = getattr(settings, "TENANTS", {})
    by_schema = [app for name, each in schemas.items() if name != "public" for app in each.get("APPS", ())]
    return {*getattr(settings, "TENANT_APPS", ()), *by_schema}
