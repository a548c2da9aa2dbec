"""A synchronous function that waits on an event loop, and lets the other tasks of the loop go on."""

import asyncio
import gc
import threading
import traceback
import weakref
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.dispatch import Signal
from django.utils.asyncio import async_unsafe

from django_authkit import signals
from django_authkit.bridge import aside, blocking, here, run, send, wait

where: ContextVar[str] = ContextVar("where")


def test_it_returns_and_raises_what_the_function_does() -> None:
    """Whether it waits or not."""

    def divide(number: int, *, by: int) -> float:
        return number / wait(asyncio.sleep(0, by))

    assert asyncio.run(run(divide, 6, by=3)) == 2
    assert asyncio.run(run(sorted, [2, 1])) == [1, 2]
    with pytest.raises(ZeroDivisionError) as raised:
        asyncio.run(run(divide, 6, by=0))
    assert "number / wait" in traceback.format_exception(raised.value)[-2]


def test_what_it_awaits_raises_where_it_waits() -> None:
    """An error of an awaitable can be handled by the function, with a traceback that shows both."""

    async def fail() -> None:
        raise KeyError("lost")

    def handle() -> list[str]:
        try:
            wait(fail())
        except KeyError as error:
            return [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        return []

    names = asyncio.run(run(handle))
    assert names[0] == "handle"
    assert names[-1] == "fail"


def test_others_go_on_while_it_waits() -> None:
    """Two functions that wait for each other's events end, in one thread."""

    async def main() -> tuple[int, int]:
        first, second = asyncio.Event(), asyncio.Event()

        def one() -> int:
            first.set()
            wait(second.wait())
            return threading.get_ident()

        def other() -> int:
            wait(first.wait())
            second.set()
            return threading.get_ident()

        return await asyncio.wait_for(asyncio.gather(run(one), run(other)), 5)

    assert set(asyncio.run(main())) == {threading.get_ident()}


def test_it_has_the_context_of_its_caller() -> None:
    """It sees the caller's context variables, and the caller those that it sets, in a thread too."""

    def change() -> str:
        before = where.get()
        wait(asyncio.sleep(0))
        assert where.get() == before
        blocking(where.set, "in the thread")
        assert where.get() == "in the thread"
        where.set("after")
        return before

    async def main(name: str) -> tuple[str, str]:
        where.set(name)
        return await run(change), where.get()

    async def both() -> list[tuple[str, str]]:
        return list(await asyncio.gather(main("one"), main("other")))

    assert asyncio.run(both()) == [("one", "after"), ("other", "after")]


def test_a_cancellation_reaches_it() -> None:
    """It is raised where the function waits, and the function can clean up."""
    seen = []

    def work() -> None:
        try:
            wait(asyncio.sleep(60))
        except asyncio.CancelledError:
            seen.append(here.bridge is not None)
            raise

    async def main() -> None:
        task = asyncio.create_task(run(work))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == [True]


def test_one_that_is_dropped_cleans_up() -> None:
    """A coroutine that is closed in the midst of it ends the function there."""
    ended = []

    def work() -> None:
        try:
            wait(asyncio.sleep(60))
        finally:
            ended.append(True)

    async def main() -> None:
        coroutine: Coroutine[Any, Any, None] = run(work)
        coroutine.send(None)
        coroutine.close()

    asyncio.run(main())
    assert ended == [True]
    assert here.bridge is None


def test_a_greenlet_runs_one_function_after_another() -> None:
    """Of any number in turn, also those that wait; an error ends it, and the next function has a new one."""

    async def main() -> set[int]:
        return {await run(lambda: (wait(asyncio.sleep(0)), id(here.bridge))[1]) for _ in range(20)}

    asyncio.run(run(sorted, []))
    before = len(here.idle)
    assert len(asyncio.run(main())) == 1
    assert len(here.idle) == before
    with pytest.raises(ZeroDivisionError):
        asyncio.run(run(divmod, 1, 0))
    assert len(here.idle) == before - 1
    assert asyncio.run(run(sum, [1, 2])) == 3


def test_nothing_of_a_function_is_kept() -> None:
    """Neither what it was given nor what it returned, nor the context that it ran in."""

    class Request:
        pass

    async def main() -> list[weakref.ref[Request]]:
        given, held = Request(), Request()
        kept.set(held)
        returned = await run(lambda request: (wait(asyncio.sleep(0)), Request(), request)[1], given)
        return [weakref.ref(each) for each in (given, held, returned)]

    kept: ContextVar[Request] = ContextVar("kept")
    found = asyncio.run(main())
    gc.collect()
    assert [each() for each in found] == [None, None, None]


def test_functions_in_each_other_and_at_once() -> None:
    """One that waits for another that is run in the same way gets its result, a hundred at once too."""

    def outer(number: int) -> int:
        return number + int(wait(run(lambda: wait(asyncio.sleep(0, number)))))

    async def main() -> list[int]:
        return await asyncio.gather(*(run(outer, number) for number in range(100)))

    for _ in range(3):
        assert asyncio.run(main()) == [2 * number for number in range(100)]


def test_a_thread_ends_with_its_greenlets() -> None:
    """Each thread has its own, and none of them raises at its end."""
    found: list[int] = []

    def work() -> None:
        found.append(asyncio.run(run(lambda: int(wait(asyncio.sleep(0, 1))))))

    for _ in range(20):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    gc.collect()
    assert found == [1] * 20


@pytest.mark.parametrize("call", [blocking, aside])
def test_what_would_block_runs_in_another_thread(call: Any) -> None:
    """There, nothing is on a loop. Outside of a bridge, it is called as it is."""

    @async_unsafe
    def query() -> tuple[int, bool]:
        return threading.get_ident(), here.bridge is None

    async def main() -> tuple[int, bool]:
        with pytest.raises(SynchronousOnlyOperation):
            await run(query)
        return await run(call, query)

    thread, is_outside = asyncio.run(main())
    assert thread != threading.get_ident()
    assert is_outside
    assert call(query) == (threading.get_ident(), True)


@pytest.mark.parametrize("signal", [Signal(), signals.Signal()], ids=["of Django", "ours"])
def test_receivers_may_block_or_be_asynchronous(signal: Signal) -> None:
    """Those of a signal that is sent within a bridge run in a thread, or on the loop."""
    seen: list[tuple[int, str]] = []

    @async_unsafe
    def blocks(sender: object, *, name: str, **_: object) -> None:
        seen.append((threading.get_ident(), name))

    async def awaits(sender: object, *, name: str, **_: object) -> None:
        await asyncio.sleep(0)
        seen.append((threading.get_ident(), name))

    def act() -> None:
        if isinstance(signal, signals.Signal):
            signal.send(None, name="x")
        else:
            send(signal, None, name="x")

    for receiver in (blocks, awaits):
        signal.connect(receiver)
    try:
        asyncio.run(run(act))
    finally:
        for receiver in (blocks, awaits):
            signal.disconnect(receiver)
    assert [name for _, name in seen] == ["x", "x"]
    assert [thread == threading.get_ident() for thread, _ in seen].count(True) == 1
