"""``include()`` below a path with a captured part: a tenant, a version."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import include, path, re_path
from pytest_django import Settings

from django_authkit.types import Transport
from support.client import PASSWORD, Device
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode
from testapp import views

OURS = [
    path("auth/", include("django_authkit.urls")),
    path("devices/", include("django_authkit.pages.urls")),
    path("compat/", include("django_authkit.compat.simplejwt.urls")),
]
ROOTS = {
    "/named/acme": path("named/<slug:tenant>/", include(OURS)),
    "/positional/acme": re_path(r"^positional/(\w+)/", include(OURS)),
    "/extra": path("extra/", include(OURS), {"tenant": "acme"}),
    "/nested/acme": path("nested/<slug:tenant>/", include((OURS, "shop"))),
}
"""How a project may include us: by name, by position, with an extra argument, in a namespace of its own."""

pytestmark = [
    pytest.mark.parametrize("where", ["sqlite"], indirect=True),
    pytest.mark.parametrize("root", ROOTS),
]


@pytest.fixture(autouse=True)
def _urls(settings: Settings, root: str) -> None:
    settings.ROOT_URLCONF = (ROOTS[root], path("api/whoami/", views.WhoAmI.as_view()))


def logged_in(site: LiveSite, root: str) -> Device:
    """Return a device that logged in below *root*."""
    device = site.device()
    device.get(f"{root}/auth/session/")  # a browser gets its CSRF cookie
    answer = device.post(
        f"{root}/auth/login/",
        {"username": "ada", "password": PASSWORD},
        headers={"X-Authkit-Transport": str(site.transport)},
        anonymous=True,
    )
    keep(device, answer)
    return device


def keep(device: Device, answer: HttpResponse) -> None:
    """Keep the credential in the body of a response, as an app does."""
    assert answer.status_code == 200, answer.content
    if not device.is_browser:
        given = json.loads(answer.content)
        device.access, device.refresh_token = given["access"], given.get("refresh", "")


def test_every_endpoint_works_below_a_captured_part(site: LiveSite, ada: User, root: str) -> None:
    """No endpoint is affected by what the path before it captures."""
    device, other = logged_in(site, root), logged_in(site, root)
    auth = f"{root}/auth"
    renewed = device.post(
        f"{auth}/refresh/", None if device.is_browser else {"refresh": device.refresh_token or device.access}
    )
    keep(device, renewed)
    assert device.get(f"{auth}/session/").json()["user"]["username"] == "ada"  # type: ignore[attr-defined]
    proof: dict[str, Any] = {"password": PASSWORD}
    if device.refresh_token:
        proof["refresh"] = device.refresh_token
    keep(device, device.post(f"{auth}/reauthenticate/", proof))
    sids = [each["sid"] for each in device.get(f"{auth}/sessions/").json()["results"]]  # type: ignore[attr-defined]
    assert len(sids) == 2
    assert device.post(f"{auth}/verify/", {"token": "junk"}).status_code == 200
    theirs = other.get(f"{auth}/session/").json()["session"]["sid"]  # type: ignore[attr-defined]
    assert device.delete(f"{auth}/sessions/{theirs}/").status_code == 204
    assert device.delete(f"{auth}/sessions/").status_code == 200
    assert device.get(f"{auth}/.well-known/jwks.json").status_code == 200
    assert device.post(f"{auth}/adopt/").status_code in {400, 401}
    assert device.post(f"{auth}/logout/").status_code == 204
    assert not device.logged_in()


@by_cookie
def test_the_device_page_leads_to_pages_below_the_same_captured_part(
    site: LiveSite, ada: User, root: str
) -> None:
    """The list, its redirects and its links stay below what was captured."""
    site.configure(RECENT_AUTH={"TO_REVOKE": True, "MAX_AGE": timedelta(minutes=3)})
    device = logged_in(site, root)
    logged_in(site, root)
    pages = f"{root}/devices/"
    assert device.get(pages).status_code == 200
    done = device.submit(pages, revoke="others")
    assert (done.status_code, done.headers["Location"]) == (302, pages)
    logged_in(site, root)
    site.advance(minutes=4)
    asked = device.submit(pages, revoke="others")
    assert asked.headers["Location"] == f"{pages}reauthenticate/?revoke=others"
    form = device.get(asked.headers["Location"]).content.decode()
    assert re.search(f'<a href="{pages}">', form)
    proved = device.submit(f"{pages}reauthenticate/", revoke="others", password=PASSWORD)
    assert (proved.status_code, proved.headers["Location"]) == (302, pages)


@by_header
@in_jwt_mode
def test_simplejwts_endpoints_work_below_a_captured_part(site: LiveSite, ada: User, root: str) -> None:
    """The same holds for the four endpoints of compat."""
    device = site.device(Transport.HEADER)
    compat = f"{root}/compat/token"
    pair = json.loads(device.post(f"{compat}/", {"username": "ada", "password": PASSWORD}).content)
    assert device.post(f"{compat}/verify/", {"token": pair["access"]}).status_code == 200
    pair = json.loads(device.post(f"{compat}/refresh/", {"refresh": pair["refresh"]}).content)
    assert device.post(f"{compat}/blacklist/", {"refresh": pair["refresh"]}).status_code == 200
