"""The process of a comparison that the front page starts: ``authkit_compare`` on the site's settings."""

import os
import shlex
import signal
import sys
from threading import Thread
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from demo.comparison import Files
from demo.people import ADA


class Command(BaseCommand):
    """Compares, and writes down how it ended; stops when its standard input is closed."""

    help = "Compares sessions and JWTs for the front page; not meant to be run by hand."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Compare; the terminal shows nothing, because the page does."""
        files = Files.of_this_site()
        Thread(target=_stop_with_the_demo, daemon=True).start()
        written = ["--html", str(files.report), "--progress", str(files.progress)]
        wanted = shlex.split(os.environ.get("EXAMPLE_COMPARISON", "--quick"))
        try:
            call_command("authkit_compare", *wanted, *written, "--user", ADA.name, stdout=self.stdout)
        except CommandError as error:
            files.end(str(error))
        else:
            files.end()


def _stop_with_the_demo() -> None:
    """Interrupt the comparison when the demo is gone; it then removes its scratch data."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
