"""The site with the other packages, on two stores, in both modes. These tests need settings of their own."""

from collections.abc import Iterator

import pytest
from auditlog.models import LogEntry
from axes.utils import reset
from django.contrib.auth.models import User
from django_otp.plugins.otp_static.models import StaticDevice

from notesapp.models import Note
from support.client import Device
from support.live_site import LiveSite
from support.site_fixtures import empty_site, mode, transport

__all__ = ["empty_site", "mode", "transport"]


@pytest.fixture(params=["valkey", "sqlite"])
def where(request: pytest.FixtureRequest) -> str:
    """Return each kind of store in turn."""
    name: str = request.param
    return name


@pytest.fixture
def site(empty_site: LiveSite) -> Iterator[LiveSite]:
    """Return the site, empty; the rows of the other packages are deleted afterwards."""
    yield empty_site
    for rows in (LogEntry, Note, Note.history.model, StaticDevice):
        rows.objects.all().delete()
    reset()


@pytest.fixture
def ada(site: LiveSite) -> User:
    """Return an administrator."""
    return site.add_user("ada", is_staff=True, is_superuser=True)


@pytest.fixture
def bob(site: LiveSite) -> User:
    """Return somebody else."""
    return site.add_user("bob")


@pytest.fixture
def device(site: LiveSite, ada: User) -> Device:
    """Return ada's device, logged in."""
    return site.logged_in("ada")
