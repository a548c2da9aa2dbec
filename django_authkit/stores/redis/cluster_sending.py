"""Sends the store's commands to the nodes of a cluster, through the commands of its client."""

from collections.abc import Callable, Sequence
from typing import Any

from redis import exceptions
from redis.cluster import RedisCluster

from django_authkit.stores.redis.failures import CONNECTION_LOST
from django_authkit.stores.redis.sending import Command, encoded, pipelined_to
from django_authkit.stores.redis.slots import Owners


class OfCluster:
    """Sends through the commands of a cluster's *client*, to the nodes that most primaries name."""

    def __init__(self, client: RedisCluster, replaced: Callable[[], None]) -> None:
        self._client = client
        self._owners = Owners(client, replaced)

    def send(self, *commands: Command) -> list[Any]:
        """Return the replies to *commands*, which are sent at once to the node of the first one's key."""
        self.confirm()
        try:
            if len(commands) == 1:
                return [self._execute(commands[0])]
            try:
                return self._pipelined(commands)
            except exceptions.MovedError:
                self._execute(commands[0])  # which notes where the slot is now
                return self._pipelined(commands)
        except CONNECTION_LOST:
            self._owners.doubt()  # another node may have taken over
            raise

    def _execute(self, command: Command) -> Any:
        return self._client.execute_command(*encoded(command))  # type: ignore[no-untyped-call]

    def _pipelined(self, commands: Sequence[Command]) -> list[Any]:
        node = self._client.get_node_from_key(commands[0][3])  # type: ignore[no-untyped-call]
        return pipelined_to(self._client.get_redis_connection(node), commands)

    def drop_idle_connections(self) -> None:
        """Ask anew who serves the slots."""
        self._owners.doubt()

    def is_awaitable(self) -> bool:
        """Tell whether a call within a bridge waits on the event loop: it blocks."""
        return False

    def confirm(self) -> None:
        """Make sure that the nodes are those of now."""
        self._owners.confirm()

    def node_of(self, key: str) -> str:
        """Return the name of the node that has *key*."""
        name: str = self._client.get_node_from_key(key).name  # type: ignore[no-untyped-call]
        return name
