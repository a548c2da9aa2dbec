"""``authkit_revoke``: revokes one auth session, all of a user, or all."""

from collections.abc import Sequence

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError

from commands.conftest import Run
from django_authkit import sessions_of, signals
from django_authkit.types import RevocationReason
from support.live_site import LiveSite
from support.signals import heard


def test_all_of_a_user(site: LiveSite, ada: User, run: Run) -> None:
    """All of the user's are revoked and reported by signals; no other user's is."""
    site.add_user("bob")
    mine, bobs = [site.logged_in("ada"), site.logged_in("ada")], site.logged_in("bob")
    with heard(signals.session_revoked) as revoked:
        assert run("authkit_revoke", "ada") == "Revoked 2 auth sessions of ada.\n"
    assert [each["reason"] for each in revoked] == [RevocationReason.REVOKED] * 2
    assert not any(device.logged_in() for device in mine)
    assert bobs.logged_in()
    assert run("authkit_revoke", "ada") == "Revoked 0 auth sessions of ada.\n"


def test_one(site: LiveSite, ada: User, run: Run) -> None:
    """By its sid; a second time it is an error."""
    gone, stays = site.logged_in("ada"), site.logged_in("ada")
    sid = site.sid(gone)
    assert run("authkit_revoke", f"--sid={sid}") == f"Revoked {sid}.\n"
    assert not gone.logged_in()
    assert stays.logged_in()
    with pytest.raises(CommandError, match=f"^No auth session '{sid}' is live.$"):
        run("authkit_revoke", f"--sid={sid}")


def test_all(site: LiveSite, ada: User, run: Run) -> None:
    """Revokes all that began before now; users can log in again."""
    site.add_user("bob")
    devices = [site.logged_in("ada"), site.logged_in("bob")]
    assert (
        run("authkit_revoke", "--all", "--no-input") == "Revoked every auth session that began before now.\n"
    )
    assert not any(device.logged_in() for device in devices)
    assert site.logged_in("ada").logged_in()


def test_all_needs_a_confirmation(
    site: LiveSite, ada: User, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal, or without the answer "yes", nobody is logged out."""
    device = site.logged_in("ada")
    with pytest.raises(CommandError, match="Nothing was revoked"):
        run("authkit_revoke", "--all")
    answers = iter(["", "n", "yes"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _question: next(answers))
    for _ in range(2):
        with pytest.raises(CommandError, match="--no-input"):
            run("authkit_revoke", "--all")
    assert device.logged_in()
    run("authkit_revoke", "--all")
    assert not device.logged_in()


@pytest.mark.parametrize(
    "arguments", [[], ["ada", "--all"], ["ada", "--sid=x"], ["--sid=x", "--all"], ["ada", "--sid=x", "--all"]]
)
def test_takes_exactly_one(site: LiveSite, ada: User, run: Run, arguments: Sequence[str]) -> None:
    """No or several arguments of user, sid and all revoke nothing."""
    site.logged_in("ada")
    with pytest.raises(CommandError, match="exactly one of them"):
        run("authkit_revoke", *arguments)
    assert len(sessions_of(ada)) == 1


@pytest.mark.parametrize("arguments", [["eve"], ["--sid=junk"], ["--sid="], ["--sid=\N{SNOWMAN}"], [""]])
def test_nothing_to_revoke_is_an_error(site: LiveSite, ada: User, run: Run, arguments: Sequence[str]) -> None:
    """An unknown user and an invalid sid are reported in one sentence, with exit code 1."""
    site.logged_in("ada")
    with pytest.raises(CommandError) as caught:
        run("authkit_revoke", *arguments)
    assert caught.value.returncode == 1
    assert len(sessions_of(ada)) == 1
