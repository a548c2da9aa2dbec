"""django-hijack: an administrator works as another user, and returns."""

import pytest
from django.contrib.auth.models import User

from django_authkit import sessions_of
from support.client import PASSWORD, Device, body
from support.live_site import LiveSite, by_cookie, in_jwt_mode, in_session_mode

pytestmark = by_cookie


def seen(device: Device) -> tuple[str, bool]:
    """Return whom plain views see, and whether they are hijacked."""
    answer = body(device.get("/seen/"))
    return answer["name"], answer["hijacked"]


@pytest.fixture
def form_login(site: LiveSite, ada: User) -> Device:
    """Return ada's browser, which has logged in by Django's own form."""
    device = site.device()
    device.get("/auth/session/")
    answer = device.submit("/accounts/login/", username="ada", password=PASSWORD)
    assert answer.status_code == 302
    return device


def acquire_and_release(device: Device, bob: User) -> None:
    """Work as bob, and come back as ada."""
    assert device.submit("/hijack/acquire/", user_pk=str(bob.pk)).status_code == 302
    assert seen(device) == ("bob", True)
    assert device.submit("/hijack/release/").status_code == 302
    assert seen(device) == ("ada", False)


def test_after_djangos_form(site: LiveSite, ada: User, bob: User, form_login: Device) -> None:
    """In both modes the plain views follow, and neither auth session is left over."""
    assert seen(form_login) == ("ada", False)
    acquire_and_release(form_login, bob)
    assert len(sessions_of(ada)) == 1
    assert sessions_of(bob) == ()


def test_after_our_endpoint(site: LiveSite, ada: User, bob: User, device: Device) -> None:
    """Who logged in at ``login/`` can do the same, in both modes."""
    assert seen(device) == ("ada", False)
    acquire_and_release(device, bob)


@in_session_mode
def test_drf_views_follow(site: LiveSite, ada: User, bob: User, device: Device) -> None:
    """The API sees whom the pages see."""
    device.submit("/hijack/acquire/", user_pk=str(bob.pk))
    assert body(device.get("/api/seen/")) == body(device.get("/seen/"))
    assert body(device.call())["username"] == "bob"
    device.submit("/hijack/release/")
    assert body(device.call())["username"] == "ada"


@in_jwt_mode
def test_the_api_never_sees_the_administrator_meanwhile(
    site: LiveSite, ada: User, bob: User, device: Device
) -> None:
    """In JWT mode Django's login counts in plain views only: the API is 401, and not the administrator's."""
    device.submit("/hijack/acquire/", user_pk=str(bob.pk))
    assert seen(device) == ("bob", True)
    assert device.call().status_code == 401


def test_a_user_may_not(site: LiveSite, ada: User, bob: User) -> None:
    """Who is no administrator is refused."""
    device = site.logged_in("bob")
    assert device.submit("/hijack/acquire/", user_pk=str(ada.pk)).status_code == 403
    assert seen(device) == ("bob", False)
