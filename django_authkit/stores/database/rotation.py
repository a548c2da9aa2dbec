"""
Rotation of refresh tokens in the database.

One conditional UPDATE decides who wins. Every caller then reads the outcome from the record. A change in
between can only make a token older.
"""

from typing import Final

from django.db import transaction
from django.db.models import BigIntegerField, F, Q
from django.db.models.functions import Greatest, Least

from django_authkit.models import AuthSessionRow
from django_authkit.stores.database.records import now_of, session_of, user_of
from django_authkit.stores.database.table import (
    SessionTable,
    first_use,
    idle_end,
    is_digest,
    is_unproved,
    raises_unavailable,
)
from django_authkit.stores.outcomes import RotateRequest, Rotation, RotationOutcome
from django_authkit.types import Mode, ReuseClass, RevocationReason

_ONE_CALL_MS: Final = 1000
"""How long after its UPDATE a call reads the row at most; a repetition of the call comes later than that."""


class RotatingTable(SessionTable):
    """Rotates refresh tokens."""

    @raises_unavailable
    def rotate(self, request: RotateRequest) -> Rotation:
        """
        Exchange the current refresh token for the proposed one.

        Four statements when it rotates, those that begin and commit included.

        Raises:
            RuntimeError: A transaction is in progress. A rollback would undo the revocation after a
                reuse.
        """
        with transaction.atomic(using=self.alias, durable=True):
            self._advance(request)
            return self._outcome_of(request)

    def _advance(self, request: RotateRequest) -> None:
        """
        Make the proposal current if the presented token is current and rotates.

        With a proof also if it is the predecessor within the grace: what was issued without that proof must
        not be repeated for it.
        """
        ends = idle_end(self.instant(), request.idle_ms)
        access = Least(self.instant(request.access_ms), ends, output_field=BigIntegerField())
        presented = Q(generation=request.generation, jti_digest=request.presented)
        if request.nonce:  # the device has the key, however many answers it has lost since it got this token
            presented = Q(generation__gte=request.generation, jti_digest__isnull=False)
        elif request.reauthenticated:
            presented |= Q(
                generation=request.generation + 1,
                previous_digest=request.presented,
                least_generation__lte=request.generation,
                rotated_ms__gt=self.instant(-request.grace_ms),
            )
        proof = {
            "auth_time_ms": self.instant(),
            "key_digest": None,
            "least_generation": F("generation") + 1,
        }
        proved = {"device_nonce": request.next_nonce, "bound_ms": first_use(self.instant())}
        # In this order: MySQL reads what it has just set.
        successor = {
            "previous_digest": F("jti_digest"),
            "jti_digest": request.proposed,
            **(proof if request.reauthenticated else {}),
            "generation": F("generation") + 1,
            "sealed": request.sealed if request.grace_ms and not request.reauthenticated else None,
            "rotated_ms": self.instant(),
            "rotated_copy": request.copy,
            "rotated_by": request.device,
        }
        self.live().filter(self._proof_of(request), presented, pk=request.sid).update(
            **(successor if request.rotates or request.nonce else {}),
            **(proved if request.nonce else {}),
            last_seen_ms=self.instant(),
            idle_expires_ms=ends,
            access_until_ms=Greatest(F("access_until_ms"), access, output_field=BigIntegerField()),
            mode=Mode.JWT,
            **({"address": request.address} if request.address else {}),
        )

    def _proof_of(self, request: RotateRequest) -> Q:
        """Return whether the device has proved itself, or need not."""
        return Q(device_nonce=request.nonce) if request.nonce else self.proof_not_needed(request.unproved_ms)

    def _outcome_of(self, request: RotateRequest, *, again: bool = False) -> Rotation:
        """Return the outcome by the row; *again*, after it changed in between, by the row that is locked."""
        row = self._locked(request.sid) if again else self.read(request.sid)
        if row is None:
            return self._repeated_reuse(request) or self._gone()
        if is_digest(row.jti_digest, request.proposed) and now_of(row) - row.rotated_ms > _ONE_CALL_MS:
            return self._issue_again(row, request, RotationOutcome.ROTATED)
        if outcome := _issued(row, request) or _refused(row, request):
            return outcome
        if _is_previous(row, request) and now_of(row) - row.rotated_ms < request.grace_ms:
            if request.reauthenticated:  # it was not the predecessor when the UPDATE saw it
                self._advance(request)
                return self._outcome_of(request, again=True)
            _note_fork(row, request)
            if row.sealed is not None and _theft(row, request) is None:
                return self._issue_again(row, request, RotationOutcome.REPEATED, sealed=row.sealed)
        return self._reuse(row, request)

    def _locked(self, sid: str) -> AuthSessionRow | None:
        return next(iter(self.hold(self.live().filter(pk=sid).annotate(now=self.instant()))), None)

    def _issue_again(
        self,
        row: AuthSessionRow,
        request: RotateRequest,
        outcome: RotationOutcome,
        sealed: bytes | memoryview | None = None,
    ) -> Rotation:
        """Expect access tokens of the current generation that are issued now."""
        access_until = max(row.access_until_ms, min(now_of(row) + request.access_ms, row.idle_expires_ms))
        same = self.live().filter(pk=row.pk, generation=row.generation)
        if not same.update(access_until_ms=Greatest(F("access_until_ms"), access_until), **_forks(row)):
            return self._outcome_of(request, again=True)  # its successor was used, or it was revoked
        row.access_until_ms = access_until
        return _answer(outcome, row, now=now_of(row), sealed=sealed)

    def _reuse(self, row: AuthSessionRow, request: RotateRequest) -> Rotation:
        rows, reason = self.unchanged(row), RevocationReason.REUSE
        if not self.revoke_rows(rows, reason, call=request.proposed, at=now_of(row), **_forks(row)):
            return self._outcome_of(request, again=True)  # the outcome would be out of date
        return _reused(row, request, age=now_of(row) - row.rotated_ms)

    def _repeated_reuse(self, request: RotateRequest) -> Rotation | None:
        """Return the first result again if this same call revoked the auth session."""
        ended = self.rows.filter(pk=request.sid, revoked_by=request.proposed)
        row = ended.annotate(now=self.instant()).first()
        return _reused(row, request, age=(row.revoked_ms or 0) - row.rotated_ms) if row else None

    def _gone(self) -> Rotation:
        return Rotation(outcome=RotationOutcome.GONE, now=self.read_clock())


