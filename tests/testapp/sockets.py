"""WebSockets of a project: with a consumer of Channels, and without Channels."""

import asyncio
import json
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

from django_authkit.contrib.channels import AuthMiddleware
from django_authkit.contrib.websockets import AuthMiddleware as PlainAuthMiddleware

disconnects: list[int | OSError] = []
"""What apps in this process were told."""


def described(scope: Any) -> dict[str, Any]:
    """Return what a test wants to know of a scope."""
    user, known = scope["user"], scope["auth"]
    return {
        "name": user.get_username(),
        "email": getattr(user, "email", None),
        "sid": known.sid if known else None,
        "mode": known.mode if known else None,
        "label": known.session.label if known else None,
        "subprotocols": list(scope["subprotocols"]),
    }


class Who(AsyncJsonWebsocketConsumer):  # type: ignore[misc] # not followed
    """Says who has opened it, then echoes."""

    async def connect(self) -> None:
        """Accept anybody."""
        offered = self.scope["subprotocols"]
        await self.accept(offered[0] if offered else None)
        await self.send_json(described(self.scope))

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Send it back."""
        await self.send_json(content)

    async def disconnect(self, code: int) -> None:
        """Note the code."""
        disconnects.append(code)


async def who(scope: Any, receive: Any, send: Any) -> None:
    """Do the same as ``Who``, in plain ASGI."""
    if scope["type"] == "http":
        added = " ".join({"user", "auth"} & {*scope})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": added.encode()})
        return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": json.dumps(described(scope))})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
    disconnects.append(message["code"])


async def impatient(scope: Any, receive: Any, send: Any) -> None:
    """Echo, but wait for each message only for a moment at a time."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": json.dumps(described(scope))})
    while True:
        try:
            message = await asyncio.wait_for(receive(), 0.02)
        except TimeoutError:
            continue
        if message["type"] == "websocket.disconnect":
            return
        await send({"type": "websocket.send", "text": message["text"]})


async def ticking(scope: Any, receive: Any, send: Any) -> None:
    """Send only, for ever."""
    await receive()
    await send({"type": "websocket.accept"})
    try:
        while True:
            await send({"type": "websocket.send", "text": json.dumps(described(scope))})
            await asyncio.sleep(0.05)
    except OSError as error:
        disconnects.append(error)
        raise


async def flooding(scope: Any, receive: Any, send: Any) -> None:
    """Send more than a client takes that does not read."""
    await receive()
    await send({"type": "websocket.accept"})
    try:
        while True:
            await send({"type": "websocket.send", "bytes": bytes(1_000_000)})
            await asyncio.sleep(0)
    except OSError as error:
        disconnects.append(error)
        raise


by_channels = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": AuthMiddleware(URLRouter([path("ws/", Who.as_asgi())])),
    }
)
by_plain_asgi = PlainAuthMiddleware(who)
by_an_impatient_app = PlainAuthMiddleware(impatient)
by_a_ticking_app = PlainAuthMiddleware(ticking)
by_a_flooding_app = PlainAuthMiddleware(flooding)
