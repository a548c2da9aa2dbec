"""Fills a Redis with many auth sessions, by the store's own scripts."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from secrets import token_bytes
from typing import Any, TypeVar

from redis import Redis

from django_authkit.session_keys import new_handle
from django_authkit.stores.outcomes import NewSession
from django_authkit.stores.redis import RedisStore
from django_authkit.stores.redis.scripts import script
from django_authkit.types import Mode, RevocationReason
from support.replica_followers import MINUTE, proposal

ADDRESS = "2001:db8:85a3:8d3:1319:8a2e:370:7348"
LABEL, MARK = "Chrome Mobile on Android", "Ch1aB-"
PREFIX = "authkit"

T = TypeVar("T")


def batches(items: Iterable[T], size: int = 2_000) -> Iterator[list[T]]:
    """Yield batches of *size*."""
    remaining = iter(items)
    while some := list(islice(remaining, size)):
        yield some


class _Gathering:
    """Replaces a client: collects the calls of scripts in a pipeline."""

    def __init__(self, pipeline: Any, answer: Any) -> None:
        self._pipeline, self._answer = pipeline, answer

    def execute_command(self, *call: Any) -> Any:
        self._pipeline.execute_command(*call)
        return self._answer  # the real replies come when the pipeline is executed


def people(mode: Mode = Mode.JWT, label: str = LABEL) -> Iterator[NewSession]:
    """Yield logins of different users."""
    number = 10**6  # as many digits as the user ids of a large site
    while True:
        number += 1
        yield replace(
            proposal(str(number), sid=new_handle(0), address=ADDRESS, label=label, browser_mark=MARK),
            mode=mode,
            key_digest=token_bytes(16) if mode is Mode.SESSION else None,
            jti_digest=token_bytes(16) if mode is Mode.JWT else None,
            access_ms=5 * MINUTE if mode is Mode.JWT else 0,
        )


def fill(client: Redis, sessions: Iterator[NewSession], prefix: str = PREFIX) -> list[str]:
    """Create *sessions* with the store's own script, many in one round trip; return their sids."""
    for name in ("create", "revoke"):
        client.script_load(script(name).text)
    sids: list[str] = []
    for some in batches(sessions):
        pipeline = client.pipeline(transaction=False)
        store = RedisStore(_Gathering(pipeline, [b"refused", 0]), prefix=prefix)  # type: ignore[arg-type]
        for new in some:
            store.create(new)
            sids.append(new.sid)
        assert all(reply[0] == b"created" for reply in pipeline.execute())
    return sids


def revoke(client: Redis, sids: Iterable[str], prefix: str = PREFIX) -> None:
    """Revoke, many in one round trip."""
    client.script_load(script("revoke").text)
    for some in batches(sids):
        pipeline = client.pipeline(transaction=False)
        store = RedisStore(_Gathering(pipeline, b""), prefix=prefix)  # type: ignore[arg-type]
        for sid in some:
            store.revoke(sid, RevocationReason.LOGOUT)
        assert all(pipeline.execute())
