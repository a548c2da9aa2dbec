"""Whatever a driver says of a server that cannot work is 503, with the cause in the log; mistakes are not."""

import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from types import ModuleType
from typing import Any

import psycopg
import pytest
from django.db import Error, connections
from pytest_django import Settings
from redis import sentinel
from redis.exceptions import RedisClusterException, RedisError

from django_authkit import outages
from django_authkit.errors import StoreUnavailable
from django_authkit.outages import is_outage
from django_authkit.stores.outcomes import Counter
from django_authkit.stores.redis import RedisStore
from django_authkit.stores.redis.failures import is_no_answer
from django_authkit.stores.redis.inspection import eviction_policies
from django_authkit.types import RevocationReason
from faults.conftest import BACKEND, MEMORY
from faults.stoppable_servers import StoppableValkey
from faults.test_outages_name_their_cause import causes
from faults.test_store_down import Crowd
from support.client import code
from support.live_site import LiveSite
from support.replica_followers import DAY, MINUTE, client_of, proposal
from support.stores import request

_COMMAND = re.compile(rb"^\*\d+\r$", re.MULTILINE)
SID, KEY = "AA" + "s" * 14, b"k" * 32
_MISTAKES_OF_REDIS = {
    "AuthenticationWrongNumberOfArgsError",
    "ClusterCrossSlotError",
    "DataError",
    "ExecAbortError",
    "ModuleError",
    "NoScriptError",
    "NoSuchFieldsetError",
    "ResponseError",
}
_MISTAKES_OF_DBAPI = {"DataError", "IntegrityError", "NotSupportedError", "ProgrammingError"}
_OUTAGES_OF_POSTGRES = {
    *("08", "27", "28", "2F", "38", "39", "3B", "40", "53", "54", "55", "57", "58", "F0", "HV", "XX"),
    *("02", "03", "09", "0B", "0F", "0L", "0P", "0Z", "72"),  # a plain DatabaseError
    *("25006", "25P03", "25P04", "42P01", "42703", "42501"),
}
"""SQLSTATEs, or their first two characters."""


@pytest.fixture(autouse=True)
def nothing_logged_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start as a process that has not logged a cause."""
    monkeypatch.setattr(outages, "_logged_at", {})


def _all_of(kind: type[Exception]) -> list[type[Exception]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _all_of(child))]


def _as_django(raised: Exception, alias: str = "default") -> Error:
    """Return the error of Django's that a database's *raised* becomes."""
    with pytest.raises(Error) as caught, connections[alias].wrap_database_errors:
        raise raised
    return caught.value


def test_every_error_of_redis_py() -> None:
    """Each class means that there is no answer, except those of a wrong command or argument."""
    classes = {*_all_of(RedisError), *_all_of(RedisClusterException)}
    assert sentinel.MasterNotFoundError in classes
    raised = [kind("1 127.0.0.1:6379") for kind in classes]  # some parse it
    assert {type(each).__name__ for each in raised if not is_no_answer(each)} == _MISTAKES_OF_REDIS


def test_every_error_of_psycopg() -> None:
    """Each SQLSTATE is an outage or a mistake in a statement."""
    for kind in _all_of(psycopg.Error):
        state = getattr(kind, "sqlstate", None)
        if state is not None:
            told = is_outage(_as_django(kind("said"), "postgres"))
            assert told == bool({state, state[:2]} & _OUTAGES_OF_POSTGRES), kind


def _drivers() -> Iterator[tuple[ModuleType, str]]:
    yield sqlite3, "default"
    yield psycopg, "postgres"
    if "mariadb" in connections.settings:
        import MySQLdb  # type: ignore[import-untyped]

        yield MySQLdb, "mariadb"


@pytest.mark.parametrize(
    ("driver", "alias"), list(_drivers()), ids=lambda each: getattr(each, "__name__", each)
)
def test_every_error_of_a_database_driver(driver: Any, alias: str) -> None:
    """Each class of the DB-API is an outage, except those of a mistake in a statement."""
    connection: Any = connections[alias]
    standard = [kind for kind in _all_of(driver.Error)[1:] if hasattr(connection.Database, kind.__name__)]
    mistakes = {kind.__name__ for kind in standard if not is_outage(_as_django(kind("said"), alias))}
    assert mistakes == _MISTAKES_OF_DBAPI


@contextmanager
def _at(settings: Settings, url: str) -> Iterator[None]:
    """Let the store be at *url* for a while."""
    before = settings.CACHES
    settings.CACHES = {**MEMORY, "authkit": {"BACKEND": BACKEND, "LOCATION": url}}
    try:
        yield
    finally:
        settings.CACHES = before


@contextmanager
def _server_that_says(reply: bytes) -> Iterator[int]:
    """Give the port of a server that answers each command with *reply*."""

    def serve(connection: socket.socket) -> None:
        with connection:
            while received := connection.recv(65536):
                connection.sendall(reply * max(1, len(_COMMAND.findall(received))))

    def accept() -> None:
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b":many\r\n", b"$x\r\n", b"+OK\r\n"])
def test_a_reply_that_is_no_protocol(
    live: LiveSite, settings: Settings, reply: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Some other server at the address is 503, and the log quotes what it said."""
    crowd = Crowd(live)
    with _server_that_says(reply) as port, _at(settings, f"redis://127.0.0.1:{port}/0?protocol=2"):
        answers = crowd.ask()
    assert {code(answer) for answer, _ in answers.values()} == {(503, "store_unavailable")}
    assert reply.split(b"\r")[0].strip(b":$+").decode() in causes(caplog)[0]
    crowd.assert_well()


