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
    """The token before the last is reuse within the grace too; the latest pair is dead on next use."""
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
    """The predecessor after the grace ends the auth session; the thief who refreshed first is out as well."""
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


def test_the_grace_ends_with_the_successor_s_first_use(live: LiveSite) -> None:
    """A replay is answered with the same successor until somebody uses that."""
    live.add_user()
    one = live.logged_in()
    two, three = one.copy(), one.copy()
    assert one.refresh().status_code == 200
    assert two.refresh().status_code == 200
    assert one.django_session == two.django_session
    assert one.refresh().status_code == 200
    assert code(three.refresh()) == (401, "refresh_reused")
    _assert_revoked(one)


def test_a_browser_forgets_what_was_reused(live: LiveSite) -> None:
    """The browser that presented it is made to forget both cookies; an app's answer has no cookie."""
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
