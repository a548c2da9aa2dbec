"""The kinds of check messages: an id, a message, and a hint."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name for it

from django_authkit.conf import AuthKitSettings

Check: TypeAlias = Callable[[AuthKitSettings], Iterator[CheckMessage]]
"""Takes valid settings and yields what is dangerous."""


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One kind of check message.

    Attributes:
        id: ``authkit.E030`` and the like; the letter is its level.
        hint: What to do about it.
    """

    id: str
    hint: str

    def found(self, message: str) -> CheckMessage:
        """Return a check message with *message*: an error or a warning, depending on the id."""
        level = Error if self.id.startswith("authkit.E") else Warning
        return level(message, hint=self.hint, id=self.id)
