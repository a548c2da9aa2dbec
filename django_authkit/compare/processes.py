"""Starts worker processes: either run to completion, or as a server on a listening socket."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django_authkit.compare.errors import CannotCompare
from django_authkit.compare.worker.config import TICKET, WorkerConfig

HOST = "127.0.0.1"
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """How each variant is served: the server, its processes and threads."""

    server: str = "gunicorn"
    workers: int = 2
    threads: int = 4


@dataclass(frozen=True, slots=True)
class Served:
    """A variant that is served. ``log`` is the output of its workers."""

    config: WorkerConfig
    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    def complaint(self) -> str:
        """Return the last line of its log, which says what went wrong."""
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        told = [line for line in lines if line.strip() and not line.startswith(("[", " "))]
        return (told or lines or ["nothing was logged"])[-1][:300]


def _path() -> str:
    return os.pathsep.join(each for each in sys.path if each)


def _environment(config: WorkerConfig) -> dict[str, str]:
    return {**os.environ, **config.environment(), "PYTHONPATH": _path(), "PYTHONUNBUFFERED": "1"}


def _started(module: str, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
    """Return a process that runs a module of ``worker``, in a session of its own: Ctrl-C is not for it."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", f"django_authkit.compare.worker.{module}", *arguments],
        start_new_session=True,
        **{**pipes, **options},
    )


def _reason(errors: str) -> str:
    """Return the line of a traceback that names the error; messages of databases have more lines below it."""
    lines = [line for line in errors.splitlines() if line.strip() and not line.startswith(" ")]
    named = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Exit)\b", line)]
    return (named or lines or [""])[-1]


@contextmanager
def valkey() -> Iterator[str]:
    """
    Yield the URL, with its secret, of a new Valkey, which ends with the block, or with this process.

    Raises:
        CannotCompare: It did not start.
    """
    with _started("valkey_server", env={**os.environ, "PYTHONPATH": _path()}) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        try:
            url = process.stdout.readline().decode().strip()
            if not url:
                reason = _reason(process.stderr.read().decode(errors="replace"))
                message = f"The Valkey for this run did not start: {reason}"
                raise CannotCompare(message)
            yield url
        finally:
            process.stdin.close()


def run(module: str, config: WorkerConfig, told: Mapping[str, Any], *arguments: str) -> Any:
    """
    Run a module of ``worker`` with *told* as its input, and return its output.

    Raises:
        CannotCompare: It failed; the message is the last line of its output.
    """
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as line:  # open while it runs: it ends when the other end closes
        with os.fdopen(reading, "rb") as stdin:
            process = _started(module, *arguments, env=_environment(config), stdin=stdin)
        try:
            with contextlib.suppress(BrokenPipeError):  # it failed earlier, and says why
                line.write(json.dumps(told).encode() + b"\n")
                line.flush()
            output, errors = process.communicate()
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
    if process.returncode:
        message = f"Preparing failed: {_reason(errors.decode(errors='replace')) or process.returncode}"
        raise CannotCompare(message)
    return json.loads(output)


def listen(port: int) -> socket.socket:
    """
    Return a socket that listens on loopback, at *port* or, for 0, at any that is free.

    Raises:
        CannotCompare: The port is in use or invalid.
    """
    listener = socket.socket()
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"Port {port} cannot be used ({reason}): choose another with --port; 0 is any free one."
        raise CannotCompare(message) from error
    return listener


def start(
    stack: ExitStack, config: WorkerConfig, workers: Workers, directory: Path, *, port: int = 0
) -> Served:
    """Serve the variant of *config* until *stack* closes. It may not be ready yet."""
    log = directory / f"{config.variant.key}-{time.monotonic_ns()}.log"
    with closing(listen(port)) as listener, log.open("wb") as output:
        arguments = [str(listener.fileno()), workers.server, str(workers.workers), str(workers.threads)]
        process = _started(
            "server",
            *arguments,
            env=_environment(config),
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=output,
        )
        stack.callback(_end, process)
        return Served(config, listener.getsockname()[1], process, log)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a server and its workers, the whole process group: they have nothing to save."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()


def wait_until_up(served: Served) -> None:
    """
    Return when the workers have served a first request.

    Raises:
        CannotCompare: They exited, or did not respond in time.
    """
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if served.process.poll() is not None:
            break
        with contextlib.suppress(OSError), closing(socket.create_connection((HOST, served.port), 1)) as line:
            line.settimeout(2)
            ticket = f"{TICKET}: {served.config.ticket}"
            line.sendall(f"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n{ticket}\r\n\r\n".encode())
            if line.recv(5):
                return
        time.sleep(0.05)
    message = f'The workers of "{served.config.variant.name}" did not start: {served.complaint()}'
    raise CannotCompare(message)
