"""``manage.py authkit_revoke USER | --sid SID | --all``: revoke auth sessions."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_authkit import revoke, revoke_all, revoke_user
from django_authkit.checks import TAG
from django_authkit.management.failures import failures_told
from django_authkit.management.users import shown_name, user_named


class Command(BaseCommand):
    """Revokes one auth session, all those of a user, or all of them."""

    help = "Revoke auth sessions: all of a user, one by its sid, or all of all users."
    requires_system_checks = (TAG,)  # those of Django may open the database, which may be down

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the three options; exactly one is required."""
        parser.add_argument("user", nargs="?", help="login name or primary key")
        parser.add_argument("--sid", help="one auth session (write --sid=… if it starts with a dash)")
        parser.add_argument(
            "--all", action="store_true", help="all auth sessions of all users, in constant time"
        )
        parser.add_argument(
            "--no-input", "--noinput", action="store_false", dest="interactive", help="with --all, do not ask"
        )

    @failures_told()
    def handle(self, *args: Any, user: str | None, sid: str | None, all: bool, **options: Any) -> None:  # noqa: A002
        """Revoke, and print what was revoked."""
        if [user is not None, sid is not None, all].count(True) != 1:
            message = "Give a user, --sid or --all: exactly one of them."
            raise CommandError(message)
        if all and options["interactive"]:
            self._confirm()
        self.stdout.write(self.style.SUCCESS(_revoked(user, sid)))

    def _confirm(self) -> None:
        """Ask whether everybody is to be logged out; a script has to say ``--no-input``."""
        question = "Every user on every device has to log in again. Revoke all auth sessions? [y/N] "
        try:
            answer = input(question) if sys.stdin.isatty() else ""
        except EOFError:
            answer = ""
        if answer.strip().lower() not in {"y", "yes"}:
            message = "Nothing was revoked. To revoke without confirmation, use --no-input."
            raise CommandError(message)


def _revoked(user: str | None, sid: str | None) -> str:
    if user is not None:
        owner = user_named(user)
        count = len(revoke_user(owner))
        return f"Revoked {count} auth session{'' if count == 1 else 's'} of {shown_name(owner)}."
    if sid is not None:
        if not revoke(sid):
            message = f"No auth session {sid!r} is live."
            raise CommandError(message)
        return f"Revoked {sid}."
    revoke_all()
    return "Revoked every auth session that began before now."
