"""A database that answers and does not do what it is asked: 503, with the cause in the log."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from django.db import connections, transaction

from django_authkit import outages
from django_authkit.errors import StoreUnavailable
from django_authkit.wiring import get_store
from faults.test_outages_name_their_cause import causes
from faults.test_store_down import Crowd
from support.client import code
from support.live_site import LiveSite
from support.site_fixtures import empty_site, live

__all__ = ["empty_site", "live"]

on_postgresql = pytest.mark.parametrize("where", ["postgresql"])
on_sqlite = pytest.mark.parametrize("where", ["sqlite"])
WRITES = ("login", "refresh", "logout")


@pytest.fixture(autouse=True)
def nothing_logged_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start as a process that has not logged a cause."""
    monkeypatch.setattr(outages, "_logged_at", {})


@contextmanager
def configured(setting: str, value: str) -> Iterator[None]:
    """Change a setting of the PostgreSQL database for new connections, for a while."""
    connection: Any = connections["postgres"]
    database = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{database}" SET {setting} = {value}')
    connection.close()
    try:
        yield
    finally:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute(f'BEGIN READ WRITE; ALTER DATABASE "{database}" RESET {setting}; COMMIT')
        connection.close()


@on_postgresql
def test_a_read_only_database(live: LiveSite, caplog: pytest.LogCaptureFixture) -> None:
    """What has to be written is 503; requests that only read are answered."""
    crowd = Crowd(live)
    with configured("default_transaction_read_only", "on"):
        answers = crowd.ask()
    assert {answer.status_code for answer, _ in answers.values()} <= {200, 201, 503}
    assert {answers[name][0].status_code for name in WRITES} == {503}
    assert "read-only transaction" in causes(caplog)[0]
    crowd.assert_well()


@on_postgresql
def test_a_transaction_that_was_idle_for_too_long(live: LiveSite, caplog: pytest.LogCaptureFixture) -> None:
    """The connection that the server closed is an outage, and the next one works."""
    store, sid = get_store(), "A" * 16
    with configured("idle_in_transaction_session_timeout", "50"):
        with pytest.raises(StoreUnavailable), transaction.atomic(using="postgres"):  # noqa: PT012
            store.load(sid)
            sleep(0.3)
            store.load(sid)
        store.load(sid)
    assert "idle-in-transaction" in causes(caplog)[0]


# Django drops a connection whose first command fails without closing it, which Python 3.13 warns about.
@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
@on_sqlite
@pytest.mark.parametrize("damage", ["header", "pages"])
def test_a_damaged_file(
    live: LiveSite, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every request that needs the database is 503, never 500."""
    live.add_user()
    device = live.logged_in()
    connection: Any = connections["default"]
    told = connection.settings_dict
    intact = told["NAME"]
    damaged = tmp_path / "damaged.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(damaged)])
    content = damaged.read_bytes()
    kept = 0 if damage == "header" else 4096
    damaged.write_bytes(content[:kept] + b"\xff" * (len(content) - kept))
    connection.close()
    told["NAME"] = str(damaged)
    try:
        answers = [device.call(), device.copy().log_in()]
    finally:
        connection.close()
        told["NAME"] = intact
    assert {code(answer) for answer in answers} == {(503, "store_unavailable")}
    assert any(said in causes(caplog)[0] for said in ("not a database", "malformed"))
    assert device.logged_in()
    caplog.clear()  # its records have the errors, and these the connections
    del answers
    gc.collect()
