"""A PostgreSQL with users and auth sessions is stopped: 503 at once, and nobody is logged out."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django import DjangoDbBlocker, Settings

from django_authkit.types import Mode, Transport
from faults.stoppable_servers import StoppablePostgres
from faults.test_store_down import AT_ONCE, Crowd, assert_unavailable
from support.client import body, code
from support.clock import Clock
from support.live_site import LiveSite
from support.parallel import parallel_threads
from support.servers import start_postgres
from support.web_server import RemoteDevice, serving


@pytest.fixture(scope="module")
def postgres(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[StoppablePostgres]:
    """Return a PostgreSQL that may be stopped, as the alias ``postgres``, with all tables."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="authkit-")))
        start_postgres(stack, directory)
        postgres = StoppablePostgres(directory / "postgres")
        told = connections["postgres"].settings_dict
        before = {name: told[name] for name in ("HOST", "PORT", "NAME")}
        stack.callback(told.update, before)
        with django_db_blocker.unblock():
            stack.callback(connections["postgres"].close)
            connections["postgres"].close()
            told.update(HOST=postgres.host, PORT=postgres.port, NAME="postgres")
            call_command("migrate", database="postgres", verbosity=0)
        yield postgres


@pytest.fixture
def live(
    settings: Settings,
    clock: Clock,
    postgres: StoppablePostgres,
    mode: Mode,
    transport: Transport,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[LiveSite]:
    """Return a site on that PostgreSQL, users and all."""
    with django_db_blocker.unblock():
        site = LiveSite(settings, clock, store="postgresql", mode=mode, transport=transport)
        site.configure(RATES={"LOGIN": None, "REFRESH": None})
        site.clear()
        yield site
        site.clear()


def test_a_stopped_database(live: LiveSite, postgres: StoppablePostgres) -> None:
    """Endpoints and views that need the user return 503 at once; afterwards all credentials work."""
    with serving() as address:
        crowd = Crowd(live, address)
        connections["postgres"].close()
        with postgres.down():
            assert_unavailable(crowd.ask(), AT_ONCE)
        crowd.assert_well()


def test_connections_that_broke(live: LiveSite, postgres: StoppablePostgres) -> None:
    """A thread whose persistent connection broke in a restart works anyway."""
    live.add_user()
    device = live.logged_in()
    with parallel_threads(1) as threads:
        assert threads.at_once([device.logged_in]) == [True]
        with postgres.down():
            connections["postgres"].close()
        answers = [threads.at_once([device.call])[0] for _ in range(2)]
    assert code(answers[0]) == (503, "store_unavailable")
    assert answers[1].status_code == 200


def test_requests_without_the_database_work(live: LiveSite, postgres: StoppablePostgres) -> None:
    """Anonymous requests, and pages that do not use the user, work as usual."""
    live.add_user()
    with serving() as address:
        known = RemoteDevice.of(live.logged_in(), address)
        stranger = RemoteDevice.of(live.device(), address)
        connections["postgres"].close()
        with postgres.down():
            assert known.get("/nowhere/").status_code == 404
            assert body(stranger.get("/plain/whoami/")) == {"id": None}
            assert body(stranger.get("/api/open/")) == {"id": None}
            assert code(stranger.who()) == (401, "not_authenticated")
        assert known.logged_in()
