"""Signals that interrupt a comparison, and the cleanup that they do not interrupt."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias

_Handler: TypeAlias = Callable[[int, FrameType | None], None]
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """
    A signal came.

    Attributes:
        status: The exit status that a shell reports for it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Raise ``Interrupted`` at the first Ctrl-C, ``kill`` or closed terminal, and ignore later ones."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    with _handled_by(interrupt):
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Run the block to its end: a signal that comes meanwhile takes effect then."""
    came: list[int] = []
    with _handled_by(lambda number, _: came.append(number)):
        yield
    if came:
        signal.raise_signal(came[0])


@contextmanager
def _handled_by(handler: _Handler) -> Iterator[None]:
    try:
        before = [signal.signal(number, handler) for number in _SIGNALS]
    except ValueError:  # not the main thread, which alone receives signals
        yield
        return
    try:
        yield
    finally:
        for number, former in zip(_SIGNALS, before, strict=True):
            with contextlib.suppress(TypeError):  # it was not set from Python
                signal.signal(number, former)
