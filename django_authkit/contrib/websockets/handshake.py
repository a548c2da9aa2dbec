"""
Who opens a WebSocket: by cookie, by bearer or by ticket.

A browser sends cookies with every handshake, whichever site its page is from, and the same-origin policy does
not apply to WebSockets. So a cookie counts only if the ``Origin`` is our own or trusted (OWASP, "Cross-site
WebSocket hijacking").
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final, NamedTuple

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from django_authkit.errors import CsrfFailed, SeveralCredentials
from django_authkit.http import transports
from django_authkit.http.csrf import has_trusted_origin
from django_authkit.http.request_state import Authentication
from django_authkit.http.tenants import tenant_of
from django_authkit.service import authenticate, redeem_ticket
from django_authkit.service.device_keys import proved_until
from django_authkit.tracebacks import clears_locals
from django_authkit.wiring import get_accepted_strategies

TICKET_PROTOCOL: Final = "authkit.ticket."
"""What a subprotocol begins with that is a ticket."""
TICKET_PARAMETER: Final = "authkit_ticket"

_SCHEMES: Final = {"ws": "http", "wss": "https"}


class Opening(NamedTuple):
    """
    What a handshake says.

    Attributes:
        tenant: Whose users are meant; empty without ``TENANT``.
        known: Who opens the WebSocket, with record and user; ``None`` without a credential.
        proved_until: Until when their device has proved itself; ``None`` if the login is not bound to it.
    """

    tenant: str
    known: Authentication | None
    proved_until: float | None


@clears_locals
def opening_of(scope: Mapping[str, Any]) -> Opening:
    """
    Return who opens the WebSocket of *scope*.

    ``TENANT`` is asked once, with the handshake as the request, in the thread in which the user is read.

    Raises:
        CsrfFailed: A cookie came from another site, or with no ``Origin``.
        CredentialRejected: A credential was presented, and it is not valid.
        SeveralCredentials: There is a bearer credential beside a ticket.
        StoreUnavailable: It cannot be told.
    """
    request = _request_of(scope)
    with tenant_of(request) as tenant:
        known = _who_opens(request, scope)
        return Opening(tenant, known, None if known is None else proved_until(request, known))


def _who_opens(request: HttpRequest, scope: Mapping[str, Any]) -> Authentication | None:
    ticket = _ticket_of(request, scope)
    if ticket is not None:
        if transports.has_bearer(request):
            raise SeveralCredentials
        known: Authentication | None = redeem_ticket(request, ticket)
    else:
        if _counts_cookies(request) and not has_trusted_origin(request):
            raise CsrfFailed
        known = authenticate(request)
    if known is not None:
        known.ensure_loaded()
    return known


def _request_of(scope: Mapping[str, Any]) -> HttpRequest:
    """Return the handshake as what it is: a GET."""
    scheme = scope.get("scheme", "ws")
    return ASGIRequest({**scope, "method": "GET", "scheme": _SCHEMES.get(scheme, scheme)}, BytesIO())


def _ticket_of(request: HttpRequest, scope: Mapping[str, Any]) -> str | None:
    for protocol in scope.get("subprotocols", ()):
        if protocol.startswith(TICKET_PROTOCOL):
            ticket: str = protocol.removeprefix(TICKET_PROTOCOL)
            return ticket
    return request.GET.get(TICKET_PARAMETER)


def _counts_cookies(request: HttpRequest) -> bool:
    if transports.has_bearer(request):
        return False
    return any(strategy.access_cookies_of(request) for strategy in get_accepted_strategies())
