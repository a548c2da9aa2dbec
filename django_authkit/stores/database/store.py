"""
The store in the project's own database.

Every method is one conditional statement, or one short transaction, or a query and then a conditional
statement.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from secrets import token_bytes

from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, Case, F, Q, Value, When
from django.db.models.functions import Greatest, Least

from django_authkit.errors import DpopProofInvalid
from django_authkit.models import AuthSessionRow
from django_authkit.outages import activity_is_optional
from django_authkit.session_keys import handle_in_bucket_of
from django_authkit.stores.database.anonymous import AnonymousTable
from django_authkit.stores.database.attempts import AttemptTable
from django_authkit.stores.database.creation import CreatingTable
from django_authkit.stores.database.device_keys import DeviceKeyTable
from django_authkit.stores.database.expressions import EPOCH_ROW, CurrentEpoch, evaluate
from django_authkit.stores.database.many import ManyTable
from django_authkit.stores.database.records import found_of, now_of, session_of
from django_authkit.stores.database.rotation import RotatingTable
from django_authkit.stores.database.statistics import StatisticsTable
from django_authkit.stores.database.switching import SwitchingTable
from django_authkit.stores.database.table import (
    REVOKED_EPOCH,
    idle_end,
    is_digest,
    raises_unavailable,
)
from django_authkit.stores.outcomes import (
    NOTHING_ASKED,
    Absent,
    Found,
    Page,
    Shown,
)
from django_authkit.tokens.dpop import SingleUse
from django_authkit.types import AuthSession, Mode, RevocationReason, by_recency


class DatabaseStore(
    CreatingTable,
    RotatingTable,
    SwitchingTable,
    DeviceKeyTable,
    ManyTable,
    AnonymousTable,
    AttemptTable,
    StatisticsTable,
):
    """
    Auth sessions and anonymous Django sessions on SQLite, PostgreSQL, MySQL or MariaDB.

    ``rotate`` requires a transaction of its own. The other methods take part in one that is in
    progress, except that ``touch`` and ``note_device`` write after its commit: recording activity must
    neither hold a lock until the end of the request nor fail with it. (After a rollback the activity is not
    recorded.)

    On PostgreSQL and MySQL the isolation level must be READ COMMITTED, Django's default.
    """

    buckets = 1
    is_awaitable = False

    @raises_unavailable
    def load(self, sid: str, single_use: SingleUse | None = None) -> Found | Absent:
        """Return the live record. One query, and an INSERT for a proof that works once."""
        row = self.read(sid)
        if row is None:
            return Absent.GONE
        if single_use is not None:
            self._use_up(sid, single_use)
        return found_of(row)

    @raises_unavailable
    def touch(
        self,
        sid: str,
        key_digest: bytes,
        *,
        idle: int,
        interval: int,
        issued: bool = False,
        required: bool = False,
        shown: Shown = NOTHING_ASKED,
    ) -> Found | Absent:
        """Return the live record and slide its idle end. One query, and an UPDATE when it is due."""
        row = self.read(sid)
        if row is None:
            return Absent.GONE
        if not is_digest(row.key_digest, key_digest):
            return Absent.SUPERSEDED
        if shown.single_use is not None:
            self._use_up(sid, shown.single_use)
        now = now_of(row)
        moved = issued and row.mode != Mode.SESSION
        is_due = moved or now - row.last_seen_ms >= interval
        if is_due and shown.is_activity(row.device_key, row.device_nonce, row.bound_ms):
            with nullcontext() if required else activity_is_optional():
                self._when_free(lambda: self._mark_active(row, now, idle, interval, moved=moved))
                span = min(idle, row.idle_timeout or idle, row.idle_limit_ms or idle)
                row.last_seen_ms, row.idle_expires_ms = now, min(now + span, row.expires_ms)
                row.mode = Mode.SESSION if moved else row.mode
        return found_of(row)

    def _use_up(self, sid: str, use: SingleUse) -> None:
        if not self.create_anonymous(handle_in_bucket_of(sid, use.digest), use.request, "", use.lifetime_ms):
            raise DpopProofInvalid
        use.is_noted = True

    def _when_free(self, write: Callable[[], None]) -> None:
        """Write now, or after the commit when a transaction is in progress that is not a test case's."""
        blocks = self.connection.atomic_blocks
        if all(block._from_testcase for block in blocks):  # noqa: SLF001 - Django has no public way to ask
            write()
        else:
            transaction.on_commit(write, using=self.alias, robust=True)

    @raises_unavailable
    def _mark_active(self, row: AuthSessionRow, now: int, idle: int, interval: int, *, moved: bool) -> None:
        same = self.live().filter(pk=row.pk)
        if moved:
            same.filter(key_digest=row.key_digest).update(
                last_seen_ms=now, idle_expires_ms=idle_end(Value(now), idle), mode=Mode.SESSION
            )
        else:
            same.filter(last_seen_ms__lte=now - interval).update(
                last_seen_ms=now, idle_expires_ms=idle_end(Value(now), idle)
            )

    @raises_unavailable
    def rekey(
        self,
        sid: str,
        presented: bytes | None,
        replacement: bytes,
        *,
        reauthenticated: bool = False,
        auth_hash: str | None = None,
    ) -> Found | Absent:
        """Give the live record a new session key. Two statements."""
        proved = {"auth_time_ms": self.instant()} if reauthenticated else {}
        stamped = {} if auth_hash is None else {"auth_hash": auth_hash}
        dead = {"jti_digest": None, "previous_digest": None, "sealed": None}
        tokens = {**dead, "least_generation": _after_tokens()} if presented else {}
        same = self.live().filter(pk=sid, key_digest=presented)
        same.update(key_digest=replacement, mode=Mode.SESSION, **tokens, **proved, **stamped)
        row = self.read(sid)
        if row is None:
            return Absent.GONE
        if not is_digest(row.key_digest, replacement):
            return Absent.SUPERSEDED
        return replace(found_of(row), now_ms=row.auth_time_ms) if reauthenticated else found_of(row)

    @raises_unavailable
    def renew_tokens(self, sid: str, auth_hash: str, *, proposed: bytes, access: int) -> Found | Absent:
        """Give the live record another refresh token and hash. Two statements."""
        until = Least(self.instant(access), F("idle_expires_ms"), output_field=BigIntegerField())
        others = Q(jti_digest=None) | ~Q(jti_digest=proposed)
        self.live().filter(others, pk=sid).update(
            previous_digest=F("jti_digest"),
            jti_digest=proposed,
            sealed=None,
            key_digest=None,
            auth_hash=auth_hash,
            mode=Mode.JWT,
            rotated_ms=self.instant(),
            access_until_ms=Greatest(F("access_until_ms"), until, output_field=BigIntegerField()),
            least_generation=F("generation") + 1,  # before the next line: MySQL reads what it has just set
            generation=F("generation") + 1,
        )
        return self.load(sid)

    @raises_unavailable
    def rename(self, sid: str, label: str) -> bool:
        """Give its device another name. One statement."""
        return self.live().filter(pk=sid).update(label=label) == 1

    @raises_unavailable
    def restamp(self, sid: str, auth_hash: str) -> bool:
        """Record the user's new session auth hash. One statement."""
        return self.live().filter(pk=sid).update(auth_hash=auth_hash) == 1

    @raises_unavailable
    def restamp_user(self, user_id: str, old_hash: str, new_hash: str) -> int:
        """Replace the hash on the user's live records. One statement."""
        return self.live_of(user_id).filter(auth_hash=old_hash).update(auth_hash=new_hash)

    @raises_unavailable
    def note_device(self, sid: str, address: str, label: str, browser_mark: str) -> None:
        """Record the device that it is used from. One statement."""
        self._when_free(lambda: self._mark_device(sid, address, label, browser_mark))

    @raises_unavailable
    def _mark_device(self, sid: str, address: str, label: str, browser_mark: str) -> None:
        self.live().filter(pk=sid).update(address=address, label=label, browser_mark=browser_mark)

    @raises_unavailable
    def save_data(self, sid: str, key_digest: bytes, data: str, *, idle_limit: int | None) -> bool:
        """Replace the Django session data. One statement."""
        idle_until: F | Least = F("idle_expires_ms")
        if idle_limit is not None:
            idle_until = Least(idle_until, self.instant(idle_limit), output_field=BigIntegerField())
        mine = self.live().filter(pk=sid, key_digest=key_digest)
        return mine.update(data=data, idle_limit_ms=idle_limit, idle_expires_ms=idle_until) == 1

    @raises_unavailable
    def revoke(
        self, sid: str, reason: RevocationReason, *, key_digest: bytes | None = None
    ) -> AuthSession | None:
        """Revoke the auth session. Two statements; four more if a credential is issued in between."""
        row = self.read(sid, user=False)
        if row is None or not _is_for(row, key_digest):
            return None
        if self.revoke_rows(self.unchanged(row), reason):
            return session_of(row)
        with self.step():
            self.take_write_lock()
            held = [row for row in self.hold(self.live().filter(pk=sid)) if _is_for(row, key_digest)]
            self.revoke_held(held, reason)
        return session_of(held[0]) if held else None

    @raises_unavailable
    def revoke_user(
        self,
        user_id: str,
        reason: RevocationReason,
        *,
        keep: str | None = None,
        keep_hash: str | None = None,
    ) -> tuple[AuthSession, ...]:
        """Revoke the user's auth sessions. One UPDATE, and a query for those that it revoked, if any."""
        rows = self.live_of(user_id).exclude(pk=keep or "")
        rows = rows if keep_hash is None else rows.exclude(auth_hash=keep_hash)
        revoked = self.revoke_of(user_id, rows, reason, call=token_bytes(16))
        return tuple(sorted(map(session_of, revoked), key=by_recency))

    @raises_unavailable
    def revoke_all(self) -> None:
        """Begin a new epoch. One statement, except the first time."""
        if self._next_epoch():
            return
        try:
            with self.step(needed=False):
                self.insert(AuthSessionRow(sid=EPOCH_ROW, epoch=1))
        except IntegrityError:
            self._next_epoch()

    def _next_epoch(self) -> int:
        return self.rows.filter(pk=EPOCH_ROW).update(epoch=F("epoch") + 1)

    @raises_unavailable
    def list_user(self, user_id: str) -> tuple[AuthSession, ...]:
        """Return the user's live auth sessions, most recently seen first. One query."""
        return tuple(sorted(map(session_of, self.live_of(user_id).defer("data")), key=by_recency))

    @raises_unavailable
    def page_of_user(self, user_id: str, skipped: int, limit: int) -> Page:
        """Return some of the user's live auth sessions, by the index. One query for the last page, or two."""
        rows = self.live_of(user_id)
        some = rows.defer("data").order_by("-idle_expires_ms", "-pk")[skipped : skipped + limit]
        sessions = tuple(sorted(map(session_of, some), key=by_recency))
        is_last = 0 < len(sessions) < limit
        return Page(sessions=sessions, there_are=skipped + len(sessions) if is_last else rows.count())

    def prune(self, batch: int) -> Iterator[int]:
        """
        Delete rows that are not live, at most *batch* a step; yield each step's count.

        What was ended by itself stays until the last access token issued under it has expired.
        """
        for dead in self._dead():
            yield from self._in_batches(lambda dead=dead: self._delete(dead, batch), batch)  # type: ignore[misc]
        yield from self._in_batches(lambda: self._delete_attempts(batch), batch)

    def _in_batches(self, delete: Callable[[], int], batch: int) -> Iterator[int]:
        count = batch
        while count == batch:
            count = delete()
            if count:
                yield count

    @raises_unavailable
    def _delete_attempts(self, batch: int) -> int:
        over = self.attempts.filter(ends_ms__lte=self.instant())
        return self.delete_keys(self.attempts, over, batch)

    @raises_unavailable
    def _dead(self) -> tuple[Q, ...]:
        """Return the conditions of the rows to delete, each a range of the index on epoch and expiry."""
        current = evaluate(CurrentEpoch(), self.alias)
        now = self.instant()
        return (
            Q(epoch=REVOKED_EPOCH, access_until_ms__lte=now),
            Q(epoch__gt=REVOKED_EPOCH, epoch__lt=current),
            Q(epoch=current, idle_expires_ms__lte=now),
            Q(epoch=None, idle_expires_ms__lte=now),
        )

    @raises_unavailable
    def _delete(self, dead: Q, batch: int) -> int:
        reclaimable = self.rows.filter(dead).exclude(pk=EPOCH_ROW)
        return self.delete_keys(self.rows, reclaimable, batch)

    @raises_unavailable
    def now(self) -> int:
        """Return the database's clock. One query."""
        return self.read_clock()


def _after_tokens() -> Case:
    """Return the least generation for which no token issued until now is valid; 0 if there was none."""
    return Case(When(generation=0, then=0), default=F("generation") + 1)


def _is_for(row: AuthSessionRow, key_digest: bytes | None) -> bool:
    """Tell whether the row has that session key, or no key is given."""
    return key_digest is None or is_digest(row.key_digest, key_digest)
