"""``TENANT`` under ASGI, with a function that reads Django's connection, as for django-tenants."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import path
from django.utils.deprecation import MiddlewareMixin
from httpx import ASGITransport, AsyncClient

from django_authkit import aauthenticate, alog_in, arevoke_user, asessions_of, tenant
from django_authkit.contrib.websockets import AuthMiddleware, watcher
from django_authkit.wiring import get_codec, get_store
from support.live_site import LiveSite, by_header

on_redis = pytest.mark.parametrize("where", ["valkey"], indirect=True)
DATABASES = {"public": "default", "a": "default", "b": "postgres"}
PK = 500_001


def schema() -> str:
    """Return what was set on this thread's connection: "public" where nobody has set anything."""
    name: str = getattr(connections["default"], "schema_name", "public")
    return name


def of_connection(request: HttpRequest | None) -> str:
    """``TENANT``: nobody's, where no tenant was set, which is done here for WebSockets."""
    if request is not None and not hasattr(request, "tenant"):
        SetSchema(lambda _: HttpResponse()).process_request(request)
    return "" if schema() == "public" else schema()


class SetSchema(MiddlewareMixin):
    """Sets the tenant on the connection, in Django's thread, as the middleware of django-tenants does."""

    def process_request(self, request: HttpRequest) -> None:
        """Set it by the host."""
        name = request.get_host().partition(".")[0]
        connections["default"].schema_name = name  # type: ignore[attr-defined]
        if name == "unknown":
            raise Http404
        request.tenant = name  # type: ignore[attr-defined]

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Unset it."""
        del connections["default"].schema_name  # type: ignore[attr-defined]
        return response


class UsersBySchema:
    """Users are read from where the connection says."""

    def db_for_read(self, model: object, **hints: object) -> str:
        """Return the alias of the tenant."""
        return DATABASES[schema()]

    db_for_write = db_for_read


async def log_in(request: HttpRequest, username: str) -> JsonResponse:
    """Log the user in, without a password."""
    user = await User.objects.aget(username=username)
    return JsonResponse((await alog_in(request, user)).credentials())


async def who(request: HttpRequest) -> JsonResponse:
    """Return who the request is from, and how many auth sessions they have."""
    known = await aauthenticate(request)
    if known is None:
        return JsonResponse({"name": None})
    name = await sync_to_async(known.user.get_username)()
    return JsonResponse({"name": name, "logins": len(await asessions_of(known.user))})


async def revoke(request: HttpRequest) -> JsonResponse:
    """End all logins of the user."""
    known = await aauthenticate(request)
    assert known is not None
    await arevoke_user(known.user)
    return JsonResponse({})


async def on_the_loop(request: HttpRequest) -> JsonResponse:
    """Tell what is refused on the loop's own thread, where another connection has another tenant."""
    refused = 0
    for use in (lambda: get_codec().read_access, lambda: get_store().now):
        try:
            use()
        except SynchronousOnlyOperation:
            refused += 1
    with tenant("a"):
        _ = get_codec().read_access  # which one is meant does not depend on a connection
    return JsonResponse({"refused": refused})


async def socket(scope: Any, receive: Any, send: Any) -> None:
    """Say who opens it, and then for each message how many auth sessions they have."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": scope["user"].get_username()})
    while (await receive())["type"] == "websocket.receive":
        logins = len(await asessions_of(scope["user"]))
        await send({"type": "websocket.send", "text": str(logins)})


urlpatterns = [
    path("login/<username>/", log_in),
    path("who/", who),
    path("revoke/", revoke),
    path("on-the-loop/", on_the_loop),
]


@pytest.fixture(autouse=True)
def hosts(site: LiveSite) -> Iterator[None]:
    """Let the site have two tenants; ada of one and eve of the other have the same primary key."""
    given = site.settings
    given.ALLOWED_HOSTS = [".example.org"]
    given.DATABASE_ROUTERS = [f"{__name__}.UsersBySchema"]
    given.MIDDLEWARE = [f"{__name__}.SetSchema", *given.MIDDLEWARE]
    given.ROOT_URLCONF = __name__
    with tenant("test"):
        site.configure(TENANT=f"{__name__}.of_connection")
    people = {"default": "ada", "postgres": "eve"}
    for alias, name in people.items():
        User.objects.db_manager(alias).create(username=name, pk=PK)
    yield
    with tenant("test"):
        for alias in people:
            User.objects.using(alias).all().delete()


def on_asgi(main: Callable[[AsyncClient], Coroutine[Any, Any, None]]) -> None:
    """Run *main* on a loop, with a client of the site's ASGI application."""

    async def run_main() -> None:
        application: Any = get_asgi_application()
        transport = ASGITransport(application, raise_app_exceptions=False)
        async with AsyncClient(transport=transport) as client:
            await main(client)
        await sync_to_async(connections.close_all)()

    asyncio.run(run_main())


