"""What a check finds: an id, the message of the case at hand, and a hint of what to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name for it

from django_authkit.conf import AuthKitSettings

Check: TypeAlias = Callable[[AuthKitSettings], Iterator[CheckMessage]]
"""Looks at usable settings and yields what is dangerous in them or around them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One kind of finding.

    Attributes:
        id: ``authkit.E030`` and the like; the letter is its level.
        hint: What to do about it.
    """

    id: str
    hint: str

    def found(self, message: str) -> CheckMessage:
        """Return the finding that *message* describes: an error or a warning, as the id says."""
        level = Error if self.id.startswith("authkit.E") else Warning
        return level(message, hint=self.hint, id=self.id)
