"""A server fails: clients get one public sentence; the log says which server, where and why."""

import logging

import pytest
from pytest_django import DjangoDbBlocker, Settings

from django_authkit import outages
from django_authkit.errors import StoreUnavailable
from django_authkit.stores.database import DatabaseStore
from faults.conftest import BACKEND, MEMORY
from faults.stoppable_servers import StoppableValkey
from support.client import body
from support.hidden_table import without_table
from support.live_site import LiveSite, by_header, in_session_mode

PUBLIC = {"detail": "The session store cannot be reached. Try again shortly.", "code": "store_unavailable"}


@pytest.fixture(autouse=True)
def nothing_logged_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start as a process that has not logged a cause."""
    monkeypatch.setattr(outages, "_logged_at", {})


def causes(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged; every record is an error with its exception."""
    records = [each for each in caplog.records if each.name == "django_authkit.store"]
    assert all(each.levelno == logging.ERROR and each.exc_info for each in records)
    return [each.getMessage() for each in records]


@in_session_mode
@by_header
def test_a_stopped_server(live: LiveSite, valkey: StoppableValkey, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once, not for each request, with host, port and alias."""
    live.add_user()
    device = live.logged_in()
    with valkey.down():
        answers = [device.call() for _ in range(3)]
    assert [body(answer) for answer in answers] == [PUBLIC] * 3
    (cause,) = causes(caplog)
    assert cause.startswith(f"Redis at 127.0.0.1:{valkey.port}/0 (CACHES['authkit']): ConnectionError: ")


@in_session_mode
@by_header
def test_a_full_server(live: LiveSite, valkey: StoppableValkey, caplog: pytest.LogCaptureFixture) -> None:
    """The log says that the memory is used up."""
    live.add_user()
    with valkey.configured("maxmemory", 1):
        assert body(live.device().log_in()) == PUBLIC
    (cause,) = causes(caplog)
    assert "'maxmemory'" in cause


@in_session_mode
@by_header
def test_a_refused_password(
    live: LiveSite, valkey: StoppableValkey, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says that the server refused the credentials, without showing them."""
    live.add_user()
    wrong = {"BACKEND": BACKEND, "LOCATION": f"redis://nobody:w0rds3cret@127.0.0.1:{valkey.port}/0"}
    right, settings.CACHES = settings.CACHES, {**MEMORY, "authkit": wrong}
    assert body(live.device().log_in()) == PUBLIC
    settings.CACHES = right
    (cause,) = causes(caplog)
    assert cause.startswith(f"Redis at 127.0.0.1:{valkey.port}/0 (CACHES['authkit']): AuthenticationError: ")
    assert "w0rds3cret" not in caplog.text


def test_causes_are_logged_once_a_minute_each(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another cause is logged at once, the same one after a minute."""
    monkeypatch.setattr(outages, "time", clock := _Clock())
    for text in ("refused", "refused", "full", "full"):
        outages.unavailable(OSError(text), "Redis")
    assert causes(caplog) == ["Redis: OSError: refused.", "Redis: OSError: full."]
    clock.now += 60
    outages.unavailable(OSError("full"), "Redis")
    assert len(causes(caplog)) == 3


class _Clock:
    now = 1.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize("alias", ["default", "postgres"])
def test_a_forgotten_migration(
    alias: str, django_db_setup: None, django_db_blocker: DjangoDbBlocker, caplog: pytest.LogCaptureFixture
) -> None:
    """A missing table is reported as an outage on any database, and the log says what to run."""
    with django_db_blocker.unblock(), without_table(alias), pytest.raises(StoreUnavailable):
        DatabaseStore(alias).load("A" * 16)
    (cause,) = causes(caplog)
    assert f"(DATABASES['{alias}'])" in cause
    assert cause.endswith("Run manage.py migrate.")
