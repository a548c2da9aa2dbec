"""What an attacker finds in a copy of the store, and the forms in which a secret could be stored there."""

import re
import string
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connections
from redis import Redis

from support.live_site import LiveSite

_RUN = re.compile(rb"[A-Za-z0-9_.~+/=-]{4,}")
_WRITTEN = (string.ascii_letters + string.digits + "-_").encode()


def read_all(live: LiveSite) -> list[bytes]:
    """Return everything in the store: keys and values, or the bytes of the database."""
    if live.on_redis:
        return list(_from_redis())
    if live.alias == "default":
        return list(_from_files())
    return list(_from_postgres() if live.alias == "postgres" else _from_rows(live.alias))


def _from_redis() -> Iterator[bytes]:
    with Redis.from_url(settings.CACHES["authkit"]["LOCATION"]) as client:
        for key in client.scan_iter():
            yield key
            yield client.dump(key) or b""
            kind = client.type(key)
            if kind == b"string":
                yield client.get(key) or b""
            elif kind == b"zset":
                yield from client.zrange(key, 0, -1)
            elif kind == b"hash":
                yield from (part for pair in client.hgetall(key).items() for part in pair)
            elif kind == b"stream":
                entries = (entry for _, entry in client.xrange(key))
                yield from (part for entry in entries for pair in entry.items() for part in pair)
            else:
                raise AssertionError(kind)


def _from_files() -> Iterator[bytes]:
    name = str(connections["default"].settings_dict["NAME"])
    for path in (Path(name + suffix) for suffix in ("", "-wal", "-journal")):
        if path.exists():
            yield path.read_bytes()


def _from_postgres() -> Iterator[bytes]:
    """Yield each table as COPY writes it, where binary columns are hexadecimal; those also as they are."""
    with connections["postgres"].cursor() as cursor:
        for table in connections["postgres"].introspection.table_names(cursor):
            with cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
                rows = b"".join(bytes(part) for part in copy)
            yield rows
            yield from (bytes.fromhex(found.decode()) for found in re.findall(rb"\\\\x([0-9a-f]+)", rows))


def _from_rows(alias: str) -> Iterator[bytes]:
    """Yield every value of every table."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our own tables
            for value in (value for row in cursor.fetchall() for value in row):
                yield value if isinstance(value, bytes) else str(value).encode()


def forms_of(secret: str) -> set[bytes]:
    """Return the forms in which *secret* could be stored so that it can be recovered."""
    raws = {secret.encode()}
    if len(secret) % 4 != 1 and all(byte in _WRITTEN for byte in secret.encode()):
        raws.add(urlsafe_b64decode(secret + "=" * (-len(secret) % 4)))
    forms = set(raws)
    for raw in raws:
        forms |= {raw.hex().encode(), raw.hex().upper().encode(), raw[::-1]}
        forms |= {encode(raw).rstrip(b"=") for encode in (b64encode, urlsafe_b64encode)}
    return forms


def pieces_of(live: LiveSite) -> list[bytes]:
    """Return the values in the store one by one, decoded as by someone who knows the code."""
    if live.on_redis:
        return list(_from_redis())
    values = [value for row in live.snapshot() for value in row.values()]
    return [bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in values if v]


def strings_in(pieces: list[bytes]) -> set[str]:
    """Return each run of characters that a credential may have, and small blobs in base64url and hex."""
    found: set[str] = set()
    for piece in pieces:
        found |= {run.decode() for run in _RUN.findall(piece)}
        if len(piece) <= 128 and not piece.isascii():
            found |= {piece.hex(), urlsafe_b64encode(piece).rstrip(b"=").decode()}
    return found


def windows(texts: set[str], length: int) -> set[str]:
    """Return every substring of *length* characters that could be the secret half of a session key."""
    allowed = set(_WRITTEN.decode())
    return {
        text[start : start + length]
        for text in texts
        for start in range(len(text) - length + 1)
        if allowed.issuperset(text[start : start + length])
    }
