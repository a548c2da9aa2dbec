"""Many async requests at once on one event loop, with a store that is slow, or that hangs."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from time import monotonic
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django import test as django_test
from django.core.asgi import get_asgi_application
from django.db import connections
from httpx import ASGITransport, AsyncClient, Response
from redis import Redis

from django_authkit.stores.redis.sending import Direct
from django_authkit.types import Mode, Transport
from faults.conftest import SiteOn
from support.live_site import LiveSite
from support.servers import start_valkey
from support.slow_line import SlowLine

AT_ONCE = 100
LATE = 0.02
"""Seconds by which each reply of a slow store is late."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return the port of a Valkey of this module's own."""
    with ExitStack() as stack:
        yield start_valkey(stack).port


@pytest.fixture
def line(port: int) -> Iterator[SlowLine]:
    """Return a connection to it that can be slow."""
    with SlowLine.to(port) as line:
        yield line


@pytest.fixture(params=list(Mode), ids=str)
def live(request: pytest.FixtureRequest, line: SlowLine, port: int, site_on: SiteOn) -> LiveSite:
    """Return the site behind that connection, in each mode, with a user whose row is read when needed."""
    Redis(port=port).flushall()
    site = site_on(f"redis://127.0.0.1:{line.port}", request.param, Transport.HEADER)
    site.settings.MIDDLEWARE = [
        "django_authkit.middleware.SessionMiddleware",
        "django_authkit.middleware.AuthenticationMiddleware",
    ]
    site.settings.ROOT_URLCONF = "testapp.async_urls"
    site.configure(USER_LOADING="lazy")
    site.add_user()
    return site


def on_a_server(site: LiveSite, main: Callable[["Requests"], Coroutine[Any, Any, None]]) -> None:
    """Run *main* on one loop, with requests to the site's ASGI application."""
    device = site.logged_in()

    async def run_main() -> None:
        application: Any = get_asgi_application()
        transport = ASGITransport(application)
        async with AsyncClient(transport=transport, base_url="https://testserver") as client:
            await main(Requests(client, device.credential))
        await sync_to_async(connections.close_all)()

    asyncio.run(run_main())


class Requests:
    """Sends requests to the application, in this process."""

    def __init__(self, client: AsyncClient, credential: str) -> None:
        self._client = client
        self._credential = credential

    async def send(self, path: str = "/async/who/") -> Response:
        """Send one with a login."""
        return await self._client.get(path, headers={"Authorization": f"Bearer {self._credential}"})

    async def together(self) -> list[int]:
        """Return the statuses of many at once."""
        return [each.status_code for each in await asyncio.gather(*(self.send() for _ in range(AT_ONCE)))]

    async def until_all_succeed(self) -> None:
        """Send many at once until all succeed: on a busy machine, so many connections take their time."""
        for _ in range(10):
            if await self.together() == [200] * AT_ONCE:
                return
        raise AssertionError("They never all succeeded.")


def refuse(*_: object) -> None:
    """Fail where a connection is taken on which a thread would wait."""
    raise AssertionError("a thread waits for the store")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # asyncio's, of its streams
def test_requests_wait_for_a_slow_store_together(
    live: LiveSite, line: SlowLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls of one loop are in progress at the same time, and no thread waits."""

    async def main(requests: Requests) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Direct, "_take", refuse)
            line.delay = LATE
            for _ in range(AT_ONCE // 10):  # until there are connections for all
                await requests.until_all_succeed()
            line.most_waiting = 0
            with line.hung():  # until they have all been sent, however long that takes
                together = asyncio.create_task(requests.together())
                while line.most_waiting <= AT_ONCE // 2 and not together.done():
                    await asyncio.sleep(0.001)
            assert await together == [200] * AT_ONCE
            assert line.most_waiting > AT_ONCE // 2

    on_a_server(live, main)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # asyncio's, of its streams
def test_a_store_that_hangs_stalls_no_other_request(live: LiveSite, line: SlowLine) -> None:
    """Requests that do not need the store are answered while others wait for it, and those get 503."""

    async def main(requests: Requests) -> None:
        await requests.until_all_succeed()
        with line.hung():
            began = monotonic()
            waiting = [asyncio.create_task(requests.send()) for _ in range(AT_ONCE)]
            answered = 0
            while not any(each.done() for each in waiting):
                assert (await requests.send("/async/anonymous/")).status_code == 200
                answered += 1
            assert answered > 1  # one that stalls them would be done before a second answer
            statuses = [each.status_code for each in await asyncio.gather(*waiting)]
            assert statuses == [503] * AT_ONCE
            assert monotonic() - began < 20
        assert await requests.together() == [200] * AT_ONCE

    on_a_server(live, main)


def test_a_client_that_goes_away_leaves_no_answer_to_another(live: LiveSite, line: SlowLine) -> None:
    """Requests that are cancelled while they wait for the store disturb none of the others."""
    credential = live.logged_in().credential

    async def main() -> None:
        # Django's own ASGI handler leaves the file of a body open when it is cancelled.
        client = django_test.AsyncClient(headers={"Authorization": f"Bearer {credential}"})
        expected = json.loads((await client.get("/async/who/", secure=True)).content)
        line.delay = LATE
        for _ in range(5):
            sent = [asyncio.create_task(client.get("/async/who/", secure=True)) for _ in range(AT_ONCE // 2)]
            await asyncio.sleep(LATE)
            for each in sent[::2]:
                each.cancel()
            await asyncio.wait(sent)
            assert [json.loads(each.result().content) for each in sent[1::2]] == [expected] * (AT_ONCE // 4)
            assert any(each.cancelled() for each in sent)

    asyncio.run(main())
