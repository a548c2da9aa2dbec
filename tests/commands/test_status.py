"""``authkit_status``: the state of a project's auth sessions."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError
from pytest_django import Settings
from redis import Redis

from commands.conftest import Run
from django_authkit.stores.database import statistics as database_statistics
from django_authkit.stores.redis import statistics
from django_authkit.types import Mode
from django_authkit.wiring import get_replica
from support.live_site import LiveSite

on_redis = pytest.mark.parametrize("where", ["valkey"], indirect=True)


def status(run: Run, *arguments: str) -> Any:
    """Return its JSON output."""
    return json.loads(run("authkit_status", "--json", *arguments))


def test_counts_the_live_ones_by_mode(site: LiveSite, ada: User, run: Run) -> None:
    """Revoked, expired and anonymous ones are not counted; each mode has its own number."""
    assert status(run)["live"] == {"session": 0, "jwt": 0}
    site.logged_in("ada")
    site.advance(days=15)
    for _ in range(3):
        site.logged_in("ada")
    site.logged_in("ada").log_out()
    site.settings.AUTHKIT_MODE = "session"
    site.keep_time()
    site.mode = Mode.SESSION
    for _ in range(2):
        site.logged_in("ada")
    site.device().send("POST", "/django/cart/", b'"shoe"')
    told = status(run)
    assert told["live"] == {"session": 2, "jwt": 3}
    assert told["records"] >= 5
    assert told["record_bytes"] > 100 * told["records"]


def test_counts_none_from_before_revoke_all(site: LiveSite, ada: User, run: Run) -> None:
    """Auth sessions that an epoch has revoked are not counted."""
    site.logged_in("ada")
    run("authkit_revoke", "--all", "--no-input")
    site.logged_in("ada")
    assert status(run)["live"] == {"session": 0, "jwt": 1}


def test_estimates_are_called_so(
    site: LiveSite, ada: User, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large numbers are estimated and rounded, and no mode is said to be unused; ``--exact`` counts each."""
    site.configure(ACCEPT=["session", "jwt"])
    monkeypatch.setattr(statistics, "_LOOKED_AT", 2)
    monkeypatch.setattr(database_statistics, "_STEP", 2)
    for _ in range(12):
        site.logged_in("ada")
    told, lines = status(run), run("authkit_status")
    assert (told["device_bound"], told["dpop_bound"]) == (0, 0)
    assert re.search(r"bound +about 0 of them to a device by a browser, about 0 to the key of an app", lines)
    assert told["estimated"] is True
    assert told["old_form"]["can_be_dropped"] is False
    assert re.search(r"live +about [\d,]+ \(about 0 session, about [\d,]+ jwt; estimated from a part", lines)
    assert "before it is dropped from ACCEPT, count each with --exact" in lines
    told = status(run, "--exact")
    assert (told["estimated"], told["live"]["jwt"], told["old_form"]["can_be_dropped"]) == (False, 12, True)


def test_counts_what_is_refused(site: LiveSite, ada: User, run: Run) -> None:
    """How many counters of attempts there are, and how many of them refuse the next attempt."""
    site.configure(RATES={"LOGIN": "2/min", "LOGIN_ADDRESS": None, "LOGIN_ACCOUNT": None})
    assert status(run)["attempts"] == {"counters": 0, "exhausted": 0}
    for name in ("ada", "ada", "bob"):
        assert site.device().log_in(name, "wrong").status_code == 401
    assert status(run)["attempts"] == {"counters": 2, "exhausted": 1}
    assert "counters: 2; 1 of them refuse the next attempt" in run("authkit_status")


def test_fast_counts_nothing(site: LiveSite, ada: User, run: Run) -> None:
    """``--fast`` reads no records, and prints the rest."""
    site.logged_in("ada")
    told = status(run, "--fast")
    assert told["live"] is told["records"] is told["record_bytes"] is None
    assert told["keys"]
    assert "not counted" in run("authkit_status", "--fast")


def test_tells_store_mode_and_memory(site: LiveSite, ada: User, run: Run) -> None:
    """The store, the modes that are issued and accepted, and the memory of a Redis server."""
    site.configure(ACCEPT=["session", "jwt"])
    told = status(run)
    assert told["store"] == ("redis" if site.on_redis else "database")
    assert (told["mode"], told["accept"]) == ("jwt", ["session", "jwt"])
    assert (told["server_bytes"] is not None) is site.on_redis
    assert (told["blacklist"] is not None) is site.on_redis


