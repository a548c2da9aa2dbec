"""What an attacker who read the code has found; each was open once."""

import pytest
from django.contrib.auth.models import User

from django_authkit import revoke, sessions_of
from support.client import SESSION_COOKIE, Device, code
from support.live_site import LiveSite, by_cookie, in_jwt_mode, in_session_mode


@in_jwt_mode
@by_cookie
def test_a_revoked_token_ends_no_devices_by_the_page(site: LiveSite, ada: User, device: Device) -> None:
    """Even where access tokens are believed until they expire."""
    site.configure(ACCESS_CHECK="none")
    thief = site.logged_in()
    revoke(site.sid(thief))
    answer = thief.submit("/account/devices/", end="others")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    assert device.logged_in()


@in_jwt_mode
@pytest.mark.parametrize("check", ["store", "none"])
def test_a_user_switched_off_in_silence_ends_no_devices(
    site: LiveSite, ada: User, device: Device, check: str
) -> None:
    """With a lazy user too: no signal told of it, so the row is looked at before anything is done."""
    site.configure(ACCESS_CHECK=check, USER_LOADING="lazy")
    elsewhere = site.logged_in()
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert device.delete("/auth/sessions/").status_code == 401
    assert code(device.get("/auth/sessions/"))[0] == 401
    User.objects.filter(pk=ada.pk).update(is_active=True)
    assert elsewhere.logged_in()


@in_session_mode
@by_cookie
def test_a_body_with_junk_does_not_replace_the_proof_at_log_out(
    site: LiveSite, ada: User, device: Device
) -> None:
    """The cookie's session is ended only by a request that our own front end is proved to have sent."""
    forged = device.copy()
    answer = forged.send("POST", "/auth/logout/", b'{"refresh": "junk"}')
    assert answer.status_code == 204
    assert SESSION_COOKIE not in answer.cookies
    assert len(sessions_of(ada)) == 1
    assert device.logged_in()