async def opened(name: str, access: str) -> Any:
    """Open a WebSocket of a tenant's host."""
    headers = [(b"host", f"{name}.example.org".encode()), (b"authorization", f"Bearer {access}".encode())]
    scope = {"type": "websocket", "path": "/", "headers": headers, "subprotocols": []}
    make: Any = ApplicationCommunicator
    communicator = make(AuthMiddleware(socket), scope)
    await communicator.send_input({"type": "websocket.connect"})
    return communicator


@by_header
@on_redis
def test_a_websocket_is_of_its_own_tenant(site: LiveSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its user is read there, it stays open while the auth session lives there, and then it is closed."""
    monkeypatch.setattr(watcher, "EVERY", 0.05)

    async def main(client: AsyncClient) -> None:
        sockets = {}
        for name, username in (("a", "ada"), ("b", "eve")):
            headers = {"X-Authkit-Transport": "header"}
            answer = await client.get(f"https://{name}.example.org/login/{username}/", headers=headers)
            access = answer.json()["access"]
            sockets[name] = await opened(name, access)
            assert [(await sockets[name].receive_output())["type"]] == ["websocket.accept"]
            assert (await sockets[name].receive_output())["text"] == username
        await asyncio.sleep(0.3)
        for each in sockets.values():
            await each.send_input({"type": "websocket.receive", "text": ""})
            assert (await each.receive_output())["text"] == "1"
        await client.get("https://b.example.org/revoke/", headers={"Authorization": f"Bearer {access}"})
        assert (await sockets["b"].receive_output())["code"] == 4401
        assert await sockets["a"].receive_nothing()
        assert (await (await opened("a", access)).receive_output())["type"] == "websocket.accept"
        assert await (await opened("unknown", access)).receive_output() == {"type": "websocket.close"}
        await sockets["a"].send_input({"type": "websocket.disconnect", "code": 1000})
        await sockets["a"].wait()

    on_asgi(main)


@by_header
@on_redis
def test_the_tenant_is_that_of_the_connection_of_the_request(site: LiveSite) -> None:
    """Users of two tenants under one primary key are kept apart in async views and their verbs."""

    async def main(client: AsyncClient) -> None:
        async def get(name: str, where: str, access: str | None = None) -> Any:
            headers = {"Authorization": f"Bearer {access}"} if access else {"X-Authkit-Transport": "header"}
            answer = await client.get(f"https://{name}.example.org/{where}/", headers=headers)
            return answer.json() if answer.status_code == 200 else answer.status_code

        ada = (await get("a", "login/ada"))["access"]
        eve = (await get("b", "login/eve"))["access"]
        assert await get("a", "who", ada) == {"name": "ada", "logins": 1}
        assert await get("b", "who", eve) == {"name": "eve", "logins": 1}
        assert await get("a", "who", eve) == await get("b", "who", ada) == 401
        assert await get("b", "revoke", eve) == {}
        assert await get("a", "who", ada) == {"name": "ada", "logins": 1}
        assert await get("a", "on-the-loop") == {"refused": 2}
        assert await get("public", "who", ada) == await get("public", "login/ada") == 500

    on_asgi(main)
