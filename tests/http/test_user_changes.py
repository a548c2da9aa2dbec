"""What changes of the user do: a new password, a deactivation, new keys and hashers."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from pytest_django import Settings

from django_authkit import sessions_of
from django_authkit.types import Transport
from support.client import PASSWORD, SESSION_COOKIE, Device, body, code
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode

NEW = "another horse battery staple"


def change_by_djangos_view(device: Device) -> int:
    """Change the password by Django's ``PasswordChangeView``; return the status."""
    return device.submit(
        "/django/password-change/", old_password=PASSWORD, new_password1=NEW, new_password2=NEW
    ).status_code


def change_by_our_function(device: Device) -> int:
    """Change the password in a view that calls our ``update_session_auth_hash``; return the status."""
    return device.post("/django/new-password/", NEW).status_code


def change_by_djangos_async_function(device: Device) -> int:
    """Change the password in an async view with Django's ``aupdate_session_auth_hash``; return the status."""
    return device.post("/django/new-password-async/", NEW).status_code


CHANGES = [change_by_djangos_async_function, change_by_djangos_view, change_by_our_function]


def assert_only_the_own_device_stays(
    site: LiveSite, ada: User, device: Device, change: Callable[[Device], int]
) -> None:
    """Check that a password change on *device* keeps it logged in and revokes all others."""
    elsewhere, browser, sid = site.logged_in(), django_device(site), site.sid(device)
    assert change(device) in {200, 302}
    assert site.sids(ada) == [sid]
    assert device.refresh().status_code == 200
    assert site.sid(device) == sid
    assert device.logged_in()
    assert body(browser.get("/plain/whoami/"))["id"] is None
    assert not elsewhere.logged_in()
    assert elsewhere.refresh().status_code == 401


@by_cookie
@pytest.mark.parametrize("change", CHANGES)
def test_the_own_password_change_keeps_the_own_browser(
    site: LiveSite, ada: User, device: Device, change: Callable[[Device], int]
) -> None:
    """The browser that changed the password stays logged in, in both modes."""
    assert_only_the_own_device_stays(site, ada, device, change)


@by_header
@in_jwt_mode
@pytest.mark.parametrize("change", CHANGES)
def test_the_own_password_change_keeps_the_own_app(
    site: LiveSite, ada: User, device: Device, change: Callable[[Device], int]
) -> None:
    """An app stays logged in, too, in JWT mode; in session mode it could not get its new key."""
    assert_only_the_own_device_stays(site, ada, device, change)


def django_device(site: LiveSite) -> Device:
    """Return a browser that has logged in by a plain view with Django's ``login``."""
    browser = site.device(Transport.COOKIE)
    assert browser.post("/django/switch/ada/").status_code == 200
    return browser


@in_session_mode
@pytest.mark.parametrize("change", CHANGES)
def test_the_own_password_change_revokes_all_others_of_a_bearer(
    site: LiveSite, ada: User, device: Device, change: Callable[[Device], int]
) -> None:
    """The old key is refused, and no other auth session is left."""
    elsewhere, sid, old = site.logged_in(), site.sid(device), device.copy()
    assert change(device) in {200, 302}
    assert set(site.sids(ada)) <= {sid}
    assert not elsewhere.logged_in()
    if device.is_browser:
        assert device.cookies[SESSION_COOKIE] != old.cookies[SESSION_COOKIE]
        assert code(old.call()) == (401, "session_ended")


def test_a_password_change_that_keeps_nothing_revokes_all(site: LiveSite, ada: User, device: Device) -> None:
    """If the view does not keep its own auth session, that is revoked as well."""
    elsewhere = site.logged_in()
    answer = device.post("/django/forgetful-password/", NEW)
    assert answer.status_code == 200
    assert sessions_of(ada) == ()
    assert not device.logged_in()
    assert not elsewhere.logged_in()


def by_setting(user: User) -> None:
    """Change the password."""
    user.set_password(NEW)
    user.save()


def by_switching_off(user: User) -> None:
    """Deactivate the account."""
    user.is_active = False
    user.save(update_fields=["is_active"])


def by_deleting(user: User) -> None:
    """Delete the account."""
    user.delete()


def by_unusable(user: User) -> None:
    """Set an unusable password."""
    user.set_unusable_password()
    user.save()


@pytest.mark.parametrize("change", [by_setting, by_switching_off, by_deleting, by_unusable])
def test_an_administrators_change_revokes_all(
    site: LiveSite, ada: User, device: Device, change: Callable[[User], None]
) -> None:
    """A change by somebody else revokes every auth session of the user, and no other user's."""
    site.add_user("bob")
    other, browser = site.logged_in("bob"), django_device(site)
    user_id = ada.pk
    change(ada)
    assert sessions_of(User(pk=user_id)) == ()
    assert code(device.call()) == (401, "session_ended")
    assert code(device.copy().refresh()) == (401, "session_ended")
    assert body(browser.get("/plain/whoami/"))["id"] is None
    assert other.logged_in()


@by_cookie
def test_a_password_set_in_the_admin_revokes_all(site: LiveSite, ada: User, device: Device) -> None:
    """The same for the admin's form for another user's password."""
    chief = site.add_user("chief", is_staff=True, is_superuser=True)
    boss = site.logged_in("chief")
    fields = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    assert boss.submit(f"/admin/auth/user/{ada.pk}/password/", **fields).status_code == 302
    assert sessions_of(ada) == ()
    assert not device.logged_in()
    assert boss.logged_in()
    assert len(sessions_of(chief)) == 1


