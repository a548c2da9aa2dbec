"""A password change revokes what began before it, and nothing newer, wherever the transaction ends."""

import json
from collections.abc import Iterator

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import connections, transaction

from support.client import PASSWORD, Device, body
from support.live_site import LiveSite, by_cookie, by_header, in_session_mode

NEW = "another horse battery staple"
BETTER = "testapp.hashers.BetterHasher"
WAYS_TO_KEEP = ["/django/new-password/", "/django/new-password-twice/", "/django/new-password-by-django/"]


@pytest.fixture(params=["each statement", "each request", "the whole test"], autouse=True)
def transactions(request: pytest.FixtureRequest, site: LiveSite) -> Iterator[None]:
    """Commit after each statement, after each request (``ATOMIC_REQUESTS``), or never (``TestCase``)."""
    settings_dict = connections[site.alias].settings_dict
    settings_dict["ATOMIC_REQUESTS"] = request.param == "each request"
    if request.param == "the whole test":
        block = transaction.atomic(using=site.alias)
        vars(block)["_from_testcase"] = True
        with block:
            yield
            transaction.set_rollback(True, using=site.alias)
    else:
        yield
    settings_dict["ATOMIC_REQUESTS"] = False


def device_of(site: LiveSite, path: str, username: str) -> Device:
    """Return a device that was logged in by the view at *path*, which sets a password first."""
    device = site.device()
    if device.is_browser:
        device.who()  # for a CSRF token
    headers = {"X-Authkit-Transport": str(device.transport)}
    answer = device.post(path, username, headers=headers, anonymous=True)
    assert answer.status_code == 200, answer.content
    if not device.is_browser:
        credentials = json.loads(answer.content)
        device.access, device.refresh_token = credentials["access"], credentials.get("refresh", "")
    return device


def test_a_login_after_the_password_was_set_stays(site: LiveSite) -> None:
    """A user who signs up stays logged in."""
    device = device_of(site, "/django/sign-up/", "ada")
    assert device.logged_in()
    assert device.refresh().status_code == 200
    assert device.logged_in()
    assert site.sids(User.objects.get()) == [site.sid(device)]


def test_a_login_after_a_password_reset_stays_and_older_ones_do_not(site: LiveSite, ada: User) -> None:
    """After a reset that logs the user in, all others are logged out."""
    elsewhere = site.logged_in()
    device = device_of(site, "/django/reset/", "ada")
    assert device.logged_in()
    assert device.refresh().status_code == 200
    assert not elsewhere.logged_in()
    assert elsewhere.refresh().status_code == 401


def test_a_login_between_two_password_changes_does_not_stay(site: LiveSite, ada: User) -> None:
    """Only logins after the last of two changes stay."""
    device = device_of(site, "/django/reset-twice/", "ada")
    assert not device.logged_in()


@pytest.mark.parametrize("path", WAYS_TO_KEEP)
def test_update_session_auth_hash_keeps_its_own_device(
    site: LiveSite, ada: User, device: Device, path: str
) -> None:
    """The device that changed the password stays; no other does."""
    assert_own_device_stays(site, device, path)


@by_cookie
@in_session_mode
def test_login_keeps_the_own_browser(site: LiveSite, ada: User, device: Device) -> None:
    """Logging in again after the change keeps the browser logged in, as in Django."""
    assert_own_device_stays(site, device, "/django/new-password-by-login/")


def assert_own_device_stays(site: LiveSite, device: Device, path: str) -> None:
    """Change the password at *path*."""
    elsewhere = site.logged_in()
    assert device.post(path, NEW).status_code == 200
    assert device.refresh().status_code == 200
    assert device.logged_in()
    assert not elsewhere.logged_in()
    assert elsewhere.refresh().status_code == 401


def test_a_change_after_a_rehash_revokes(site: LiveSite, ada: User) -> None:
    """The sessions of the old password are revoked, although its hash was renewed right before."""
    elsewhere = site.logged_in()
    site.settings.PASSWORD_HASHERS = [BETTER, *site.settings.PASSWORD_HASHERS]
    with transaction.atomic(using=site.alias):
        assert ada.check_password(PASSWORD)
        ada.set_password(NEW)
        ada.save()
    assert not elsewhere.logged_in()
    assert elsewhere.refresh().status_code == 401


@by_header
def test_a_new_password_that_looks_like_a_rehash_revokes(site: LiveSite, ada: User, device: Device) -> None:
    """Only a hash that is saved while a password is checked counts as one of the same password."""
    site.settings.PASSWORD_HASHERS = [BETTER, *site.settings.PASSWORD_HASHERS]
    ada.password = make_password(NEW)
    ada.save(update_fields=["password"])
    assert body(device.call())["code"] in {"session_ended", "token_expired"}
    assert device.refresh().status_code == 401
