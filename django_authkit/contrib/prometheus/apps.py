"""The app that reports to the default registry of prometheus-client."""

from django.apps import AppConfig


class PrometheusConfig(AppConfig):
    """Instruments django-authkit when the project starts."""

    name = "django_authkit.contrib.prometheus"
    label = "authkit_prometheus"

    def ready(self) -> None:
        """Report from now on."""
        from django_authkit.contrib.prometheus.instrumentation import instrument

        instrument()
