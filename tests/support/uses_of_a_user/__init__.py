"""Uses of a user in Django, its ORM, templates, serializers and signals, to be done with different ones."""

from collections.abc import Callable
from typing import Any, Final

from support.uses_of_a_user.database import IN_THE_DATABASE
from support.uses_of_a_user.elsewhere import ELSEWHERE

USES: Final[dict[str, Callable[[Any], Any]]] = IN_THE_DATABASE | ELSEWHERE
"""More than a hundred; each returns what can be compared, or raises."""
