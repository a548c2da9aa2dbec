"""Every test here runs on each combination of mode, store and transport that it does not exclude."""

import pytest
from django.contrib.auth.models import User

from support.client import Device
from support.live_site import LiveSite
from support.site_fixtures import empty_site, live, mode, transport, where

__all__ = ["empty_site", "live", "mode", "transport", "where"]


@pytest.fixture
def site(live: LiveSite) -> LiveSite:
    """Return the site, empty, and without counters of attempts: they take a third of the time of a login."""
    return live


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
