"""The verbs for async views, and what they cost: with Redis no thread waits for the store."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django.test import AsyncClient

from django_authkit import bridge, sessions_of
from django_authkit.stores.redis.sending import Direct
from support.client import ACCESS_COOKIE, Device, body
from support.live_site import LiveSite


@pytest.fixture(autouse=True)
def urls(site: LiveSite) -> None:
    """Add the async views to the site's."""
    site.settings.ROOT_URLCONF = "testapp.async_urls"


def on_loop(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run *main* on a loop as a server has it, which is not Django's own of a synchronous caller."""

    async def run_main() -> None:
        try:
            await main()
        finally:
            await sync_to_async(connections.close_all)()

    asyncio.run(run_main())


async def call(device: Device, path: str, sent: Any = None, headers: Mapping[str, str] | None = None) -> Any:
    """Send a request over ASGI as *device* does, and keep what comes back."""
    client = AsyncClient(enforce_csrf_checks=True)
    for name, value in device.cookies.items():
        client.cookies[name] = value
    content = b"" if sent is None else json.dumps(sent).encode()
    proof = {**device._proof(), "X-Authkit-Transport": str(device.transport)}  # noqa: SLF001 - as its own
    answer: Any = await client.generic(
        "GET" if path.endswith("who/") else "POST",
        path,
        content,
        content_type="application/json",
        secure=True,
        headers={**proof, **(headers or {})},
    )
    device._store_cookies(answer)  # noqa: SLF001
    if "access" in body(answer):
        device._keep(answer)  # noqa: SLF001
    return answer


async def status(device: Device) -> tuple[int, Any]:
    """Return what the device's request is answered by two views."""
    answer = await call(device, "/async/who/")
    return answer.status_code, body(answer).get("id")


def refuse(*_: object) -> None:
    """Fail where a connection is taken on which a thread would wait."""
    raise AssertionError("a thread waits for the store")


@pytest.fixture(params=["on the loop", "in threads"])
def waits(request: pytest.FixtureRequest, site: LiveSite, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return how the views wait: where greenlet is missing in threads, as with a database."""
    how: str = request.param
    if how == "in threads":
        monkeypatch.setattr(bridge, "is_available", lambda: False)
    return how if site.on_redis else "in threads"


def test_from_login_to_logout(site: LiveSite, ada: User, waits: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each verb does what the synchronous one does; with Redis and greenlet, in the thread of the loop."""
    device = site.device()

    async def main() -> None:
        assert (await call(device, "/async/login/ada/")).status_code == 200
        assert await status(device) == (200, ada.pk)
        (sid,) = body(await call(device, "/async/sids/"))["sids"]
        assert body(await call(device, "/async/verify/", {"token": device.credential}))["sid"] == sid
        secret = device.secret
        sent = None if device.is_browser else {"refresh": device.refresh_token or device.access}
        assert (await call(device, "/async/refresh/", sent)).status_code == 200
        assert (device.secret != secret) is site.is_jwt
        assert body(await call(device, "/async/visits/")) == {"visits": 1}
        if device.is_browser:
            assert body(await call(device, "/async/visits/")) == {"visits": 2}
        assert body(await call(device, "/async/log-out/")) == {"id": None}

    with monkeypatch.context() as patched:
        if waits == "on the loop":
            patched.setattr(Direct, "_take", refuse)
        on_loop(main)
    assert sessions_of(ada) == ()


def test_a_password_change_keeps_the_login(site: LiveSite, ada: User, waits: str) -> None:
    """Of this device, with new credentials; the others are revoked."""
    device, other = site.logged_in("ada"), site.logged_in("ada")

    async def main() -> None:
        secret = device.secret
        assert (await call(device, "/async/new-password/")).status_code == 200
        assert device.secret != secret
        assert await status(device) == (200, ada.pk)

    on_loop(main)
    assert device.logged_in()
    assert not other.logged_in()


@pytest.mark.parametrize("what", ["one", "user", "all"])
def test_revocations(site: LiveSite, ada: User, waits: str, what: str) -> None:
    """One auth session, those of a user, or all."""
    device, other = site.logged_in("ada"), site.logged_in("ada")

    async def main() -> None:
        assert (await call(device, f"/async/revoke/{what}/")).status_code == 200

    on_loop(main)
    assert not device.logged_in()
    assert other.logged_in() is (what == "one")


def test_an_error_is_the_response(site: LiveSite, ada: User, device: Device, waits: str) -> None:
    """What a verb raises is answered as in synchronous views."""
    device.copy().log_out()

    async def main() -> None:
        answer = await call(device, "/async/who/")
        assert (answer.status_code, body(answer)["code"]) == (401, "session_ended")

    on_loop(main)


def test_a_page_is_renewed(site: LiveSite, ada: User, waits: str) -> None:
    """The middleware exchanges the refresh cookie of a page over ASGI, once for all requests in progress."""
    if not (site.is_jwt and site.device().is_browser):
        pytest.skip("only JWT cookies expire between pages")
    device = site.logged_in("ada")
    site.advance(minutes=6)
    del device.cookies[ACCESS_COOKIE]
    navigation = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin"}

    async def main() -> None:
        twins = [device.copy() for _ in range(5)]
        calls = [call(twin, "/async/who/", headers=navigation) for twin in twins]
        answers = await asyncio.gather(*calls)
        assert [body(answer)["id"] for answer in answers] == [ada.pk] * 5
        assert len({twin.secret for twin in twins}) == 1

    on_loop(main)


def test_each_request_has_its_own_context(site: LiveSite, waits: str) -> None:
    """Requests at once do not see each other's users."""
    devices = [site.logged_in(site.add_user(f"user{number}").username) for number in range(8)]

    async def main() -> None:
        expected = [await status(device) for device in devices]
        for _ in range(3):
            assert await asyncio.gather(*map(status, devices)) == expected
        assert len(set(expected)) == len(devices)

    on_loop(main)
