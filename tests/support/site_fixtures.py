"""The site on each store, in each mode and transport, for folders whose ``conftest.py`` imports these."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker, Settings

from django_authkit.types import Mode, Transport
from support.clock import Clock
from support.live_site import LiveSite
from support.mariadb import has_mariadb

__all__ = ["empty_site", "live", "mode", "transport", "where"]


@pytest.fixture(params=["valkey", "sqlite", "postgresql", *(["mariadb"] if has_mariadb() else [])])
def where(request: pytest.FixtureRequest) -> str:
    """Return the name of each store in turn."""
    name: str = request.param
    return name


@pytest.fixture(params=list(Mode), ids=str)
def mode(request: pytest.FixtureRequest) -> Mode:
    """Return each mode in turn."""
    return Mode(request.param)


@pytest.fixture(params=list(Transport), ids=str)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Return each transport in turn."""
    return Transport(request.param)


@pytest.fixture
def empty_site(
    settings: Settings,
    clock: Clock,
    where: str,
    mode: Mode,
    transport: Transport,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[LiveSite]:
    """Return the site, empty: real transactions, cleared by hand (faster than a flush of all tables)."""
    with django_db_blocker.unblock():
        site = LiveSite(settings, clock, store=where, mode=mode, transport=transport)
        site.clear()
        yield site
        site.clear()


@pytest.fixture
def live(empty_site: LiveSite) -> LiveSite:
    """Return the site, empty and without throttles, on real connections."""
    empty_site.configure(RATES={"LOGIN": None, "REFRESH": None})
    return empty_site
