"""Logins by username and password: each is counted, and then checked by Django's ``authenticate()``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import authenticate, get_user_model, load_backend
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from django_authkit.errors import LoginFailed
from django_authkit.throttling.attempts import LoginAttempt, count_login
from django_authkit.throttling.names import LONGEST, as_looked_up
from django_authkit.users.loading import is_admitted


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordCredentials:
    """
    What a login presents.

    Attributes:
        name: Who logs in: what is counted.
        password: The password.
        name_field: The argument of ``authenticate()`` that *name* is; by default the ``USERNAME_FIELD``.
        more: Further arguments of ``authenticate()``.
    """

    name: str
    password: str = field(repr=False)
    name_field: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)


def check_password(
    request: HttpRequest, presented: PasswordCredentials
) -> tuple[AbstractBaseUser, LoginAttempt]:
    """
    Count a login, and return its user; call ``succeeded`` of the attempt once they are logged in.

    Raises:
        Throttled: There were too many. The password was not checked.
        LoginFailed: As ``user_by_password`` says.
    """
    attempt = count_login(request, presented.name, name_field=presented.name_field, more=presented.more)
    return user_by_password(request, presented), attempt


def user_by_password(request: HttpRequest, presented: PasswordCredentials) -> AbstractBaseUser:
    """
    Return the user whom Django's ``authenticate()`` recognizes, and whose backend lets them log in.

    Raises:
        LoginFailed: There is none, or the name is no value of the user model's ``USERNAME_FIELD``.
    """
    model = get_user_model()
    column: Any = model._meta.get_field(model.USERNAME_FIELD)
    if len(presented.name) > max(column.max_length or 0, LONGEST):
        raise LoginFailed  # before it is normalized, which takes long for a long text
    name, name_field = as_looked_up(presented.name), presented.name_field or model.USERNAME_FIELD
    if name_field == model.USERNAME_FIELD:
        try:
            column.to_python(name)
        except ValidationError as error:
            raise LoginFailed from error
    credentials = {**presented.more, name_field: name, "password": presented.password}
    user = authenticate(request, **credentials)
    if user is None or not is_admitted(user, load_backend(user.backend)):
        raise LoginFailed
    return user
