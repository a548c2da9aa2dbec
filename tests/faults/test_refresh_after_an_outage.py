"""After a refresh whose answer was lost, an outage that is longer than the grace is no theft."""

from contextlib import AbstractContextManager
from datetime import timedelta
from time import sleep

import pytest
from django.contrib.auth.models import User

from django_authkit import sessions_of, signals
from django_authkit.types import Mode, ReuseClass, Transport
from faults.conftest import SiteOn
from faults.stoppable_servers import StoppablePostgres
from faults.test_database_down import live as on_postgres
from faults.test_database_down import postgres
from stores.redis.valkey_server import LossyLine
from support.client import Device, code
from support.live_site import LiveSite, by_header
from support.signals import heard

__all__ = ["on_postgres", "postgres"]

pytestmark = [by_header, pytest.mark.parametrize("mode", [Mode.JWT], ids=str, indirect=True)]

GRACE = 1.5
DOWN = (503, "store_unavailable")


@pytest.fixture
def live(line: LossyLine, site_on: SiteOn, mode: Mode, transport: Transport) -> LiveSite:
    """Return a site on a Valkey whose answers can be lost, and that has the script of a refresh."""
    site = site_on(f"redis://127.0.0.1:{line.port}", mode, transport)
    site.add_user("bob")
    site.logged_in("bob").refresh()
    return site


@pytest.fixture
def ada(live: LiveSite) -> User:
    """Return a user."""
    return live.add_user()


def ask_for_longer_than_the_grace(device: Device, outage: AbstractContextManager[None]) -> None:
    """Refresh in vain for as long as the store does not answer."""
    with outage:
        assert code(device.refresh()) == DOWN
        for _ in range(2):
            sleep(GRACE * 0.6)
            assert code(device.refresh()) == DOWN


def test_a_rotation_whose_answer_was_lost(live: LiveSite, ada: User, line: LossyLine) -> None:
    """The client gets the successor whenever it asks again, and so does another tab at once."""
    device = live.logged_in()
    with line.cut():
        assert code(device.refresh()) == DOWN
    assert sessions_of(ada)[0].generation == 2
    live.advance(hours=1)
    with heard(signals.refresh_reused) as reused:
        tabs = [device.copy(), device]
        assert [tab.refresh().status_code for tab in tabs] == [200, 200]
        assert device.refresh().status_code == 200
    assert reused == []
    assert sessions_of(ada)[0].generation == 3


def test_a_token_that_another_client_follows_up_later_is_reuse(
    live: LiveSite, ada: User, line: LossyLine
) -> None:
    """Once the client has its answer, the grace begins."""
    live.configure(LIFETIMES={"REFRESH_GRACE": timedelta(seconds=GRACE)})
    device = live.logged_in()
    thief = device.copy()
    with line.cut():
        assert code(device.refresh()) == DOWN
    assert device.refresh().status_code == 200
    sleep(GRACE * 1.2)
    with heard(signals.refresh_reused) as reused:
        assert code(thief.refresh()) == (401, "refresh_reused")
    assert [said["reuse"] for said in reused] == [ReuseClass.PREVIOUS]


def test_an_outage_is_no_part_of_the_grace(live: LiveSite, ada: User, line: LossyLine) -> None:
    """A client that lost its answer, and asks during the outage, gets the successor afterwards."""
    live.configure(LIFETIMES={"REFRESH_GRACE": timedelta(seconds=GRACE)})
    device = live.logged_in()
    thief, silent = device.copy(), device.copy()
    assert device.copy().refresh().status_code == 200
    ask_for_longer_than_the_grace(device, line.cut())
    assert device.refresh().status_code == 200
    assert thief.copy().logged_in()
    sleep(GRACE * 1.2)
    assert code(silent.refresh()) == (401, "refresh_reused")


def test_an_outage_of_a_database(on_postgres: LiveSite, postgres: StoppablePostgres) -> None:
    """The same with auth sessions in PostgreSQL."""
    on_postgres.configure(LIFETIMES={"REFRESH_GRACE": timedelta(seconds=GRACE)})
    on_postgres.add_user()
    device = on_postgres.logged_in()
    assert device.copy().refresh().status_code == 200
    ask_for_longer_than_the_grace(device, postgres.down())
    with heard(signals.refresh_reused) as reused:
        assert device.refresh().status_code == 200
    assert reused == []
