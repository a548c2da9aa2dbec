"""A Django auth backend that pauses after the password check, so that the user can be changed."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User

PATH = f"{__name__}.PausingBackend"


class PausingBackend(ModelBackend):
    """Calls ``meanwhile`` with each authenticated user, before it returns."""

    meanwhile: ClassVar[Callable[[User], object]]

    def authenticate(self, *args: Any, **credentials: Any) -> Any:
        """Return the user as the row was at the password check."""
        user = super().authenticate(*args, **credentials)
        if user is not None:
            type(self).meanwhile(user)
        return user
