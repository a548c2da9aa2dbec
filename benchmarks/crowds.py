"""The cost of many live auth sessions (none, ten thousand, a million), and the memory of one."""

from collections.abc import Iterator
from itertools import islice

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from redis import Redis

from benchmarks.filling import ADDRESS, LABEL, MARK, fill, people, revoke
from benchmarks.measuring import Variant, say
from benchmarks.operations import of_fresh_log_ins, ours
from benchmarks.subjects import of_ours
from django_authkit.api.views import LogoutView, RefreshView
from django_authkit.compare.analysis.intervals import mean
from django_authkit.stores.redis import RedisStore
from django_authkit.tokens.sealing import seal
from django_authkit.types import Mode
from support.stores import request

LONGEST_LABEL = "x" * 60
_JTI = "j" * 43
FIRST_DATABASE = 8
"""The numbered databases of Valkey: one for each size, so that the sizes can be measured in turns."""


def redis_in(database: int) -> Redis:
    """Return a client of a numbered database of the Valkey."""
    url = str(settings.CACHES["authkit"]["LOCATION"])
    return Redis.from_url(f"{url.rpartition('/')[0]}/{database}", socket_timeout=600)


def sizes(most: int) -> list[Variant]:
    """Fill stores with auth sessions of each number; return the variants to measure."""
    found: list[Variant] = []
    crowds = [("empty", 0, 0), ("10^4 sessions", 10**4, 0), (f"{most:,} sessions", most, 0)]
    crowds.append(("10^5 revoked", 10**5, 10**5))
    for place, (name, live, revoked) in enumerate(crowds, FIRST_DATABASE):
        client = redis_in(place)
        if live:
            say(f"  filling Valkey: {name}")
            sids = fill(client, islice(people(), live))
            revoke(client, sids[:revoked])
        found += list(_on_redis(name, str(place)))
    for name, live, _ in crowds[:-1]:
        found += list(_in_database(name, _database_with(live)))
    return found


def _on_redis(name: str, database: str) -> Iterator[Variant]:
    place = f"{settings.CACHES['authkit']['LOCATION'].rpartition('/')[0]}/{database}"
    caches = {**settings.CACHES, "authkit": {**settings.CACHES["authkit"], "LOCATION": place}}
    where = {"CACHES": caches}
    common = {"STORE": "redis", "USER_LOADING": "lazy", "REPLICA": {"SIZE": 2 * 10**5}}
    yield Variant(f"session, redis, lazy: {name}", of_ours, common, "session", where, above=True)
    yield Variant(f"jwt, redis, store, lazy: {name}", of_ours, common, "jwt", where, above=True)
    replica = {**common, "ACCESS_CHECK": "replica"}
    yield Variant(f"jwt, redis, replica, lazy: {name}", of_ours, replica, "jwt", where, above=True)
    yield Variant(
        f"refresh: redis: {name}", lambda: of_fresh_log_ins(ours, RefreshView.as_view()), common, "jwt", where
    )
    yield Variant(
        f"logout: redis: {name}", lambda: of_fresh_log_ins(ours, LogoutView.as_view()), common, "jwt", where
    )


def _database_with(live: int, *, alike: bool = True) -> str:
    """Return the alias of a PostgreSQL database with that many, of one address and time if *alike*."""
    alias = f"crowd_{live}{'' if alike else '_apart'}"
    default = connections["default"]
    with default.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {alias}")
    connections.settings[alias] = settings.DATABASES[alias] = {**default.settings_dict, "NAME": alias}
    call_command("migrate", database=alias, verbosity=0)
    if live:
        say(f"  filling PostgreSQL: {live:,} sessions")
        with connections[alias].cursor() as cursor:
            differing = 0 if alike else 4
            begun = ADDRESS[: len(ADDRESS) - differing]
            step = 0 if alike else 100
            cursor.execute(_INSERT, [begun, differing, LABEL, MARK, live, step, live])
            cursor.execute("VACUUM ANALYZE authkit_session")
    return alias


