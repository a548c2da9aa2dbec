"""The app: connects receivers and registers checks when Django is ready."""

from django.apps import AppConfig


class AuthKitConfig(AppConfig):
    """django-authkit."""

    name = "django_authkit"
    verbose_name = "Auth sessions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers and register the system checks."""
        from django_authkit import checks, notifications, receivers  # models are loaded only now

        receivers.connect()
        notifications.connect()
        checks.register_all()
