"""The middleware of Django's documentation on time zones: the user's own, as soon as they are logged in."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone


def activates(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Return a middleware that activates Kathmandu's time for users, and UTC for everybody else."""

    def middleware(request: HttpRequest) -> HttpResponse:
        timezone.activate("Asia/Kathmandu" if request.user.is_authenticated else "UTC")
        return get_response(request)

    return middleware
