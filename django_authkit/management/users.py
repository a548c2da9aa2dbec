"""Looks up the user given on the command line."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.management.base import CommandError

from django_authkit.outages import users_database_has_to_work
from django_authkit.users import search


def user_named(text: str) -> AbstractBaseUser:
    """
    Return the user with that username, or else with that primary key.

    Raises:
        CommandError: There is no such user.
        StoreUnavailable: The database did not respond.
    """
    with users_database_has_to_work():
        user = search.user_named(text)
    if user is None:
        message = f"There is no user {text!r}."
        raise CommandError(message)
    return user
