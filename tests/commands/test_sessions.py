"""``authkit_sessions``: lists the auth sessions of a user."""

import json
from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError

from commands.conftest import Run
from support.live_site import LiveSite


def test_lists_the_live_ones(site: LiveSite, ada: User, run: Run) -> None:
    """One line each, the most recently seen first; no expired ones, and no other users'."""
    site.add_user("bob")
    first = site.logged_in("ada")
    site.advance(minutes=1)
    second, revoked, bobs = site.logged_in("ada"), site.logged_in("ada"), site.logged_in("bob")
    wanted, others = [site.sid(second), site.sid(first)], [site.sid(revoked), site.sid(bobs)]
    revoked.log_out()
    lines = run("authkit_sessions", "ada").splitlines()
    assert [line[:16] for line in lines] == wanted
    assert all("jwt" in line and first.address in line for line in lines)
    assert not any(sid in line for sid in others for line in lines)
    assert ["(less than a minute ago)" in line for line in lines] == [True, False]
    assert "(1 minute ago)" in lines[1]


def test_the_primary_key_will_do(site: LiveSite, ada: User, run: Run) -> None:
    """A user may be given by primary key; the username has precedence."""
    sid = site.sid(site.logged_in("ada"))
    assert sid in run("authkit_sessions", str(ada.pk))
    site.add_user(str(ada.pk))
    assert "is not logged in anywhere." in run("authkit_sessions", str(ada.pk))


def test_json_is_for_machines(site: LiveSite, ada: User, run: Run) -> None:
    """``--json`` prints one list without secrets, empty for a user who is not logged in."""
    assert json.loads(run("authkit_sessions", "ada", "--json")) == []
    device = site.logged_in("ada")
    (told,) = json.loads(run("authkit_sessions", "ada", "--json"))
    assert told.keys() == {"sid", "mode", "label", "address", "created_at", "last_seen_at", "expires_at"}
    assert (told["sid"], told["mode"], told["address"]) == (site.sid(device), "jwt", device.address)
    assert datetime.fromisoformat(told["created_at"]) < datetime.fromisoformat(told["expires_at"])


@pytest.mark.parametrize("name", ["eve", "0", "", "x" * 500, "99999999999999999999999"])
def test_nobody_is_an_error(site: LiveSite, ada: User, run: Run, name: str) -> None:
    """An unknown user is reported in one sentence, with exit code 1."""
    with pytest.raises(CommandError, match=r"^There is no user '.*'\.$") as caught:
        run("authkit_sessions", name)
    assert caught.value.returncode == 1
