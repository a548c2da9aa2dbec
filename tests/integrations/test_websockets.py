"""WebSockets, with Channels and in plain ASGI, behind real servers: who opens them, and what closes them."""

import json
import os
import socket
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client
from pytest_django import Settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from django_authkit import revoke, revoke_user
from django_authkit.contrib.websockets import watcher
from django_authkit.types import Mode, Transport
from faults.stoppable_servers import StoppableValkey
from support.asgi_servers import daphne_serving, uvicorn_serving
from support.bound_browser import bind, challenge_of, proof, renew
from support.client import PASSWORD, Device, body
from support.dpop_client import ProvingDevice
from support.hidden_table import without_table
from support.live_site import LiveSite, by_cookie, by_header, in_jwt_mode, in_session_mode
from testapp import sockets

BOUND = watcher.EVERY + 2
"""Seconds within which a socket is closed; the machine may be busy."""
APPS = ["testapp.sockets.by_channels", "testapp.sockets.by_plain_asgi"]
Opened = tuple[ClientConnection, Any]


class Opener:
    """Opens sockets of one server, which *stack* closes."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self._stack = stack
        self.origin = f"http://127.0.0.1:{port}"
        self._url = f"ws://127.0.0.1:{port}/ws/"

    def open(
        self,
        device: Device | None = None,
        *,
        query: str = "",
        protocols: Any = None,
        origin: str | None = "own",
    ) -> ClientConnection:
        """Open one with the credential of *device*, as a page of this site by default."""
        origin = self.origin if origin == "own" else origin
        headers = {}
        if device is not None and device.is_browser:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in device.cookies.items())
        elif device is not None:
            headers["Authorization"] = f"Bearer {device.credential}"
        opening = connect(
            self._url + query,
            additional_headers=headers,
            origin=Origin(origin) if origin else None,
            subprotocols=protocols,
            close_timeout=2,
        )
        return self._stack.enter_context(opening)

    def open_unread(self, device: Device) -> None:
        """Open one with the bearer of *device*, and read no message."""
        client = self.shake_hands(bearer=device.credential)
        assert b" 101 " in client.recv(64)

    def shake_hands(self, query: str = "", bearer: str = "junk") -> socket.socket:
        """Send a handshake, and wait for nothing."""
        client = self._stack.enter_context(socket.socket())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        address = urlsplit(self._url)
        client.connect((address.hostname, address.port))
        lines = (
            f"GET {address.path}{query} HTTP/1.1",
            f"Host: {address.netloc}",
            f"Authorization: Bearer {bearer}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {b64encode(bytes(16)).decode()}",
        )
        client.sendall("\r\n".join((*lines, "", "")).encode())
        return client

    def opened(self, device: Device | None = None, **how: Any) -> Opened:
        """Open one, and return it and what the app says first."""
        client = self.open(device, **how)
        return client, json.loads(client.recv(timeout=10))


def code_of(client: ClientConnection, within: float = 10) -> tuple[int, str]:
    """Return the code and the reason with which the server closes it."""
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=within)
    received = closed.value.rcvd
    assert received is not None
    return received.code, received.reason


def echoes(client: ClientConnection) -> bool:
    """Tell whether the socket works."""
    client.send(json.dumps({"n": 1}))
    return bool(json.loads(client.recv(timeout=10)) == {"n": 1})


def ticket_of(device: Device) -> str:
    """Return a new ticket."""
    ticket: str = body(device.post("/auth/ticket/"))["ticket"]
    return ticket


with_each_app = pytest.mark.parametrize("server", APPS, ids=["channels", "plain"], indirect=True)


@pytest.fixture
def server(site: LiveSite, request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Return uvicorn, by default with the app of Channels."""
    sockets.disconnects.clear()
    with uvicorn_serving(getattr(request, "param", APPS[0])) as port, ExitStack() as stack:
        yield Opener(port, stack)


