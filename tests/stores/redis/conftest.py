"""A Valkey server of this folder's own, since its tests count commands, fill it up and stop it."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from stores.redis.valkey_server import LossyLine, Server
from support.servers import start_valkey
from support.stores import RedisSite, Rig, rigged


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Return a running Valkey."""
    with ExitStack() as stack:
        server = Server(start_valkey(stack))
        stack.callback(server.direct.close)
        yield server


@pytest.fixture
def rig(server: Server) -> Iterator[Rig]:
    """Return a rig for a Redis store on that server, empty."""
    with rigged(RedisSite(f"{server.url}/0", 3)) as rig:
        yield rig


@pytest.fixture
def line(server: Server) -> Iterator[LossyLine]:
    """Return a connection to that server that can lose a reply."""
    line = LossyLine(server.port)
    yield line
    line.close()
