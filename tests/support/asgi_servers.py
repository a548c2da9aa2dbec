"""The site behind real ASGI servers: uvicorn in a thread, and Daphne in a process of its own."""

import multiprocessing
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from threading import Thread
from typing import Any

import uvicorn
from django.conf import settings
from django.utils.module_loading import import_string

from support.servers import free_port
from support.web_server import changed_settings

_PATIENCE = 60


@contextmanager
def uvicorn_serving(app: str) -> Iterator[int]:
    """Serve *app*, a dotted path, and give the port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        config = uvicorn.Config(import_string(app), lifespan="off", log_level="error", ws="websockets-sansio")
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(_PATIENCE)
            assert not thread.is_alive()


@contextmanager
def daphne_serving(app: str) -> Iterator[int]:
    """Serve *app*, a dotted path, with the site as it is configured now, and give the port."""
    context: Any = multiprocessing.get_context("spawn")
    port = free_port()
    arguments = (changed_settings(), app, port)
    process = context.Process(target=serve_with_daphne, args=arguments, daemon=True)
    process.start()
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.join(_PATIENCE)


def serve_with_daphne(changed: Mapping[str, Any], app: str, port: int) -> None:
    """Serve until this process is terminated."""
    import django
    from daphne.server import Server  # installs its reactor

    for name, value in changed.items():
        setattr(settings, name, value)
    django.setup()
    Server(import_string(app), endpoints=[f"tcp:port={port}:interface=127.0.0.1"]).run()


def wait_for(port: int) -> None:
    """Return when somebody listens there."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.05)
        else:
            return
