"""``bound/register/`` and ``bound/refresh/``: browsers send them by themselves, to bind logins."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from django_authkit import service
from django_authkit.api.views import Endpoint
from django_authkit.conf import get_settings
from django_authkit.errors import CredentialRejected, DeviceProofInvalid, StoreUnavailable, Throttled
from django_authkit.http.bound_cookie import attributes
from django_authkit.http.csrf import enforce_source
from django_authkit.throttling.attempts import count_failed_refresh

_CHALLENGE = "Secure-Session-Challenge"


class BoundEndpoint(Endpoint):
    """An endpoint that browsers call, and no script: without a CSRF token, and without a body."""

    schema = None
    is_for_links = False
    """Browsers may send it for links on other sites. No page can: a ``Sec-`` header names the session."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check where the request comes from."""
        if not (self.is_for_links and get_settings().bound_scope.initiators):
            enforce_source(request._request)
        super().initial(request, *args, **kwargs)


class RegisterView(BoundEndpoint):
    """``POST bound/register/``: the browser shows the key that it made after a login."""

    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return what the browser has to keep to itself, and set the bound cookie."""
        http: HttpRequest = request._request
        known, proof = service.authenticate(http), _header(http, "Secure-Session-Response")
        return _configured(service.register_device(http, known, proof))


class BoundRefreshView(BoundEndpoint):
    """``POST bound/refresh/``: the browser proves the key again."""

    is_for_links = True

    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """
        Set the bound cookie, or new tokens; or answer 403 with a challenge, or that the auth session ended.

        Of errors, Chromium takes only a 5xx for passing; after any other it forgets the key.
        """
        http: HttpRequest = request._request
        sid = _header(http, "Sec-Secure-Session-Id") or ""
        try:
            binding = service.renew_device(http, sid, _header(http, "Secure-Session-Response"))
        except service.ProofRequired as required:
            response = Response(status=403)
            response[_CHALLENGE] = _challenge(sid, required.challenge)
            return response
        except CredentialRejected:
            return Response({"session_identifier": sid, "continue": False})
        except DeviceProofInvalid:
            try:
                count_failed_refresh(http)
            except Throttled as throttled:
                raise StoreUnavailable(throttled.message) from throttled
            raise
        return _configured(binding)


def _configured(binding: service.Binding) -> Response:
    sid = binding.session.sid
    response = Response(
        {
            "session_identifier": sid,
            "refresh_url": reverse("authkit:bound-refresh"),
            "scope": _scope(),
            "credentials": [{"type": "cookie", "name": binding.cookie_name, "attributes": attributes()}],
        }
    )
    if binding.initiators:
        response.data["allowed_refresh_initiators"] = list(binding.initiators)
    binding.attach(response)
    response[_CHALLENGE] = _challenge(sid, binding.challenge)
    return response


def _scope() -> dict[str, Any]:
    """Return for which requests the browser renews the cookie: for this host, without static files."""
    paths = [*_static_paths(), *get_settings().bound_scope.exclude]
    rules = [{"type": "exclude", "domain": "*", "path": path} for path in paths]
    return {"include_site": False, "scope_specification": rules}


def _static_paths() -> list[str]:
    path = django_settings.STATIC_URL
    return [] if not path or urlsplit(path).netloc or path == "/" else [path]


def _challenge(sid: str, challenge: str) -> str:
    return f'"{challenge}";id="{sid}"'


def _header(request: HttpRequest, name: str) -> str | None:
    """Return the header; the draft has quotes around it, and Chromium 156 has none."""
    value = request.headers.get(name)
    return None if value is None else value.strip().strip('"')
