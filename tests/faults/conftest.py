"""A site on servers of this folder's own, since its tests stop and kill them."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker, Settings

from django_authkit.types import Mode, Transport
from faults.stoppable_servers import StoppableValkey
from stores.redis.valkey_server import LossyLine
from support.clock import Clock
from support.live_site import LiveSite
from support.site_fixtures import mode, transport

__all__ = ["mode", "transport"]

BACKEND = "django_redis.cache.RedisCache"
MEMORY = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


@pytest.fixture(scope="session")
def valkey() -> Iterator[StoppableValkey]:
    """Return a running Valkey that may be stopped."""
    with StoppableValkey.running() as server:
        yield server


@pytest.fixture
def line(valkey: StoppableValkey) -> Iterator[LossyLine]:
    """Return a connection to that Valkey that can lose a reply."""
    line = LossyLine(valkey.port)
    yield line
    line.close()


@pytest.fixture
def site_on(
    settings: Settings, clock: Clock, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator["SiteOn"]:
    """Return what makes a site whose auth sessions are in the Valkey of a URL, and empties it afterwards."""
    with django_db_blocker.unblock():
        site_on = SiteOn(settings, clock)
        yield site_on
        for site in site_on.made:
            site.clear()


class SiteOn:
    """Creates sites whose Redis alias has no options: the timeouts are the store's own."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.made: list[LiveSite] = []
        self._settings, self._clock = settings, clock

    def __call__(self, url: str, mode: Mode, transport: Transport) -> LiveSite:
        """Return an empty site without throttles."""
        self._settings.CACHES = {**MEMORY, "authkit": {"BACKEND": BACKEND, "LOCATION": f"{url}/0"}}
        site = LiveSite(self._settings, self._clock, store="valkey", mode=mode, transport=transport)
        site.configure(RATES={"LOGIN": None, "REFRESH": None})
        site.clear()
        self.made.append(site)
        return site


@pytest.fixture
def live(valkey: StoppableValkey, site_on: SiteOn, mode: Mode, transport: Transport) -> LiveSite:
    """Return a site on a Valkey that can be stopped."""
    return site_on(valkey.url, mode, transport)
