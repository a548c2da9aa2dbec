"""Inactive users: each Django auth backend says whether it lets them in, and the stock one does not."""

import pytest
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_authkit import revoke, sessions_of
from support.client import PASSWORD, Device, body, code
from support.live_site import LiveSite

STOCK = "django.contrib.auth.backends.ModelBackend"
ALL_USERS = "django.contrib.auth.backends.AllowAllUsersModelBackend"
LOADINGS = pytest.mark.parametrize("loading", ["eager", "lazy"])


class Silent(BaseBackend):
    """Finds all users, and does not tell what it thinks of those who are inactive."""

    def authenticate(self, request: object, username: str = "", **credentials: object) -> User | None:
        """Return the user with that name, whatever the password is."""
        return User.objects.filter(username=username).first()

    def get_user(self, user_id: int) -> User | None:
        """Return the user."""
        return User.objects.filter(pk=user_id).first()


class Active(APIView):
    """Asks a user who may not have been read."""

    def get(self, request: Request) -> Response:
        """Return whether they are active."""
        return Response({"active": request.user.is_active})


urlpatterns = [path("active/", Active.as_view()), path("", include("testapp.user_views"))]


def allow_all(site: LiveSite, loading: str) -> None:
    """Deploy the site with the backend that lets inactive users in."""
    site.settings.AUTHENTICATION_BACKENDS = [ALL_USERS]
    site.settings.ROOT_URLCONF = "testapp.user_views"
    site.configure(USER_LOADING=loading)


def works(device: Device) -> bool:
    """Tell whether views that read the user, and views that do not, know who it is."""
    answers = [device.get(path) for path in ("/drf/name/", "/drf/key/")]
    assert {each.status_code for each in answers} <= {200, 401}
    return all(each.status_code == 200 for each in answers)


@LOADINGS
def test_a_backend_that_lets_inactive_users_in(site: LiveSite, loading: str) -> None:
    """They log in, make requests, refresh and prove who they are, until they are logged out."""
    allow_all(site, loading)
    site.add_user("ina", is_active=False)
    device = site.device()
    assert device.log_in("ina").status_code == 200
    assert works(device)
    site.advance(minutes=4)
    assert device.refresh().status_code == 200
    assert device.reauthenticate(PASSWORD).status_code == 200
    assert works(device)
    assert code(site.device().log_in("ina", password="wrong")) == (401, "login_failed")
    revoke(sessions_of(User.objects.get(username="ina"))[0].sid)
    assert not works(device)


@LOADINGS
def test_deactivation_revokes_nothing_where_inactive_users_may_log_in(site: LiveSite, loading: str) -> None:
    """With a signal and without one; a lazy user is read before ``is_active`` is told."""
    allow_all(site, loading)
    ada = site.add_user()
    device = site.logged_in()
    ada.is_active = False
    ada.save()
    assert works(device)
    User.objects.filter(pk=ada.pk).update(last_name="left")
    assert works(device)
    assert len(sessions_of(ada)) == 1


def assert_inactive_users_stay_out(site: LiveSite, ada: User) -> None:
    """One cannot log in, and *ada* is logged out when she is deactivated."""
    site.add_user("ina", is_active=False)
    assert code(site.device().log_in("ina")) == (401, "login_failed")
    device = site.logged_in()
    ada.is_active = False
    ada.save()
    assert sessions_of(ada) == ()
    assert not device.logged_in()


@LOADINGS
def test_the_stock_backend_refuses_inactive_users(site: LiveSite, ada: User, loading: str) -> None:
    """At the login, and from the next request on after they were deactivated."""
    site.configure(USER_LOADING=loading)
    assert_inactive_users_stay_out(site, ada)


def test_a_backend_that_does_not_tell_lets_no_inactive_users_in(site: LiveSite) -> None:
    """A backend without ``user_can_authenticate`` may have forgotten them, so they stay out."""
    site.settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Silent"]
    ada = site.add_user()
    assert_inactive_users_stay_out(site, ada)


def test_each_backend_decides_about_its_own_logins(site: LiveSite) -> None:
    """Of two backends, deactivation ends the logins of the one that refuses inactive users."""
    ada = site.add_user()
    site.settings.AUTHENTICATION_BACKENDS = [STOCK, ALL_USERS]
    by_stock = site.logged_in()
    site.settings.AUTHENTICATION_BACKENDS = [ALL_USERS, STOCK]
    by_other = site.logged_in()
    ada.is_active = False
    ada.save()
    assert [each.backend for each in sessions_of(ada)] == [ALL_USERS]
    assert not by_stock.logged_in()
    assert by_other.logged_in()


def test_a_lazy_user_tells_whether_they_are_active(site: LiveSite) -> None:
    """``is_active`` is that of the row where inactive users may be logged in."""
    allow_all(site, "lazy")
    site.settings.ROOT_URLCONF = __name__
    site.add_user("ina", is_active=False)
    device = site.logged_in("ina")
    assert body(device.get("/active/")) == {"active": False}
