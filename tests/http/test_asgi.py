"""Under ASGI, async and sync views work as under WSGI."""

from collections.abc import Sequence
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.exceptions import SynchronousOnlyOperation
from django.test import AsyncClient

from django_authkit import sessions_of
from support.client import PASSWORD, Device
from support.live_site import LiveSite

VIEWS = ["/plain/whoami-async/", "/plain/whoami/", "/api/whoami/"]


@async_to_sync
async def ids(device: Device, token: str | None = None, paths: Sequence[str] = VIEWS) -> list[object]:
    """Return the user of the device's request according to each view, or its status."""
    client = AsyncClient()
    for name, value in device.cookies.items():
        client.cookies[name] = value
    headers = {"Authorization": f"Bearer {token or device.credential}"} if not device.is_browser else {}
    answers = [await client.get(path, secure=True, headers=headers) for path in paths]
    return [a.json()["id"] if a.status_code == 200 else a.status_code for a in answers]


def test_every_kind_of_view_knows_its_user(site: LiveSite, ada: User, device: Device) -> None:
    """Under ASGI as under WSGI, by cookie and by bearer."""
    assert ids(device) == [ada.pk] * 3
    device.copy().log_out()
    assert ids(device) == ([None, None, 401] if device.is_browser else [401] * 3)


def test_nothing_blocks_the_event_loop(site: LiveSite, ada: User, device: Device) -> None:
    """``request.user`` in an async view raises where it would wait for the store; not after ``auser``."""
    with pytest.raises(SynchronousOnlyOperation):
        ids(device, paths=["/plain/whoami-in-loop/"])
    assert ids(device, paths=["/plain/whoami-in-loop/?awaited"]) == [ada.pk]


def test_the_endpoints_work(site: LiveSite, ada: User) -> None:
    """From login to logout over ASGI."""
    headers = {"X-Authkit-Transport": str(site.transport)}

    @async_to_sync
    async def visit() -> list[int]:
        client = AsyncClient()
        credentials = {"username": "ada", "password": PASSWORD}
        sent: dict[str, Any] = {"content_type": "application/json", "secure": True}
        answer = await client.post("/auth/login/", credentials, **sent, headers=headers)
        bearer = (
            {} if "access" not in answer.json() else {"Authorization": "Bearer " + answer.json()["access"]}
        )
        seen = [answer.status_code]
        seen += [(await client.get(p, secure=True, headers=bearer)).status_code for p in VIEWS]
        seen += [(await client.post("/auth/logout/", {}, **sent, headers=bearer)).status_code]
        seen += [(await client.get("/api/whoami/", secure=True, headers=bearer)).status_code]
        return seen

    assert visit() == [200, 200, 200, 200, 204, 401]
    assert sessions_of(ada) == ()


def test_what_needs_a_fresh_proof(site: LiveSite, ada: User, device: Device) -> None:
    """The check of recent authentication, in views, functions and classes, runs where blocking is allowed."""
    paths = ["/plain/vault/", "/plain/vault-async/", "/plain/vault-class/", "/api/vault/"]
    assert ids(device, paths=paths) == [ada.pk] * 4
    site.advance(minutes=11)
    device.refresh()
    assert ids(device, paths=paths) == [401] * 4
