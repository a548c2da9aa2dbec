"""The Content-Security-Policy of every page: scripts and styles are files of this site."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


STYLED = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""For DRF's browsable API, which styles some of its elements in place."""


class ContentPolicyMiddleware:
    """Sends the policy. From Django 6.0 on, ``SECURE_CSP`` and Django's own middleware do the same."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the policy."""
        response = self.get_response(request)
        browsable = getattr(response, "accepted_media_type", None) == "text/html"
        response.headers["Content-Security-Policy"] = STYLED if browsable else POLICY
        return response
