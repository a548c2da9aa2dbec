"""A cluster of three primaries with a replica each, which replace each other."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Self

from redis.exceptions import RedisError

from faults.places import HERE, Place
from faults.server_processes import ServerProcess
from support.cluster import SLOTS
from support.servers import free_port
from support.waiting import until

PATIENCE: Final = 60.0
_NODES: Final = 6
NODE_TIMEOUT: Final = 2000
"""Milliseconds without an answer after which the nodes take another for down."""
_ELECTION: Final = 3.0
"""Seconds after which an order that had no effect is repeated."""


class ClusterServer(ServerProcess):
    """A node that keeps nothing on disk but what it knows of the cluster."""

    def __init__(self, binary: str, directory: Path, place: Place) -> None:
        self.bus = free_port()
        options = {
            "cluster-enabled": "yes",
            "cluster-port": self.bus,
            "cluster-announce-ip": place.address,
            "cluster-config-file": f"nodes-{self.bus}.conf",
            "cluster-node-timeout": NODE_TIMEOUT,
            "dir": directory,
            "repl-diskless-sync-delay": 0,
            "save": "",
        }
        super().__init__(
            place, binary, *(text for name, value in options.items() for text in (f"--{name}", str(value)))
        )
        self.name = self.cluster("MYID").decode()

    def cluster(self, *arguments: Any) -> Any:
        """Run a subcommand of CLUSTER."""
        return self.direct.execute_command("CLUSTER", *arguments)

    def meet(self, other: "ClusterServer") -> None:
        """Join the cluster of *other*."""
        self.cluster("MEET", other.place.address, other.port, other.bus)

    def is_primary(self) -> bool:
        """Tell whether it takes itself for a primary; not while it is silent."""
        try:
            return bool(self.direct.info("replication")["role"] == "master")
        except RedisError:
            return False

    def is_replica_of(self, primary: "ClusterServer") -> bool:
        """Tell whether it is, and in step."""
        try:
            state = self.direct.info("replication")
        except RedisError:
            return False
        return (state.get("master_port"), state.get("master_link_status")) == (primary.port, "up")

    def has_all_of(self, primary: "ClusterServer") -> bool:
        """Tell whether it has received what its primary has written."""
        return bool(self._offset() == primary._offset())  # noqa: SLF001 - our own

    def _offset(self) -> int:
        offset: int = self.direct.info("replication")["master_repl_offset"]
        return offset

    def serves(self) -> bool:
        """Tell whether it knows all nodes, and that the cluster works."""
        try:
            state = self.direct.cluster("info")
        except RedisError:
            return False
        return (state["cluster_state"], state["cluster_known_nodes"]) == ("ok", str(_NODES))

    def known_primaries(self) -> frozenset[int]:
        """Return the ports of the nodes that serve slots, as far as it knows."""
        return frozenset(primary[1] for _, _, primary, *_ in self.cluster("SLOTS"))

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Hang it, and let it go on at the end of the block or before."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.resume()

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    @contextmanager
    def unaware(self) -> Iterator[None]:
        """Let it take no other node for down."""
        self.direct.config_set("cluster-node-timeout", 60_000)
        try:
            yield
        finally:
            self.direct.config_set("cluster-node-timeout", NODE_TIMEOUT)

    def take_over(self) -> None:
        """
        Order it to replace its primary, in good order; wait until it has.

        The others refuse if that primary was replaced within twice ``NODE_TIMEOUT``.
        """

        def ordered() -> bool:
            with suppress(RedisError):  # it is a primary already, or is not in step yet
                self.cluster("FAILOVER")
            with suppress(AssertionError):  # not sooner: an order begins anew if it is repeated
                until(self.is_primary, _ELECTION)
            return self.is_primary()

        until(ordered, PATIENCE)


class ReplicatedCluster:
    """
    Three pairs of nodes, each with a third of the slots.

    Attributes:
        pairs: The nodes; one of each pair is the primary.
    """

    def __init__(self, pairs: Sequence[tuple[ClusterServer, ClusterServer]]) -> None:
        self.pairs = tuple(pairs)
        self._servers = [server for pair in pairs for server in pair]

    @classmethod
    @contextmanager
    def running(cls, directory: Path, binary: str, places: Sequence[Place] = (HERE,) * 3) -> Iterator[Self]:
        """Run them until the block ends: in each of three *places* a primary, and the replica of another."""
        with ExitStack() as stack:

            def start(place: Place) -> ClusterServer:
                server = ClusterServer(binary, directory, place)
                stack.callback(server.stop)
                return server

            pairs = [
                (start(here), start(there))
                for here, there in zip(places, [*places[1:], places[0]], strict=True)
            ]
            first, *others = (server for pair in pairs for server in pair)
            bounds = [SLOTS * i // len(pairs) for i in range(len(pairs) + 1)]
            for number, ((primary, _), (begin, end)) in enumerate(
                zip(pairs, pairwise(bounds), strict=True), 1
            ):
                primary.cluster("SET-CONFIG-EPOCH", number)
                primary.cluster("ADDSLOTSRANGE", begin, end - 1)
            for each in others:
                each.meet(first)
            until(lambda: all(each.serves() for each in (first, *others)), PATIENCE)
            for primary, replica in pairs:
                replica.cluster("REPLICATE", primary.name)
            cluster = cls(pairs)
            cluster.settle()
            yield cluster

    def alias(self, *, by_lines_that_stay: bool = False) -> dict[str, Any]:
        """Return the ``CACHES`` entry, for a site in one of the places, or for the test itself."""
        options: dict[str, Any] = {"REDIS_CLIENT_CLASS": "redis.cluster.RedisCluster"}
        firsts = [(first.place.address, first.port) for first, _ in self.pairs]
        if by_lines_that_stay:
            options["REDIS_CLIENT_KWARGS"] = {"address_remap": self._reached_at}
            firsts = list(map(self._reached_at, firsts))
        return {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": [f"redis://{host}:{port}" for host, port in firsts],
            "OPTIONS": options,
        }

    def _reached_at(self, address: tuple[str, int]) -> tuple[str, int]:
        """Return where the test reaches the node that others reach at *address*."""
        host, port = address
        by_host = {server.place.address: server.place.reached_at for server in self._servers}
        return by_host[host], port

    @property
    def busiest(self) -> tuple[ClusterServer, ClusterServer]:
        """The primary with most records, and its replica."""
        pairs = [pair if pair[0].is_primary() else pair[::-1] for pair in self.pairs]
        return max(pairs, key=lambda pair: pair[0].direct.dbsize())

    @contextmanager
    def failed_over(self) -> Iterator[None]:
        """Order a replica to take over."""
        _, replica = self.busiest
        replica.take_over()
        yield
        self.settle()

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Kill a primary; its replica replaces it before it comes back, empty."""
        old, new = self.busiest
        old.kill()
        until(new.is_primary, PATIENCE)
        try:
            yield
        finally:
            old.start()
            self.settle()

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Hang a primary until its replica has replaced it; it goes on at once."""
        old, new = self.busiest
        with old.hanging():
            until(new.is_primary, PATIENCE)
        yield
        self.settle()

    @contextmanager
    def divided(self) -> Iterator[None]:
        """Cut off the place of a primary; those elsewhere choose its replica."""
        self.spread()
        old, new = self.busiest
        with old.place.cut_off():
            until(new.is_primary, PATIENCE)
            yield
        self.settle()
        self.spread()

    def spread(self) -> None:
        """Let the first of each pair be the primary, so that no two of them are in one place."""
        for first, _ in self.pairs:
            first.take_over()
        self.settle()

    def settle(self) -> None:
        """Wait until all nodes agree, and each replica is in step."""
        until(self._is_settled, PATIENCE, pause=0.05)

    def _is_settled(self) -> bool:
        primaries = {server.port for server in self._servers if server.is_primary()}
        in_step = all(one.is_replica_of(other) or other.is_replica_of(one) for one, other in self.pairs)
        agreed = all(server.serves() and server.known_primaries() == primaries for server in self._servers)
        return in_step and agreed and len(primaries) == len(self.pairs)