_INSERT = """
INSERT INTO authkit_session (
  sid, user_id, epoch, mode, remember, backend, auth_hash, amr, address, label, browser_mark, created_ms,
  auth_time_ms, last_seen_ms, idle_expires_ms, expires_ms, access_until_ms, generation, rotated_ms,
  jti_digest, data, revoke_reason)
SELECT
  'AA' || substr(md5(n::text), 1, 14), 1000000 + n, 0, 'jwt', true,
  '', md5(n::text) || md5(n::text), '["pwd"]', %s || right(md5(n::text), %s), %s, %s, now_ms,
  now_ms, now_ms, now_ms + 1209600000, now_ms + 7776000000, now_ms + 300000, 1, now_ms,
  substring(sha256(n::text::bytea) FOR 16), '', ''
FROM generate_series(1, %s) AS n,
  LATERAL (SELECT (extract(epoch FROM now()) * 1000)::bigint - %s * (%s - n) AS now_ms) AS clock
"""


def _in_database(name: str, alias: str) -> Iterator[Variant]:
    common = {"STORE": "database", "DATABASE_ALIAS": alias, "USER_LOADING": "lazy"}
    yield Variant(f"session, database, lazy: {name}", of_ours, common, "session", above=True)
    yield Variant(f"jwt, database, store, lazy: {name}", of_ours, common, "jwt", above=True)
    yield Variant(f"refresh: database: {name}", lambda: of_fresh_log_ins(ours, RefreshView.as_view()), common)


def memory(live: int) -> dict[str, float]:
    """
    Return the bytes per live auth session, on Redis and in a database, if there are *live* of them.

    On Redis it is the mean of ``MEMORY USAGE`` of record, index and data, with one auth session per user.
    """
    client = redis_in(FIRST_DATABASE - 1)
    found: dict[str, float] = {}
    kinds = {
        "jwt": people(),
        "jwt, refreshed": people(),
        "jwt, label of 60": people(label=LONGEST_LABEL),
        "session": people(Mode.SESSION),
    }
    for name, sessions in kinds.items():
        client.flushdb()
        sids = fill(client, islice(sessions, live))
        some = sids[:: max(1, live // 2_000)]
        if name == "jwt, refreshed":
            _refresh(client, some)
        found[f"redis: {name}"] = mean([_usage(client, sid) for sid in some])
    client.flushdb()
    row, with_indexes = _in_tables(_database_with(live))
    found["database: jwt, the row"] = row
    found["database: jwt, with indexes"] = with_indexes
    found["database: jwt, all addresses and times differ"] = _in_tables(_database_with(live, alike=False))[1]
    return found


def _in_tables(alias: str) -> tuple[float, float]:
    """Return the bytes of a row, without its indexes and with them."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT pg_table_size('authkit_session'), pg_indexes_size('authkit_session'), count(*)"
            " FROM authkit_session"
        )
        table, indexes, rows = cursor.fetchone()
    return table / rows, (table + indexes) / rows


def _usage(client: Redis, sid: str) -> int:
    found = RedisStore(client).load(sid)
    user_id = found.session.user_id  # type: ignore[union-attr]
    keys = [f"authkit:{{AA}}:{each}" for each in (f"s:{sid}", f"d:{sid}", f"g:{sid}", f"u:{user_id}")]
    return sum(client.memory_usage(key, samples=0) or 0 for key in keys)


def _refresh(client: Redis, sids: list[str]) -> None:
    """Rotate each once, as a browser does: the record then has the predecessor's digest and more."""
    for sid in sids:
        record = client.get(f"authkit:{{AA}}:s:{sid}")
        assert isinstance(record, bytes)
        digest = client.eval(
            "return cmsgpack.unpack(redis.call('GET', KEYS[1]))[2][2]", 1, f"authkit:{{AA}}:s:{sid}"
        )
        assert isinstance(digest, bytes)
        sealed = seal(_JTI, under=_JTI)
        rotation = request(sid, 1, digest, sealed=sealed, address="", copy="c" * 8, device=MARK)
        RedisStore(client).rotate(rotation)


def one_user() -> None:
    """Start with empty tables, an empty Valkey and one user."""
    call_command("migrate", verbosity=0)
    redis_in(0).flushall()
    User.objects.all().delete()
    User.objects.create_user("ada")
