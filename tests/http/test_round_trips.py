"""The cost of requests, counted at the servers: commands by MONITOR, statements by Django."""

import pytest
from django.contrib.auth.models import User

from django_authkit.wiring import get_store
from support.client import Device
from support.live_site import LiveSite, Trips, in_jwt_mode, in_session_mode

VIEWS = ["/api/whoami/", "/plain/whoami/", "/plain/whoami-async/", "/auth/session/"]


def selects(trips: Trips) -> list[str]:
    """Return the statements that only read."""
    return [sql for sql in trips.queries if sql.startswith("SELECT")]


@pytest.mark.parametrize("path", VIEWS)
def test_an_authenticated_request(site: LiveSite, device: Device, path: str) -> None:
    """One round trip to Redis and the user query; one query for both with the database store."""
    device.get(path)
    with site.counted() as trips:
        assert device.get(path).status_code == 200
    assert len(trips.commands) == (1 if site.on_redis else 0), trips
    assert len(trips.queries) == 1, trips
    assert "auth_user" in trips.queries[0]


@in_session_mode
def test_a_request_that_counts_as_activity(site: LiveSite, device: Device) -> None:
    """Activity is written in the same round trip on Redis, and by an UPDATE in a database."""
    device.call()
    site.advance(seconds=61)
    with site.counted() as trips:
        assert device.logged_in()
    assert len(trips.commands) == (1 if site.on_redis else 0), trips
    assert len(trips.queries) == (1 if site.on_redis else 2), trips
    with site.counted() as trips:
        assert device.logged_in()
    assert len(trips.queries) == 1, trips


def test_many_records_at_once(site: LiveSite, ada: User) -> None:
    """One round trip, or one query, for the auth sessions of one bucket."""
    sids = [site.sid(site.logged_in()) for _ in range(5)]
    with site.counted() as trips:
        assert set(get_store().load_many(sids)) == set(sids)
    assert len(trips.commands) == (1 if site.on_redis else 0), trips
    assert len(trips.queries) == (0 if site.on_redis else 1), trips


def test_an_anonymous_request(site: LiveSite) -> None:
    """An anonymous request needs no query."""
    with site.counted() as trips:
        for path in VIEWS:
            site.device().get(path)
    assert not trips.commands
    assert not trips.queries


@in_jwt_mode
def test_a_forged_token(site: LiveSite, device: Device) -> None:
    """It is refused without a query."""
    stranger = site.device()
    with site.counted() as trips:
        stranger.get("/api/whoami/", {"Authorization": f"Bearer {device.credential[:-4]}AAAA"})
        stranger.get("/api/whoami/", {"Authorization": "Bearer x"})
    assert not trips.commands
    assert not trips.queries


def test_a_refresh(site: LiveSite, device: Device) -> None:
    """One round trip to Redis and the user query; at most 4 queries with the database store."""
    device.refresh()
    with site.counted() as trips:
        assert device.refresh().status_code == 200
    assert len(trips.commands) == (1 if site.on_redis else 0), trips
    assert len(trips.queries) <= (1 if site.on_redis else 4), trips


@in_jwt_mode
def test_a_repeated_refresh(site: LiveSite, device: Device) -> None:
    """A repeat needs no more than a rotation."""
    device.refresh()
    tab = device.copy()
    device.refresh()
    with site.counted() as trips:
        assert tab.refresh().status_code == 200
    assert len(trips.commands) == (1 if site.on_redis else 0), trips
    assert len(trips.queries) <= (1 if site.on_redis else 4), trips


def test_a_log_in(site: LiveSite, ada: User) -> None:
    """At most two round trips to the store."""
    site.logged_in()
    device = site.device()
    device.who()
    with site.counted() as trips:
        assert device.log_in().status_code == 200
    assert len(trips.commands) <= 2, trips
    if site.on_redis:
        # Django finds the user and writes last_login; we look once more after creating the record.
        assert len(trips.queries) <= 3, trips


def test_a_log_out(site: LiveSite, device: Device) -> None:
    """One round trip to Redis."""
    site.logged_in().log_out()  # from now on the server has the script
    with site.counted() as trips:
        device.log_out()
    assert len(trips.commands) == (1 if site.on_redis else 0), trips


@in_session_mode
def test_session_data_that_is_only_read_costs_nothing_more(site: LiveSite, device: Device) -> None:
    """``request.session`` comes with the record; a view that writes it needs one more round trip."""
    device.get("/plain/visits/")
    with site.counted() as trips:
        device.get("/plain/visits/")
    assert len(trips.commands) == (2 if site.on_redis else 0), trips
    assert len(selects(trips)) == 1, trips
