"""``X-Authkit-Expires-In`` tells a page that cannot read its access token when to refresh."""

import pytest
from django.contrib.auth.models import User

from support.client import Device
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode

HEADER = "X-Authkit-Expires-In"


@by_cookie
@in_jwt_mode
def test_responses_have_the_lifetime_of_the_access_token(site: LiveSite, ada: User) -> None:
    """Login, refresh and re-authentication return that of the new token, ``session/`` the rest of it."""
    device = site.device()
    assert device.log_in()[HEADER] == "300"
    site.advance(seconds=100)
    assert int(device.who()[HEADER]) == pytest.approx(200, abs=2)
    assert device.refresh()[HEADER] == "300"
    assert device.reauthenticate()[HEADER] == "300"


@by_cookie
@in_jwt_mode
def test_what_leeway_still_lets_in_is_due(site: LiveSite, ada: User, device: Device) -> None:
    """After ``exp``, within ``LEEWAY``, it is 0."""
    site.advance(seconds=302)
    assert device.who()[HEADER] == "0"


@in_session_mode
@by_cookie
def test_there_is_none_for_a_session_key(site: LiveSite, device: Device) -> None:
    """In session mode there is nothing to refresh."""
    assert HEADER not in device.who()
    assert HEADER not in device.refresh()


@by_header
def test_a_body_says_it_in_header_transport(site: LiveSite, device: Device) -> None:
    """If the body has ``expires_in``, there is no header."""
    assert HEADER not in device.refresh()
    assert HEADER not in device.who()
