"""Every test here runs on each combination of mode, store and transport that it does not exclude."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoDbBlocker, Settings

from django_authkit.types import Mode, Transport
from support.client import Device
from support.clock import Clock
from support.live_site import LiveSite
from support.site_fixtures import mode, transport, where

__all__ = ["mode", "transport", "where"]


@pytest.fixture
def site(
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
def ada(site: LiveSite) -> User:
    """Return a user."""
    return site.add_user("ada", email="ada@example.org")


@pytest.fixture
def bob(site: LiveSite) -> User:
    """Return another user."""
    return site.add_user("bob")


@pytest.fixture
def device(site: LiveSite, ada: User) -> Device:
    """Return ada's device, logged in."""
    return site.logged_in("ada")
