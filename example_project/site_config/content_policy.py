"""The Content-Security-Policy of every page: scripts and styles are files of this site."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256

from django.http import HttpRequest, HttpResponse

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


_LOG_OUT = sha256(b'document.getElementById("logoutForm").submit()').digest()
"""The hash of the one event handler in DRF's browsable API: its link that logs out."""

BROWSABLE = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "script-src 'self'", f"script-src 'self' 'unsafe-hashes' 'sha256-{b64encode(_LOG_OUT).decode()}'"
)
"""For DRF's browsable API, which styles some of its elements in place."""

FRAMED = "frame-ancestors 'self'; sandbox allow-scripts allow-modals"
"""For the report of a comparison: the page itself names the hashes of its one script and its styles."""


class ContentPolicyMiddleware:
    """Sends the policy. From Django 6.0 on, ``SECURE_CSP`` and Django's own middleware do the same."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the policy."""
        response = self.get_response(request)
        browsable = getattr(response, "accepted_media_type", None) == "text/html"
        response.headers.setdefault("Content-Security-Policy", BROWSABLE if browsable else POLICY)
        return response