CALLS: dict[str, Callable[[RedisStore], object]] = {
    "create": lambda store: store.create(proposal()),
    "load": lambda store: store.load(SID),
    "touch": lambda store: store.touch(SID, KEY, idle=DAY, interval=0),
    "rotate": lambda store: store.rotate(request(SID, 1, KEY)),
    "rekey": lambda store: store.rekey(SID, KEY, KEY),
    "switch_to_key": lambda store: store.switch_to_key(SID, KEY, 1, proposed=KEY, idle=DAY),
    "renew_tokens": lambda store: store.renew_tokens(SID, "h", proposed=KEY, access=MINUTE),
    "bind_device": lambda store: store.bind_device(SID, "{}", "nonce"),
    "renew_binding": lambda store: store.renew_binding(SID, "nonce", "other"),
    "rename": lambda store: store.rename(SID, "name"),
    "restamp": lambda store: store.restamp(SID, "h"),
    "restamp_user": lambda store: store.restamp_user("1", "h", "i"),
    "note_device": lambda store: store.note_device(SID, "", "", ""),
    "save_data": lambda store: store.save_data(SID, KEY, "", idle_limit=None),
    "revoke": lambda store: store.revoke(SID, RevocationReason.LOGOUT),
    "revoke_user": lambda store: store.revoke_user("1", RevocationReason.LOGOUT),
    "revoke_all": lambda store: store.revoke_all(),
    "list_user": lambda store: store.list_user("1"),
    "statistics": lambda store: store.statistics(),
    "now": lambda store: store.now(),
    "create_anonymous": lambda store: store.create_anonymous("AA", KEY, "", MINUTE),
    "load_anonymous": lambda store: store.load_anonymous("AA", KEY),
    "save_anonymous": lambda store: store.save_anonymous("AA", KEY, "", MINUTE),
    "delete_anonymous": lambda store: store.delete_anonymous("AA", KEY),
    "hit": lambda store: store.hit([Counter(key="a", limit=1, window_ms=MINUTE)]),
    "mark": lambda store: store.mark("a", MINUTE),
    "attempt_statistics": lambda store: store.attempt_statistics(),
    "clear_attempts": lambda store: store.clear_attempts("a"),
    "snapshot": lambda store: store.feed(store._client, 9).snapshot(),  # noqa: SLF001
    "follow": lambda store: store.feed(store._client, 9).follow({"AA": "0-0"}, 0.01),  # noqa: SLF001
    "eviction_policies": lambda _: eviction_policies("authkit"),
}


@pytest.mark.parametrize("reply", [b"+OK", b"+PONG", b":7", b"$-1", b"*0"])
def test_a_reply_of_another_kind(settings: Settings, reply: bytes) -> None:
    """Whatever a call is answered that its script or command never says means that there is no answer."""
    told: dict[str, object] = {}
    url = "redis://127.0.0.1:{}/0?protocol=2"  # without HELLO, whose reply would be of another kind too
    with _server_that_says(reply + b"\r\n") as port, _at(settings, url.format(port)):
        store = RedisStore(client_of(url.format(port)))
        for name, call in CALLS.items():
            try:
                told[name] = call(store)
            except StoreUnavailable:
                pass
            except Exception as error:  # noqa: BLE001 - the names of all of them are shown
                told[name] = error
    assert told in ({}, {"now": 7})  # which is a time


@pytest.mark.parametrize(
    "rules",
    [
        ["~*", "+@all", "-evalsha"],
        ["~*", "+@all", "-mget", "-get", "-set"],
        ["~other:*", "+@all"],
    ],
    ids=["scripts", "commands", "keys"],
)
def test_a_user_without_permissions(
    live: LiveSite,
    valkey: StoppableValkey,
    settings: Settings,
    rules: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What the server's access control list does not allow is 503."""
    crowd = Crowd(live)
    direct: Any = valkey.direct
    direct.execute_command("ACL", "SETUSER", "limited", "reset", "on", ">w0rds3cret", *rules)
    with _at(settings, f"redis://limited:w0rds3cret@127.0.0.1:{valkey.port}/0"):
        answers = crowd.ask()
    valkey.direct.acl_deluser("limited")
    assert {code(answer) for answer, _ in answers.values()} == {(503, "store_unavailable")}
    assert "ermission" in causes(caplog)[0]
    crowd.assert_well()
