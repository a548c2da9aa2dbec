"""Two projects on one numbered database of a Redis server: ``REDIS["PREFIX"]`` keeps them apart."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from django_authkit import revoke_all, revoke_user
from django_authkit.wiring import get_store
from support.client import Device
from support.live_site import LiveSite

pytestmark = pytest.mark.parametrize("where", ["valkey"], indirect=True)


@contextmanager
def other_project(site: LiveSite, prefix: str) -> Iterator[None]:
    """Be another project on the same database, with *prefix*; its users have the same names and keys."""
    site.configure(REDIS={"PREFIX": prefix})
    yield
    site.configure(REDIS={"PREFIX": "authkit"})


def counted() -> int:
    """Return how many records ``authkit_status`` counts."""
    return get_store().statistics().records or 0


def test_with_another_prefix_a_project_neither_reads_nor_lists_nor_counts(
    site: LiveSite, ada: User, device: Device
) -> None:
    """Though user and ``SECRET_KEY`` are the same; whoever comes with the other's credential is 401."""
    with other_project(site, "shop"):
        assert not device.copy().logged_in()
        assert device.copy().refresh().status_code == 401
        assert site.sids(ada) == []
        assert counted() == 0
    assert device.logged_in()
    assert len(site.sids(ada)) == counted() == 1


def test_with_another_prefix_a_project_neither_revokes_nor_limits(
    site: LiveSite, ada: User, device: Device
) -> None:
    """A limit, a logout and each kind of revocation leave every key of the other as it was."""
    before = site.snapshot()
    with other_project(site, "shop"):
        site.configure(MAX_SESSIONS=1)
        there = site.logged_in("ada")
        site.logged_in("ada").log_out()
        assert device.copy().log_out().status_code == 204
        revoke_user(ada)
        revoke_all()
        assert not there.logged_in()
    site.configure(MAX_SESSIONS=100)
    after = site.snapshot()
    assert {key: after.get(key) for key in before} == before
    assert device.logged_in()


def test_with_the_same_prefix_two_projects_share_their_auth_sessions(
    site: LiveSite, settings: Settings, ada: User, device: Device
) -> None:
    """``KEY_PREFIX`` of the alias keeps nothing apart: each reads, lists and revokes the other's."""
    alias = {**settings.CACHES["authkit"], "KEY_PREFIX": "shop"}
    settings.CACHES = {**settings.CACHES, "authkit": alias}
    site.keep_time()
    assert device.logged_in()
    assert len(site.sids(ada)) == counted() == 1
    revoke_user(ada)
    settings.CACHES = {**settings.CACHES, "authkit": {**alias, "KEY_PREFIX": ""}}
    site.keep_time()
    assert not device.logged_in()
