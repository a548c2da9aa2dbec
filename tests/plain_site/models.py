"""Users of a single sign-on: a plain model with what Django requires of users, and no password."""

from typing import ClassVar

from django.db import models


class Person(models.Model):
    """Somebody with an e-mail address."""

    email = models.EmailField(unique=True)
    last_login = models.DateTimeField(null=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    is_active = True
    is_anonymous = False
    is_authenticated = True

    objects: ClassVar[models.Manager["Person"]] = models.Manager()

    def __str__(self) -> str:
        return self.email
