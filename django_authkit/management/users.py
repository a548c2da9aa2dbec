"""Looks up the user given on the command line, and names users in the output."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.management.base import CommandError

from django_authkit.http.client_info import on_one_line
from django_authkit.outages import users_database_has_to_work
from django_authkit.users import search
from django_authkit.users.loading import username_of


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


def shown_name(user: AbstractBaseUser) -> str:
    """Return the username as a terminal may get it: on one line, whatever the user chose."""
    return on_one_line(username_of(user))
