"""``manage.py demo``: runs the site with everything it needs. ``--tour`` shows its features one by one."""

import shlex
import sys
from argparse import ArgumentParser
from pathlib import Path
from textwrap import indent
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from demo.certificate import chromium_options, make_certificate
from demo.curl_lines import cookie_lines, header_lines
from demo.launch import Choices, Site, exit_on_signals, running_site
from demo.people import PEOPLE
from demo.tour import walk

MODES = ("session", "jwt")


class Command(BaseCommand):
    """Starts the site and prints how to use it. Ctrl-C stops it and all its processes."""

    help = "Starts the example site with everything it needs; with --tour, shows its features one by one."
    requires_system_checks = ()  # the server runs them, with the settings that it gets

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--mode", choices=MODES, default="jwt", help="default: jwt")
        parser.add_argument(
            "--store", choices=("redis", "database"), default="redis", help="default: redis (a Valkey)"
        )
        parser.add_argument(
            "--port", type=int, help="default: 8000, with --tour any free port; 0 means any free port"
        )
        parser.add_argument(
            "--data",
            type=Path,
            default=Path(settings.DATABASES["default"]["NAME"]).parent,
            help="directory of the SQLite database",
        )
        parser.add_argument(
            "--https", action="store_true", help="serve by HTTPS, where browsers bind logins to their device"
        )
        parser.add_argument("--tour", action="store_true", help="show all features in both modes, then exit")

    def handle(
        self,
        *_args: Any,
        mode: str,
        store: str,
        port: int | None,
        data: Path,
        https: bool,
        tour: bool,
        **_options: Any,
    ) -> None:
        """Serve until interrupted, or run the tour."""
        exit_on_signals()
        try:
            if tour:
                walk(self.stdout, store, port or 0)
            else:
                port = 8000 if port is None else port
                data = data.resolve()
                certificate = make_certificate(data / "localhost.pem") if https else None
                chosen = Choices(
                    mode=mode, store=store, data=data, port=port, certificate=certificate, accept=MODES
                )
                self._serve(chosen)
        except KeyboardInterrupt:
            if tour:  # an interrupted tour is not a success
                sys.exit(130)

    def _serve(self, choices: Choices) -> None:
        self.stdout.write("Starting ...")
        with running_site(choices) as site:
            self.stdout.write(_welcome(site, choices))
            self.stdout.flush()
            site.serve()
        message = "The server has exited unexpectedly."
        raise CommandError(message)


def _welcome(site: Site, choices: Choices) -> str:
    people = "\n".join(
        f"    {person.name:6} {person.password}{'   (can use the admin)' if person.is_staff else ''}"
        for person in PEOPLE
    )
    store = "the database" if site.valkey is None else f"a Valkey on port {site.valkey}"
    return f"""\

The notes site is up:  {site.url}/

Open it to see both modes: log in, compare them, open devices, steal a token,
switch modes live.

Mode "{choices.mode}"; auth sessions are stored in {store}.
Notes and users are stored in {choices.data}; delete that folder to start over.

Users and passwords:

{people}

{_lines_to_try(site, choices)}
`manage.py authkit_compare` measures both modes on this site, and so does the front page.

Press Ctrl-C to stop. `--mode` and `--store` choose others; `--tour` shows all features.
"""


def _lines_to_try(site: Site, choices: Choices) -> str:
    if choices.certificate:
        options = shlex.join([*chromium_options(choices.certificate), f"{site.url}/"])
        return f"""\
No authority signed the certificate. This starts a Chromium or Chrome that trusts it, and
that binds the login to your device:

    chromium --user-data-dir="$(mktemp -d)" {options}
"""
    return f"""\
Try these in another terminal. Tokens in the body, for clients without cookies:

{indent(header_lines(site.url, choices.mode), "    ")}
Cookies and CSRF (the last line gets a 401, after the logout), as a browser does:

{indent(cookie_lines(site.url), "    ")}"""
