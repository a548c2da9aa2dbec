"""Reports the calls of a store, for metrics and traces. A store that nobody observes is not changed."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from django_authkit.stores.protocol import Store

P = ParamSpec("P")
T = TypeVar("T")

Observer = Callable[[str], AbstractContextManager[None]]
"""Takes the name of a method, and returns what surrounds each of its calls. It sees no arguments."""

CALLS: Final = tuple(
    sorted(
        name
        for name in dir(Store)
        if not name.startswith("_") and name != "prune" and callable(getattr(Store, name))
    )
)
"""The methods that are reported. ``prune`` is a generator: calling it does nothing yet."""


def observed(store: Store, observers: Sequence[Observer]) -> Store:
    """Return the same store, each of whose calls the observers surround."""
    for name in CALLS if observers else ():
        method = getattr(store, name)
        for observer in observers:
            method = _surrounded(method, name, observer)
        setattr(store, name, method)
    return store


def _surrounded(method: Callable[P, T], name: str, observer: Observer) -> Callable[P, T]:
    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with observer(name):
            return method(*args, **kwargs)

    return call
