"""``manage.py authkit_unblock NAME | ADDRESS``: allow attempts again that are refused because of too many."""

from ipaddress import ip_address
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.template.defaultfilters import pluralize

from django_authkit.checks import TAG
from django_authkit.http.client_info import on_one_line
from django_authkit.management.failures import failures_told
from django_authkit.throttling.attempts import digest_of_name, digests_of_address
from django_authkit.wiring import get_store


class Command(BaseCommand):
    """Deletes the counters of login attempts of a name or of an address."""

    help = "Delete the counters of login attempts of a login name, or of a client address."
    requires_system_checks = (TAG,)  # those of Django may open the database, which may be down

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the one argument."""
        parser.add_argument("what", metavar="NAME|ADDRESS", help="login name, or IPv4 or IPv6 address")

    @failures_told()
    def handle(self, *args: Any, what: str, **options: Any) -> None:
        """Delete the counters, and print how many there were."""
        parts = digests_of_address(what) if _is_address(what) else [digest_of_name(what)]
        count = sum(get_store().clear_attempts(part) for part in parts)
        deleted = f"Deleted {count} counter{pluralize(count)} of {on_one_line(what)}."
        self.stdout.write(self.style.SUCCESS(deleted))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
