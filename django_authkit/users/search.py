"""Finding a user by name or primary key, for operators and administrators."""

from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError

MOST: Final = 50
"""Limit of a search: several users may have one e-mail address."""


def user_with(user_id: Any) -> AbstractBaseUser | None:
    """Return the user with that primary key, which may be any text."""
    if not _may_be_stored(user_id):
        return None
    try:
        return get_user_model()._default_manager.filter(pk=user_id).first()
    except (ValueError, ValidationError):  # not the form of a primary key
        return None


def _may_be_stored(text: Any) -> bool:
    """Return whether a database can compare *text*: PostgreSQL rejects NUL."""
    return "\0" not in str(text)


def user_named(text: str) -> AbstractBaseUser | None:
    """Return the user with that login name, or else with that primary key."""
    if not _may_be_stored(text):
        return None
    model = get_user_model()
    named = model._default_manager.filter(**{model.USERNAME_FIELD: text}).first()
    return user_with(text) if named is None else named


def users_named(term: str, *, by_email: bool) -> list[AbstractBaseUser]:
    """
    Return the users with that login name, primary key or e-mail address, at most ``MOST``; never by a part.

    Args:
        by_email: Search e-mail addresses too. Only for those who may see them.
    """
    named = user_named(term)
    if named is not None or not by_email or "@" not in term or not _may_be_stored(term):
        return [] if named is None else [named]
    model = get_user_model()
    email = model.get_email_field_name()
    has_email = email in {field.name for field in model._meta.get_fields()}
    return list(model._default_manager.filter(**{email: term})[:MOST]) if has_email else []
