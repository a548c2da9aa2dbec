"""The app: connects receivers and registers checks when Django is ready."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.signals import user_logged_in


class AuthKitConfig(AppConfig):
    """django-authkit."""

    name = "django_authkit"
    verbose_name = "Auth sessions"
    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, app_name: str, app_module: Any) -> None:
        """Connect to logins before any app's models and ``ready``: all receivers see the new session key."""
        super().__init__(app_name, app_module)
        user_logged_in.connect(_on_logged_in, dispatch_uid="django_authkit")

    def ready(self) -> None:
        """Connect the receivers and register the system checks."""
        from django_authkit import checks, notifications, receivers  # models are loaded only now

        receivers.connect()
        notifications.connect()
        checks.register_all()
        if apps.is_installed("drf_spectacular"):
            import_module("django_authkit.contrib.spectacular")


def _on_logged_in(**kwargs: Any) -> None:
    from django_authkit.receivers import on_logged_in

    on_logged_in(**kwargs)
