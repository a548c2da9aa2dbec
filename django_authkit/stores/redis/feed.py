"""
How a process's copy of the blacklist reads it from Redis.

Following takes plain commands only, which cost the server far less than a script.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Any, Final

from redis import Redis
from redis.cluster import RedisCluster

from django_authkit.blacklist.feed import BucketCopy, Entry, Gap, Update
from django_authkit.outages import log_lost_revocations
from django_authkit.stores.redis.failures import CLIENT_ERRORS
from django_authkit.stores.redis.primary import confirmed_every
from django_authkit.stores.redis.records import flag_of
from django_authkit.stores.redis.scripts import Scripts
from django_authkit.stores.redis.sending import Client
from django_authkit.stores.redis.server_names import name_of, no_answer

_POLL: Final = 0.05
"""Minimum seconds between reads on a cluster."""
_PAGE: Final = 1000
"""Entries that are read at once."""
_A_SECOND: Final = 1000
"""Revocations a second that the list has room for."""
_SLACK: Final = 120
"""Seconds that entries are kept beyond the life of an access token, as in ``blacklist.lua``."""
_STATE: Final = ("run", "waiting", "began", "birth", "window", "number")
"""What is read of the state of a bucket."""
_PAUSES: Final = 19
"""The pause as a multiple of the time of a read, so that many buckets take at most 5 % of the time."""


class RedisFeed:
    """
    Reads the streams of all buckets, on a client of its own.

    Args:
        client: A client that returns bytes and does not repeat on its own.
        bases: The first part of the keys of each bucket, by the two characters of its sids.
        limit: Most entries in each bucket.
        changed: Called when the server is another than before, or no primary any more: whoever shares its
            address has connections to the former one.
    """

    def __init__(
        self, client: Client, bases: Mapping[str, str], limit: int, changed: Callable[[], None]
    ) -> None:
        self._client = client
        self._bases = bases
        self._limit = limit
        self._scripts = Scripts(client)
        self._patience = _patience_of(client)
        self._took = 0.0
        self._changed = changed
        self._runs: Mapping[str, str] = {}
        self.buckets = tuple(bases)
        self.unconfirmed = confirmed_every(client)

    def snapshot(self) -> Mapping[str, BucketCopy]:
        """Return all that is in the list now: one round trip a bucket, and one for each page of entries."""
        try:
            copies = {bucket: self._copy(base) for bucket, base in self._bases.items()}
        except CLIENT_ERRORS as error:  # a rejected command too
            raise no_answer(self._client, error) from error
        runs = {bucket: copy.run for bucket, copy in copies.items()}
        if runs != self._runs:
            if self._runs:
                self._look_anew()
            self._runs = runs
        return copies

    def _copy(self, base: str) -> BucketCopy:
        """Read page by page: no other client waits for long, however many entries there are."""
        copy, last = self._scripts.run(_empty_copy_of, "blacklist_snapshot", base, 0, self._limit)
        while copy.number < last:
            page: Any = self._client.xrange(f"{base}:l", f"({copy.position}", count=_PAGE)
            if not page:
                raise Gap
            copy.position, entries = _read(page)
            for entry in entries:
                copy.add(entry)
        return copy

    def follow(self, positions: Mapping[str, str], wait: float) -> Mapping[str, Update]:
        """Return what came after *positions*: one round trip, or one for each node of a cluster."""
        try:
            if isinstance(self._client, RedisCluster):
                updates = self._poll(self._client, positions, wait)
            else:
                updates = self._block(self._client, positions, min(wait, self._patience))
        except CLIENT_ERRORS as error:
            raise no_answer(self._client, error) from error
        if not all(update.began for update in updates.values()):
            self._look_anew()
        return updates

    def _look_anew(self) -> None:
        """Drop the connections to a server that is another than before, or no primary any more."""
        self._scripts.drop_idle_connections()
        self._changed()

    def _block(self, client: Redis, positions: Mapping[str, str], wait: float) -> Mapping[str, Update]:
        """Read the states, then the streams: whatever a state counts, its stream has shown or lost."""
        pipeline = self._states(client, positions)
        streams = {f"{self._bases[bucket]}:l": position for bucket, position in positions.items()}
        pipeline.xread(streams, block=max(1, int(wait * 1000)))
        *states, found = pipeline.execute()
        listed = {bytes(name).decode(): entries for name, entries in _pairs(found)}
        return _updates(positions, states, [listed.get(stream, ()) for stream in streams])

    def _poll(self, client: RedisCluster, positions: Mapping[str, str], wait: float) -> Mapping[str, Update]:
        """Read after a pause, since no call can wait on several nodes."""
        time.sleep(min(wait, max(_POLL, _PAUSES * self._took)))
        begun = time.monotonic()
        self._scripts.confirm()
        updates: dict[str, Update] = {}
        for node, buckets in self._by_node(client).items():
            here = {bucket: positions[bucket] for bucket in buckets}
            pipeline = self._states(client.get_redis_connection(node), here)
            for bucket, position in here.items():
                pipeline.xrange(f"{self._bases[bucket]}:l", f"({position}")
            replies = pipeline.execute()
            updates |= _updates(here, replies[: -len(here)], replies[-len(here) :])
        self._took = time.monotonic() - begun
        return updates

    def _by_node(self, client: RedisCluster) -> Mapping[Any, Sequence[str]]:
        """Return the buckets of each node."""
        nodes: dict[Any, list[str]] = {}
        for bucket, base in self._bases.items():
            node = client.get_node_from_key(base)  # type: ignore[no-untyped-call]
            nodes.setdefault(node, []).append(bucket)
        return nodes

    def _states(self, client: Redis, buckets: Iterable[str]) -> Any:
        """Return a pipeline that begins with the state of the server, and of each bucket."""
        pipeline: Any = client.pipeline(transaction=False)
        pipeline.info("server")
        pipeline.info("replication")
        pipeline.time()
        for bucket in buckets:
            pipeline.hmget(f"{self._bases[bucket]}:m", _STATE)
        return pipeline

    def repeat(self, bucket: str, seen: Sequence[Entry]) -> None:
        """Revoke again what the server has lost: one round trip for each, and a record in the log."""
        lost = 0
        try:
            for each in seen:
                what = (each.sid, each.generation, each.user, each.until)
                lost += self._scripts.run(flag_of, "revoke_again", self._bases[bucket], 0, *what)
        finally:
            if lost:
                log_lost_revocations(name_of(self._client), lost)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
        if isinstance(self._client, Redis):  # which leaves a pool alone that it was given
            self._client.connection_pool.disconnect()


def list_size(access: float) -> int:
    """Return how many entries there may be, where access tokens live for *access* seconds."""
    return int(_A_SECOND * (access + _SLACK))


def _patience_of(client: Client) -> float:
    """Return how many seconds a read may wait for updates, well below the client's timeout."""
    if isinstance(client, RedisCluster):
        return inf  # it polls
    timeout: float | None = client.connection_pool.connection_kwargs.get("socket_timeout")
    return timeout / 2 if timeout else inf


