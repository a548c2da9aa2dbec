"""What objects begin anew in a forked child: locks that a thread of the parent may hold, and threads."""

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_begin_anew: Final[WeakKeyDictionary[Any, Callable[[Any], None]]] = WeakKeyDictionary()


def in_forked_children(instance: T, begin: Callable[[T], None]) -> None:
    """Call *begin* with *instance* in each forked child, for as long as there is such an instance."""
    _begin_anew[instance] = begin


def _in_child() -> None:
    for instance, begin in list(_begin_anew.items()):
        begin(instance)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
