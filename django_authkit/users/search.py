"""Finding a user by name or primary key, for operators and administrators."""

from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

MOST: Final = 50
"""Limit of a search; refine the term to find others."""


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


def users_like(term: str, *, by_email: bool) -> QuerySet[Any]:
    """
    Return users whose login name has *term* in it, at most ``MOST``.

    Args:
        by_email: Search e-mail addresses too. Only for those who may see them, since an address can be found
            letter by letter.
    """
    model = get_user_model()
    if not _may_be_stored(term):
        return model._default_manager.none()
    fields = {field.name for field in model._meta.get_fields()}
    names = {model.USERNAME_FIELD, *([model.get_email_field_name()] if by_email else [])} & fields
    like = Q.create([(f"{name}__icontains", term) for name in sorted(names)], Q.OR)
    return model._default_manager.filter(like).order_by(model.USERNAME_FIELD)[:MOST]
