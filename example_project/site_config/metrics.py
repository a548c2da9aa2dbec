"""The metrics of django-authkit as text, for Prometheus."""

from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


def metrics(_: HttpRequest) -> HttpResponse:
    """Show the default registry."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