@with_each_app
def test_a_credential_says_who_opens_it(site: LiveSite, ada: User, device: Device, server: Opener) -> None:
    """By cookie or bearer, in both modes: the user's row and the auth session are there."""
    client, said = server.opened(device)
    assert said == {
        "name": "ada",
        "email": ada.email,
        "sid": site.sid(device),
        "mode": site.mode,
        "label": "",
        "subprotocols": [],
    }
    assert echoes(client)


@by_header
def test_without_a_credential_it_is_anonymous(server: Opener) -> None:
    """From any page."""
    client, said = server.opened(origin="https://elsewhere.example")
    assert (said["name"], said["sid"]) == ("", None)
    assert echoes(client)


@by_header
@pytest.mark.parametrize("server", APPS[1:], ids=["plain"], indirect=True)
def test_other_scopes_are_passed_on(server: Opener) -> None:
    """A request has no user in its scope: Django's own middleware says who it is from."""
    assert httpx.get(server.origin).text == ""


@by_cookie
@with_each_app
def test_a_cookie_counts_for_pages_of_our_own(site: LiveSite, device: Device, server: Opener) -> None:
    """The handshake of another site, or of nobody, is answered with 403; a trusted one is not."""
    for origin in ("https://elsewhere.example", "null", None):
        with pytest.raises(InvalidStatus) as refused:
            server.open(device, origin=origin)
        assert refused.value.response.status_code == 403
    site.settings.CSRF_TRUSTED_ORIGINS = ["https://*.front.example"]
    _, said = server.opened(device, origin="https://www.front.example")
    assert said["name"] == "ada"


@by_header
def test_a_bearer_counts_whatever_the_origin(device: Device, server: Opener) -> None:
    """A page cannot send it."""
    _, said = server.opened(device, origin=None)
    assert said["name"] == "ada"


@with_each_app
def test_a_ticket_opens_one_socket(device: Device, server: Opener) -> None:
    """As a subprotocol, which the app does not see, or in the address; a second time it is refused."""
    ticket = ticket_of(device)
    protocol = f"authkit.ticket.{ticket}"
    client, said = server.opened(protocols=[protocol], origin="https://elsewhere.example")
    assert (said["name"], said["subprotocols"]) == ("ada", [])
    assert client.subprotocol == protocol
    assert code_of(server.open(protocols=[protocol])) == (4401, "token_invalid")
    ticket = ticket_of(device)
    _, said = server.opened(query=f"?authkit_ticket={ticket}")
    assert said["name"] == "ada"
    assert code_of(server.open(query=f"?authkit_ticket={ticket}")) == (4401, "token_invalid")


@by_header
def test_a_ticket_beside_subprotocols_of_the_app(device: Device, server: Opener) -> None:
    """The app sees its own."""
    _, said = server.opened(protocols=["chat", f"authkit.ticket.{ticket_of(device)}"])
    assert (said["name"], said["subprotocols"]) == ("ada", ["chat"])


@by_header
def test_a_ticket_of_an_ended_login(site: LiveSite, device: Device, server: Opener) -> None:
    """It is worth nothing."""
    ticket = ticket_of(device)
    device.log_out()
    assert code_of(server.open(query=f"?authkit_ticket={ticket}")) == (4401, "session_ended")


def test_a_handshake_that_is_a_bad_request(server: Opener) -> None:
    """Where Django answers a request with 400, a handshake is refused, and no server logs an error."""
    with pytest.raises(InvalidStatus) as refused:
        server.open(query="?" + "&a" * 2000)
    assert refused.value.response.status_code == 403


@by_header
def test_a_ticket_beside_a_bearer(device: Device, server: Opener) -> None:
    """Two credentials are refused."""
    ticket = ticket_of(device)
    assert code_of(server.open(device, query=f"?authkit_ticket={ticket}")) == (4401, "invalid_request")


def test_a_credential_that_is_not_valid(site: LiveSite, device: Device, server: Opener) -> None:
    """The code says so to the page, and the reason what to do."""
    before = device.copy()
    device.log_out()
    assert code_of(server.open(before)) == (4401, "session_ended")
    if not site.is_jwt:
        return
    device.log_in()
    site.advance(minutes=6)
    assert code_of(server.open(device)) == (4401, "token_expired")


