"""The app that reports to the global providers of OpenTelemetry."""

from django.apps import AppConfig


class OpenTelemetryConfig(AppConfig):
    """Instruments django-authkit when the project starts."""

    name = "django_authkit.contrib.opentelemetry"
    label = "authkit_opentelemetry"

    def ready(self) -> None:
        """Report from now on."""
        from django_authkit.contrib.opentelemetry.instrumentation import instrument

        instrument()
