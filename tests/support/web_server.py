"""
The site behind a real web server, and clients that use a socket.

The server is Django's own, a thread for each connection, in this process (``serving``) or in another one
that is told of its settings (``processes_serving``).
"""

import multiprocessing
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from ssl import SSLContext
from threading import Thread
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.db import connections
from django.http import HttpResponse

from support.client import Device

Address = tuple[str, int]

_PATIENCE = 120


class QuietHandler(WSGIRequestHandler):
    """Writes no access log."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""


class SiteServer(ThreadedWSGIServer):
    """Accepts many connections at once, and does not wait for threads when it stops."""

    request_queue_size = 128
    daemon_threads = True


def _bound(app: Any = None, tls: SSLContext | None = None) -> SiteServer:
    server = SiteServer(("127.0.0.1", 0), QuietHandler)
    server.set_app(app or WSGIHandler())
    if tls is not None:
        # The handshake is for the connection's own thread: a browser opens more connections than it uses.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.base_environ["HTTPS"] = "on"
    return server


@contextmanager
def serving(app: Any = None, tls: SSLContext | None = None) -> Iterator[Address]:
    """
    Serve from this process; give the address.

    Args:
        app: A WSGI application; by default the site.
        tls: With it by HTTPS.
    """
    server = _bound(app, tls)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield "127.0.0.1", server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(_PATIENCE)


def serve_elsewhere(changed: Mapping[str, Any], ports: Any) -> None:
    """
    Serve the site from a process of its own, until that is terminated.

    Args:
        changed: Settings that differ from those of ``projects.site``.
        ports: A queue that gets the port.
    """
    import django

    for name, value in changed.items():
        setattr(settings, name, value)
    django.setup()
    server = _bound()
    ports.put(server.server_port)
    server.serve_forever()


def changed_settings() -> Mapping[str, Any]:
    """Return what another process needs to know of the site as it is configured now."""
    for alias in connections:
        connections[alias].close()
    return {
        "AUTHKIT": settings.AUTHKIT,
        "AUTHKIT_MODE": settings.AUTHKIT_MODE,
        "CACHES": settings.CACHES,
        "DATABASES": {alias: dict(connections[alias].settings_dict) for alias in connections},
        "DATABASE_ROUTERS": settings.DATABASE_ROUTERS,
        "ALLOWED_HOSTS": settings.ALLOWED_HOSTS,
    }


@contextmanager
def processes_serving(count: int) -> Iterator[list[Address]]:
    """Serve the site, as it is configured now, from *count* processes; give their addresses."""
    changed = changed_settings()
    context: Any = multiprocessing.get_context("spawn")
    ports = context.Queue()
    with ExitStack() as stack:
        for _ in range(count):
            process = context.Process(target=serve_elsewhere, args=(changed, ports), daemon=True)
            process.start()
            stack.callback(process.join, _PATIENCE)
            stack.callback(process.terminate)
        yield [("127.0.0.1", ports.get(timeout=_PATIENCE)) for _ in range(count)]


class RemoteDevice(Device):
    """A client that speaks to a web server, over plain http and a connection for each request."""

    address_of_site: Address = ("127.0.0.1", 0)

    @classmethod
    def of(cls, device: Device, site: Address) -> "RemoteDevice":
        """Return a client of *site* with the credentials of *device*."""
        remote = cls(device.mode, device.transport, device.address)
        remote.cookies = dict(device.cookies)
        remote.access, remote.refresh_token = device.access, device.refresh_token
        remote.address_of_site = site
        return remote

    def copy(self) -> "RemoteDevice":
        """Return another client of the same site with the same credentials."""
        return self.of(self, self.address_of_site)

    def send(
        self,
        method: str,
        path: str,
        content: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> HttpResponse:
        """Send a request with the cookies of this device and the given headers only."""
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        sent = {"Content-Type": content_type, **(cookies if self.cookies else {}), **(headers or {})}
        connection = HTTPConnection(*self.address_of_site, timeout=_PATIENCE)
        try:
            connection.request(method, path, content, sent)
            answer = _as_django(connection.getresponse())
        finally:
            connection.close()
        self._store_cookies(answer)
        return answer


def _as_django(received: Any) -> HttpResponse:
    answer = HttpResponse(received.read(), status=received.status)
    for name, value in received.getheaders():
        if name.lower() == "set-cookie":
            answer.cookies.update(SimpleCookie(value))
        else:
            answer[name] = value
    return answer
