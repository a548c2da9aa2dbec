"""
The project's WSGI and ASGI applications; each response reports its cost (``config.TALLY``).

They serve only the command, which sends its ticket: any local user can reach the port, and any web page
open in a local browser can send requests to it.
"""

import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from django.core.asgi import get_asgi_application
from django.core.signals import got_request_exception
from django.core.wsgi import get_wsgi_application
from django.utils.crypto import constant_time_compare

from django_authkit.compare.worker import counters
from django_authkit.compare.worker.config import TALLY, TICKET, WorkerConfig

Message = dict[str, Any]


def _prepare() -> None:
    """Count, and log every exception: the project's own logging might not."""
    counters.install()
    got_request_exception.connect(_tell, weak=False, dispatch_uid="django_authkit.compare")


def _tell(**_: object) -> None:
    error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
    sys.stderr.write(f"{type(error).__name__}: {error}\n")
    sys.stderr.flush()


def _is_ours(shown: str | bytes) -> bool:
    """Return whether that is the run's ticket; false when the configuration has none."""
    ticket = WorkerConfig.from_environment().ticket
    return bool(ticket) and constant_time_compare(shown, ticket)


def wsgi() -> Callable[..., Iterable[bytes]]:
    """Return the WSGI application."""
    inner = get_wsgi_application()
    variable = f"HTTP_{TICKET.upper().replace('-', '_')}"
    _prepare()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _is_ours(environ.pop(variable, "")):
            start_response("403 Forbidden", [("Content-Length", "0")])
            return [b""]
        tally = counters.begin()

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, (TALLY, tally.line())], *rest)

        return inner(environ, start)

    return application


def asgi() -> Callable[..., Awaitable[None]]:
    """Return the ASGI application."""
    inner: Any = get_asgi_application()
    name = TICKET.lower().encode()
    _prepare()

    async def application(scope: Message, receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        if scope["type"] != "http":  # servers may send lifespan, which Django does not support
            raise ValueError(scope["type"])
        if not _is_ours(dict(scope["headers"]).get(name, b"")):
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        tally = counters.begin()

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                line = (TALLY.lower().encode(), tally.line().encode())
                message = {**message, "headers": [*message.get("headers", ()), line]}
            await send(message)

        await inner(scope, receive, tell)

    return application
