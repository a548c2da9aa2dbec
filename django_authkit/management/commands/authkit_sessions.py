"""``manage.py authkit_sessions USER``: where a user is logged in."""

import json
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from django_authkit import sessions_of
from django_authkit.checks import TAG
from django_authkit.http.client_info import on_one_line
from django_authkit.management.failures import failures_told
from django_authkit.management.users import shown_name, user_named
from django_authkit.problems import roughly
from django_authkit.types import AuthSession


class Command(BaseCommand):
    """Lists the live auth sessions of a user, most recently seen first."""

    help = "List where a user is logged in."
    requires_system_checks = (TAG,)  # those of Django may open the database, which may be down

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the user and ``--json``."""
        parser.add_argument("user", help="login name or primary key")
        parser.add_argument("--json", action="store_true", help="one JSON list")

    @failures_told()
    def handle(self, *args: Any, user: str, json: bool, **options: Any) -> None:
        """Print the list."""
        owner = user_named(user)
        sessions = sessions_of(owner)
        if json:
            self.stdout.write(as_json(sessions))
        elif sessions:
            for session in sessions:
                self.stdout.write(as_line(session))
        else:
            self.stdout.write(f"{shown_name(owner)} is not logged in anywhere.")


def as_json(sessions: tuple[AuthSession, ...]) -> str:
    """Return the sessions as JSON."""
    return json.dumps([_members(session) for session in sessions], indent=2)


def _members(session: AuthSession) -> dict[str, Any]:
    return {
        "sid": session.sid,
        "mode": str(session.mode),
        "label": session.label,
        "address": session.address,
        "created_at": session.created_at.isoformat(),
        "last_seen_at": session.last_seen_at.isoformat(),
        "expires_at": session.expires_at.isoformat(),
    }


def as_line(session: AuthSession) -> str:
    """Return the text for one auth session."""
    seen = session.last_seen_at.strftime("%Y-%m-%d %H:%M")
    where = f"{on_one_line(session.label) or '-'}  {on_one_line(session.address) or '-'}"
    ago = roughly(datetime.now(tz=UTC) - session.last_seen_at)
    return f"{session.sid}  {session.mode:<7}  seen {seen} ({ago} ago)  {where}"
