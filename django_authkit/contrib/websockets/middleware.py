"""The ASGI middleware: who opens a WebSocket, and that it ends with its auth session."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import Http404

from django_authkit.contrib.websockets.handshake import TICKET_PROTOCOL, Opening, opening_of
from django_authkit.contrib.websockets.socket import (
    CLOSED,
    REJECTED,
    UNAVAILABLE,
    Receive,
    Scope,
    Send,
    Socket,
    SocketEnded,
)
from django_authkit.contrib.websockets.threads import in_thread
from django_authkit.contrib.websockets.watcher import watcher
from django_authkit.errors import AuthKitError, CsrfFailed, StoreUnavailable
from django_authkit.http.request_state import Authentication
from django_authkit.http.tenants import tenant


class AuthMiddleware:
    """
    Puts the user and the auth session of a WebSocket into its scope: ``AuthMiddleware(URLRouter([…]))``.

    ``scope["user"]`` is the user, or an ``AnonymousUser`` without a credential. ``scope["auth"]`` is the
    ``Authentication``, or ``None``. When the auth session ends, the app gets ``websocket.disconnect``, and
    the client the code 4401. With ``TENANT``, the app runs within ``tenant()``.
    Other scopes are passed on as they are.

    Args:
        app: An ASGI application.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        try:
            opening = await in_thread(None, opening_of, scope)
        except (AuthKitError, Http404, BadRequest, SuspiciousOperation) as error:
            await receive()
            await _refuse(error, scope, send)
            return
        with tenant(opening.tenant):
            if opening.known is None:
                await self.app({**scope, "user": AnonymousUser(), "auth": None}, receive, send)
            else:
                await self._serve(opening, opening.known, scope, receive, send)

    async def _serve(
        self, opening: Opening, known: Authentication, scope: Scope, receive: Receive, send: Send
    ) -> None:
        offered = scope.get("subprotocols", ())
        others = [each for each in offered if not each.startswith(TICKET_PROTOCOL)]
        ticket = next((each for each in offered if each not in others), None)
        until = opening.proved_until
        socket = Socket(opening.tenant, known.session, receive, send, protocol=ticket, proved_until=until)
        scope = {**scope, "user": known.user, "auth": known, "subprotocols": others}
        with watcher().watching(socket):
            try:
                await self.app(scope, socket.receive, socket.send)
            except SocketEnded:
                pass  # the app did not ask for messages, and so was not told
            finally:
                await socket.finish()


async def _refuse(error: Exception, scope: Scope, send: Send) -> None:
    """
    Close the socket.

    A browser tells a page the code of an open socket only: so it is accepted first. But a page of another
    site is told nothing, nor is one of a host that is no tenant's, nor who sends what is no proper request.
    """
    if isinstance(error, CsrfFailed) or not isinstance(error, AuthKitError):
        await send({"type": CLOSED})
        return
    code = UNAVAILABLE if isinstance(error, StoreUnavailable) else REJECTED
    # A browser rejects the connection if none of the protocols that it offered is accepted.
    protocol = next(iter(scope.get("subprotocols", ())), None)
    await send({"type": "websocket.accept", "subprotocol": protocol})
    await send({"type": CLOSED, "code": code, "reason": error.code})
