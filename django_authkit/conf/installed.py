"""Refuses to work without the app: its receivers, checks and table exist only if it is installed."""

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured


def require_app() -> None:
    """Raise ``ImproperlyConfigured`` if the project has no ``"django_authkit"`` in ``INSTALLED_APPS``."""
    if apps.ready and not apps.is_installed("django_authkit"):
        message = (
            'Add "django_authkit" to INSTALLED_APPS: without it, nothing revokes the auth sessions of a user '
            "whose password changes, and no system check runs."
        )
        raise ImproperlyConfigured(message)
