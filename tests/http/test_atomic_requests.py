"""Under ``ATOMIC_REQUESTS`` a revocation stays, although DRF rolls a failed request back."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connections

from support.client import Device, code
from support.live_site import LiveSite, in_jwt_mode


@pytest.fixture(autouse=True)
def atomic_requests(site: LiveSite) -> Iterator[None]:
    """Wrap every view in a transaction, as the setting does."""
    settings_dict = connections[site.alias].settings_dict
    settings_dict["ATOMIC_REQUESTS"] = True
    yield
    settings_dict["ATOMIC_REQUESTS"] = False


@in_jwt_mode
def test_reuse_stays_revoked(site: LiveSite, ada: User, device: Device) -> None:
    """The 401 that reports reuse does not undo the revocation."""
    thief = device.copy()
    device.refresh()
    site.advance(seconds=11)
    assert code(thief.refresh()) == (401, "refresh_reused")
    assert code(device.call()) == (401, "session_ended")
    assert code(device.refresh()) == (401, "session_ended")
    assert site.sids(ada) == []


def test_log_in_and_log_out_are_kept(site: LiveSite, ada: User, device: Device) -> None:
    """Login, refresh and logout are committed."""
    assert device.logged_in()
    assert device.refresh().status_code == 200
    thief = device.copy()
    assert device.log_out().status_code == 204
    assert not thief.logged_in()
    assert site.sids(ada) == []


def test_a_failed_log_in_changes_nothing(site: LiveSite, ada: User, device: Device) -> None:
    """A failed login does not change other auth sessions."""
    assert code(site.device().log_in(password="wrong")) == (401, "login_failed")
    assert device.logged_in()


def test_what_a_failed_refresh_detects_is_kept(site: LiveSite, ada: User, device: Device) -> None:
    """What a refresh detects is committed despite its 401."""
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert code(device.refresh()) == (401, "session_ended")
    User.objects.filter(pk=ada.pk).update(is_active=True)
    assert not device.logged_in()


def test_activity_of_a_failed_request_is_kept(site: LiveSite, ada: User, device: Device) -> None:
    """Plain and DRF views know the user over both transports."""
    for path in ("/api/whoami/", "/plain/whoami/", "/auth/session/"):
        assert device.get(path).status_code == 200
    site.advance(seconds=70)
    assert device.logged_in()
