"""Django auth backends: one that projects list under another path than its class has, one that fails."""

from typing import Any

from django.contrib.auth.backends import ModelBackend


class _Backend(ModelBackend):
    """Like Django's."""


Reexported = _Backend


class Failing(ModelBackend):
    """
    Fails where it is told to.

    Attributes:
        fails_at: The name of the method that fails.
    """

    fails_at = ""

    def authenticate(self, request: Any, username: Any = None, password: Any = None, **kwargs: Any) -> Any:
        """Return the user as Django's backend does, or fail with the password at hand."""
        if self.fails_at == "authenticate":
            raise RuntimeError("the directory is down")
        return super().authenticate(request, username, password, **kwargs)

    def get_user(self, user_id: Any) -> Any:
        """Return the user as Django's backend does, or fail."""
        if self.fails_at == "get_user":
            raise RuntimeError("the directory is down")
        return super().get_user(user_id)
