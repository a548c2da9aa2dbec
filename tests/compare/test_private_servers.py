"""What a comparison starts serves the user who started it, and nobody else on the machine."""

import pickle
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.sessions.backends.cache import SessionStore
from pytest_django import Settings
from redis import Redis
from redis.exceptions import NoPermissionError

from compare.test_worker_settings import worker
from django_authkit.compare import processes
from django_authkit.compare.tcp_proxy import line_to
from django_authkit.compare.variants import BASELINE, DJANGO, Variant
from django_authkit.compare.worker.config import WorkerConfig


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Return the URL of a Valkey that a comparison starts."""
    with processes.valkey() as url:
        yield url


def test_the_valkey_of_a_run_needs_its_secret(url: str) -> None:
    """Whoever connects to the port without the secret can only ping."""
    parts = urlsplit(url)
    with Redis(port=parts.port or 0) as other, Redis.from_url(url) as ours:
        assert other.ping()
        for command in (("GET", "a"), ("SET", "a", "b"), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("INFO",)):
            with pytest.raises(NoPermissionError):
                other.execute_command(*command)
        directory = Path(ours.config_get("dir")["dir"])
        assert ours.set("a", "b")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert parts.password
    assert len(parts.password) >= 43
    told = WorkerConfig(
        settings="shop", variant=Variant(kind=BASELINE), prefix="scratch", redis_urls={"authkit": url}
    )
    assert parts.password not in repr(told)
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            assert parts.password.encode() not in file.read_bytes()


class Planted:
    """A value that makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


def test_djangos_sessions_are_not_unpickled(url: str, tmp_path: Path, settings: Settings) -> None:
    """The workers read Django's sessions in Redis as JSON, whatever the cache of the project would do."""
    found = worker(Variant(kind=DJANGO, store="redis"), redis_urls={"authkit": url})
    settings.CACHES, settings.SESSION_CACHE_ALIAS = found["CACHES"], found["SESSION_CACHE_ALIAS"]
    session = SessionStore()
    session["_auth_user_id"] = "1"
    session.save()
    assert SessionStore(session.session_key).load() == {"_auth_user_id": "1"}
    with Redis.from_url(url) as client:
        (name,) = client.keys("scratch-1*")
        client.set(name, pickle.dumps(Planted(tmp_path / "unpickled")))
    assert SessionStore(session.session_key).load() == {}
    assert list(tmp_path.iterdir()) == []


def test_a_unix_socket_is_reached_by_a_private_unix_socket(tmp_path: Path) -> None:
    """A database behind a Unix socket is cut and restored without ever being reachable by a port."""
    target = tmp_path / ".s.PGSQL.5432"
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(target))
        server.listen()
        threading.Thread(target=_greet, args=(server,), daemon=True).start()
        with line_to(str(target), private) as line:
            assert (line.port, line.path) == (0, private / target.name)
            assert _greeted(private / target.name)
            line.cut()
            with pytest.raises(OSError, match="No such file"):
                _greeted(private / target.name)
            line.restore()
            assert _greeted(private / target.name)
    assert list(private.iterdir()) == []


def _greet(server: socket.socket) -> None:
    with suppress(OSError):  # closed
        while True:
            server.accept()[0].sendall(b"hello")


def _greeted(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as client:
        client.settimeout(5)
        client.connect(str(path))
        return client.recv(5) == b"hello"
