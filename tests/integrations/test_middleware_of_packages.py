"""Packages that look at ``request.user``, mark it or write it down see who it is, and hide no error."""

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from django_authkit import revoke_user
from notesapp.models import Note
from support.client import Device, body, code
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode


def test_plain_and_drf_views_see_the_same_user(site: LiveSite, ada: User, device: Device) -> None:
    """With django-otp's and django-hijack's marks over cookies; a bearer is seen as itself."""
    plain = body(device.get("/seen/"))
    assert plain == {"id": ada.pk, "name": "ada", "verified": False, "hijacked": False}
    if site.transport == "cookie":
        assert body(device.get("/api/seen/")) == plain
    assert body(device.call()) == {"id": ada.pk, "username": "ada"}


@by_cookie
def test_a_second_factor_is_seen_by_drf_views(site: LiveSite, ada: User, device: Device) -> None:
    """``is_verified`` of django-otp is true in both kinds of view, of this browser alone."""
    other = site.logged_in("ada")
    assert device.get("/second-factor/").status_code == 200
    assert body(device.get("/seen/"))["verified"] is True
    assert body(device.get("/api/seen/"))["verified"] is True
    assert body(other.get("/api/seen/"))["verified"] is False


@pytest.mark.parametrize("path", ["/write/", "/api/write/"])
def test_an_audit_trail_names_the_actor(site: LiveSite, ada: User, device: Device, path: str) -> None:
    """django-auditlog and django-simple-history write down who changed a row, in both kinds of view."""
    answer = device.post(path)
    assert answer.status_code == 200
    note = Note.objects.get(pk=body(answer)["id"])
    assert LogEntry.objects.get_for_object(note).get().actor == ada
    assert note.history.get().history_user == ada


@pytest.mark.parametrize("path", ["/time-zone/", "/api/time-zone/"])
def test_a_user_sees_their_own_time_zone(site: LiveSite, device: Device, path: str) -> None:
    """A middleware that activates it knows who is logged in, for both kinds of view."""
    assert body(device.get(path)) == {"zone": "Asia/Kathmandu"}
    assert body(site.device().get(path)) == {"zone": "UTC"}


@in_jwt_mode
@by_header
@pytest.mark.parametrize("path", ["/write/", "/api/write/", "/auth/session/", "/seen/", "/api/whoami/"])
def test_an_expired_bearer_is_401_with_its_code(site: LiveSite, device: Device, path: str) -> None:
    """Though each of the packages has looked at the user before the view."""
    site.advance(minutes=10)
    assert code(device.get(path) if path != "/api/write/" else device.post(path)) == (401, "token_expired")
    assert device.refresh().status_code == 200
    assert device.logged_in()


@by_header
def test_a_revoked_bearer_is_401_and_may_log_in(site: LiveSite, ada: User, device: Device) -> None:
    """In both modes; the endpoints do their work for a client that sends it along."""
    revoke_user(ada)
    for path in ("/seen/", "/api/whoami/", "/auth/session/"):
        assert code(device.get(path)) == (401, "session_ended")
    assert device.log_out().status_code == 204
    assert device.log_in().status_code == 200


@pytest.mark.parametrize("where", ["valkey"], indirect=True)
@pytest.mark.parametrize("toolbar", [{}, {"X-Show-Toolbar": "1"}], ids=["", "toolbar"])
def test_a_store_that_is_down_is_503_with_its_code(
    site: LiveSite, device: Device, settings: Settings, toolbar: dict[str, str]
) -> None:
    """For plain and DRF views and the endpoints; never a 500, with django-debug-toolbar neither."""
    client = Client(raise_request_exception=False)
    for name, value in device.cookies.items():
        client.cookies[name] = value
    headers = {"Authorization": f"Bearer {device.access}", **toolbar} if device.access else toolbar
    there = settings.CACHES
    settings.CACHES = {**there, "authkit": {**there["authkit"], "LOCATION": "redis://127.0.0.1:1/0"}}
    paths = ("/seen/", "/write/", "/page/", "/api/whoami/", "/api/seen/", "/auth/session/", "/admin/")
    answers = {path: client.get(path, secure=True, headers=headers) for path in paths}
    settings.CACHES = there
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(paths, 503)
    assert {answer.json()["code"] for answer in answers.values()} == {"store_unavailable"}
