"""``X-Authkit-Expires-In``: a page that cannot read its access token learns when to refresh it."""

import pytest
from django.contrib.auth.models import User

from support.client import Device
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode

HEADER = "X-Authkit-Expires-In"


@by_cookie
@in_jwt_mode
def test_answers_tell_how_long_the_access_token_lives(site: LiveSite, ada: User) -> None:
    """Login, refresh and a fresh proof tell it of the new token, ``session/`` of what is left."""
    device = site.device()
    assert device.log_in()[HEADER] == "300"
    site.advance(seconds=100)
    assert int(device.who()[HEADER]) == pytest.approx(200, abs=2)
    assert device.refresh()[HEADER] == "300"
    assert device.reauthenticate()[HEADER] == "300"


@by_cookie
@in_jwt_mode
def test_what_leeway_still_lets_in_is_due(site: LiveSite, ada: User, device: Device) -> None:
    """Past its time and within ``LEEWAY`` nothing is left."""
    site.advance(seconds=302)
    assert device.who()[HEADER] == "0"


@in_session_mode
@by_cookie
def test_a_session_key_is_not_due(site: LiveSite, device: Device) -> None:
    """In session mode there is nothing to refresh."""
    assert HEADER not in device.who()
    assert HEADER not in device.refresh()


@by_header
def test_a_body_says_it_in_header_transport(site: LiveSite, device: Device) -> None:
    """Where the body has ``expires_in`` there is no header."""
    assert HEADER not in device.refresh()
    assert HEADER not in device.who()
