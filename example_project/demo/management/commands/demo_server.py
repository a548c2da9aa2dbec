"""The server process of ``demo``: Django's threaded development server on a socket that is already open."""

import socket
import ssl
import sys
from argparse import ArgumentParser
from threading import Thread
from typing import Any

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler, get_internal_wsgi_application

from demo.certificate import certificate_in_use
from demo.people import make_people


class Command(BaseCommand):
    """Migrates, creates the users, prints ``up`` and serves; exits when its standard input is closed."""

    help = "Serves on a socket that `demo` has opened; not meant to be run by hand."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file descriptor of the socket."""
        parser.add_argument("descriptor", type=int)

    def handle(self, *_args: Any, descriptor: int, **_options: Any) -> None:
        """Serve until the parent process closes the standard input, or is gone."""
        call_command("migrate", verbosity=0)
        make_people()
        server = _server_on(socket.socket(fileno=descriptor))
        Thread(target=server.serve_forever, daemon=True).start()
        self.stdout.write("up")
        self.stdout.flush()
        sys.stdin.read()
        server.shutdown()
        server.server_close()


def _server_on(listener: socket.socket) -> ThreadedWSGIServer:
    address: tuple[str, int] = listener.getsockname()
    server = ThreadedWSGIServer(address, WSGIRequestHandler, bind_and_activate=False)
    server.socket.close()
    certificate = certificate_in_use()
    server.socket = _with_tls(listener, certificate) if certificate else listener
    server.server_name, server.server_port = server.server_address = address
    server.setup_environ()
    server.base_environ["HTTPS"] = "on" if certificate else "off"
    server.set_app(StaticFilesHandler(get_internal_wsgi_application()))
    return server


def _with_tls(listener: socket.socket, certificate: str) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    # The thread of a connection shakes hands, so that a slow client holds up nobody else.
    return context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)
