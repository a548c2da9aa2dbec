"""What is wrong with a project's settings or servers: the id of a system check, a message, and a hint."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One thing that somebody has to fix.

    Attributes:
        id: That of the system check: ``authkit.E030``, where E is an error and W a warning.
        message: What is wrong. Never contains a secret.
        hint: What to do about it.
    """

    id: str
    message: str
    hint: str

    @classmethod
    def kind(cls, id: str, hint: str) -> Callable[[str], Self]:  # noqa: A002 - Django's name for it
        """Return a function that makes the problems of one *id*, which share their *hint*, from a message."""
        return lambda message: cls(id, message, hint)


_UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60))


def in_words(duration: timedelta) -> str:
    """Return *duration* as people write it: "14 days", "2 hours", "90 seconds"."""
    seconds = duration.total_seconds()
    for unit, length in _UNITS:
        if seconds >= length and seconds % length == 0:
            return _counted(int(seconds // length), unit)
    return f"{seconds:g} seconds"


def roughly(duration: timedelta) -> str:
    """Return *duration* in its largest unit, as people say it: "13 days", "2 hours", "less than a minute"."""
    seconds = duration.total_seconds()
    for unit, length in _UNITS:
        if seconds >= length:
            return _counted(int(seconds // length), unit)
    return "less than a minute"


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'s' * (count != 1)}"
