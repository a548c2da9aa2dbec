"""django-oauth-toolkit: its pages and tokens beside ours, which travel in the same header."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application
from pytest_django import Settings

from support.client import Device, body, code
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode

PATHS = ["/seen/", "/api/seen-by-oauth/"]


@pytest.fixture(autouse=True)
def installed(settings: Settings, site: LiveSite) -> None:
    """Install its middleware and its backend, without django-axes, which would count each refused bearer."""
    ours = "django_authkit.middleware.AuthenticationMiddleware"
    others = [each for each in settings.MIDDLEWARE if not each.startswith("axes.")]
    others.insert(others.index(ours) + 1, "oauth2_provider.middleware.OAuth2TokenMiddleware")
    settings.MIDDLEWARE = others
    settings.AUTHENTICATION_BACKENDS = [
        "oauth2_provider.backends.OAuth2Backend",
        "django.contrib.auth.backends.ModelBackend",
    ]


@pytest.fixture
def application(bob: User) -> Application:
    """Return an application of bob's."""
    application: Application = Application.objects.create(
        user=bob,
        name="a printer",
        client_type="public",
        authorization_grant_type="authorization-code",
        redirect_uris="https://printer.example/done",
    )
    return application


@pytest.fixture
def client(site: LiveSite, bob: User, application: Application) -> Device:
    """Return an app with an OAuth access token of bob's."""
    device = site.device()
    end = timezone.now() + timedelta(hours=1)
    AccessToken.objects.create(user=bob, application=application, token="oauths-own", expires=end)
    device.access = "oauths-own"
    return device


@by_header
@pytest.mark.parametrize("path", PATHS)
def test_each_bearer_is_seen_as_its_own(
    site: LiveSite, ada: User, device: Device, client: Device, path: str
) -> None:
    """Its token and ours, in plain views and in DRF's."""
    assert body(device.get(path))["name"] == "ada"
    assert body(client.get(path))["name"] == "bob"


@by_header
def test_a_view_answers_to_its_bearer_as_it_likes(site: LiveSite, client: Device) -> None:
    """A status that could hide an error of ours stays as it is, since its middleware knew who it was."""
    assert client.get("/protected/").status_code == 403


@by_header
@pytest.mark.parametrize("path", PATHS)
def test_a_bearer_of_neither_is_401(site: LiveSite, client: Device, path: str) -> None:
    """With a code of ours."""
    client.access = "nobodys"
    assert client.get(path).status_code == 401


@in_jwt_mode
@by_header
@pytest.mark.parametrize("path", PATHS)
def test_our_expired_bearer_is_401_with_its_code(site: LiveSite, device: Device, path: str) -> None:
    """Though its middleware asked for the user before; the client refreshes and goes on."""
    site.advance(minutes=10)
    assert code(device.get(path)) == (401, "token_expired")
    assert device.refresh().status_code == 200
    assert body(device.get(path))["name"] == "ada"


@by_cookie
def test_its_pages_know_the_user(site: LiveSite, ada: User, device: Device, application: Application) -> None:
    """Whoever is logged in may authorize an application; everybody else is sent to log in."""
    path = (
        "/oauth/authorize/?response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        f"&code_challenge_method=S256&client_id={application.client_id}"
    )
    answer = device.get(path)
    assert answer.status_code == 200
    assert b"a printer" in answer.content
    assert site.device().get(path).status_code == 302
