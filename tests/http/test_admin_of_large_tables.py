"""The admin's list does not take longer for a large table: each query reads a bounded part of it."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test.utils import CaptureQueriesContext

from django_authkit.admin import AuthSessionAdmin, large_tables
from django_authkit.models import AuthSessionRow
from support.client import Device
from support.live_site import LiveSite, by_cookie, in_session_mode

pytestmark = [by_cookie, in_session_mode]

on_databases = pytest.mark.parametrize("where", ["sqlite", "postgresql"], indirect=True)

LIST = "/admin/django_authkit/authsessionrow/"
FILL = """
INSERT INTO authkit_session (
  sid, user_id, epoch, mode, remember, backend, auth_hash, amr, address, label, created_ms, auth_time_ms,
  last_seen_ms, idle_expires_ms, expires_ms, access_until_ms, generation, rotated_ms, data, revoke_reason)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s)
SELECT
  'AA' || (10000000000000 + n), user_id + n %% 500,
  CASE WHEN n %% 9 = 0 THEN -1 ELSE epoch END, mode, remember,
  backend, auth_hash, amr, '10.' || (n %% 200) || '.' || (n %% 7), label, created_ms, auth_time_ms,
  last_seen_ms, idle_expires_ms - n * 1000, expires_ms, 0, 0, 0, '', ''
FROM authkit_session, numbers WHERE user_id = %s
"""
"""Makes many rows of one: some revoked, and most of users who were deleted."""
QUERIES = [
    "",
    "p=2",
    "all=",
    "o=-2.5.7",
    "state=live",
    "state=revoked&p=2",
    "state=expired",
    "mode=session",
    "mode=jwt&state=live",
    "_facets=True",
    "q=ada",
    "q=ada%40example.org",
    "q=nobody",
    "q=AA10000000000007",
    "q=10.",
    "q=10.19.5&p=1",
    "q=10.1&mode=jwt",
    "q=Firefox",
]


@pytest.fixture
def boss(site: LiveSite, ada: User, monkeypatch: pytest.MonkeyPatch) -> Device:
    """Return a superuser's browser. The list has 4 pages of 10."""
    monkeypatch.setattr(large_tables, "MOST", 40)
    monkeypatch.setattr(AuthSessionAdmin, "list_per_page", 10)
    monkeypatch.setattr(AuthSessionAdmin, "list_max_show_all", 20)
    site.add_user("boss", is_staff=True, is_superuser=True)
    site.logged_in("ada")
    return site.logged_in("boss")


def fill(site: LiveSite, user: User, rows: int) -> None:
    """Add *rows* auth sessions, made of the one of *user*."""
    with connections[site.alias].cursor() as cursor:
        cursor.execute(FILL, [rows, user.pk])
        cursor.execute("ANALYZE authkit_session")


def plan(site: LiveSite, sql: str) -> str:
    """Return how the database carries out a query."""
    connection = connections[site.alias]
    with connection.cursor() as cursor:
        cursor.execute(f"{connection.ops.explain_query_prefix()} {sql.replace('%', '%%')}", [])
        return "\n".join(" ".join(map(str, row)) for row in cursor.fetchall())


def reads_all(plan: str) -> bool:
    """Tell whether a plan reads every row of the table; an index of all rows is read from its beginning."""
    return bool(re.search(r"Seq Scan on authkit_session|SCAN authkit_session(?! USING)", plan))


@on_databases
@pytest.mark.slow
def test_no_page_reads_the_table(site: LiveSite, boss: Device, ada: User) -> None:
    """Each page of the list, filtered, searched or sorted, has a few queries, each served by an index."""
    fill(site, ada, 10_000)
    for query in QUERIES:
        with CaptureQueriesContext(connections[site.alias]) as captured:
            assert boss.get(f"{LIST}?{query}").status_code in {200, 302}, query
        asked = [each["sql"] for each in captured if "authkit_session" in each["sql"]]
        assert 3 <= len(asked) <= 8, (query, asked)
        for sql in asked:
            if sql.startswith("SELECT"):
                assert not reads_all(plan(site, sql)), (query, sql, plan(site, sql))


@on_databases
def test_the_first_are_counted_and_paged(site: LiveSite, boss: Device, ada: User) -> None:
    """The list ends after a number of rows and says so; a search that finds fewer is complete."""
    fill(site, ada, 600)
    page = boss.get(LIST).content.decode()
    assert "40 auth sessions" in page
    assert "These are the first 40. Search to find others." in page
    assert boss.get(f"{LIST}?p=4").status_code == 200
    assert boss.get(f"{LIST}?p=5").status_code == 302
    page = boss.get(f"{LIST}?q=10.19.").content.decode()
    assert "3 auth sessions" in page
    assert "These are the first" not in page


@on_databases
def test_live_ones_are_first_whoever_they_belong_to(site: LiveSite, boss: Device, ada: User) -> None:
    """Those that expire last come first, also if their user was deleted, and revoked ones last."""
    fill(site, ada, 36)
    rows = AuthSessionRow._base_manager.using(site.alias).exclude(epoch=None).exclude(pk="!epoch")
    expected = [*rows.filter(epoch=0).order_by("-idle_expires_ms"), *rows.filter(epoch=-1)]
    pages = "".join(boss.get(f"{LIST}?p={number}").content.decode() for number in range(1, 5))
    shown = re.findall(r'name="_selected_action" value="([^"]+)"', pages)
    assert set(shown) == {row.sid for row in expected}
    assert shown[:20] == [row.sid for row in expected[:20]]
    assert set(shown[-3:]) < {row.sid for row in expected if row.epoch == -1}


@on_databases
def test_all_pages_at_once_cannot_be_selected(site: LiveSite, boss: Device, ada: User) -> None:
    """The action revokes at most as many as one page can show, although the form asks for all."""
    fill(site, ada, 60)
    assert 'class="question"' not in boss.get(LIST).content.decode()
    boss.submit(LIST, action="revoke_selected", select_across="1", _selected_action="x")
    revoked = AuthSessionRow._base_manager.using(site.alias).filter(epoch=-1, revoke_reason="revoked")
    assert revoked.count() == 20


@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
def test_a_time_limit_is_a_503(site: LiveSite, boss: Device) -> None:
    """A list that takes longer than ``statement_timeout`` is a page that says so, and no 500."""

    def slowly(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        slow = "SELECT pg_sleep(5)" if "COUNT(*)" in sql else ""
        return execute(slow or sql, None if slow else params, many, context)

    connection = connections[site.alias]
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 200")
    try:
        with connection.execute_wrapper(slowly):
            answer = boss.get(LIST)
    finally:
        connection.close()
    assert answer.status_code == 503
    assert "Try again" in answer.content.decode()
