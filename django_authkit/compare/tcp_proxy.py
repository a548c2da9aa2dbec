"""
A proxy that can be cut, to simulate losing a store without stopping its server.

In front of a TCP port it is one itself. In front of a Unix socket, which may let in users by who they are, it
is a Unix socket in a private directory: as a port, it would let in every user of the machine.
"""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread
from typing import TypeAlias

Target: TypeAlias = tuple[str, int] | str
"""Host and port, or the path of a Unix socket."""

_HOST = "127.0.0.1"


class Line:
    """
    Forwards connections to *target*, except while it is cut.

    Attributes:
        port: The loopback port, or 0. While the proxy is cut, nothing listens there.
        path: The Unix socket, in a directory that only this user can enter, or ``None``.
    """

    def __init__(self, target: Target, directory: Path | None = None) -> None:
        self._target = target
        self.path: Path | None = None
        if isinstance(target, str):
            assert directory is not None
            self.path = directory / Path(target).name
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        self._listener = self._listen(0)
        self.port: int = 0 if self.path else self._listener.getsockname()[1]

    def cut(self) -> None:
        """Close every connection and refuse new ones."""
        with self._lock:
            ends, self._open = self._open, set()
            _close(self._listener)
            if self.path:
                self.path.unlink(missing_ok=True)
        for end in ends:
            _close(end)

    def restore(self) -> None:
        """Forward connections again."""
        self._listener = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        if self.path:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(self.path))
            listener.listen(64)
        else:
            listener = socket.create_server((_HOST, port), backlog=64)
        Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # cut
            while True:
                near, _ = listener.accept()
                self._carry(near)

    def _carry(self, near: socket.socket) -> None:
        try:
            far = _connected(self._target)
        except OSError:
            near.close()
            return
        with self._lock:
            self._open |= {near, far}
        for source, sink in ((near, far), (far, near)):
            Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with self._lock:
            self._open -= {source, sink}
        _close(source)
        _close(sink)


def _connected(target: Target) -> socket.socket:
    if isinstance(target, str):
        far = socket.socket(socket.AF_UNIX)
        far.connect(target)
        return far
    far = socket.create_connection(target, timeout=5)
    far.settimeout(None)
    return far


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it
    end.close()


@contextmanager
def line_to(target: Target, directory: Path | None = None) -> Iterator[Line]:
    """Yield a proxy, which is cut at the end; that of a Unix socket is in *directory*."""
    line = Line(target, directory)
    try:
        yield line
    finally:
        line.cut()
