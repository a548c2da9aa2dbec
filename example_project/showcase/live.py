"""A WebSocket that says who has opened it, and waits until it is closed: when the login ends, for example."""

import json
from typing import Any


async def live(scope: Any, receive: Any, send: Any) -> None:
    """Serve one. Without a login there is nothing to say."""
    await receive()
    known = scope["auth"]
    if known is None:
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    said = {"name": scope["user"].get_username(), "sid": known.sid}
    await send({"type": "websocket.send", "text": json.dumps(said)})
    while (await receive())["type"] != "websocket.disconnect":
        pass
