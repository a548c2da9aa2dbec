"""Listening to signals, from any thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.dispatch import Signal


@contextmanager
def heard(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    """Give a list that gets what is sent with *signal* during the block."""
    sent: list[dict[str, Any]] = []

    def receive(sender: Any, **said: Any) -> None:
        sent.append(said)

    signal.connect(receive)
    try:
        yield sent
    finally:
        signal.disconnect(receive)
