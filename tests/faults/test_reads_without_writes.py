"""A store that reads and does not write answers the requests that only read, though activity is due."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from django_authkit import outages
from django_authkit.types import Mode
from faults.stoppable_servers import StoppableValkey
from faults.test_failing_databases import configured
from support.client import Device, code
from support.dpop_client import ProvingDevice
from support.live_site import LiveSite, by_header
from support.site_fixtures import empty_site, where

__all__ = ["empty_site", "where"]

READ = ("/api/whoami/", "/plain/whoami/", "/plain/whoami-async/", "/auth/session/")


@pytest.fixture(autouse=True)
def nothing_logged_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start as a process that has not logged a cause."""
    monkeypatch.setattr(outages, "_logged_at", {})


def _due(live: LiveSite) -> Device:
    """Return a device whose next request has to be recorded, as the address has changed, too."""
    live.configure(RATES={"LOGIN": None, "REFRESH": None}, LIFETIMES={"TOUCH_INTERVAL": timedelta(minutes=1)})
    live.add_user()
    device = live.logged_in()
    live.advance(minutes=2)
    device.address = "203.0.113.77"
    return device


def _assert_served(
    device: Device, without_writes: AbstractContextManager[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with without_writes:
        answers = [device.get(path) for path in READ * 2]
        renewed = device.copy().refresh()
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert code(renewed) == (503, "store_unavailable")
    said = [each.getMessage() for each in caplog.records if each.name == "django_authkit.store"]
    lost = [each for each in said if "activity of auth sessions is not recorded" in each]
    assert len(lost) == (device.mode is Mode.SESSION), said  # with tokens, nothing is due


@contextmanager
def _read_only(valkey: StoppableValkey) -> Iterator[None]:
    valkey.direct.replicaof("127.0.0.1", 1)
    try:
        yield
    finally:
        valkey.direct.replicaof("NO", "ONE")


@by_header
@pytest.mark.parametrize("why", ["full", "read only", "too few replicas"])
def test_redis(live: LiveSite, valkey: StoppableValkey, why: str, caplog: pytest.LogCaptureFixture) -> None:
    """A full or read-only Redis, or one without enough replicas, answers; the log says once what is lost."""
    device = _due(live)
    ways = {
        "full": lambda: valkey.configured("maxmemory", 1),
        "read only": lambda: _read_only(valkey),
        "too few replicas": lambda: valkey.configured("min-replicas-to-write", 1),
    }
    _assert_served(device, ways[why](), caplog)
    assert device.refresh().status_code == 200
    assert device.logged_in()


@by_header
def test_a_proof_that_cannot_be_noted(live: LiveSite, valkey: StoppableValkey) -> None:
    """Where each proof works once, a full Redis lets no request with one through: that is an outage."""
    live.configure(RATES={"LOGIN": None, "REFRESH": None}, DPOP={"SINGLE_USE": True})
    live.add_user()
    app = ProvingDevice(live.mode)
    assert app.log_in().status_code == 200
    with valkey.configured("maxmemory", 1):
        assert code(app.call()) == (503, "store_unavailable")
    assert app.call().status_code == 200


_SHORT_WAIT: dict[str, dict[str, Any]] = {
    "sqlite": {"timeout": 0.1},
    "postgresql": {"options": "-c lock_timeout=100"},
    "mysql": {"init_command": "SET innodb_lock_wait_timeout = 1"},
}


@contextmanager
def _locked(alias: str) -> Iterator[None]:
    """Hold a write lock on the auth sessions in another connection; ours do not wait for long."""
    own: Any = connections[alias]
    told = own.settings_dict
    options = told["OPTIONS"]
    own.close()
    told["OPTIONS"] = options | _SHORT_WAIT[own.vendor]
    other = own.copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute("UPDATE authkit_session SET label = 'locked'")
        yield
    finally:
        other.rollback()
        other.close()
        own.close()
        told["OPTIONS"] = options


@by_header
def test_a_locked_table(empty_site: LiveSite, caplog: pytest.LogCaptureFixture) -> None:
    """Another writer that holds the rows, or the file, keeps nobody from reading."""
    if empty_site.on_redis:
        pytest.skip("has no locks")
    device = _due(empty_site)
    _assert_served(device, _locked(empty_site.alias), caplog)
    assert device.refresh().status_code == 200
    assert device.logged_in()


@by_header
@pytest.mark.parametrize("where", ["postgresql"])
def test_a_read_only_database(empty_site: LiveSite, caplog: pytest.LogCaptureFixture) -> None:
    """A standby, or a database that was set to read only, answers."""
    device = _due(empty_site)
    _assert_served(device, configured("default_transaction_read_only", "on"), caplog)
    assert device.refresh().status_code == 200
    assert device.logged_in()
