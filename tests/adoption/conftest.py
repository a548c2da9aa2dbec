"""The site before and after its migration. These tests need settings of their own."""

import os
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from pytest_django import DjangoDbBlocker, Settings

from adoption.migrating_site import Changeover
from django_authkit.types import Mode, Transport
from support.clock import Clock
from support.live_site import LiveSite

STAGES = ["valkey-session", "sqlite-jwt"]
if os.environ.get("AUTHKIT_TEST_PROFILE") == "full":
    STAGES += ["valkey-jwt", "sqlite-session", "postgresql-session", "postgresql-jwt"]


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    """Return each store with a mode in turn; every pair at full size."""
    name: str = request.param
    return name


@pytest.fixture
def where(stage: str) -> str:
    """Return the store."""
    return stage.partition("-")[0]


@pytest.fixture
def mode(stage: str) -> Mode:
    """Return the mode."""
    return Mode(stage.partition("-")[2])


@pytest.fixture
def site(
    settings: Settings,
    clock: Clock,
    where: str,
    mode: Mode,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Changeover]:
    """Return the site, empty, as it was before the migration."""
    with django_db_blocker.unblock():
        live = LiveSite(settings, clock, store=where, mode=mode, transport=Transport.HEADER)
        live.configure(RATES={"LOGIN": None, "REFRESH": None})
        settings.SESSION_FILE_PATH = str(tmp_path_factory.mktemp("sessions"))
        live.clear()
        yield Changeover(live)
        Session.objects.using(live.alias).all().delete()
        live.clear()


@pytest.fixture
def ada(site: Changeover) -> User:
    """Return a user."""
    return site.live.add_user("ada", email="ada@example.org")