def _is_current(row: AuthSessionRow, request: RotateRequest) -> bool:
    return request.generation == row.generation and is_digest(row.jti_digest, request.presented)


def _is_previous(row: AuthSessionRow, request: RotateRequest) -> bool:
    return request.generation == row.generation - 1 and is_digest(row.previous_digest, request.presented)


def _needs_proof(row: AuthSessionRow, request: RotateRequest) -> bool:
    """Tell whether the row is bound to a device that has to prove itself, and has not."""
    if request.nonce:
        return bool(row.device_nonce != request.nonce)
    return is_unproved(row, request.unproved_ms)


def _issued(row: AuthSessionRow, request: RotateRequest) -> Rotation | None:
    """Return the outcome if the UPDATE had an effect, in this call or in the one that this repeats."""
    # The instant of the UPDATE, not of the query after it: ``access_until`` is computed from it, and so must
    # the tokens be.
    if is_digest(row.jti_digest, request.proposed):
        return _answer(RotationOutcome.ROTATED, row, now=row.rotated_ms)
    if not request.rotates and _is_current(row, request) and not _needs_proof(row, request):
        return _answer(RotationOutcome.KEPT, row, now=row.last_seen_ms)
    return None


def _refused(row: AuthSessionRow, request: RotateRequest) -> Rotation | None:
    """Return the outcome of a token that is not valid, and whose presentation is no theft."""
    lost_write = request.generation > row.generation
    if lost_write or row.jti_digest is None:  # the renewal of its session key revoked its refresh token
        return Rotation(outcome=RotationOutcome.GONE, now=now_of(row), lost_write=lost_write)
    if _needs_proof(row, request):
        return _answer(RotationOutcome.UNPROVED, row, now=now_of(row))
    if request.generation < row.least_generation:
        return Rotation(outcome=RotationOutcome.SUPERSEDED, now=now_of(row))
    return None


def _note_fork(row: AuthSessionRow, request: RotateRequest) -> None:
    """Note, once for each rotation, that two different copies of the token that was rotated were used."""
    if request.copy != row.rotated_copy and row.forked_generation != row.generation:
        row.forks = row.forks + 1 if row.forked_generation == row.generation - 1 else 1
        row.forked_generation = row.generation


def _forks(row: AuthSessionRow) -> dict[str, int]:
    """Return the fields that ``_note_fork`` sets."""
    return {"forks": row.forks, "forked_generation": row.forked_generation}


def _theft(row: AuthSessionRow, request: RotateRequest) -> ReuseClass | None:
    """Return why a predecessor within the grace is no repeat."""
    if "" not in {request.device, row.rotated_by} and request.device != row.rotated_by:
        return ReuseClass.OTHER_DEVICE
    if row.forked_generation == row.generation and row.forks > request.most_forks:
        return ReuseClass.FOLLOWED
    return None


def _class_of(row: AuthSessionRow, request: RotateRequest, age: int) -> ReuseClass:
    if request.generation < row.generation - 1:
        return ReuseClass.OLDER
    if _is_previous(row, request) and age < request.grace_ms and (theft := _theft(row, request)):
        return theft
    return ReuseClass.PREVIOUS if _is_previous(row, request) else ReuseClass.MISMATCHED


def _answer(
    outcome: RotationOutcome, row: AuthSessionRow, *, now: int, sealed: bytes | memoryview | None = None
) -> Rotation:
    successor = None if sealed is None else bytes(sealed)
    return Rotation(outcome=outcome, now=now, session=session_of(row), sealed=successor, user=user_of(row))


def _reused(row: AuthSessionRow, request: RotateRequest, *, age: int) -> Rotation:
    return Rotation(
        outcome=RotationOutcome.REUSED,
        now=now_of(row),
        session=session_of(row),
        reuse=_class_of(row, request, age),
        age=age,
        user=user_of(row),
    )
