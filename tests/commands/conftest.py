"""Commands run on the site in JWT mode, with each store."""

from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from pytest_django import DjangoDbBlocker, Settings

from django_authkit.types import Mode, Transport
from support.clock import Clock
from support.live_site import LiveSite
from support.site_fixtures import where

__all__ = ["where"]

Run = Callable[..., str]


@pytest.fixture
def site(
    settings: Settings,
    clock: Clock,
    where: str,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[LiveSite]:
    """Return the site, empty: real transactions, on real connections."""
    with django_db_blocker.unblock():
        site = LiveSite(settings, clock, store=where, mode=Mode.JWT, transport=Transport.HEADER)
        site.clear()
        yield site
        site.clear()


@pytest.fixture
def ada(site: LiveSite) -> User:
    """Return a user."""
    return site.add_user("ada")


@pytest.fixture
def run() -> Run:
    """Return a function that runs a command and returns what it wrote."""

    def running(*arguments: str) -> str:
        out = StringIO()
        call_command(*arguments, stdout=out, no_color=True)
        return out.getvalue()

    return running