@with_each_app
def test_a_logout_closes_its_sockets_only(site: LiveSite, device: Device, server: Opener) -> None:
    """All of that auth session, within the bound; the app is told as of any other disconnect."""
    other = site.logged_in()
    (one, _), (two, _), (kept, _) = map(server.opened, (device, device, other))
    device.log_out()
    began = time.monotonic()
    assert code_of(one) == code_of(two) == (4401, "session_ended")
    assert time.monotonic() - began < BOUND
    assert echoes(kept)
    assert sockets.disconnects.count(4401) == 2


@by_cookie
@pytest.mark.parametrize("how", ["revoke", "revoke_user", "admin", "limit", "password", "expiry"])
def test_what_ends_the_auth_session_closes_its_socket(
    site: LiveSite, ada: User, device: Device, server: Opener, how: str
) -> None:
    """However it ends, within the bound."""
    if how == "admin":
        root = site.add_user("root", is_staff=True, is_superuser=True)
    client, _ = server.opened(device)
    if how == "revoke":
        revoke(site.sid(device))
    elif how == "revoke_user":
        revoke_user(ada)
    elif how == "admin":
        revoke_in_admin(site, root, site.sid(device))
    elif how == "limit":
        site.configure(MAX_SESSIONS=1)
        site.logged_in()
    elif how == "password":
        ada.set_password("another")
        ada.save()
    else:
        site.advance(days=15)
    assert code_of(client, BOUND) == (4401, "session_ended")


def revoke_in_admin(site: LiveSite, root: User, sid: str) -> None:
    """Let an administrator revoke it on the admin's page of auth sessions."""
    browser = Device(Mode.SESSION, Transport.COOKIE)
    browser.get("/auth/session/")
    assert browser.submit("/admin/login/", username="root", password=PASSWORD).status_code == 302
    page = f"/admin/django_authkit/authsessionrow/{quote(sid)}/revoke/"
    assert browser.submit(page).status_code == 302


@by_cookie
def test_a_new_proof_closes_what_was_opened_before(device: Device, server: Opener) -> None:
    """As it ends all credentials that were issued before; the new ones open it again."""
    client, _ = server.opened(device)
    assert device.reauthenticate().status_code == 200
    assert code_of(client, BOUND) == (4401, "session_ended")
    client, _ = server.opened(device)
    time.sleep(2 * watcher.EVERY)
    assert echoes(client)


@in_jwt_mode
def test_an_expired_access_token_closes_nothing(site: LiveSite, device: Device, server: Opener) -> None:
    """The auth session counts, which goes on."""
    client, _ = server.opened(device)
    site.advance(minutes=6)
    time.sleep(2 * watcher.EVERY)
    assert echoes(client)


@by_header
@pytest.mark.parametrize("where", ["valkey"])
def test_one_question_for_all_sockets(site: LiveSite, ada: User, server: Opener) -> None:
    """However many there are: one call a second, and no thread for each."""
    devices = [site.logged_in() for _ in range(3)]
    opened = [server.opened(device) for device in devices * 8]
    with site.counted() as trips:
        time.sleep(3 * watcher.EVERY)
    assert 2 <= len(trips.commands) <= 4, trips
    workers = [each for each in threading.enumerate() if each.name.startswith("asyncio")]
    assert len(workers) <= (os.cpu_count() or 1) + 4
    assert all(echoes(client) for client, _ in opened)


junk_may_go_on = threading.Event()


def tenant_of_a_slow_project(request: HttpRequest | None) -> str:
    """``TENANT``, which takes long for handshakes with junk."""
    if request is not None and "junk" in request.GET:
        junk_may_go_on.wait(30)
    return "acme"


