"""
Runs synchronous functions on an event loop: where such a function waits, the other tasks of the loop go on.

The function runs in a greenlet of the loop's thread. Where it would block, it hands an awaitable to the task
that has started it, and continues with the result, as SQLAlchemy's asyncio extension does. What cannot be
awaited, the database and the functions of a project, runs in the thread that Django has for such code.
"""

import threading
from asyncio import to_thread
from collections.abc import Awaitable, Callable
from functools import cache, partial
from importlib.util import find_spec
from typing import Any, Final, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.dispatch import Signal

P = ParamSpec("P")
T = TypeVar("T")


_MOST_IDLE: Final = 128


class _Here(threading.local):
    """
    What this thread does now.

    Attributes:
        bridge: The greenlet that runs now if ``run`` has started it. Where it is ``None``, functions block.
        idle: Greenlets whose function has ended. Each runs another one: a new greenlet takes longer.
    """

    bridge: Any = None

    def __init__(self) -> None:
        self.idle: list[Any] = []


here = _Here()


@cache
def is_available() -> bool:
    """Tell whether greenlet is installed (the extra ``async``)."""
    return find_spec("greenlet") is not None


async def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """
    Return what *function* returns. It runs in this thread, and awaits what it passes to ``wait``.

    It has the context variables of the caller. An error of what it awaits, a cancellation too, is raised
    where it waits.
    """
    from greenlet import getcurrent

    bridge = here.idle.pop() if here.idle else _kind_of_bridge()()
    bridge.parent = current = getcurrent()
    bridge.gr_context = current.gr_context
    outcome = _resume(bridge, partial(bridge.switch, partial(function, *args, **kwargs)))
    while not bridge.is_idle:
        try:
            result = await outcome
        except BaseException as error:  # noqa: BLE001 - it is raised where the function waits
            outcome = _resume(bridge, partial(bridge.throw, type(error), error, error.__traceback__))
        else:
            outcome = _resume(bridge, partial(bridge.switch, result))
    returned: T = bridge.returned
    bridge.returned = bridge.gr_context = None  # nothing of a request is kept
    if len(here.idle) < _MOST_IDLE:
        here.idle.append(bridge)
    return returned


@cache
def _kind_of_bridge() -> Any:
    from greenlet import greenlet

    class Bridge(greenlet):  # type: ignore[misc]
        """Runs one function after another, until one raises an error, which its parent gets."""

        is_idle = True
        returned: Any = None

        def run(self, function: Callable[[], Any]) -> None:
            """Run *function*, and those that it is switched to with afterwards."""
            while True:
                self.is_idle = False
                self.returned = function()
                self.is_idle = True
                del function
                function = self.parent.switch()

    return Bridge


def _resume(bridge: Any, step: Callable[[], Any]) -> Any:
    """Return what the function waits for next; ``None`` when it has ended."""
    here.bridge = bridge
    try:
        return step()
    finally:
        here.bridge = None


def wait(awaitable: Awaitable[T]) -> T:
    """Return the result of *awaitable*; only where ``here.bridge`` is set."""
    result: T = here.bridge.parent.switch(awaitable)
    return result


def blocking(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call *function*, which uses the database or is the project's: on a loop, in Django's thread."""
    if here.bridge is None:
        return function(*args, **kwargs)
    return wait(sync_to_async(function)(*args, **kwargs))


def aside(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call *function*, which waits for a lock: on a loop, in any other thread."""
    if here.bridge is None:
        return function(*args, **kwargs)
    return wait(to_thread(function, *args, **kwargs))


def send(signal: Signal, sender: Any, **named: Any) -> None:
    """Send *signal* to its receivers, which are the project's, or Django's that write."""
    if here.bridge is None:
        signal.send(sender, **named)
    else:
        wait(signal.asend(sender, **named))
