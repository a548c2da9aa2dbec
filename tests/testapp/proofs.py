"""What a project may accept instead of a password."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest


def knows_the_word(request: HttpRequest, user: AbstractBaseUser, data: Mapping[str, Any]) -> bool:
    """Accept a user who knows the word."""
    return data.get("word") == "swordfish"
