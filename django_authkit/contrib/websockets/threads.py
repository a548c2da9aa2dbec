"""Runs blocking calls in threads, for code on an event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import AsyncToSync, sync_to_async
from django.db import close_old_connections

P = ParamSpec("P")
R = TypeVar("R")


async def in_thread(
    threads: ThreadPoolExecutor | None, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """
    Return what *function* does, in one of *threads*; ``None`` stands for the few of the event loop.

    Within ``async_to_sync``, as in an async test of Django's ``TestCase``, it is called in the thread that
    waits: only that one sees the transaction of the test.
    """
    if asyncio.get_running_loop() in AsyncToSync.loop_thread_executors:
        return await sync_to_async(function)(*args, **kwargs)
    call: Any = sync_to_async(_with_fresh_connections, thread_sensitive=False, executor=threads)
    result: R = await call(function, *args, **kwargs)
    return result


def _with_fresh_connections(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do what Django does before and after each request: no other request ends in this thread."""
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()
