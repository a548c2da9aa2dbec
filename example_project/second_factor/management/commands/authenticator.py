"""``manage.py authenticator USER``: give a user a second factor."""

from typing import Any

import pyotp
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from second_factor.models import Authenticator


class Command(BaseCommand):
    """Creates the secret, and prints what an authenticator app reads."""

    help = "Give a user an authenticator, a new one if they have one, and print its address."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name."""
        parser.add_argument("user")

    def handle(self, *args: Any, user: str, **options: Any) -> None:
        """Create it."""
        owner = User.objects.filter(username=user).first()
        if owner is None:
            raise CommandError(f"There is no user {user}.")
        secret = pyotp.random_base32()
        Authenticator.objects.update_or_create(user=owner, defaults={"secret": secret, "last_period": 0})
        self.stdout.write(pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name="Notes"))