def _pairs(streams: Any) -> Any:
    """Return name and entries of each stream; RESP3 answers with a map, and a list in a list."""
    if isinstance(streams, dict):
        return [(name, listed[0] if listed else ()) for name, listed in streams.items()]
    return streams or ()


def _empty_copy_of(reply: Any) -> tuple[BucketCopy, int]:
    """Return the copy without its entries, and the number of the last of them."""
    began, birth, window, epoch, first, last, run = reply
    copy = BucketCopy(
        began=began,
        birth=birth,
        birth_of_list=birth,
        window=window,
        epoch=epoch,
        number=first - 1,
        position="0-0",
        run=run.decode(),
    )
    return copy, last


def _updates(positions: Mapping[str, str], states: Sequence[Any], listed: Sequence[Any]) -> dict[str, Update]:
    """Return what came in each bucket: not the list of before where the server is another, or no primary."""
    server, replication, (now, _), *buckets = states
    run = server["run_id"].encode() if replication["role"] == "master" else b""
    return {
        bucket: _update(run, now * 1000, *read)
        for bucket, *read in zip(positions, positions.values(), buckets, listed, strict=True)
    }


def _update(run: bytes, now: int, position: str, state: Sequence[bytes | None], listed: Any) -> Update:
    run_of_list, waiting, *counts = state
    began, birth, window, number = (int(count or 0) for count in counts)
    position, entries = _read(listed, position)
    return Update(
        began=began if run == run_of_list else 0,
        birth=birth,
        window=window,
        number=number,
        now=now,
        position=position,
        entries=(*entries, *_numbered(_objects(waiting or b""), number)),
    )


def _read(listed: Any, position: str = "") -> tuple[str, list[Entry]]:
    """Return the position after entries of the stream, and what they contain."""
    entries: list[Entry] = []
    for raw, fields in listed:
        position = raw.decode()
        objects = _objects(fields[b"e"])
        entries += _numbered(objects, int(fields[b"n"]) + len(objects) - 1)
    return position, entries


def _objects(text: bytes) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = json.loads(b"[" + text + b"]")
    return objects


def _numbered(objects: Sequence[dict[str, Any]], last: int) -> list[Entry]:
    """Return the entries that the server wrote as *objects*; the number of the last is *last*."""
    return [
        Entry(
            number=number,
            sid=fields.get("s", ""),
            user=fields.get("p", ""),
            until=int(fields.get("u") or fields["e"]),
            generation=int(fields.get("g", 0)),
        )
        for number, fields in enumerate(objects, last - len(objects) + 1)
    ]
