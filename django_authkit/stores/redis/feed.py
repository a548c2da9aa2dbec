"""How a process's copy of the blacklist reads it from Redis."""

import time
from collections.abc import Mapping
from typing import Any, Final

from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from django_authkit.errors import StoreUnavailable
from django_authkit.revocation import BucketCopy, Entry, News
from django_authkit.stores.redis.scripts import Client, Scripts

_POLL: Final = 0.02
"""Seconds between looks on a cluster, where no one call can wait on several nodes."""
_STATE: Final = ("birth", "window", "number")


class RedisFeed:
    """
    Reads the streams of all buckets, on a client of its own.

    Args:
        client: A client that returns bytes and does not repeat on its own. A broken connection has to
            be an error: what was missed meanwhile is not known.
        bases: The first part of the keys of each bucket, by the two characters of its sids.
        limit: Most entries in each bucket.
    """

    def __init__(self, client: Client, bases: Mapping[str, str], limit: int) -> None:
        self._client = client
        self._bases = bases
        self._limit = limit
        self._scripts = Scripts(client)
        self.buckets = tuple(bases)

    def snapshot(self) -> Mapping[str, BucketCopy]:
        """Return all that is in the list now: one round trip a bucket."""
        return {bucket: self._copy(base) for bucket, base in self._bases.items()}

    def _copy(self, base: str) -> BucketCopy:
        reply = self._scripts.run("blacklist_snapshot", base, 0, self._limit)
        birth, window, epoch, number, position, entries = reply
        revoked = [entry for entry in map(_entry, entries) if entry.sid]
        return BucketCopy(
            birth=birth,
            window=window,
            epoch=epoch,
            number=number,
            position=position.decode(),
            revoked={entry.sid: entry.until for entry in revoked},
        )

    def follow(self, positions: Mapping[str, str], wait: float) -> Mapping[str, News]:
        """Return what came after *positions*: one round trip, or one a bucket on a cluster."""
        try:
            if isinstance(self._client, RedisCluster):
                return self._poll(positions, wait)
            return self._read(positions, block=max(1, int(wait * 1000)))
        except (RedisError, RedisClusterException) as error:
            raise StoreUnavailable from error

    def _poll(self, positions: Mapping[str, str], wait: float) -> Mapping[str, News]:
        deadline = time.monotonic() + wait
        while True:
            news: dict[str, News] = {}
            for bucket, position in positions.items():
                news.update(self._read({bucket: position}, block=None))
            if any(each.entries for each in news.values()) or time.monotonic() > deadline:
                return news
            time.sleep(_POLL)

    def _read(self, positions: Mapping[str, str], block: int | None) -> Mapping[str, News]:
        """Read the states, then the streams: whatever a state counts, its stream has shown or lost."""
        pipeline: Any = self._client.pipeline(transaction=False)
        for bucket in positions:
            pipeline.hmget(f"{self._bases[bucket]}:m", _STATE)
        pipeline.xread(
            {f"{self._bases[bucket]}:l": position for bucket, position in positions.items()}, block=block
        )
        *states, streams = pipeline.execute()
        entries = {bytes(name).decode(): listed for name, listed in _pairs(streams)}
        return {
            bucket: _news(state, entries.get(f"{self._bases[bucket]}:l", ()))
            for bucket, state in zip(positions, states, strict=True)
        }

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


def _pairs(streams: Any) -> Any:
    """Return name and entries of each stream; RESP3 answers with a map, and a list in a list."""
    if isinstance(streams, dict):
        return [(name, listed[0] if listed else ()) for name, listed in streams.items()]
    return streams or ()


def _news(state: Any, listed: Any) -> News:
    birth, window, number = (int(value or 0) for value in state)
    return News(birth=birth, window=window, number=number, entries=tuple(map(_entry, listed)))


def _entry(raw: Any) -> Entry:
    position, fields = raw
    if isinstance(fields, list):
        fields = dict(zip(fields[::2], fields[1::2], strict=True))
    epoch = fields.get(b"e")
    return Entry(
        number=int(fields[b"n"]),
        position=position.decode(),
        sid="" if epoch is not None else fields[b"s"].decode(),
        until=int(fields[b"u"] if epoch is None else epoch),
    )
