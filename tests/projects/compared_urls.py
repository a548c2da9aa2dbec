"""The test site's URLs, and one that fails."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from projects.urls import urlpatterns as site_patterns


def broken(request: HttpRequest) -> HttpResponse:
    """Fail."""
    raise RuntimeError("broken on purpose")


urlpatterns = [path("api/broken/", broken), *site_patterns]
