"""
Runs the Lua scripts: one round trip each, repeated once when the reply got lost.

A script is the concatenation of files in ``lua/``: preludes, and its own, which says what it takes and
returns. The server knows it by its SHA-1; a server that has forgotten it (a restart, a failover)
is sent the text in a second trip.

While a cluster moves a slot key by key, neither of the two nodes has all of its records, and a script would
take those on the other node for deleted. Which keys it needs follows from what it reads, so a call cannot
declare them all. It declares two, the first of which never exists: then both nodes answer TRYAGAIN, before
the script begins, until the slot has moved.
"""

from asyncio import _get_running_loop
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final, TypeAlias, TypeVar

from django.utils.asyncio import async_unsafe
from redis import exceptions

from django_authkit.bridge import here
from django_authkit.stores.redis.failures import (
    CLIENT_ERRORS,
    CONNECTION_LOST,
    NOT_WORTH_REPEATING,
    UNREADABLE,
    is_no_answer,
    may_be_deposed,
)
from django_authkit.stores.redis.layout import LAYOUT, Layout
from django_authkit.stores.redis.sending import Argument, Client, Command, sender_for
from django_authkit.stores.redis.server_names import no_answer

Wait: TypeAlias = tuple[int, int]
"""How many replicas have to acknowledge a write, and the milliseconds that they have for that."""
Send: TypeAlias = Callable[..., list[Any]]
"""Takes commands, and returns their replies."""
T = TypeVar("T")

_AT_ONCE: Final = 100
"""Scripts in one round trip. Other clients are served between them."""
_RECORDS = ("clock", "reply", "blacklist", "records")
_TOUCH = ("touch", "blacklist", "records", "touch_write")
_PARTS = {
    "load": ("clock", "reply", "live_record", "load"),
    "load_once": ("clock", "reply", "live_record", "use_once", "load"),
    "load_many": ("clock", "reply", "load_many"),
    "touch": ("clock", "reply", "live_record", *_TOUCH),
    "touch_once": ("clock", "reply", "live_record", "use_once", *_TOUCH),
    "now": ("clock", "now"),
    "create_anonymous": ("clock", "create_anonymous"),
    "create_durable": ("clock", "create_anonymous"),
    "load_anonymous": ("clock", "load_anonymous"),
    "save_anonymous": ("clock", "save_anonymous"),
    "save_durable": ("clock", "save_anonymous"),
    "delete_anonymous": ("clock", "delete_anonymous"),
    "hit": ("clock", "hit"),
    "mark": ("clock", "mark"),
    "exhausted": ("clock", "exhausted"),
}
_AWAITED = frozenset(
    {
        "bind_device",
        "create",
        "create_durable",
        "rekey",
        "renew_binding",
        "renew_tokens",
        "restamp",
        "restamp_user",
        "revoke",
        "revoke_all",
        "revoke_user",
        "rotate",
        "save_durable",
        "switch_to_key",
        "switch_to_tokens",
    }
)
"""The scripts whose writes must not be lost in a failover, where the project waits for replicas."""
_BLOCKS = (
    "Redis cannot be asked from an async context, where that would hold up all other requests: "
    "use `await request.auser()` before `request.user`, or sync_to_async."
)


@dataclass(frozen=True, slots=True)
class Script:
    """A script as the server runs it, and the SHA-1 that the server knows it by."""

    text: str
    digest: str


@cache
def script(name: str, layout: Layout = LAYOUT, replicas: int = 0) -> Script:
    """
    Return the script of that name, made of its parts.

    Args:
        name: The name.
        layout: The layout of the records.
        replicas: How many have to follow the server, or the script writes nothing.
    """
    folder = files("django_authkit.stores.redis") / "lua"
    parts = _PARTS.get(name) or (*_RECORDS, name)
    if replicas:
        parts = (*parts[:-1], "replicas", parts[-1])
    text = layout.fill("\n".join((folder / f"{part}.lua").read_text("utf-8") for part in parts))
    if replicas:
        text = f"local REPLICAS = {replicas}\n{text}"
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


class NotReplicated(exceptions.RedisError):
    """Fewer replicas than required have acknowledged a write, which the primary has done."""


