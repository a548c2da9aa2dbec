"""Views that the guides print, run as they are printed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import RequestFactory

from django_authkit.errors import CsrfFailed
from support.live_site import LiveSite, by_header, in_session_mode

GUIDES = Path(__file__).parents[2] / "docs/how-to"


def printed(page: str, name: str) -> dict[str, Any]:
    """Return the names of the last Python block of *page* that defines *name*."""
    text = (GUIDES / page).read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec([block for block in blocks if f"def {name}(" in block][-1], names)  # noqa: S102 - our own page
    return names


@by_header
@in_session_mode
def test_an_async_login_for_apps_and_browsers(site: LiveSite, ada: User) -> None:
    """An app gets its credential without a CSRF token, and a browser without one nothing."""
    view = printed("async.md", "after_passkey")

    async def verify_passkey(request: object) -> User:
        return ada

    view["verify_passkey"] = verify_passkey
    log_in = async_to_sync(view["after_passkey"])
    factory = RequestFactory(enforce_csrf_checks=True)
    answer = log_in(factory.post("/", headers={"X-Authkit-Transport": "header"}, secure=True))
    assert json.loads(answer.content)["access"]
    assert not answer.cookies
    with pytest.raises(CsrfFailed):
        log_in(factory.post("/", secure=True))


@by_header
@in_session_mode
def test_a_page_that_asks_for_a_recent_login(site: LiveSite, ada: User) -> None:
    """It is shown soon after the login; later the login page is, and leads back."""
    page = printed("reauthentication.md", "api_key_page")
    page["render"] = lambda *_: HttpResponse("the key")
    headers = {"Authorization": f"Bearer {site.logged_in('ada').credential}"}

    def opened() -> Any:
        request = RequestFactory().get("/key/", headers=headers)
        request.user = ada
        return page["api_key_page"](request)

    assert opened().content == b"the key"
    site.advance(minutes=11)
    assert opened()["Location"] == "/accounts/login/?next=/key/"


def test_a_consumer_tells_an_anonymous_client_why() -> None:
    """It accepts the socket before it closes it, because a client learns no code of a handshake."""
    consumer = printed("websockets.md", "connect")["Notes"]

    async def opened() -> tuple[tuple[bool, Any], dict[str, Any]]:
        socket = WebsocketCommunicator(consumer.as_asgi(), "/ws/notes/")
        socket.scope["auth"] = None
        return await socket.connect(), await socket.receive_output()

    (accepted, _), closed = async_to_sync(opened)()
    assert accepted
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)