def test_names_the_keys(site: LiveSite, run: Run, settings: Settings) -> None:
    """Id and algorithm of each key, and which one signs; no key material."""
    settings.SECRET_KEY_FALLBACKS = ["an older secret, which only verifies what was signed with it before"]
    site.keep_time()
    first, second = status(run)["keys"]
    assert first.keys() == second.keys() == {"kid", "algorithm", "signs"}
    assert (first["algorithm"], first["signs"], second["signs"]) == ("HS256", True, False)
    assert first["kid"] != second["kid"]
    assert first["kid"] in run("authkit_status")


@on_redis
def test_tells_the_length_of_the_blacklist(site: LiveSite, ada: User, run: Run) -> None:
    """Each revoked auth session whose access token may still be valid is an entry."""
    assert status(run)["blacklist"] == 0
    for _ in range(3):
        site.logged_in("ada").log_out()
    assert status(run)["blacklist"] == 3


@on_redis
def test_tells_how_fresh_a_copy_is(site: LiveSite, ada: User, run: Run) -> None:
    """A copy is created and followed, as in a worker; its thread stops with the command."""
    assert status(run)["replica"] is None
    site.configure(ACCESS_CHECK="replica")
    site.logged_in("ada").log_out()
    told = status(run)["replica"]
    assert told["fresh"] is True
    assert 0 <= told["age"] <= told["max_staleness"] == 1.0
    assert told["revoked"] == 1
    assert "fresh: " in run("authkit_status")
    assert len(get_replica()) == 0


@on_redis
def test_counts_in_many_steps(site: LiveSite, ada: User, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count does not depend on the size of a step, and ignores other keys of the server."""
    for _ in range(7):
        site.logged_in("ada")
    with Redis.from_url(site.settings.CACHES["authkit"]["LOCATION"]) as client:
        client.set("other:{AA}:s:" + "A" * 16, "of another prefix")
        client.set("authkit:{zz}:s:" + "z" * 16, "of a bucket that is none")
    for step in (1, 3, 500):
        monkeypatch.setattr(statistics, "_STEP", step)
        monkeypatch.setattr(statistics, "_COUNTED", step)
        assert status(run)["live"]["jwt"] == 7


@on_redis
def test_a_prefix_is_no_pattern(site: LiveSite, ada: User, run: Run) -> None:
    """A prefix with an asterisk counts only its own records."""
    site.logged_in("ada")
    site.configure(REDIS={"PREFIX": "a*[t]?"})
    assert status(run)["live"]["jwt"] == 0
    site.logged_in("ada")
    assert status(run)["live"]["jwt"] == 1


def test_says_what_the_checks_say(site: LiveSite, run: Run, settings: Settings) -> None:
    """Including those for deployment, and without silenced ones."""
    settings.SILENCED_SYSTEM_CHECKS = []
    settings.CSRF_COOKIE_SECURE = False
    site.configure(COOKIE={"SECURE": False, "ACCESS_NAME": "access", "REFRESH_NAME": "refresh"})
    told = status(run)["checks"]
    assert told
    assert all(each["id"].startswith("authkit.") and each["message"] for each in told)
    assert {each["level"] for each in told} <= {"error", "warning"}
    line = next(line for line in run("authkit_status").splitlines() if told[0]["id"] in line)
    assert told[0]["message"] in line
    settings.SILENCED_SYSTEM_CHECKS = [each["id"] for each in told]
    assert status(run)["checks"] == []
    assert "no problems" in run("authkit_status")


def test_people_read_lines(site: LiveSite, ada: User, run: Run) -> None:
    """One line for each fact, with a name in front."""
    site.logged_in("ada")
    lines = run("authkit_status").splitlines()
    by_name = {line[:14].strip(): line[14:] for line in lines}
    how = "SCAN" if site.on_redis else "a query"
    assert by_name["live"] == f"1 (0 session, 1 jwt; counted by {how})"
    assert by_name["mode"] == "jwt (accepted: jwt)"
    assert by_name["key"].endswith("HS256  signs")


def test_settings_that_cannot_be_used_are_one_sentence(site: LiveSite, run: Run) -> None:
    """The reason is reported."""
    site.settings.AUTHKIT = {"STOER": "redis"}
    with pytest.raises(CommandError, match='AUTHKIT has no setting "STOER"'):
        run("authkit_status")
