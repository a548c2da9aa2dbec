"""Two releases share a server: each reads and writes records of the other, and no field is lost."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from secrets import token_bytes
from typing import Any, TypeVar

import pytest

from django_authkit.errors import StoreUnavailable
from django_authkit.stores.outcomes import Found, RotationOutcome
from django_authkit.stores.redis.layout import LAYOUT, PRIVATE_FIELDS, Layout
from django_authkit.stores.redis.scripts import Scripts
from django_authkit.stores.redis.sending import Argument
from django_authkit.stores.redis.store import RedisStore
from django_authkit.types import AuthSession, RevocationReason
from stores.redis.valkey_server import Server
from support.stores import DAY, Rig, Started, request


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAuthSession(AuthSession):
    """The record of the next release: one additional public field."""

    color: str = "none"


T = TypeVar("T")
NEXT = Layout(record=NextAuthSession, private=(*PRIVATE_FIELDS, "pin"))
"""The next release's layout: one additional field of either kind."""


class NextStore(RedisStore):
    """The store of the next release, which gives new records a color and a pin."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._scripts = Scripts(self._client, NEXT)

    def _for_handle(self, read: Callable[[Any], T], script: str, handle: str, *arguments: Argument) -> T:
        if script == "create":
            given, *rest = arguments
            given = json.dumps({**json.loads(str(given)), "color": "red", "pin": "1234"})
            arguments = (given, *rest)
        return super()._for_handle(read, script, handle, *arguments)

    def color(self, sid: str) -> str:
        """Return the public field that only this release has."""
        _, _, *values = self._for_handle(json.loads, "load", sid)
        session = NEXT.session(values)
        assert isinstance(session, NextAuthSession)
        return session.color


@pytest.fixture
def following(server: Server) -> NextStore:
    """Return the store of the next release, on the same keys."""
    return NextStore(server.direct, prefix="authkit:")


def _packed(server: Server, sid: str, position: str) -> object:
    """Return one value of the packed record."""
    text = f"return cmsgpack.unpack(redis.call('GET', KEYS[1])){position} or false"
    return server.direct.eval(text, 1, f"authkit::{{{sid[:2]}}}:s:{sid}")


def _pin(server: Server, sid: str) -> object:
    """Return the private field that only the next release has, from the packed record."""
    return _packed(server, sid, f"[2][{len(NEXT.private)}]")


def _touched(store: RedisStore, started: Started) -> None:
    touched = store.touch(started.sid, started.key, idle=DAY, interval=0)
    assert isinstance(touched, Found)


def _rotated(store: RedisStore, started: Started) -> None:
    rotation = store.rotate(request(started.sid, 1, started.jti))
    assert rotation.outcome is RotationOutcome.ROTATED
    assert rotation.session is not None
    assert rotation.session.generation == 2


def _rekeyed(store: RedisStore, started: Started) -> None:
    assert isinstance(store.rekey(started.sid, started.key, token_bytes(32)), Found)


REWRITES: dict[str, Callable[[RedisStore, Started], None]] = {
    "touch": _touched,
    "rotate": _rotated,
    "rekey": _rekeyed,
}


def _started(rig: Rig, store: RedisStore) -> Started:
    rig.store = store
    return rig.start()


@pytest.mark.parametrize("rewrite", REWRITES)
def test_this_release_keeps_fields_of_the_next(
    rig: Rig, server: Server, following: NextStore, rewrite: str
) -> None:
    """A record of the next release is read and written by this one; its new fields stay."""
    current = rig.store
    assert isinstance(current, RedisStore)
    started = _started(rig, following)
    found = current.load(started.sid)
    assert isinstance(found, Found)
    assert found.session == started.session
    REWRITES[rewrite](current, started)
    assert following.color(started.sid) == "red"
    assert _pin(server, started.sid) == b"1234"
    assert current.list_user(rig.user) == following.list_user(rig.user) != ()


@pytest.mark.parametrize("rewrite", REWRITES)
def test_the_next_release_gives_missing_fields_their_default(
    rig: Rig, server: Server, following: NextStore, rewrite: str
) -> None:
    """A record of this release is read and written by the next one, and then by this one again."""
    current = rig.store
    assert isinstance(current, RedisStore)
    started = _started(rig, current)
    assert following.color(started.sid) == "none"
    REWRITES[rewrite](following, started)
    assert following.color(started.sid) == "none"
    assert _packed(server, started.sid, f"[{len(NEXT.public) + 2}]") is None  # a default takes no space
    assert _pin(server, started.sid) is None
    assert current.list_user(rig.user) == following.list_user(rig.user) != ()


@pytest.mark.parametrize("newer_first", [True, False])
def test_either_release_revokes_records_of_the_other(
    rig: Rig, following: NextStore, *, newer_first: bool
) -> None:
    """A record that one release revokes is gone for both."""
    current = rig.store
    assert isinstance(current, RedisStore)
    creator, other = (following, current) if newer_first else (current, following)
    started = _started(rig, creator)
    revoked = other.revoke(started.sid, RevocationReason.LOGOUT)
    assert revoked is not None
    assert revoked.sid == started.sid
    for store in (creator, other):
        assert not isinstance(store.load(started.sid), Found)
        assert store.rotate(request(started.sid, 1, started.jti)).outcome is RotationOutcome.GONE
        assert store.list_user(rig.user) == ()


def test_a_record_of_a_later_version_cannot_be_read(rig: Rig, server: Server) -> None:
    """If a later release changed the meaning of a field, the store is unavailable to this one."""
    current = rig.store
    store = RedisStore(server.direct, prefix="authkit:")
    later = Layout(version=LAYOUT.version + 1)
    store._scripts = Scripts(server.direct, later)  # noqa: SLF001 - no release has it yet
    started = _started(rig, store)
    with pytest.raises(StoreUnavailable):
        current.load(started.sid)
    with pytest.raises(StoreUnavailable):
        current.rotate(request(started.sid, 1, started.jti))


def test_the_scripts_name_only_fields_of_the_record() -> None:
    """A field that was renamed in Python is not silently nil in a script."""
    known = {*LAYOUT.names, *LAYOUT.private, "values", "was"}
    for script in (files("django_authkit.stores.redis") / "lua").iterdir():
        used = set(re.findall(r"\b(?:record|earlier|one|other)\.(\w+)", script.read_text("utf-8")))
        assert used <= known, script.name
