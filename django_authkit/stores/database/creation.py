"""Creates auth sessions in the database, within the user's limit."""

from base64 import urlsafe_b64encode
from dataclasses import replace
from hashlib import sha256

from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Greatest

from django_authkit.models import AuthSessionRow
from django_authkit.stores.database.expressions import CurrentEpoch
from django_authkit.stores.database.records import session_of
from django_authkit.stores.database.table import SessionTable, by_recency, is_digest, raises_unavailable
from django_authkit.stores.outcomes import Created, NewSession, Refused
from django_authkit.stores.protocol import SidTaken
from django_authkit.types import AuthSession, OnLimit, RevocationReason


class CreatingTable(SessionTable):
    """Creates rows, and revokes others when the user's limit is reached."""

    @raises_unavailable
    def create(self, new: NewSession) -> Created | Refused:
        """
        Make the record, unless the limit refuses it.

        Four statements without a limit, six with one (begin and commit included), one more when it
        revokes others.
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
        others = self.hold(self.live_of(new.user_id).exclude(pk=new.sid))
        surplus = _surplus(others, new)
        if surplus and new.on_limit is OnLimit.REFUSE:
            transaction.set_rollback(True, using=self.alias)
            return Refused(live=len(others))
        self.revoke_held(surplus, RevocationReason.LIMIT, call=new.sid.encode())
        return replace(created, revoked=tuple(map(session_of, surplus)))

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
        revoked = sorted(made_room, key=by_recency, reverse=True)
        return Created(session=session_of(row), revoked=tuple(map(session_of, revoked)))

    def _session(self, sid: str) -> AuthSession:
        """Return the record as it was written, even if ``revoke_all`` revoked it since."""
        return session_of(self.rows.get(pk=sid))

    def _row_of(self, new: NewSession) -> AuthSessionRow:
        now, idle = self.instant(), min(new.idle_ms, new.absolute_ms)
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
            user_agent=new.user_agent,
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
        )


def _surplus(others: list[AuthSessionRow], new: NewSession) -> list[AuthSessionRow]:
    """Return which of the user's *others* exceed the limit with *new*, least recently seen first."""
    allowed = max((new.max_sessions or 0) - 1, 0)
    if len(others) <= allowed:
        return []
    kept = 0 if new.on_limit is OnLimit.REVOKE_OTHERS else allowed
    return sorted(others, key=by_recency)[kept:][::-1]


def _made_by(row: AuthSessionRow, new: NewSession) -> bool:
    def same(stored: bytes | memoryview | None, given: bytes | None) -> bool:
        return stored is None if given is None else is_digest(stored, given)

    keys = same(row.key_digest, new.key_digest) and same(row.jti_digest, new.jti_digest)
    return str(row.user_id) == new.user_id and keys
