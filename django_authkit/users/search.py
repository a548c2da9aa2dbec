"""Finding the user whom an operator or an administrator means."""

from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

MOST: Final = 50
"""How many users a search finds; whoever is not among them is sought by more letters."""


def user_with(user_id: Any) -> AbstractBaseUser | None:
    """Return the user with that primary key, which may be text and of any form."""
    try:
        return get_user_model()._default_manager.filter(pk=user_id).first()
    except (ValueError, ValidationError):  # no form of a primary key
        return None


def user_named(text: str) -> AbstractBaseUser | None:
    """Return the user with that login name, or else with that primary key."""
    model = get_user_model()
    named = model._default_manager.filter(**{model.USERNAME_FIELD: text}).first()
    return user_with(text) if named is None else named


def users_like(term: str, *, by_email: bool) -> QuerySet[Any]:
    """
    Return users whose login name has *term* in it, at most ``MOST``.

    Args:
        by_email: Look at e-mail addresses, too. Only for who may see them: by asking again and again an
            address is found letter by letter.
    """
    model = get_user_model()
    fields = {field.name for field in model._meta.get_fields()}
    names = {model.USERNAME_FIELD, *([model.get_email_field_name()] if by_email else [])} & fields
    like = Q.create([(f"{name}__icontains", term) for name in sorted(names)], Q.OR)
    return model._default_manager.filter(like).order_by(model.USERNAME_FIELD)[:MOST]
