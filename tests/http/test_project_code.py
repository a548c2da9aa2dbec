"""What a project's own code may do: log in from a DRF view, require a login everywhere, use proxy models."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import path
from pytest_django import Settings
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_authkit import log_in, sessions_of
from projects import urls
from support.client import Device, code
from support.live_site import LiveSite


class OwnLogIn(APIView):
    """A login that the project decides by itself."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        """Log ada in, and answer as our endpoint does."""
        grant = log_in(request, User.objects.get(username="ada"), amr=("swk",))
        response = Response({"id": request.user.pk, **grant.credentials()})
        grant.attach(response)
        return response


urlpatterns = [*urls.urlpatterns, path("own/login/", OwnLogIn.as_view())]


class ProxyUser(User):
    """The same users under another class."""

    class Meta:
        """A proxy has no table."""

        proxy = True
        app_label = "auth"


def test_a_drf_view_may_log_in_with_the_request_it_has(site: LiveSite, ada: User, settings: Settings) -> None:
    """``log_in`` takes DRF's request as well as Django's; one auth session begins, and says how."""
    settings.ROOT_URLCONF = __name__
    device = site.device()
    answer = device.post("/own/login/", {}, headers={"X-Authkit-Transport": str(site.transport)})
    assert answer.status_code == 200
    assert [session.amr for session in sessions_of(ada)] == [("swk",)]


@pytest.mark.parametrize("address", ["/plain/whoami/", "/plain/whoami-async/"])
def test_a_stale_bearer_is_a_401_where_django_requires_a_log_in(
    site: LiveSite, device: Device, settings: Settings, address: str
) -> None:
    """Behind ``LoginRequiredMiddleware`` too: it asks for the user before any view could fail."""
    if device.is_browser:
        pytest.skip("a stale cookie is a stranger, who is sent to log in")
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert device.get(address).status_code == 200
    stale = device.copy()
    device.log_out()
    answer = stale.get(address)
    assert code(answer) == (401, "session_ended")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def by_proxy(user: User, **changes: Any) -> None:
    """Save *changes* through a proxy model."""
    proxied = ProxyUser.objects.get(pk=user.pk)
    for name, value in changes.items():
        setattr(proxied, name, value)
    proxied.save()


def test_a_password_changed_through_a_proxy_model_ends_all(site: LiveSite, ada: User, device: Device) -> None:
    """Whatever class the project saves its users by."""
    proxied = ProxyUser.objects.get(pk=ada.pk)
    proxied.set_password("another horse battery staple")
    proxied.save()
    assert sessions_of(ada) == ()
    assert not device.logged_in()


def test_an_account_switched_off_through_a_proxy_model_ends_all(
    site: LiveSite, ada: User, device: Device
) -> None:
    """Whatever class the project saves its users by."""
    by_proxy(ada, is_active=False)
    assert sessions_of(ada) == ()
    assert not device.logged_in()


def test_a_password_taken_away_from_an_outdated_hash_ends_all(
    site: LiveSite, ada: User, device: Device, settings: Settings
) -> None:
    """Though the old hash was due for a better hasher, no password is not the same password."""
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    ada.refresh_from_db()
    ada.set_unusable_password()
    ada.save(update_fields=["password"])
    assert sessions_of(ada) == ()
    assert not device.logged_in()
