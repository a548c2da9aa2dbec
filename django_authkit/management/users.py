"""Looks up the user given on the command line."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.management.base import CommandError
from django.db import Error

from django_authkit.outages import is_outage, users_database_unavailable
from django_authkit.users import search


def user_named(text: str) -> AbstractBaseUser:
    """
    Return the user with that username, or else with that primary key.

    Raises:
        CommandError: There is no such user.
        StoreUnavailable: The database did not respond.
    """
    try:
        user = search.user_named(text)
    except Error as error:
        if not is_outage(error):
            raise
        raise users_database_unavailable(error) from error
    if user is None:
        message = f"There is no user {text!r}."
        raise CommandError(message)
    return user
