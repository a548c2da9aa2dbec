"""Creates auth sessions in the database, within the user's limit."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Case, F, IntegerField, Q, Value, When
from django.db.models.functions import Greatest

from django_authkit.models import AuthSessionRow
from django_authkit.stores.database.expressions import CurrentEpoch
from django_authkit.stores.database.records import session_of
from django_authkit.stores.database.table import Rows, SessionTable, is_digest, raises_unavailable
from django_authkit.stores.outcomes import Created, NewSession, Refused
from django_authkit.stores.protocol import SidTaken
from django_authkit.types import AuthSession, OnLimit, RevocationReason, by_recency

_AT_ONCE: Final = 500
"""Rows that one statement names; SQLite allows some ten thousand parameters."""


class CreatingTable(SessionTable):
    """Creates rows, and revokes others when the user's limit is reached."""

    @raises_unavailable
    def create(self, new: NewSession) -> Created | Refused:
        """
        Make the record, unless the limit refuses it.

        Four statements without a limit, five or six with one (begin and commit included), three or four more
        when it revokes others, however many those are under REVOKE_OTHERS.
        """
        limited = new.max_sessions is not None
        try:
            with self.step():
                return self._create_limited(new) if limited else self._create(new)
        except IntegrityError:
            return self._repeated(new)

    def _create(self, new: NewSession) -> Created:
        self.insert(self._row_of(new))
        return Created(session=self._session(new.sid), revoked=())

    def _create_limited(self, new: NewSession) -> Created | Refused:
        self._take_turn(new.user_id)
        # On a database with one writer at a time (SQLite), this INSERT comes first and is the lock.
        created = self._create(new)
        others = self.live_of(new.user_id).exclude(pk=new.sid)
        live = others.count()
        surplus = live - max((new.max_sessions or 0) - 1, 0)
        if surplus <= 0:
            return created
        if new.on_limit is OnLimit.REVOKE_OTHERS and self._unused(others, new).count() < surplus:
            revoked = self.revoke_of(new.user_id, others, RevocationReason.LIMIT, call=new.sid.encode())
            return replace(created, revoked=_least_recent_first(revoked))
        sids = self._sids_to_revoke(others, new, surplus)
        if len(sids) < surplus:
            transaction.set_rollback(True, using=self.alias)
            return Refused(live=live)
        revoked = []
        for start in range(0, len(sids), _AT_ONCE):
            held = self.hold(self.live().filter(pk__in=sids[start : start + _AT_ONCE]))
            self.revoke_held(held, RevocationReason.LIMIT, call=new.sid.encode())
            revoked += held
        return replace(created, revoked=_least_recent_first(revoked))

    def _sids_to_revoke(self, others: Rows, new: NewSession, surplus: int) -> list[str]:
        """Return the sids of those that make room: the unused first, then the least recently seen."""
        if new.on_limit is OnLimit.REFUSE:
            chosen = self._unused(others, new)
        else:
            rank = Case(When(self._is_unused(new), then=0), default=1, output_field=IntegerField())
            chosen = others.order_by(rank, "last_seen_ms", "created_ms", "-sid")
        return list(chosen.values_list("pk", flat=True)[:surplus])

    def _unused(self, others: Rows, new: NewSession) -> Rows:
        return others.filter(self._is_unused(new))

    def _is_unused(self, new: NewSession) -> Q:
        return Q(last_seen_ms=F("created_ms"), created_ms__lte=self.instant(-new.unused_ms))

    def _take_turn(self, user_id: str) -> None:
        """
        Lock the user's turn, so that simultaneous logins of one user are counted one after the other.

        It is a row of this table, made or found by the statement that locks it, since the users may be
        in another database. Nobody reads it, and ``prune`` deletes it.
        """
        features = self.connection.features
        if features.has_select_for_update:
            name = urlsafe_b64encode(sha256(user_id.encode()).digest())[:16].decode()
            self.rows.bulk_create(
                [AuthSessionRow(sid=f"!{name}")],
                update_conflicts=True,
                update_fields=["mode"],
                unique_fields=["sid"] if features.supports_update_conflicts_with_target else None,
            )

    def _repeated(self, new: NewSession) -> Created:
        """Return the first result again if this same call took the sid."""
        row = self.rows.filter(pk=new.sid).first()
        if row is None or not _made_by(row, new):
            message = "the sid is taken"
            raise SidTaken(message)
        made_room = self.rows_of(new.user_id).filter(revoked_by=new.sid.encode())
        return Created(session=session_of(row), revoked=_least_recent_first(made_room))

    def _session(self, sid: str) -> AuthSession:
        """Return the record as it was written, even if ``revoke_all`` revoked it since."""
        return session_of(self.rows.get(pk=sid))

    def _row_of(self, new: NewSession) -> AuthSessionRow:
        now, idle = self.instant(), min(new.idle_ms, new.idle_timeout or new.idle_ms, new.absolute_ms)
        return AuthSessionRow(
            sid=new.sid,
            user_id=new.user_id,
            epoch=CurrentEpoch(),
            mode=new.mode,
            remember=new.remember,
            backend=new.backend,
            auth_hash=new.auth_hash,
            amr=list(new.amr),
            address=new.address,
            label=new.label,
            browser_mark=new.browser_mark,
            idle_timeout=new.idle_timeout,
            claims_json=new.claims_json,
            by_header=new.by_header,
            created_ms=now,
            auth_time_ms=Greatest(self.instant(-new.auth_age_ms), Value(0)) if new.auth_age_ms else now,
            last_seen_ms=now,
            idle_expires_ms=self.instant(idle),
            expires_ms=self.instant(new.absolute_ms),
            access_until_ms=self.instant(min(new.access_ms, idle)) if new.access_ms else 0,
            generation=0 if new.jti_digest is None else 1,
            rotated_ms=0 if new.jti_digest is None else now,
            key_digest=new.key_digest,
            jti_digest=new.jti_digest,
            data=new.data,
            device_key=new.device_key,
            bound_ms=now if new.device_key else 0,
        )


def _least_recent_first(rows: Iterable[AuthSessionRow]) -> tuple[AuthSession, ...]:
    return tuple(sorted(map(session_of, rows), key=by_recency, reverse=True))


def _made_by(row: AuthSessionRow, new: NewSession) -> bool:
    def same(stored: bytes | memoryview | None, given: bytes | None) -> bool:
        return stored is None if given is None else is_digest(stored, given)

    keys = same(row.key_digest, new.key_digest) and same(row.jti_digest, new.jti_digest)
    return str(row.user_id) == new.user_id and keys
