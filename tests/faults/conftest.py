"""A site on servers of this folder's own, since its tests stop and kill them."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker, Settings

from clock import Clock
from django_authkit.types import Mode, Transport
from faults.mortal_servers import MortalValkey
from live_fixtures import mode, transport
from live_site import LiveSite
from stores.redis.valkey_server import LossyLine

__all__ = ["mode", "transport"]

BACKEND = "django_redis.cache.RedisCache"
MEMORY = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


@pytest.fixture(scope="session")
def valkey() -> Iterator[MortalValkey]:
    """Return a running Valkey that may be stopped."""
    with MortalValkey.running() as server:
        yield server


@pytest.fixture
def line(valkey: MortalValkey) -> Iterator[LossyLine]:
    """Return a line to that Valkey that can lose an answer."""
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
    """Makes sites whose Redis alias has no option at all: the time-outs are the store's own."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.made: list[LiveSite] = []
        self._settings, self._clock = settings, clock

    def __call__(self, url: str, mode: Mode, transport: Transport) -> LiveSite:
        """Return an empty site without throttles."""
        self._settings.CACHES = {**MEMORY, "authkit": {"BACKEND": BACKEND, "LOCATION": f"{url}/0"}}
        site = LiveSite(self._settings, self._clock, store="valkey", mode=mode, transport=transport)
        site.configure(LOGIN_RATE=None, REFRESH_RATE=None)
        site.clear()
        self.made.append(site)
        return site


@pytest.fixture
def live(valkey: MortalValkey, site_on: SiteOn, mode: Mode, transport: Transport) -> LiveSite:
    """Return a site on the mortal Valkey."""
    return site_on(valkey.url, mode, transport)
