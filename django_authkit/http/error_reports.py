"""Keeps our cookies out of the error reports that Django mails, whatever they are called."""

from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter, get_exception_reporter_filter

from django_authkit.conf import get_settings


class _WithoutOurCookies:
    """The filter of error reports, Django's or the project's, which also hides our cookies."""

    def __init__(self, chosen: SafeExceptionReporterFilter) -> None:
        self._chosen = chosen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chosen, name)

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        """Return the cookies as error reports show them."""
        shown = self._chosen.get_safe_cookies(request)
        return {**shown, **dict.fromkeys(_our_cookies() & shown.keys(), self._chosen.cleansed_substitute)}


def _our_cookies() -> set[str]:
    cookie = get_settings().cookie
    return {cookie.access_name, cookie.refresh_name, cookie.device_name}


def hide_cookies(request: HttpRequest) -> None:
    """Keep our cookies out of the error reports about *request*. Django hides those named like a token."""
    chosen = get_exception_reporter_filter(request)
    request.exception_reporter_filter = _WithoutOurCookies(chosen)  # type: ignore[assignment]
