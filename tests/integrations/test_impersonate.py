"""django-impersonate: an administrator sees the site as another user, within the same auth session."""

from django.contrib.auth.models import User

from django_authkit import sessions_of
from support.client import Device, body
from support.live_site import LiveSite, by_cookie

pytestmark = by_cookie


def seen(device: Device) -> set[str]:
    """Return the names that plain and DRF views see."""
    return {body(device.get("/seen/"))["name"], body(device.get("/api/seen/"))["name"]}


def test_views_follow_from_start_to_stop(site: LiveSite, ada: User, bob: User, device: Device) -> None:
    """In both kinds of view; the auth session is the administrator's all the time."""
    assert seen(device) == {"ada"}
    assert device.get(f"/impersonate/{bob.pk}/").status_code == 302
    assert seen(device) == {"bob"}
    assert seen(site.logged_in("ada")) == {"ada"}
    assert device.get("/impersonate/stop/").status_code == 302
    assert seen(device) == {"ada"}
    assert len(sessions_of(ada)) == 2
    assert sessions_of(bob) == ()


def test_a_logout_ends_it(site: LiveSite, ada: User, bob: User, device: Device) -> None:
    """The next login of the browser is nobody else's."""
    device.get(f"/impersonate/{bob.pk}/")
    assert device.log_out().status_code == 204
    assert body(device.get("/name/"))["name"] == ""
    device.log_in()
    assert seen(device) == {"ada"}


def test_a_user_may_not(site: LiveSite, ada: User, bob: User) -> None:
    """Who is no administrator goes on as before."""
    device = site.logged_in("bob")
    device.get(f"/impersonate/{ada.pk}/")
    assert seen(device) == {"bob"}