@by_header
@in_session_mode
@pytest.mark.parametrize("where", ["valkey"])
def test_open_sockets_do_not_wait_behind_handshakes(site: LiveSite, ada: User, server: Opener) -> None:
    """Handshakes that take all threads of the event loop delay no answer about sockets that are open."""
    site.configure(TENANT=f"{__name__}.tenant_of_a_slow_project")
    device, other = site.logged_in(), site.logged_in()
    (ended, _), (kept, _) = map(server.opened, (device, other))
    junk_may_go_on.clear()
    try:
        for _ in range(40):  # an event loop has at most 32 threads
            server.shake_hands("?junk")
        time.sleep(0.1)
        device.log_out()
        assert code_of(ended, BOUND) == (4401, "session_ended")
    finally:
        junk_may_go_on.set()
    assert echoes(kept)


@by_header
@pytest.mark.parametrize("server", ["testapp.sockets.by_an_impatient_app"], indirect=True)
def test_an_app_that_cancels_its_wait_loses_no_message(device: Device, server: Opener) -> None:
    """Each message comes once, and the end does too."""
    client, _ = server.opened(device)
    for number in range(50):
        client.send(str(number))
        time.sleep(0.005)
    assert [client.recv(timeout=10) for _ in range(50)] == [str(number) for number in range(50)]
    device.log_out()
    assert code_of(client, BOUND) == (4401, "session_ended")