class Scripts:
    """
    The scripts, on one client.

    Args:
        client: The client.
        layout: The layout of the records.
        wait: Which replicas to wait for after a script whose writes must not be lost.
        replaced: Called when a node of a cluster has taken over.
    """

    def __init__(
        self,
        client: Client,
        layout: Layout = LAYOUT,
        wait: Wait | None = None,
        replaced: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._sender = sender_for(client, replaced)
        self._layout = layout
        self._wait = wait

    def run(self, read: Callable[[Any], T], name: str, base: str, *arguments: Argument) -> T:
        """
        Run a script in the hash slot of *base* and return what *read* makes of its reply.

        A connection or a reply that got lost is repeated once, at once: scripts give the same answer
        to the same call. The client must not repeat on its own, or the timeouts multiply.

        Args:
            read: Raises one of ``UNREADABLE`` for a reply that the script cannot have given.
            name: The script's.
            base: What its keys begin with.
            arguments: The script says what it takes.

        Raises:
            StoreUnavailable: No answer, from the client's exception; or one that is not this script's, as
                from another server, or on a connection that is a reply behind.
            SynchronousOnlyOperation: There is an event loop, and no bridge to it; as Django raises it for a
                database.
        """
        if here.bridge is None and _get_running_loop() is not None:
            _refuse_on_loop()
        send: Send = self._sender.send
        wait = self._wait if name in _AWAITED else None
        wanted = script(name, self._layout, wait[0] if wait else 0)
        if wait:
            send = partial(self._send_and_wait, wait)
        arguments = (2, base, f"{base}:m", *arguments)  # declares two keys: see above
        try:
            (reply,) = send(("EVALSHA", wanted.digest, *arguments))
        except CLIENT_ERRORS as error:
            (reply,) = self._retry(error, send, wanted, arguments)
        try:
            return read(reply)
        except UNREADABLE as error:
            self.drop_idle_connections()
            said = exceptions.InvalidResponse(f"{name}: not a reply of this script: {reply!r:.20}")
            raise no_answer(self._client, said) from error

    def run_each(
        self, read: Callable[[Any], T], name: str, bases: Iterable[str], *arguments: Argument
    ) -> Iterator[tuple[str, T]]:
        """
        Run a script in the hash slot of each of *bases*, and yield each with what ``run`` returns for it.

        It takes one round trip for each hundred on a server or node of a cluster. Where that fails, each is
        run by itself; so the script has to give the same answer to the same call.

        Raises:
            StoreUnavailable: As ``run`` does; those that were yielded before are done.
        """
        if here.bridge is None and _get_running_loop() is not None:
            _refuse_on_loop()
        wait = self._wait if name in _AWAITED else None
        wanted = script(name, self._layout, wait[0] if wait else 0)
        send: Send = partial(self._send_and_wait, wait) if wait else self._sender.send
        for some in self._by_node(bases):
            calls = [("EVALSHA", wanted.digest, 2, base, f"{base}:m", *arguments) for base in some]
            try:
                replies: Iterable[T] = list(map(read, send(*calls)))
            except UNREADABLE:
                self.drop_idle_connections()
                replies = (self.run(read, name, base, *arguments) for base in some)
            except CLIENT_ERRORS:
                replies = (self.run(read, name, base, *arguments) for base in some)
            yield from zip(some, replies, strict=True)

    def _by_node(self, bases: Iterable[str]) -> Iterator[list[str]]:
        """Yield *bases*, at most a hundred at once, of one node each."""
        nodes: dict[Hashable, list[str]] = {}
        for base in bases:
            try:
                node = self._sender.node_of(base)
            except CLIENT_ERRORS:
                node = base  # by itself, so that the error is that of its slot
            nodes.setdefault(node, []).append(base)
        for of_node in nodes.values():
            for first in range(0, len(of_node), _AT_ONCE):
                yield of_node[first : first + _AT_ONCE]

    def is_awaitable(self) -> bool:
        """Tell whether ``run`` waits on the event loop within a bridge."""
        return self._sender.is_awaitable()

    def confirm(self) -> None:
        """
        Make sure that the nodes of a cluster are those of now, as ``run`` does.

        Raises:
            ClusterError: It is not known.
        """
        self._sender.confirm()

    def drop_idle_connections(self) -> None:
        """Look anew for the server."""
        self._sender.drop_idle_connections()

    def _retry(self, error: Exception, send: Send, wanted: Script, arguments: Command) -> list[Any]:
        """Return the reply to a call that failed with *error*, if it can be repeated."""
        try:
            if isinstance(error, exceptions.NoScriptError):
                return send(("EVAL", wanted.text, *arguments))
        except CLIENT_ERRORS as second:
            error = second
        try:
            if isinstance(error, CONNECTION_LOST) and not isinstance(error, NOT_WORTH_REPEATING):
                return self._once(send, wanted, arguments)
        except CLIENT_ERRORS as second:
            error = second
        if is_no_answer(error):
            if may_be_deposed(error):
                self.drop_idle_connections()
            raise no_answer(self._client, error) from error
        raise error

    def _once(self, send: Send, wanted: Script, arguments: Command) -> list[Any]:
        try:
            return send(("EVALSHA", wanted.digest, *arguments))
        except exceptions.NoScriptError:
            return send(("EVAL", wanted.text, *arguments))

    def _send_and_wait(self, wait: Wait, *commands: Command) -> list[Any]:
        """
        Return the replies to *commands* when enough replicas have acknowledged them: in the same round trip.

        Raises:
            NotReplicated: They have not. A repetition waits for the first call's writes too, whoever sends
                it: see ``replicas.lua``.
        """
        *replies, acknowledged = self._sender.send(*commands, ("WAIT", *wait))
        if acknowledged < wait[0]:
            message = f"{acknowledged} of {wait[0]} replicas acknowledged a write within {wait[1]} ms"
            raise NotReplicated(message)
        return replies


@async_unsafe(_BLOCKS)
def _refuse_on_loop() -> None:
    """Raise what Django raises where a call would hold up an event loop, if the project does not allow it."""
