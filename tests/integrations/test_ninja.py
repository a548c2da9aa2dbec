"""django-ninja: its operations know the user of either mode, and our errors are in our format."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import include, path

from django_authkit import revoke_user
from django_authkit.service import require_recent
from django_authkit.types import Mode
from support.client import Device, body, code
from support.live_site import LiveSite, by_header

ninja = pytest.importorskip("ninja", reason="django-ninja comes with the extra test")
from ninja.throttling import AuthRateThrottle  # noqa: E402 - after importorskip

from django_authkit.contrib.ninja import (  # noqa: E402 - after importorskip
    AuthKitAuth,
    JWTAuth,
    SessionAuth,
    handle_errors,
)

api = ninja.NinjaAPI(auth=AuthKitAuth())
handle_errors(api)


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"name": request.user.get_username(), "auth": type(request.auth).__name__}  # type: ignore[attr-defined]


async def _who_async(request: HttpRequest) -> dict[str, Any]:
    return _who(request)


async def _who_later(request: HttpRequest) -> dict[str, Any]:
    user = await request.auser()
    return {"name": user.get_username(), "same": user == request.user}


def _vault(request: HttpRequest) -> dict[str, Any]:
    require_recent(request.auth)  # type: ignore[attr-defined]
    return _who(request)


api.get("/who/")(_who)
api.get("/who-async/")(_who_async)
api.get("/who-later/")(_who_later)
api.post("/write/")(_who)
api.get("/public/", auth=None)(lambda request: {"name": request.user.get_username()})
api.get("/session/", auth=SessionAuth())(_who)
api.get("/jwt/", auth=JWTAuth())(_who)
api.get("/limited/", throttle=[AuthRateThrottle("2/h")])(_who)
api.get("/vault/")(_vault)
urlpatterns = [path("ninja/", api.urls), path("", include("projects.integrations_urls"))]


@pytest.fixture
def site(site: LiveSite) -> LiveSite:
    """Serve the API; with ``DEBUG``, where an error that nothing handles is a traceback in the response."""
    site.settings.ROOT_URLCONF = __name__
    site.settings.DEBUG = True
    return site


READS = ["/ninja/who/", "/ninja/who-async/"]


@pytest.mark.parametrize("path", READS)
def test_an_operation_knows_the_user(device: Device, path: str) -> None:
    """Whatever the mode and the transport, in synchronous and in asynchronous operations."""
    assert body(device.get(path)) == {"name": "ada", "auth": "Authentication"}


def test_an_asynchronous_operation_reads_a_lazy_user(site: LiveSite, device: Device) -> None:
    """With ``auser``, after which ``request.user`` has its row, too."""
    site.configure(USER_LOADING="lazy")
    assert body(device.get("/ninja/who-later/")) == {"name": "ada", "same": True}


@pytest.mark.parametrize("path", READS)
def test_a_missing_login_is_401_in_our_format(site: LiveSite, path: str) -> None:
    """With a challenge, and as JSON for a browser, too."""
    answer = site.device().get(path, headers={"Accept": "text/html"})
    assert code(answer) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("path", READS)
def test_a_revoked_login_is_401_in_our_format(site: LiveSite, ada: User, device: Device, path: str) -> None:
    """With the reason, as for DRF's views."""
    revoke_user(ada)
    answer = device.get(path, headers={"Accept": "text/html"})
    assert code(answer) == (401, "session_ended")
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]


@by_header
def test_a_bad_bearer_is_no_traceback_in_a_public_operation(site: LiveSite) -> None:
    """An operation without a login that looks at the user is like a plain view: 401."""
    device = site.device()
    assert body(device.get("/ninja/public/")) == {"name": ""}
    device.access = "not-a-credential"
    assert code(device.get("/ninja/public/")) == (401, "token_malformed")
    assert code(device.get("/ninja/who/")) == (401, "token_malformed")


def test_only_a_cookie_needs_proof_of_our_front_end(site: LiveSite, device: Device) -> None:
    """An unsafe request with a cookie and without a CSRF token is 403 in our format."""
    assert device.post("/ninja/write/", {}).status_code == 200
    bearer = {} if device.is_browser else {"Authorization": f"Bearer {device.access}"}
    unproved = device.send("POST", "/ninja/write/", b"{}", headers=bearer)
    assert unproved.status_code == (403 if device.is_browser else 200)
    if device.is_browser:
        assert code(unproved) == (403, "csrf_failed")


def test_a_class_of_one_mode_takes_its_credentials_only(site: LiveSite, device: Device) -> None:
    """Those of the other mode are as none."""
    of_mode, of_other = ["/ninja/session/", "/ninja/jwt/"][:: 1 if site.mode is Mode.SESSION else -1]
    assert device.get(of_mode).status_code == 200
    assert code(device.get(of_other)) == (401, "not_authenticated")


@by_header
def test_errors_that_an_operation_raises_are_in_our_format(site: LiveSite, device: Device) -> None:
    """For example, that the last authentication is too old."""
    assert device.get("/ninja/vault/").status_code == 200
    site.advance(minutes=11)
    if site.is_jwt:
        device.refresh()
    answer = device.get("/ninja/vault/")
    assert code(answer) == (401, "reauthentication_required")
    assert "insufficient_user_authentication" in answer["WWW-Authenticate"]


def test_throttles_count_by_user(site: LiveSite, device: Device) -> None:
    """A refresh does not start the count again."""
    assert [device.get("/ninja/limited/").status_code for _ in range(2)] == [200, 200]
    device.refresh()
    site.advance(seconds=1)
    assert device.get("/ninja/limited/").status_code == 429
