"""Counts the auth sessions while others use the store: SCAN in steps, and one script a step."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from redis.exceptions import ResponseError

from django_authkit.stores.outcomes import Remaining, StoreStatistics
from django_authkit.stores.redis.failures import CLIENT_ERRORS
from django_authkit.stores.redis.inspection import memory_of_servers, numbers_of_keys
from django_authkit.stores.redis.records import census_of
from django_authkit.stores.redis.scripts import Scripts
from django_authkit.stores.redis.sending import Client
from django_authkit.stores.redis.server_names import no_answer
from django_authkit.types import Mode

_STEP = 500
"""Keys that one SCAN looks at: a millisecond or so of the server."""
_COUNTED = 100
"""Records that one script counts, which takes as long."""
_LOOKED_AT = 20_000
"""Keys that an estimate is made from."""
_SAMPLE = 100
_SPECIAL = re.compile(rb"[*?\[\]\\]")


def read_statistics(
    client: Client, prefix: str, bases: Mapping[str, str], clock_offset: int, *, count: bool, every: bool
) -> StoreStatistics:
    """
    Return how many auth sessions are under *prefix*, and what the server says of its memory.

    SCAN may show a record that is created or deleted meanwhile twice, or not at all.

    Args:
        bases: What the keys of each bucket begin with, by the two characters of its sids.
        count: Whether to look at records.
        every: Whether to look at all of them, and not only at those among some keys.

    Raises:
        StoreUnavailable: No answer, or the server does not let us ask.
    """
    try:
        server_bytes = sum(int(server["used_memory"]) for server in memory_of_servers(client))
        revoked = sum(_listed(client, base) for base in bases.values())
        if not count:
            return StoreStatistics(server_bytes=server_bytes, revoked=revoked)
        keys, times = (_record_keys(client, prefix), 1.0) if every else _some_record_keys(client, prefix)
        first = list(islice(keys, _SAMPLE))
        live, bound, found = _count(client, chain(first, keys), bases, clock_offset, times)
        records = round(found * times)
        record_bytes = _bytes_a_record(client, first) * records
    except CLIENT_ERRORS as error:
        raise no_answer(client, error) from error
    return StoreStatistics(
        live=live,
        device_bound=round(bound[0] * times),
        dpop_bound=round(bound[1] * times),
        records=records,
        record_bytes=record_bytes,
        server_bytes=server_bytes,
        revoked=revoked,
        estimated=times > 1,
    )


def _listed(client: Client, base: str) -> int:
    """Return how many entries the blacklist of a bucket has; one of the stream may hold several."""
    oldest: Any = client.xrange(f"{base}:l", count=1)
    state: Any = client.hmget(f"{base}:m", "number", "waiting")
    if oldest:
        return int(state[0]) - int(oldest[0][1][b"n"]) + 1
    return len(json.loads(b"[%b]" % (state[1] or b"")))


def _count(
    client: Client, keys: Iterable[bytes], bases: Mapping[str, str], clock_offset: int, times: float
) -> tuple[dict[Mode, Remaining], tuple[int, int], int]:
    scripts, records, by_browser, by_header = Scripts(client), 0, 0, 0
    live = dict.fromkeys(Mode, (0, 0, 0))
    for bucket, sids in _batches(keys):
        records += len(sids)
        if bucket not in bases:
            continue
        counted, bound = scripts.run(census_of, "statistics", bases[bucket], clock_offset, *sids)
        by_browser, by_header = by_browser + bound[0], by_header + bound[1]
        for mode, (number, idle_until, ends) in zip((Mode.SESSION, Mode.JWT), counted, strict=True):
            before = live[mode]
            live[mode] = (before[0] + number, max(before[1], idle_until), max(before[2], ends))
    remaining = {mode: _remaining(times, *counts) for mode, counts in live.items()}
    return remaining, (by_browser, by_header), records


def _remaining(times: float, number: int, idle_until: int, ends: int) -> Remaining:
    return Remaining(live=round(number * times), idle_expires_ms=idle_until or None, expires_ms=ends or None)


def _batches(keys: Iterable[bytes]) -> Iterator[tuple[str, list[str]]]:
    """Yield sids by bucket, at most ``_COUNTED`` at once."""
    waiting: defaultdict[str, list[str]] = defaultdict(list)
    for key in keys:
        sid = key.decode()[-16:]
        waiting[sid[:2]].append(sid)
        if len(waiting[sid[:2]]) == _COUNTED:
            yield sid[:2], waiting.pop(sid[:2])
    yield from waiting.items()


def _record_keys(client: Client, prefix: str) -> Iterator[bytes]:
    escaped = _SPECIAL.sub(rb"\\\g<0>", prefix.encode())
    return client.scan_iter(match=escaped + b":{??}:s:" + b"?" * 16, count=_STEP)


def _some_record_keys(client: Client, prefix: str) -> tuple[Iterator[bytes], float]:
    """
    Return the keys of records among the first ``_LOOKED_AT`` keys, and how many times as many keys there are.

    SCAN shows the keys of a server in the order of a hash, so the first are a random part of them.
    """
    servers = numbers_of_keys(client)
    there_are = sum(number for _, number in servers)
    if there_are <= _LOOKED_AT:
        return _record_keys(client, prefix), 1.0
    seen: list[bytes] = []
    for at, number in servers:
        seen += islice(client.scan_iter(count=_STEP, **at), _LOOKED_AT * number // there_are)
    is_record = re.compile(re.escape(prefix.encode()) + rb":\{..\}:s:.{16}").fullmatch
    return filter(is_record, seen), there_are / max(1, len(seen))


def _bytes_a_record(client: Client, sample: list[bytes]) -> int:
    """Return the mean size of a record and its data; 0 if the server does not tell sizes."""
    try:
        sizes = [
            client.memory_usage(part) or 0 for key in sample for part in (key, key.replace(b":s:", b":d:"))
        ]
    except ResponseError:
        return 0
    return sum(sizes) // max(1, len(sample))
