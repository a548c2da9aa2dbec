"""The list of a user with very many dead auth sessions: correct, and not slower."""

from collections.abc import Iterable
from secrets import token_hex
from typing import Any, cast

import pytest
from django.db import connections
from redis import Redis

from django_authkit.models import AuthSessionRow
from django_authkit.session_keys import new_handle
from django_authkit.stores.protocol import Store
from support.profile import rounds
from support.stores import DAY, DatabaseSite, RedisSite, Rig

pytestmark = pytest.mark.slow

PAST = rounds(100_000)
LIVE = 3
SLACK = PAST // 100
"""What a planner without statistics of the new rows may read in addition; at most a hundredth of them."""
KINDS = 4
"""The kinds of dead sessions: expired, revoked, revoked by an epoch, and both expired and revoked."""


def bury(rig: Rig, count: int) -> None:
    """Create *count* dead auth sessions for the rig's user."""
    if isinstance(rig.site, RedisSite):
        _bury_keys(rig, rig.site, count)
    else:
        _bury_rows(rig, cast("DatabaseSite", rig.site), count)


def _bury_rows(rig: Rig, site: DatabaseSite, count: int) -> None:
    now = rig.store.now()
    ends = [(0, now - DAY), (-1, now + DAY), (-1, now - DAY), (None, now - DAY)]
    rows = (
        AuthSessionRow(
            sid=new_handle(0),
            user_id=rig.user,
            epoch=ends[n % KINDS][0],
            idle_expires_ms=ends[n % KINDS][1],
            auth_hash="a" * 64,
        )
        for n in range(count)
    )
    _insert(site.alias, rows)


def _insert(alias: str, rows: Iterable[AuthSessionRow]) -> None:
    """Insert with the fastest method of the driver; ``bulk_create`` would take minutes."""
    connection, fields = connections[alias], AuthSessionRow._meta.concrete_fields
    table = connection.ops.quote_name(AuthSessionRow._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    values = (
        [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields] for row in rows
    )
    with connection.cursor() as cursor:
        if alias == "postgres":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for each in values:
                    copy.write_row(each)
            # An index keeps the entries of rows that other tests deleted, and a scan of it counts them.
            cursor.execute(f"VACUUM (ANALYZE, INDEX_CLEANUP ON) {table}")
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(values))  # noqa: S608


def _bury_keys(rig: Rig, site: RedisSite, count: int) -> None:
    """Leave members in the index whose records have expired: a key expires by itself, its member does not."""
    now = rig.store.now()
    with _client(site) as client:
        (index,) = client.keys("*:u:*")
        for start in range(0, count, 5000):
            some = range(start, min(start + 5000, count))
            client.zadd(index, {new_handle(0): now - DAY - n for n in some})


def _client(site: RedisSite) -> Redis:
    return Redis.from_url(site.url, protocol=site.resp)


def cost_of_list(rig: Rig) -> int:
    """Return the work of a list: commands inside the server, or rows and steps of the database."""
    if isinstance(rig.site, RedisSite):
        with _client(rig.site) as client:
            before = _calls(client)
            rig.sids()
            return _calls(client) - before
    site = cast("DatabaseSite", rig.site)
    return _steps(rig) if site.alias == "default" else _rows_read(rig)


def is_planned(rig: Rig) -> bool:
    """Tell whether a query planner decides what is read."""
    return isinstance(rig.site, DatabaseSite) and rig.site.alias == "postgres"


def _calls(client: Redis) -> int:
    stats: dict[str, Any] = client.info("commandstats")
    return sum(int(each["calls"]) for name, each in stats.items() if name != "cmdstat_info")


def _steps(rig: Rig) -> int:
    """Count the steps of SQLite's virtual machine."""
    counted = 0

    def step() -> int:
        nonlocal counted
        counted += 1
        return 0

    connection = connections["default"]
    connection.ensure_connection()
    connection.connection.set_progress_handler(step, 10)
    rig.sids()
    connection.connection.set_progress_handler(None, 0)
    return counted


def _rows_read(rig: Rig) -> int:
    """Return how many rows PostgreSQL read, including discarded ones."""
    connection = connections["postgres"]
    with connection.execute_wrapper(_explained):
        _plans.clear()
        rig.sids()
    return sum(_rows(plan["Plan"]) for plans in _plans for plan in plans)


_plans: list[Any] = []


def _explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    with context["connection"].connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        _plans.append(cursor.fetchone()[0])
    return execute(sql, params, many, context)


def _rows(node: dict[str, Any]) -> int:
    own = int(node["Actual Rows"]) + int(node.get("Rows Removed by Filter", 0))
    return own + sum(_rows(child) for child in node.get("Plans", ()))


def test_a_long_past_costs_nothing(rig: Rig, store: Store) -> None:
    """The live ones are listed, most recent first, with the same work as without dead ones."""
    alive = [rig.start(label=token_hex(4)).sid for _ in range(LIVE)]
    young = cost_of_list(rig)
    bury(rig, PAST)
    expected = [session.sid for session in store.list_user(rig.user)]
    assert sorted(expected) == sorted(alive)
    for _ in range(PAST // 1000 + 1 if rig.site.reclaims_by_itself else 1):
        # The server also counts the commands of other tests' threads; the minimum of three has none of them.
        old = min(cost_of_list(rig) for _ in range(3))
        assert old <= 2 * young + (SLACK if is_planned(rig) else 8), (young, old)
    assert rig.sids() == expected


def test_the_index_heals_in_bounded_steps(rig: Rig, store: Store) -> None:
    """On Redis the list removes dead members by the thousand; elsewhere they are pruned."""
    rig.start()
    bury(rig, 2500)
    if not isinstance(rig.site, RedisSite):
        assert sum(store.prune(1000)) == 2500
        return
    with _client(rig.site) as client:
        (index,) = client.keys("*:u:*")
        sizes = []
        for _ in range(3):
            rig.sids()
            sizes.append(client.zcard(index))
    assert sizes == [1501, 501, 1]
