"""After the reuse of a refresh token all of its auth session is refused at once, and nothing else."""

from datetime import timedelta

import pytest

from django_authkit import signals
from django_authkit.types import Mode, ReuseClass
from support.client import ACCESS_COOKIE, REFRESH_COOKIE, Device, body, code
from support.live_site import LiveSite
from support.signals import heard

pytestmark = pytest.mark.parametrize("mode", [Mode.JWT], ids=str, indirect=True)


def _assert_revoked(device: Device) -> None:
    assert code(device.copy().call()) == (401, "session_ended")
    assert code(device.copy().who()) == (401, "session_ended")
    assert code(device.copy().refresh()) == (401, "session_ended")
    assert device.verify(device.credential) == {"active": False}


def test_an_older_token(live: LiveSite) -> None:
    """A token two generations old is reuse within the grace, too; the latest pair stops working."""
    ada = live.add_user()
    owner, other = live.logged_in(), live.logged_in()
    thief = owner.copy()
    for _ in range(2):
        assert owner.refresh().status_code == 200
    assert owner.logged_in()
    with heard(signals.refresh_reused) as reused, heard(signals.session_revoked) as revoked:
        assert code(thief.refresh()) == (401, "refresh_reused")
        _assert_revoked(owner)
    assert [said["reuse"] for said in reused] == [ReuseClass.OLDER]
    assert len(revoked) == 1
    assert other.logged_in()
    assert other.refresh().status_code == 200
    assert live.sids(ada) == [live.sid(other)]


def test_the_previous_token_too_late(live: LiveSite) -> None:
    """The predecessor after the grace revokes the auth session, also for a thief who refreshed first."""
    live.add_user()
    owner, other = live.logged_in(), live.logged_in()
    thief = owner.copy()
    assert thief.refresh().status_code == 200
    live.advance(seconds=11)
    with heard(signals.refresh_reused) as reused:
        assert code(owner.refresh()) == (401, "refresh_reused")
        _assert_revoked(thief)
    (said,) = reused
    assert said["reuse"] is ReuseClass.PREVIOUS
    assert timedelta(seconds=10) < said["age"] < timedelta(seconds=30)
    assert said["address"] == owner.address
    assert other.logged_in()


def test_the_grace_ends_with_the_first_use_of_the_successor(live: LiveSite) -> None:
    """A repeat gets the same successor until that has been used."""
    live.add_user()
    one = live.logged_in()
    two, three = one.copy(), one.copy()
    assert one.refresh().status_code == 200
    assert two.refresh().status_code == 200
    assert one.secret == two.secret
    assert one.refresh().status_code == 200
    assert code(three.refresh()) == (401, "refresh_reused")
    _assert_revoked(one)


def test_a_browser_deletes_its_cookies_after_reuse(live: LiveSite) -> None:
    """The response deletes both cookies of a browser; that to an app has no cookie."""
    live.add_user()
    owner = live.logged_in()
    thief = owner.copy()
    for _ in range(2):
        owner.refresh()
    answer = thief.refresh()
    assert answer.status_code == 401
    assert "error" not in body(answer)
    if thief.is_browser:
        assert not {ACCESS_COOKIE, REFRESH_COOKIE} & thief.cookies.keys()
    else:
        assert not answer.cookies
