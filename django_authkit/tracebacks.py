"""
Keeps passwords and credentials out of error reports, and out of trackers that collect local variables.

Both show the local variables of each frame that an error passed through. Those of the frames that handle
credentials are cleared before the error leaves our code; the frames themselves, and those of projects, stay.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from traceback import walk_tb
from types import FrameType
from typing import Any, Final, ParamSpec, TypeVar

from django.conf import settings as django_settings

P = ParamSpec("P")
R = TypeVar("R")

_OURS: Final = "django_authkit."
_ALWAYS: Final = (_OURS, "django.contrib.auth.", "django.contrib.sessions.")
_WITHIN_OURS: Final = ("rest_framework.", "jwt.", "redis.", "django.db.", "psycopg.", "MySQLdb.")
"""What our code calls with tokens, or with the password of a server."""
_SENSITIVE_WRAPPER: Final = "django.views.decorators.debug."
_PASSES_ON_PASSWORD: Final = frozenset({"authenticate", "aauthenticate", "_proved"})
"""Our functions and Django's that call a project's code with a password."""


def clear_locals(error: BaseException) -> None:
    """Clear the local variables of the frames that handled credentials, unless ``DEBUG`` is on."""
    if django_settings.DEBUG:
        return
    for each in _with_causes(error):
        for frame in _frames_to_clear(each):
            with suppress(RuntimeError):  # it still runs
                frame.clear()


def _frames_to_clear(error: BaseException) -> list[FrameType]:
    """Return the frames of *error* that may hold credentials."""
    chosen, within_ours, has_password, wrapper = list[FrameType](), False, False, None
    for frame, _ in walk_tb(error.__traceback__):
        name = f"{frame.f_globals.get('__name__', '')}."
        within_ours = within_ours or name.startswith(_OURS)
        if has_password or name.startswith(_ALWAYS) or (within_ours and name.startswith(_WITHIN_OURS)):
            if wrapper is not None:  # it holds the arguments of the frame
                chosen.append(wrapper)
            chosen.append(frame)
        wrapper = frame if name == _SENSITIVE_WRAPPER else None
        has_password = has_password or (
            name.startswith(_ALWAYS) and frame.f_code.co_name in _PASSES_ON_PASSWORD
        )
    return chosen


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield *error*, and those that it was raised from or that were being handled."""
    seen, waiting = set[int](), [error]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [cause for cause in (each.__cause__, each.__context__) if cause is not None]


def clears_locals(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate *function* so that ``clear_locals`` is applied to what it raises."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            args = kwargs = ()  # type: ignore[assignment]  # this frame would show them
            clear_locals(error)
            raise

    return call
