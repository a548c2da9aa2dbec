"""Properties of the database store only: statements, transactions, rows and connections."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes
from time import sleep
from typing import Any

import pytest
from django.contrib.auth.models import User, UserManager
from django.db import OperationalError, connections, transaction
from django.db.models import QuerySet
from django.db.models.signals import post_delete
from django.dispatch import Signal
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker, Settings

from django_authkit.errors import StoreUnavailable
from django_authkit.models import AttemptRow, AuthSessionRow
from django_authkit.session_keys import new_handle
from django_authkit.stores.database import DatabaseStore
from django_authkit.stores.outcomes import Absent, Created, Found, Refused, RotationOutcome
from django_authkit.stores.protocol import SidTaken
from django_authkit.types import Mode, OnLimit, RevocationReason
from projects.site import EVERYTHING_ON_POSTGRES
from support.clock import Clock
from support.parallel import ParallelThreads, parallel_threads
from support.stores import DAY, HOUR, MINUTE, Rig, Site, Started, request, rigged

Count = Callable[[Callable[[], object]], int]


@pytest.fixture(params=["sqlite", "postgresql"])
def rig(
    request: pytest.FixtureRequest,
    sites: dict[str, Site],
    settings: Settings,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Rig]:
    """Return a rig for the store in each kind of database, which has the site's users, too."""
    if request.param == "postgresql":
        settings.DATABASE_ROUTERS = [EVERYTHING_ON_POSTGRES]
    with django_db_blocker.unblock(), rigged(sites[request.param]) as rig:
        yield rig


@pytest.fixture
def store(rig: Rig) -> DatabaseStore:
    """Return the rig's store."""
    assert isinstance(rig.store, DatabaseStore)
    return rig.store


@pytest.fixture
def count(store: DatabaseStore) -> Count:
    """Return a function that counts the statements of a call."""

    def counted(call: Callable[[], object]) -> int:
        with CaptureQueriesContext(connections[store.alias]) as queries:
            call()
        return len(queries)

    return counted


def row_of(store: DatabaseStore, sid: str) -> AuthSessionRow:
    """Return the row as it is stored."""
    return AuthSessionRow._base_manager.using(store.alias).get(pk=sid)


def rows(store: DatabaseStore) -> QuerySet[AuthSessionRow]:
    """Return all rows."""
    return AuthSessionRow._base_manager.using(store.alias)


@pytest.mark.parametrize("rig", ["postgresql"], indirect=True)
def test_the_bytes_of_a_usual_row(rig: Rig, store: DatabaseStore) -> None:
    """With the pointer to it, a row takes a 25th of a page of PostgreSQL: none of its columns is padded."""
    digests = {"key_digest": None, "jti_digest": token_bytes(16)}
    device = {"address": "2001:db8:85a3:8d3:1319:8a2e:370:7348", "label": "Chrome Mobile on Android"}
    created = store.create(rig.proposal(browser_mark="Ch1aB-", mode=Mode.JWT, **device, **digests))
    assert isinstance(created, Created)
    with connections[store.alias].cursor() as cursor:
        cursor.execute(
            "SELECT pg_column_size(row.*) FROM authkit_session AS row WHERE sid = %s", [created.session.sid]
        )
        assert cursor.fetchone()[0] <= 320


@contextmanager
def hearing(signal: Signal) -> Iterator[None]:
    """Let a receiver listen to *signal* from all models, as some packages do."""

    def receiver(**_: object) -> None:
        pass

    signal.connect(receiver)
    yield
    signal.disconnect(receiver)