@by_header
@pytest.mark.parametrize("server", ["testapp.sockets.by_a_ticking_app"], indirect=True)
def test_an_app_that_only_sends_is_interrupted(
    device: Device, server: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some time after the end; the client gets nothing after the code."""
    monkeypatch.setattr("django_authkit.contrib.websockets.socket._PATIENCE", 0.5)
    client, _ = server.opened(device)
    device.log_out()
    with pytest.raises(ConnectionClosed):
        deque(client)  # reads until then
    assert client.close_code == 4401
    time.sleep(1)
    assert [type(each).__name__ for each in sockets.disconnects] == ["SocketEnded"]


@by_header
@in_session_mode
@pytest.mark.parametrize("where", ["valkey"])
@pytest.mark.parametrize("server", ["testapp.sockets.by_a_flooding_app"], indirect=True)
def test_a_client_that_does_not_read_is_ended_too(
    device: Device, server: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server waits until there is room to send, and the app is interrupted all the same."""
    monkeypatch.setattr("django_authkit.contrib.websockets.socket._PATIENCE", 0.2)
    server.open_unread(device)
    device.log_out()
    deadline = time.monotonic() + BOUND
    while not sockets.disconnects and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [type(each).__name__ for each in sockets.disconnects] == ["SocketEnded"]


@by_cookie
@pytest.mark.parametrize("where", ["valkey"])
def test_the_socket_of_a_bound_login_lasts_as_long_as_its_proof(
    site: LiveSite, ada: User, server: Opener
) -> None:
    """Whoever opened it with a copy of the cookies cannot prove the device; its browser opens another one."""
    site.configure(DEVICE_BOUND="offer")
    device = site.device()
    login = device.log_in()
    early, _ = server.opened(device)
    key, registered = bind(device, login)
    sid = site.sid(device)
    if site.is_jwt:
        registered = renew(device, sid, proof(key, challenge_of(registered)))
    site.advance(minutes=4)
    thief, _ = server.opened(device.copy())
    time.sleep(2 * watcher.EVERY)
    assert echoes(thief)
    assert echoes(early)
    site.advance(minutes=7)
    assert code_of(thief, BOUND) == (4401, "token_expired")
    assert renew(device, sid, proof(key, challenge_of(registered))).status_code == 200
    owner, _ = server.opened(device)
    site.advance(minutes=4)
    assert code_of(early, BOUND) == (4401, "token_expired")
    assert echoes(owner)


@by_header
@in_jwt_mode
@pytest.mark.parametrize("where", ["valkey"])
def test_a_ticket_lasts_as_long_as_the_proof_that_it_was_issued_for(
    site: LiveSite, ada: User, server: Opener
) -> None:
    """An app that proves its key asks for another ticket."""
    app = ProvingDevice(site.mode)
    app.log_in()
    site.advance(minutes=4)
    client, _ = server.opened(query=f"?authkit_ticket={ticket_of(app)}")
    site.advance(seconds=62)
    assert code_of(client, BOUND) == (4401, "token_expired")


@pytest.mark.django_db
def test_in_a_test_case(settings: Settings, client: Client) -> None:
    """The middleware sees what the transaction of a test has written."""
    settings.AUTHKIT_MODE, settings.AUTHKIT = "session", {"STORE": "database"}
    client.force_login(User.objects.create_user("ada"), "django.contrib.auth.backends.ModelBackend")
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    headers = {"cookie": cookies, "host": "testserver", "origin": "http://testserver"}

    @async_to_sync
    async def said() -> Any:
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        communicator = WebsocketCommunicator(sockets.by_channels, "/ws/", sent)
        assert (await communicator.connect())[0]
        try:
            return await communicator.receive_json_from()
        finally:
            await communicator.disconnect()

    assert said()["name"] == "ada"


@contextmanager
def store_down(site: LiveSite, valkey: StoppableValkey) -> Iterator[None]:
    """Take the store away for a while."""
    if site.on_redis:
        with valkey.down():
            yield
    else:
        with without_table(site.alias):
            yield


@pytest.fixture
def valkey(site: LiveSite) -> Iterator[StoppableValkey]:
    """Let the site keep its auth sessions in a Valkey that can be stopped."""
    with StoppableValkey.running() as valkey:
        shared = site.settings.CACHES
        alias = {**shared["authkit"], "LOCATION": f"{valkey.url}/0"}
        site.settings.CACHES = {**shared, "authkit": alias}
        site.keep_time()
        yield valkey
        site.settings.CACHES = shared


@by_header
def test_while_the_store_is_down(
    site: LiveSite, ada: User, server: Opener, valkey: StoppableValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No socket is opened, none is closed at first, and none stays open for longer than the bound."""
    monkeypatch.setattr(watcher, "EVERY", 0.2)
    monkeypatch.setattr(watcher, "BELIEVED", 6.0)
    device = site.logged_in()
    client, _ = server.opened(device)
    anonymous, _ = server.opened()
    with store_down(site, valkey):
        assert echoes(client)
        assert code_of(server.open(device)) == (1013, "store_unavailable")
        assert code_of(client) == (1013, "store_unavailable")
        assert echoes(anonymous)
    client, _ = server.opened(device)
    time.sleep(1)
    assert echoes(client)


@by_header
def test_a_short_outage_closes_nothing(
    site: LiveSite, ada: User, server: Opener, valkey: StoppableValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Afterwards it is watched as before."""
    monkeypatch.setattr(watcher, "EVERY", 0.2)
    device = site.logged_in()
    client, _ = server.opened(device)
    with store_down(site, valkey):
        time.sleep(1)
    time.sleep(1)
    assert echoes(client)
    device.log_out()
    assert code_of(client, 5) == (4401, "session_ended")


@by_cookie
def test_behind_daphne(site: LiveSite, ada: User, device: Device) -> None:
    """The same: by cookie, bearer and ticket; closed by a logout and a revocation. It sends no reason."""
    phone = site.device(Transport.HEADER)
    phone.log_in()
    with daphne_serving(APPS[0]) as port, ExitStack() as stack:
        server, protocols = Opener(port, stack), [f"authkit.ticket.{ticket_of(device)}"]
        (one, by_cookie), (two, by_bearer) = server.opened(device), server.opened(phone)
        three, by_ticket = server.opened(protocols=protocols)
        assert [each["sid"] for each in (by_cookie, by_bearer, by_ticket)] == [
            *map(site.sid, (device, phone, device))
        ]
        assert code_of(server.open(protocols=protocols))[0] == 4401
        with pytest.raises(InvalidStatus):
            server.open(device, origin="https://elsewhere.example")
        sid = site.sid(phone)
        device.log_out()
        assert code_of(one, BOUND)[0] == code_of(three, BOUND)[0] == 4401
        assert echoes(two)
        revoke(sid)
        assert code_of(two, BOUND)[0] == 4401
