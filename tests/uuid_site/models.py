"""Users that are not Django's."""

from uuid import uuid4

from django.contrib.auth.models import AbstractUser
from django.db import models


class Member(AbstractUser):
    """A user with a UUID."""

    id = models.UUIDField(primary_key=True, default=uuid4)
