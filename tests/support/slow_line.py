"""A connection to a server that delays every reply, or holds it back, and counts the commands in progress."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread


class SlowLine:
    """
    Passes requests on at once, and replies after a while. One thread serves all connections.

    Attributes:
        port: Where it listens.
        delay: Seconds by which each reply is late.
        most_waiting: Most requests that waited for their reply at the same time.
    """

    def __init__(self, server_port: int, delay: float) -> None:
        self.delay = delay
        self.most_waiting = 0
        self._waiting = 0
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._listening = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._listening.sockets[0].getsockname()[1]
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @classmethod
    @contextmanager
    def to(cls, server_port: int, delay: float = 0.0) -> Iterator["SlowLine"]:
        """Give one until the block ends."""
        line = cls(server_port, delay)
        try:
            yield line
        finally:
            line._close()

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Hold all replies back for a while."""
        self._loop.call_soon_threadsafe(self._is_open.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._is_open.set)

    def _close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cancel_all(self) -> None:
        self._listening.close()
        await asyncio.sleep(0)  # a task that has not begun closes nothing
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        writers, replies = [to_client], None
        try:
            with suppress(OSError, asyncio.CancelledError):  # asyncio complains of a server's tasks
                server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
                writers.append(to_server)
                replies = asyncio.create_task(self._pass_replies(server, to_client))
                while request := await client.read(1 << 16):
                    self._waiting += 1
                    self.most_waiting = max(self.most_waiting, self._waiting)
                    to_server.write(request)
        finally:
            if replies is not None:
                replies.cancel()
            for each in writers:
                each.transport.abort()

    async def _pass_replies(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while reply := await server.read(1 << 16):
                await asyncio.sleep(self.delay)
                await self._is_open.wait()
                self._waiting -= 1
                to_client.write(reply)
