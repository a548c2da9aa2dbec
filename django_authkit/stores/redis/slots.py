"""
Which nodes of a cluster serve its slots, as most of its primaries say: asked again and again.

A primary that was cut off from the others, or that hung, has been replaced by the time it finds that out, and
goes on answering until then.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, TypeAlias

from redis.cluster import RedisCluster
from redis.exceptions import ClusterError

from django_authkit.blacklist.clock import seconds
from django_authkit.forks import in_forked_children
from django_authkit.stores.redis.failures import CLIENT_ERRORS
from django_authkit.stores.redis.primary import EVERY

_PATIENCE: Final = 2.0
"""Seconds after which no more primaries are asked: those that do not respond take a timeout each."""
_ELECTION: Final = 0.5
"""Seconds for which to wait until most primaries have heard of the result of an election."""
_PAUSE: Final = 0.02
"""Seconds between two looks for it."""

View: TypeAlias = frozenset[tuple[int, int, bytes]]
"""First slot, last slot, and the id of the node that serves them."""


@dataclass(frozen=True)
class Agreement:
    """
    What more than half of the primaries say.

    Attributes:
        view: Who serves the slots.
        agreeing: Primaries who say so.
        elections: The number of the latest election that those who were asked know of.
        asked_at: When they were asked.
    """

    view: View
    agreeing: list[Any]
    elections: int
    asked_at: float


class _Disagreement(ClusterError):
    """Enough primaries responded, and did not say the same."""


class Owners:
    """
    Who serves the slots.

    Args:
        client: Its calls go to the nodes that most primaries name.
        replaced: Called when a node serves slots that served none before.
    """

    def __init__(self, client: RedisCluster, replaced: Callable[[], None]) -> None:
        self._client = client
        self._replaced = replaced
        self._view: View = frozenset()
        self._elections = 0
        self._slots: Any = None  # the client's, which it replaces when it asks a node of its choice
        self._silent: frozenset[str] = frozenset()
        self._confirmed_at = self._failed_at = float("-inf")
        self.replace_lock()
        in_forked_children(self, Owners.replace_lock)

    def replace_lock(self) -> None:
        """Make a new one: in a forked child nobody releases one that a thread of the parent held."""
        self._confirming = Lock()

    def doubt(self) -> None:
        """Ask before the next call: a node did not respond."""
        self._confirmed_at = float("-inf")

    def confirm(self) -> None:
        """
        Ask the primaries who serves the slots, if they have not said so within ``EVERY``.

        Raises:
            ClusterError: Too few of them respond, or they do not agree.
        """
        if self._is_confirmed(seconds()):
            return
        with self._confirming:  # one thread asks for all of them
            now = seconds()
            if self._is_confirmed(now):
                return
            if now - self._failed_at < EVERY:
                message = "The primaries did not agree just now who serves the slots."
                raise ClusterError(message)
            try:
                self._adopt(self._agreement())
            except CLIENT_ERRORS:
                self._failed_at = seconds()
                raise

    def _is_confirmed(self, now: float) -> bool:
        return now - self._confirmed_at < EVERY and self._client.nodes_manager.slots_cache is self._slots

    def _agreement(self) -> Agreement:
        """
        Return what more than half of the primaries say, after the result of an election has got around.

        Whoever votes counts the elections, at once; who was elected is heard of some milliseconds later.
        """
        until = seconds() + _ELECTION
        while True:
            try:
                found = self._ask()
                is_known = not self._view or found.view != self._view or found.elections <= self._elections
                if is_known or seconds() > until:
                    return found
            except _Disagreement:
                if seconds() > until:
                    raise
            time.sleep(_PAUSE)

    def _ask(self) -> Agreement:
        """Ask one primary after the other in any order, those last that were silent before."""
        primaries: list[Any] = self._client.get_primaries()  # type: ignore[no-untyped-call]
        random.shuffle(primaries)
        asked_at, elections, said, errors = seconds(), 0, dict[View, list[Any]](), list[str]()
        for node in sorted(primaries, key=lambda node: node.name in self._silent):
            if seconds() - asked_at > _PATIENCE:
                break
            try:
                view, counted = self._said_by(node)
            except (*CLIENT_ERRORS, OSError) as error:
                self._silent |= {node.name}
                errors.append(str(error))
                continue
            self._silent -= {node.name}
            elections = max(elections, counted)
            agreeing = said.setdefault(view, [])
            agreeing.append(node)
            if len(agreeing) * 2 > len(primaries):
                return Agreement(view, agreeing, elections, asked_at)
        responded = sum(map(len, said.values()))
        if responded * 2 > len(primaries):
            message = "The primaries do not agree who serves the slots."
            raise _Disagreement(message)
        message = f"{responded} of {len(primaries)} primaries say who serves the slots: "
        raise ClusterError(message + "; ".join(errors))

    def _said_by(self, node: Any) -> tuple[View, int]:
        pipeline: Any = self._client.get_redis_connection(node).pipeline(transaction=False)
        pipeline.execute_command("CLUSTER SLOTS")
        pipeline.execute_command("CLUSTER INFO")
        slots, state = pipeline.execute()
        view = frozenset((first, last, primary[2]) for first, last, primary, *_ in slots)
        return view, int(state["cluster_current_epoch"])

    def _adopt(self, found: Agreement) -> None:
        """Let the client follow what was found, which it takes from one of those who agree."""
        manager: Any = self._client.nodes_manager
        if found.view != self._view or manager.slots_cache is not self._slots:
            before, chosen = manager.startup_nodes, {node.name: node for node in found.agreeing}
            manager.startup_nodes = chosen
            try:
                manager.initialize()
            finally:
                if manager.startup_nodes is chosen:  # it replaces them only if it was told to
                    manager.startup_nodes = before
            self._slots = manager.slots_cache
        if self._view and _nodes_of(found.view) - _nodes_of(self._view):
            self._replaced()
        self._view, self._elections = found.view, max(found.elections, self._elections)
        self._confirmed_at = found.asked_at


def _nodes_of(view: View) -> set[bytes]:
    return {node for _, _, node in view}
