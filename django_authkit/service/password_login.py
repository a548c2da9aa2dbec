"""Logins by username and password: each is counted, and then checked by Django's ``authenticate()``."""

from typing import Any

from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from django_authkit.errors import LoginFailed
from django_authkit.throttling.attempts import LoginAttempt, count_login
from django_authkit.throttling.names import LONGEST, as_looked_up


def check_password(request: HttpRequest, name: str, password: str) -> tuple[AbstractBaseUser, LoginAttempt]:
    """
    Count a login, and return its user; call ``succeeded`` of the attempt once they are logged in.

    Raises:
        Throttled: There were too many. The password was not checked.
        LoginFailed: As ``user_by_password`` says.
    """
    attempt = count_login(request, name)
    return user_by_password(request, name, password), attempt


def user_by_password(request: HttpRequest, name: str, password: str) -> AbstractBaseUser:
    """
    Return the active user whom Django's ``authenticate()`` recognizes.

    Raises:
        LoginFailed: There is none, or *name* is no value of the user model's ``USERNAME_FIELD``.
    """
    model = get_user_model()
    column: Any = model._meta.get_field(model.USERNAME_FIELD)
    if len(name) > max(column.max_length or 0, LONGEST):
        raise LoginFailed  # before it is normalized, which takes long for a long text
    name = as_looked_up(name)
    try:
        column.to_python(name)
    except ValidationError as error:
        raise LoginFailed from error
    user = authenticate(request, **{model.USERNAME_FIELD: name, "password": password})
    if user is None or not getattr(user, "is_active", True):
        raise LoginFailed
    return user
