"""A process of a server that tests stop, kill and cut off, here or in a place of its own."""

import subprocess
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from faults.places import Place
from support.servers import free_port
from support.waiting import until


class ServerProcess:
    """
    A process of a server, in a place.

    Attributes:
        place: Where it runs.
        port: Its port.
        direct: A client of the test's own.
        process: The process.
    """

    def __init__(self, place: Place, *command: str) -> None:
        self.place, self.port = place, free_port()
        addresses = dict.fromkeys(["127.0.0.1", place.address, place.reached_at])
        where = ["--port", str(self.port), "--protected-mode", "no", "--bind", *addresses]
        self._command = [*place.prefix, *command, *where]
        self.direct: Any = Redis(host=place.reached_at, port=self.port, socket_timeout=5)
        self.start()

    def start(self) -> None:
        """Start it, again perhaps."""
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until(self._responds)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Kill it for good."""
        self.kill()
        self.direct.close()

    def _responds(self) -> bool:
        try:
            return bool(self.direct.ping())
        except RedisError:
            return False
