"""Commands print names so that no line is forged, and no terminal controlled, by whoever chose them."""

from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command

from commands.conftest import Run
from django_authkit import sessions_of
from django_authkit.management.commands.authkit_sessions import as_line
from support.live_site import LiveSite

NAME = "line\nbreak\x1b[2J\u202e"
SHOWN = "line break[2J"

pytestmark = pytest.mark.parametrize("where", ["sqlite"], indirect=True)


def test_names_are_on_one_line(site: LiveSite, run: Run) -> None:
    """Each command shows the name of a user without control characters."""
    site.add_user(NAME)
    assert run("authkit_sessions", NAME) == f"{SHOWN} is not logged in anywhere.\n"
    assert run("authkit_revoke", NAME) == f"Revoked 0 auth sessions of {SHOWN}.\n"
    assert run("authkit_unblock", NAME) == f"Deleted 0 counters of {SHOWN}.\n"
    assert all(line.isprintable() for line in run("authkit_status").splitlines())
    for command in ("authkit_sessions", "authkit_revoke"):
        with pytest.raises(CommandError) as refused:
            run(command, f"no {NAME}")
        assert str(refused.value).isprintable()
    with pytest.raises(CommandError, match="no user") as refused:
        call_command("authkit_compare", "--even-in-production", "--quick", "--user", f"no {NAME}")
    assert str(refused.value).isprintable()


def test_devices_are_on_one_line(site: LiveSite) -> None:
    """A label that an earlier release or other code has stored is shown like a name."""
    ada = site.add_user("ada")
    site.logged_in("ada")
    (session,) = sessions_of(ada)
    assert as_line(replace(session, label=NAME)).endswith(f"  {SHOWN}  {session.address}")
