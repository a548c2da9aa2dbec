"""What a project may accept in place of a password."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest


def knows_the_word(request: HttpRequest, user: AbstractBaseUser, data: Mapping[str, Any]) -> bool:
    """Accept whoever knows it."""
    return data.get("word") == "swordfish"