class TestStatements:
    """The number of statements of each method."""

    def test_session_and_user_are_one_query(self, rig: Rig, store: DatabaseStore, count: Count) -> None:
        """``load`` and ``touch`` read the user together with the record."""
        started = rig.start()
        found: list[Found | Absent] = []
        assert count(lambda: found.append(store.load(started.sid))) == 1
        assert (
            count(lambda: found.append(store.touch(started.sid, started.key, idle=DAY, interval=MINUTE))) == 1
        )
        for answer in found:
            assert isinstance(answer, Found)
            assert isinstance(answer.user, User)
            assert str(answer.user.pk) == rig.user

    def test_activity_that_is_due_is_one_more(self, rig: Rig, store: DatabaseStore, count: Count) -> None:
        """``touch`` writes once per interval."""
        started = rig.start()
        rig.wait(MINUTE)
        touch = lambda: store.touch(started.sid, started.key, idle=DAY, interval=MINUTE)  # noqa: E731
        assert [count(touch), count(touch)] == [2, 1]

    def test_rotation_is_four(self, rig: Rig, store: DatabaseStore, count: Count) -> None:
        """Begin, UPDATE, reading record and user, commit."""
        started = rig.start()
        assert count(lambda: store.rotate(request(started.sid, 1, started.jti))) == 4

    @pytest.mark.parametrize(("limit", "statements"), [(None, {4}), (2, {5, 6}), (1, {8, 9})])
    def test_creation(
        self, rig: Rig, store: DatabaseStore, count: Count, limit: int | None, statements: set[int]
    ) -> None:
        """Four without a limit; five or six (a lock) with one; three more to revoke at the limit."""
        rig.start()
        assert count(lambda: store.create(rig.proposal(max_sessions=limit))) in statements

    def test_creation_alone_is_the_same_for_many(self, rig: Rig, store: DatabaseStore) -> None:
        """A login that revokes all others names none of them: one UPDATE, and a query for those revoked."""
        others = [rig.start().sid for _ in range(10)]
        proposal = rig.proposal(max_sessions=1, on_limit=OnLimit.REVOKE_OTHERS)
        with CaptureQueriesContext(store.connection) as queries:
            store.create(proposal)
        statements = [query["sql"] for query in queries]
        assert len(statements) in {8, 9}
        assert not [sid for sid in others if sid in "".join(statements)]
        assert rig.sids() == [proposal.sid]

    def test_revocation_is_two(self, rig: Rig, store: DatabaseStore, count: Count) -> None:
        """A SELECT and a conditional UPDATE."""
        started = rig.start()
        assert count(lambda: store.revoke(started.sid, RevocationReason.LOGOUT)) == 2

    def test_revoke_user_is_few_for_many(self, rig: Rig, store: DatabaseStore, count: Count) -> None:
        """The number of statements does not grow with the number of auth sessions."""
        for _ in range(10):
            rig.start()
        assert count(lambda: store.revoke_user(rig.user, RevocationReason.REVOKED)) <= 5
        assert rig.sids() == []


