"""
Runs a synchronous function for an async view, in the way that the store allows.

With Redis the function runs on the event loop, and no thread waits for the server. With the database it runs
in Django's thread for such code, as Django does with its own queries. The same goes for Redis where
``redis.asyncio`` has no counterpart of the project's connections (a cluster, a class of the project), without
the extra ``async``, with ``TENANT``, and under WSGI, where Django makes a new event loop for each request.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import AsyncToSync, sync_to_async
from django.http import HttpRequest, HttpResponseBase

from django_authkit import bridge
from django_authkit.errors import AuthKitError
from django_authkit.wiring import is_store_awaitable

P = ParamSpec("P")
T = TypeVar("T")


async def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """
    Return what *function* returns, without holding up the event loop.

    Args:
        function: One of this package. On the loop, what it does must not block but for the store, the
            database of the users and what it calls by ``bridge.blocking``.
    """
    if await _is_bridged():
        return await bridge.run(function, *args, **kwargs)
    return await sync_to_async(function)(*args, **kwargs)


async def _is_bridged() -> bool:
    if not bridge.is_available() or asyncio.get_running_loop() in AsyncToSync.loop_thread_executors:
        return False
    if is_store_awaitable.cache_info().currsize:
        return is_store_awaitable()
    try:
        return await sync_to_async(is_store_awaitable)()  # the client of a cluster connects
    except AuthKitError:
        return False  # raised again where the store is asked


class OnTheLoop:
    """Under ASGI, the hooks of a middleware class run as ``run`` says, and not each in a thread."""

    async_mode: bool
    get_response: Any
    process_request: Any
    process_response: Any

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)  # type: ignore[call-arg]
        process_view = getattr(self, "process_view", None)
        if self.async_mode and process_view is not None:  # Django runs a synchronous one in a thread
            self.process_view: Any = partial(run, process_view)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        """Do what Django's does."""
        response: HttpResponseBase | None = await run(self.process_request, request)
        if response is None:
            response = await self.get_response(request)
        answered: HttpResponseBase = await run(self.process_response, request, response)
        return answered
