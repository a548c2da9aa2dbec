"""``manage.py clearsessions``: Django's command, for projects without ``django.contrib.sessions``."""

from typing import Any

from django.contrib.sessions.management.commands.clearsessions import Command as DjangoCommand

from django_authkit.checks import TAG
from django_authkit.management.failures import failures_told


class Command(DjangoCommand):
    """Reclaims the space of expired sessions, of whichever engine the project has."""

    requires_system_checks = (TAG,)  # those of Django may open the database, which may be down

    @failures_told()
    def handle(self, **options: Any) -> None:
        """Call the engine's ``clear_expired``."""
        super().handle(**options)
