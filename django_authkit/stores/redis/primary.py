"""
Which server is the primary now, as the Sentinels say: asked again and again while connections are open.

redis-py asks when it connects. A primary that was deposed in good order goes on accepting connections, reads
and writes for some ten seconds, and what it is told meanwhile is lost.
"""

from threading import Lock
from typing import Any, Final

from redis.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.utils import str_if_bytes

from django_authkit.blacklist.clock import seconds
from django_authkit.stores.redis.failures import CLIENT_ERRORS

EVERY: Final = 0.25
"""Seconds after which the Sentinels are asked again, unless a pool is told otherwise."""

Address = tuple[str, int]


class Agreement:
    """
    Finds the primary by asking half of the Sentinels at least, so that one that was cut off decides nothing.

    Of different answers the one of the latest failover counts.

    Args:
        manager: redis-py's own, with a client for each Sentinel.
    """

    def __init__(self, manager: Sentinel) -> None:
        self._manager = manager
        self._in_order = tuple(manager.sentinels)

    def discover_master(self, service: str) -> Address:
        """
        Return the primary's address. Those who failed to respond are asked last the next time.

        Raises:
            MasterNotFoundError: Too few Sentinels know of a primary that responds to them.
        """
        answers: list[tuple[int, Address]] = []
        errors: list[str] = []
        silent: list[Any] = []
        there_are = len(self._manager.sentinels)
        in_order = self._in_order  # other threads replace it
        for sentinel in in_order:
            if len(answers) * 2 >= there_are:
                break
            try:
                answers.append(self._ask(sentinel, service))
            except CLIENT_ERRORS as error:
                errors.append(str(error))
                silent.append(sentinel)
        if silent:
            self._in_order = (*(each for each in in_order if each not in silent), *silent)
        if len(answers) * 2 < there_are:
            message = f"{len(answers)} of {there_are} Sentinels know the primary of {service!r}: "
            raise MasterNotFoundError(message + "; ".join(errors))
        return max(answers)[1]

    def _ask(self, sentinel: Any, service: str) -> tuple[int, Address]:
        """Return the number of the latest failover, and the address: in one round trip."""
        pipeline = sentinel.pipeline(transaction=False)
        pipeline.execute_command("SENTINEL MASTERS")
        pipeline.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", service)
        states, address = pipeline.execute()
        state = states.get(service)
        if not state or not address or not self._is_up(state, service):
            raise MasterNotFoundError("it knows none that responds")
        host, port = address
        return state["config-epoch"], (str_if_bytes(host), int(port))

    def _is_up(self, state: Any, service: str) -> bool:
        return bool(self._manager.check_master_state(state, service))  # type: ignore[no-untyped-call]


class PrimaryPool(SentinelConnectionPool):
    """
    Connections to the primary of now. One to a deposed primary is closed at the next look.

    Attributes:
        confirm_every: Seconds since the last answer of the Sentinels after which they are asked again, before
            a connection is given out.
    """

    def __init__(self, service_name: str, sentinel_manager: Sentinel, **options: Any) -> None:
        self.confirm_every = EVERY
        super().__init__(service_name, Agreement(sentinel_manager), **options)  # type: ignore[no-untyped-call]

    def reset(self) -> None:
        """Begin anew, in a forked child too."""
        super().reset()  # type: ignore[no-untyped-call]
        self._confirming = Lock()
        self._confirmed_at = self._failed_at = float("-inf")

    def get_connection(self, *arguments: Any, **options: Any) -> Any:
        """
        Return a connection to the primary, which was confirmed within ``confirm_every``.

        Raises:
            MasterNotFoundError: The Sentinels do not say which it is.
        """
        self._checkpid()
        if self.is_master:
            self.confirm()
        return super().get_connection(*arguments, **options)

    def disconnect(self, inuse_connections: bool = True) -> None:
        """Close connections; the next is to the primary that the Sentinels name then."""
        self._confirmed_at = float("-inf")
        super().disconnect(inuse_connections)

    @property
    def is_confirmed(self) -> bool:
        """Whether the Sentinels have answered within ``confirm_every``."""
        return seconds() - self._confirmed_at < self.confirm_every

    def confirm_in_process(self) -> None:
        """Do what ``confirm`` does, in a forked child too."""
        self._checkpid()
        self.confirm()

    def confirm(self) -> None:
        """
        Ask the Sentinels which server is the primary, if they have not answered within ``confirm_every``.

        Raises:
            MasterNotFoundError: They do not say which it is.
        """
        if seconds() - self._confirmed_at < self.confirm_every:
            return
        with self._confirming:  # one thread asks for all of them
            sent = seconds()
            if sent - self._confirmed_at < self.confirm_every:
                return
            if sent - self._failed_at < self.confirm_every:
                raise MasterNotFoundError("The Sentinels did not name the primary just now.")
            try:
                # redis-py closes idle connections if it is another.
                self.get_master_address()  # type: ignore[no-untyped-call]
            except MasterNotFoundError:
                self._failed_at = seconds()
                raise
            self._confirmed_at = sent


def confirmed_every(client: Any) -> float:
    """Return after how many seconds *client* asks again which server is the primary; 0 without Sentinel."""
    pool = getattr(client, "connection_pool", None)
    return pool.confirm_every if isinstance(pool, PrimaryPool) else 0.0