class TestUser:
    """When the store reads the user, and when the Django auth backend does."""

    def test_not_for_another_backend(self, rig: Rig, store: DatabaseStore) -> None:
        """Another Django auth backend may find another user, or none."""
        started = rig.start(backend="project.backends.Other")
        found = store.load(started.sid)
        assert isinstance(found, Found)
        assert found.user is None

    def test_not_past_a_manager_that_hides_users(
        self, rig: Rig, store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A join must not find users that the default manager excludes."""
        nobody = User._base_manager.none()
        monkeypatch.setattr(UserManager, "get_queryset", lambda _: nobody, raising=False)
        found = store.load(rig.start().sid)
        assert isinstance(found, Found)
        assert found.user is None

    def test_not_from_another_database(self, rig: Rig, store: DatabaseStore, settings: Settings) -> None:
        """If users are read elsewhere, only the record is read here."""
        elsewhere = [] if store.alias == "postgres" else [EVERYTHING_ON_POSTGRES]
        settings.DATABASE_ROUTERS = elsewhere
        found = store.load(rig.start().sid)
        assert isinstance(found, Found)
        assert found.user is None

    def test_a_row_without_its_user(self, rig: Rig, store: DatabaseStore) -> None:
        """A user who was deleted without Django is not found with the record."""
        started = rig.start()
        with connections[store.alias].cursor() as cursor:
            cursor.execute("DELETE FROM auth_user WHERE id = %s", [int(rig.user)])
        found = store.load(started.sid)
        assert isinstance(found, Found)
        assert found.user is None

    def test_uuid_primary_keys(self) -> None:
        """A project's own user model may have any primary key."""
        tests = Path(__file__).parents[1]
        program = [sys.executable, str(tests / "uuid_site" / "session_lifecycle.py")]
        path = [str(tests), *filter(None, sys.path)]
        done = subprocess.run(
            program, env={"PYTHONPATH": ":".join(path)}, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


class TestTransactions:
    """Calls within another transaction, as under ``ATOMIC_REQUESTS``."""

    def test_rotation_refuses(self, rig: Rig, store: DatabaseStore) -> None:
        """A rotation that could be rolled back is refused."""
        started = rig.start()
        asked = request(started.sid, 1, started.jti)
        with transaction.atomic(using=store.alias), pytest.raises(RuntimeError, match="durable"):
            store.rotate(asked)
        assert store.rotate(asked).outcome is RotationOutcome.ROTATED

    def test_activity_waits_for_the_commit(self, rig: Rig, store: DatabaseStore) -> None:
        """``touch`` returns at once and writes after the commit, so it holds no lock."""
        started = rig.start()
        rig.wait(MINUTE)
        with transaction.atomic(using=store.alias):
            found = store.touch(started.sid, started.key, idle=DAY, interval=MINUTE)
            assert row_of(store, started.sid).last_seen_ms == started.session.last_seen_ms
        assert isinstance(found, Found)
        row = row_of(store, started.sid)
        assert (row.last_seen_ms, row.idle_expires_ms) == (
            found.session.last_seen_ms,
            found.session.idle_expires_ms,
        )
        assert row.last_seen_ms == found.now_ms

    def test_revocation_does_not_wait_for_what_it_cannot_see(self, rig: Rig, store: DatabaseStore) -> None:
        """Under REPEATABLE READ a transaction that does not see the latest rotation can revoke."""
        if store.connection.vendor != "mysql":
            pytest.skip("PostgreSQL reports a conflict, and SQLite has one writer.")
        started = rig.start()
        level = "SET SESSION TRANSACTION ISOLATION LEVEL"
        with store.connection.cursor() as cursor, parallel_threads(1) as threads:
            cursor.execute(f"{level} REPEATABLE READ")
            try:
                with transaction.atomic(using=store.alias):
                    assert isinstance(store.load(started.sid), Found)
                    threads.at_once([lambda: store.rotate(request(started.sid, 1, started.jti))])
                    revoked = store.revoke(started.sid, RevocationReason.LOGOUT)
            finally:
                cursor.execute(f"{level} READ COMMITTED")
        assert revoked is not None
        assert revoked.generation == 2
        assert store.load(started.sid) is Absent.GONE

    def test_late_activity_revives_no_record(self, rig: Rig, store: DatabaseStore) -> None:
        """A record revoked before the commit stays revoked."""
        started = rig.start()
        rig.wait(MINUTE)
        with transaction.atomic(using=store.alias):
            store.touch(started.sid, started.key, idle=DAY, interval=MINUTE)
            store.revoke(started.sid, RevocationReason.REVOKED)
        assert store.load(started.sid) is Absent.GONE
        assert row_of(store, started.sid).last_seen_ms == started.session.last_seen_ms

    @pytest.mark.django_db
    def test_activity_in_a_test_case(self, sites: dict[str, Site], clock: Clock) -> None:
        """In a project's test cases, which never commit, activity is written at once."""
        rig = Rig(sites["sqlite"], clock)
        started = rig.start()
        rig.wait(MINUTE)
        rig.store.touch(started.sid, started.key, idle=DAY, interval=MINUTE)
        (session,) = rig.store.list_user(rig.user)
        assert session.last_seen_ms > started.session.last_seen_ms

    def test_a_taken_sid_leaves_the_transaction_usable(self, rig: Rig, store: DatabaseStore) -> None:
        """A refused INSERT does not break the caller's transaction."""
        sid = rig.start().sid
        with transaction.atomic(using=store.alias):
            with pytest.raises(SidTaken, match="taken"):
                store.create(rig.proposal(sid=sid))
            other = rig.start()
        assert set(rig.sids()) == {sid, other.sid}

    def test_a_refusal_leaves_the_transaction_usable(self, rig: Rig, store: DatabaseStore) -> None:
        """A login that the limit refuses undoes only its own INSERT."""
        with transaction.atomic(using=store.alias):
            kept = rig.start()
            refused = store.create(rig.proposal(max_sessions=1, on_limit=OnLimit.REFUSE))
        assert refused == Refused(live=1)
        assert rig.sids() == [kept.sid]

    def test_time_does_not_stand_still(self, rig: Rig, store: DatabaseStore) -> None:
        """The clock is that of the statement, not of the transaction."""
        with transaction.atomic(using=store.alias):
            before = store.now()
            sleep(0.02)
            assert store.now() > before


class TestRows:
    """The content of the table, and how long it is kept."""

    def test_a_revocation_clears_the_secrets(self, rig: Rig, store: DatabaseStore) -> None:
        """A revoked row has neither digests nor successor nor data."""
        started = rig.start(data="secret")
        store.rotate(request(started.sid, 1, started.jti))
        store.revoke(started.sid, RevocationReason.LOGOUT)
        row = row_of(store, started.sid)
        assert (row.key_digest, row.jti_digest, row.sealed, row.data) == (None, None, None, "")
        assert row.revoke_reason == RevocationReason.LOGOUT
        assert row.revoked_ms is not None

    def test_no_successor_is_kept_without_a_grace(self, rig: Rig, store: DatabaseStore) -> None:
        """A successor that could never be returned is not stored."""
        started = rig.start()
        store.rotate(request(started.sid, 1, started.jti, grace_ms=0))
        assert row_of(store, started.sid).sealed is None

    def test_anonymous_rows_are_no_auth_sessions(self, rig: Rig, store: DatabaseStore) -> None:
        """One of each may have the same handle; neither is visible or changed through the other."""
        handle, key = new_handle(0), token_bytes(32)
        assert store.create_anonymous(handle, key, "cart", HOUR)
        assert store.load(handle) is Absent.GONE
        assert store.load(f"~{handle}") is Absent.GONE
        assert store.touch(f"~{handle}", key, idle=HOUR, interval=0) is Absent.GONE
        assert store.revoke(f"~{handle}", RevocationReason.REVOKED) is None
        started = rig.start(sid=handle)
        store.revoke_all()
        assert store.load(started.sid) is Absent.GONE
        assert store.load_anonymous(handle, key) == "cart"

    def test_prune_keeps_to_its_batches(self, rig: Rig, store: DatabaseStore) -> None:
        """At most the given number of rows per step, of all kinds of dead rows; live ones stay."""
        store.revoke_all()
        for _ in range(5):
            rig.start(idle_ms=MINUTE)
        for _ in range(3):
            store.create_anonymous(new_handle(0), token_bytes(32), "", MINUTE)
        rig.wait(MINUTE)
        live = rig.start()
        store.create_anonymous(new_handle(0), token_bytes(32), "", MINUTE)
        assert list(store.prune(2)) == [2, 2, 1, 2, 1]
        assert list(store.prune(2)) == []
        assert rig.sids() == [live.sid]
        assert rows(store).count() == 3  # with the anonymous one, and the count of epochs

    def test_prune_reads_no_rows(self, rig: Rig, store: DatabaseStore, count: Count) -> None:
        """A step takes two statements, even if a receiver listens to the deletions of all models."""
        for _ in range(150):
            rig.start(max_sessions=None)
        rig.wait(100 * DAY)
        with hearing(post_delete):
            assert (
                count(lambda: list(store.prune(1000))) == 7
            )  # one deletes; the others look for what is over
        assert rows(store).count() == 0

    def test_deletions_of_other_models_stay_fast(self, rig: Rig, store: DatabaseStore, count: Count) -> None:
        """Our receiver makes no query read the rows that it deletes, except those of users."""
        for number in range(150):
            store.mark(f"mark {number}", DAY)
        marks = AttemptRow._base_manager.using(store.alias)
        assert count(lambda: marks.all().delete()) == 3  # BEGIN, DELETE, COMMIT
        assert post_delete.has_listeners(User)
        assert not post_delete.has_listeners(AttemptRow)

    @pytest.mark.parametrize("rig", ["postgresql"], indirect=True)
    def test_no_index_is_without_a_query(self, rig: Rig, store: DatabaseStore) -> None:
        """The tables have no index for patterns on PostgreSQL, which each write would have to write."""
        with connections[store.alias].cursor() as cursor:
            cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename LIKE 'authkit_%'")
            names = {name for (name,) in cursor.fetchall()}
        assert "authkit_session_user" in names
        assert not [name for name in names if name.endswith("_like")]

    def test_the_epoch_outlives_prune(self, rig: Rig, store: DatabaseStore) -> None:
        """After everything else is deleted, the epoch is still known."""
        before = rig.start()
        store.revoke_all()
        rig.wait(100 * DAY)
        list(store.prune(100))
        assert rows(store).count() == 1
        store.revoke_all()
        assert rows(store).get().epoch == 2
        assert store.load(before.sid) is Absent.GONE

    def test_a_revoked_row_stays_for_its_access_tokens(self, rig: Rig, store: DatabaseStore) -> None:
        """As long as one of its access tokens could be presented, the row is on the list of revoked sids."""
        started = rig.start(access_ms=5 * MINUTE)
        store.revoke(started.sid, RevocationReason.LOGOUT)
        assert list(store.prune(10)) == []
        rig.wait(5 * MINUTE)
        assert list(store.prune(10)) == [1]

    def test_an_epoch_is_not_a_time(self, rig: Rig, store: DatabaseStore) -> None:
        """A clock that goes back neither revives what ``revoke_all`` revoked nor revokes later ones."""
        store.clock_offset = HOUR
        before = rig.start()
        store.clock_offset = 0
        store.revoke_all()
        after = rig.start()
        assert store.load(before.sid) is Absent.GONE
        assert rig.sids() == [after.sid]


class TestConnections:
    """A database that goes away and comes back."""

    def test_a_broken_connection_is_replaced(
        self, sites: dict[str, Site], django_db_blocker: DjangoDbBlocker
    ) -> None:
        """The call that finds it broken fails, and the next one works."""
        with django_db_blocker.unblock(), rigged(sites["postgresql"]) as rig:
            _terminate(connections["postgres"])
            with pytest.raises(StoreUnavailable):
                rig.store.now()
            assert rig.store.now() > 0

    def test_a_deadlock_is_repeated(self, sites: dict[str, Site], django_db_blocker: DjangoDbBlocker) -> None:
        """The loser of a deadlock repeats its transaction."""
        with django_db_blocker.unblock(), rigged(sites["postgresql"]) as rig, parallel_threads(1) as threads:
            for _ in range(10):
                if self._sends_the_store_away(rig, threads):
                    return
        pytest.fail("the store was never the one to be sent away")

    def _sends_the_store_away(self, rig: Rig, threads: ParallelThreads) -> bool:
        """Tell whether the deadlock hit the store and not the other transaction."""
        started = {rig.start().sid, rig.start().sid}
        low, high = AuthSessionRow._base_manager.using("postgres").filter(sid__in=started).order_by("pk")
        with _other_transaction() as execute, ThreadPoolExecutor(1) as waiting:
            execute("UPDATE authkit_session SET address = '' WHERE sid = %s", [high.pk])
            call = lambda: rig.store.revoke_user(rig.user, RevocationReason.REVOKED)  # noqa: E731
            ended = waiting.submit(threads.at_once, [call])
            while not execute("SELECT 1 FROM pg_locks WHERE NOT granted", []):
                sleep(0.01)
            try:
                execute("UPDATE authkit_session SET address = '' WHERE sid = %s", [low.pk])
                execute("COMMIT", [])
                hit = True
            except OperationalError:
                hit = False
            assert {session.sid for session in ended.result()[0]} == started
        return hit

    def test_an_unreachable_database(
        self, rig: Rig, store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every method raises ``StoreUnavailable``; none returns "logged out"."""
        started = rig.start()
        connections[store.alias].close()
        nowhere = {"NAME": "/nowhere/at/all.sqlite3", "HOST": "/nowhere", "PORT": "1"}
        with monkeypatch.context() as patch:
            for name, value in nowhere.items():
                patch.setitem(connections[store.alias].settings_dict, name, value)
            for call in _calls(rig, store, started):
                with pytest.raises(StoreUnavailable):
                    call()
        assert isinstance(store.load(started.sid), Found)


def _calls(rig: Rig, store: DatabaseStore, started: Started) -> list[Callable[[], object]]:
    sid, key, handle = started.sid, started.key, new_handle(0)
    return [
        lambda: store.create(rig.proposal()),
        lambda: store.create(rig.proposal(max_sessions=1)),
        lambda: store.load(sid),
        lambda: store.touch(sid, key, idle=DAY, interval=0),
        lambda: store.rotate(request(sid, 1, started.jti)),
        lambda: store.rekey(sid, key, token_bytes(32)),
        lambda: store.restamp(sid, "b"),
        lambda: store.restamp_user(rig.user, "a", "b"),
        lambda: store.save_data(sid, key, "", idle_limit=None),
        lambda: store.revoke(sid, RevocationReason.LOGOUT),
        lambda: store.revoke_user(rig.user, RevocationReason.LOGOUT),
        lambda: store.revoke_all(),
        lambda: store.list_user(rig.user),
        lambda: list(store.prune(1)),
        lambda: store.now(),
        lambda: store.create_anonymous(handle, key, "", DAY),
        lambda: store.load_anonymous(handle, key),
        lambda: store.save_anonymous(handle, key, "", DAY),
        lambda: store.delete_anonymous(handle, key),
    ]


def _terminate(connection: Any) -> None:
    """Let the server close *connection*, as in a restart."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
    other.close()


@contextmanager
def _other_transaction() -> Iterator[Callable[[str, list[str]], int]]:
    """Give a function that executes a statement in another transaction and returns its row count."""
    other = connections["postgres"].copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:

            def execute(sql: str, arguments: list[str]) -> int:
                cursor.execute(sql, arguments)
                return int(cursor.rowcount)

            yield execute
    finally:
        other.close()
