"""A Django auth backend that finds the password right, and then gives somebody time to change it."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User

PATH = f"{__name__}.PausingBackend"


class PausingBackend(ModelBackend):
    """Calls ``meanwhile`` with each user whom it has authenticated, before it says so."""

    meanwhile: ClassVar[Callable[[User], object]]

    def authenticate(self, *args: Any, **credentials: Any) -> Any:
        """Return the user as the row was when the password was checked."""
        user = super().authenticate(*args, **credentials)
        if user is not None:
            type(self).meanwhile(user)
        return user
