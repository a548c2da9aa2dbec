"""``manage.py authkit_prune``: delete auth sessions that are over. Never needed for correctness."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import pluralize

from django_authkit.checks import TAG
from django_authkit.conf import get_settings
from django_authkit.errors import StoreUnavailable
from django_authkit.management.failures import failures_told
from django_authkit.management.progress import counting
from django_authkit.wiring import get_store


class Command(BaseCommand):
    """Deletes auth sessions that are over, in bounded batches; can be interrupted and rerun at any time."""

    help = "Delete expired and revoked auth sessions in batches, also during traffic."
    requires_system_checks = (TAG,)  # those of Django may open the database, which may be down

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the batch size and the pause after each batch."""
        parser.add_argument("--batch", type=int, default=1000, help="rows a step (default 1000)")
        parser.add_argument("--pause", type=float, default=0.0, help="seconds between steps (default 0)")

    @failures_told()
    def handle(self, *args: Any, batch: int, pause: float, **options: Any) -> None:
        """Delete, and report progress."""
        if batch < 1 or pause < 0:
            message = "--batch takes 1 or more, --pause 0 or more."
            raise CommandError(message)
        if get_settings().store == "redis":
            self.stdout.write("Nothing to do: Redis deletes expired records itself.")
            return
        total = self._prune(batch, pause, options["verbosity"])
        if options["verbosity"] > 0:
            self.stdout.write(self.style.SUCCESS(f"Deleted {total} row{pluralize(total)}."))

    def _prune(self, batch: int, pause: float, verbosity: int) -> int:
        total = 0
        try:
            with counting(self.stdout if verbosity > 0 else None, "Deleted rows") as show:
                for count in get_store().prune(batch):
                    total += count
                    if verbosity > 1:
                        self.stdout.write(f"{total} so far")
                    show(total)
                    time.sleep(pause)
        except StoreUnavailable as error:
            message = f"{error.cause} {total} rows were deleted; run it again for the rest."
            raise CommandError(message) from error
        return total
