"""A primary, its replica, and three Sentinels that watch them, here or in places that can be cut off."""

import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from redis.exceptions import RedisError, ResponseError

from faults.places import HERE, Place
from faults.server_processes import ServerProcess
from support.cluster import BINARIES
from support.waiting import until

PATIENCE = 60.0
DOWN_AFTER = 1000
"""Milliseconds without an answer after which a Sentinel takes a server for down."""


class Watched(ServerProcess):
    """A server that keeps nothing on disk."""

    def __init__(self, binary: str, directory: Path, place: Place) -> None:
        options = ("--save", "", "--dir", str(directory), "--repl-diskless-sync-delay", "0")
        super().__init__(place, binary, *options)

    def is_replica_of(self, primary: "Watched") -> bool:
        """Tell whether it is, and in step."""
        try:
            state = self.direct.info("replication")
        except RedisError:  # Sentinel closes the connections of a server that it deposes
            return False
        return (state.get("master_port"), state.get("master_link_status")) == (primary.port, "up")

    def follow(self, primary: "Watched") -> None:
        """Become its replica, as Sentinel orders after some ten seconds, if it takes itself for a primary."""
        with suppress(RedisError):
            if self.direct.info("replication")["role"] == "master":
                self.direct.replicaof(primary.place.address, str(primary.port))


class Sentinel(ServerProcess):
    """One Sentinel process, which can be hung."""

    def __init__(self, binary: str, directory: Path, place: Place, primary: Watched) -> None:
        configuration = directory / f"sentinel-{random.getrandbits(32):x}.conf"
        configuration.write_text(
            f"dir {directory}\n"
            f"sentinel monitor primary {primary.place.address} {primary.port} 2\n"
            f"sentinel down-after-milliseconds primary {DOWN_AFTER}\n"
            "sentinel failover-timeout primary 3000\n"
        )
        super().__init__(place, binary, str(configuration), "--sentinel")

    def master(self) -> dict[str, Any]:
        """Return what it says of the primary; empty while it does not respond."""
        try:
            said: Any = self.direct.execute_command("SENTINEL MASTERS")
        except RedisError:
            return {}
        state: dict[str, Any] = said["primary"]
        return state

    def knows_all(self) -> bool:
        """Return whether it has found the replica and both other Sentinels."""
        state = self.master()
        return state.get("num-slaves") == 1 and state.get("num-other-sentinels") == 2


class WatchedServers:
    """
    The servers, by whichever is the primary now.

    Attributes:
        sentinels: The three Sentinels.
    """

    def __init__(self, servers: tuple[Watched, Watched], sentinels: list[Sentinel]) -> None:
        self._servers = servers
        self.sentinels = sentinels

    @classmethod
    @contextmanager
    def running(
        cls, directory: Path, binary: str = BINARIES["valkey"], places: Sequence[Place] = (HERE,) * 3
    ) -> Iterator[Self]:
        """Run them until the block ends: a Sentinel in each of three *places*, a server in two of them."""
        with ExitStack() as stack:
            servers = []
            for place in places[:2]:
                servers.append(Watched(binary, directory, place))
                stack.callback(servers[-1].stop)
            first, second = servers
            second.follow(first)
            until(lambda: second.is_replica_of(first), PATIENCE)
            sentinels = []
            for place in places:
                sentinels.append(Sentinel(binary, directory, place, first))
                stack.callback(sentinels[-1].stop)
            until(lambda: all(each.knows_all() for each in sentinels), PATIENCE)
            yield cls((first, second), sentinels)

    def alias(self, **options: Any) -> dict[str, Any]:
        """Return the ``CACHES`` entry through the Sentinels."""
        return {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": "redis://primary/0",
            "OPTIONS": {
                "CLIENT_CLASS": "django_redis.client.SentinelClient",
                "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
                "SENTINELS": [(each.place.address, each.port) for each in self.sentinels],
                **options,
            },
        }

    @property
    def primary(self) -> Watched:
        """The server that most Sentinels take for the primary."""
        ports = sorted(each.master().get("port", 0) for each in self.sentinels)
        return next(each for each in self._servers if each.port == ports[1])

    @property
    def other(self) -> Watched:
        """The server that is not the primary."""
        primary = self.primary
        return next(each for each in self._servers if each is not primary)

    def fail_over(self) -> Watched:
        """Order a failover, and return the new primary when all Sentinels name it."""
        new = self.other

        def ordered() -> bool:
            try:
                some = random.choice(self.sentinels)
                return some.direct.execute_command("SENTINEL FAILOVER primary") in (True, b"OK")
            except ResponseError:  # the last one has only just ended
                return False

        until(ordered)
        self.wait_for(new)
        return new

    def wait_for(self, new: Watched) -> None:
        """Wait until all Sentinels that respond name *new*."""
        until(
            lambda: {each.master().get("port", new.port) for each in self.sentinels} == {new.port}, PATIENCE
        )

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Kill the primary; the replica replaces it before it comes back, empty."""
        old, new = self.primary, self.other
        old.kill()
        until(lambda: self.primary is new, PATIENCE)
        try:
            yield
        finally:
            old.start()
            self.settle()

    @contextmanager
    def divided(self) -> Iterator[None]:
        """Cut off the primary and the Sentinel and clients beside it; the others choose the replica."""
        old, new = self.primary, self.other
        with old.place.cut_off():
            until(lambda: self.primary is new, PATIENCE)
            yield
        self.settle()

    @contextmanager
    def failed_over(self) -> Iterator[None]:
        """Order a failover; the deposed primary follows the new one only afterwards."""
        self.fail_over()
        yield
        self.settle()

    def settle(self) -> None:
        """Make the deposed server a replica in step with the primary, before Sentinel does."""
        primary, other = self.primary, self.other

        def settled() -> bool:
            other.follow(primary)
            return other.is_replica_of(primary)

        until(settled, PATIENCE)
        until(lambda: all(each.knows_all() for each in self.sentinels), PATIENCE)

    @contextmanager
    def hung(self, count: int) -> Iterator[None]:
        """Hang the first *count* Sentinels for a while."""
        some = self.sentinels[:count]
        for each in some:
            each.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for each in some:
                each.process.send_signal(signal.SIGCONT)
            time.sleep(0.1)
