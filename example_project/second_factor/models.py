"""The authenticator app of a user."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class Authenticator(models.Model):
    """
    What an authenticator app and this site have in common.

    Attributes:
        user: Whose it is; they need a code of it to log in.
        secret: The key of the codes, in base32. A site that matters encrypts it.
        last_period: The period of the last code that was used; an earlier one is not valid any more.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    secret = models.CharField(max_length=32)
    last_period = models.BigIntegerField(default=0)

    objects: ClassVar[models.Manager["Authenticator"]] = models.Manager()

    def __str__(self) -> str:
        return f"Authenticator of {self.user}"