def test_a_change_that_is_rolled_back_revokes_nothing(site: LiveSite, ada: User, device: Device) -> None:
    """Only committed changes count."""

    def change_and_fail() -> None:
        with transaction.atomic(using=site.alias):
            by_setting(ada)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert device.logged_in()


def test_other_changes_revoke_nothing(site: LiveSite, ada: User, device: Device) -> None:
    """A new name or address logs nobody out."""
    ada.email, ada.first_name = "new@example.org", "Ada"
    ada.save()
    assert device.logged_in()
    assert device.refresh().status_code == 200


def test_a_better_hasher_logs_nobody_out(site: LiveSite, ada: User, device: Device) -> None:
    """When a login rehashes the same password, every device, key and token stays valid."""
    second, browser = site.logged_in(), django_device(site)
    site.settings.PASSWORD_HASHERS = [
        "testapp.hashers.BetterHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    third = site.logged_in()
    ada.refresh_from_db()
    assert ada.password.startswith("better$")
    assert len(sessions_of(ada)) == 4
    for device_ in (device, second, third):
        assert device_.logged_in()
        assert device_.refresh().status_code == 200
        assert device_.logged_in()
    assert body(browser.get("/plain/whoami/"))["id"] == ada.pk


def test_a_new_secret_key_logs_nobody_out(site: LiveSite, ada: User, device: Device) -> None:
    """With the old one among ``SECRET_KEY_FALLBACKS`` all stays valid; later it can be removed."""
    sid = site.sid(device)
    old = site.settings.SECRET_KEY
    site.settings.SECRET_KEY = "the next key of this site, which is long enough to sign with as well"
    site.settings.SECRET_KEY_FALLBACKS = [old]
    site.keep_time()
    assert device.logged_in()
    assert device.refresh().status_code == 200
    assert device.logged_in()
    site.settings.SECRET_KEY_FALLBACKS = []
    site.keep_time()
    assert device.logged_in()
    assert device.refresh().status_code == 200
    assert site.sid(device) == sid


def test_a_lost_secret_key_logs_everybody_out(site: LiveSite, ada: User, device: Device) -> None:
    """Without the old key nothing signed or stamped with it is valid; a new login works."""
    site.settings.SECRET_KEY = "the next key of this site, which is long enough to sign with as well"
    site.keep_time()
    assert not device.logged_in()
    assert device.refresh().status_code == 401
    assert site.logged_in().logged_in()


class ProxyUser(User):
    """The same users under another class."""

    class Meta:
        """A proxy has no table."""

        proxy = True
        app_label = "auth"


def by_proxy(user: User, **changes: Any) -> None:
    """Save *changes* through a proxy model."""
    proxied = ProxyUser.objects.get(pk=user.pk)
    for name, value in changes.items():
        setattr(proxied, name, value)
    proxied.save()


def test_a_password_changed_through_a_proxy_model_revokes_all(
    site: LiveSite, ada: User, device: Device
) -> None:
    """Whatever class the project uses to save the user."""
    proxied = ProxyUser.objects.get(pk=ada.pk)
    proxied.set_password("another horse battery staple")
    proxied.save()
    assert sessions_of(ada) == ()
    assert not device.logged_in()


def test_an_account_deactivated_through_a_proxy_model_revokes_all(
    site: LiveSite, ada: User, device: Device
) -> None:
    """Whatever class the project uses to save the user."""
    by_proxy(ada, is_active=False)
    assert sessions_of(ada) == ()
    assert not device.logged_in()


def test_an_unusable_password_over_an_outdated_hash_revokes_all(
    site: LiveSite, ada: User, device: Device, settings: Settings
) -> None:
    """Even if the old hash was due for a rehash, an unusable password is a change."""
    settings.PASSWORD_HASHERS = [
        "testapp.hashers.BetterHasher",
        *settings.PASSWORD_HASHERS,
    ]
    ada.refresh_from_db()
    ada.set_unusable_password()
    ada.save(update_fields=["password"])
    assert sessions_of(ada) == ()
    assert not device.logged_in()


@by_cookie
@in_session_mode
def test_a_user_is_created_while_a_backend_cannot_be_imported(site: LiveSite) -> None:
    """What a change of the user revokes is not asked for a user who is new."""
    site.settings.AUTHENTICATION_BACKENDS = ["project.without.such_a.Backend"]
    assert User.objects.create_user("grace").pk


@pytest.mark.parametrize("password", ["", "unset"])
def test_a_new_user_under_the_primary_key_of_a_deleted_one(site: LiveSite, password: str) -> None:
    """The deleted user is logged out, even if neither has a password and no signal was sent."""
    if site.is_jwt:
        site.configure(ACCESS_CHECK="none")
    ada = site.add_user()
    User.objects.filter(pk=ada.pk).update(password=password)
    device, browser = site.device(), django_device(site)
    device.who()
    asked = {"X-Passkey": "ada", "X-Authkit-Transport": str(site.transport)}
    device._keep(device.post("/plain/own-login/", headers={**device.csrf(), **asked}))  # noqa: SLF001
    assert device.logged_in()
    assert device.refresh().status_code == 200
    assert body(browser.get("/plain/whoami/"))["id"] == ada.pk
    User.objects.filter(pk=ada.pk).update(username="ada2")
    assert device.logged_in()
    with connections[site.alias].cursor() as cursor:
        cursor.execute("DELETE FROM auth_user WHERE id = %s", [ada.pk])
    User.objects.bulk_create([User(pk=ada.pk, username="ada", password=password)])
    assert not device.logged_in()
    assert device.refresh().status_code == 401
    assert body(browser.get("/plain/whoami/"))["id"] is None
