"""``manage.py clearsessions``: Django's command, for projects without ``django.contrib.sessions``."""

from typing import Any

from django.contrib.sessions.management.commands.clearsessions import Command as DjangoCommand

from django_authkit.management.failures import failures_told


class Command(DjangoCommand):
    """Reclaims the space of expired sessions, of whichever engine the project has."""

    @failures_told()
    def handle(self, **options: Any) -> None:
        """Call the engine's ``clear_expired``."""
        super().handle(**options)
