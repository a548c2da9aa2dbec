"""Finding the user that an operator names."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError

from django_authkit.users import search


def user_named(text: str) -> AbstractBaseUser:
    """
    Return the user with that login name, or else with that primary key.

    Raises:
        CommandError: There is none, or the database did not answer.
    """
    try:
        user = search.user_named(text)
    except (OperationalError, InterfaceError) as error:
        message = "The database of the users cannot be reached. Try again shortly."
        raise CommandError(message) from error
    if user is None:
        message = f"There is no user {text!r}."
        raise CommandError(message)
    return user
