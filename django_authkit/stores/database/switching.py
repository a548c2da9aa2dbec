"""
The switch from one form of credential to the other, in the database.

As in rotation, one conditional UPDATE decides who is first, and every caller then reads the outcome. A caller
that was not first, or lost the response, proposes the same and finds it there.
"""

from django.db.models import BigIntegerField, F, Q
from django.db.models.functions import Greatest, Least

from django_authkit.stores.database.records import found_of
from django_authkit.stores.database.table import (
    SessionTable,
    idle_end,
    is_digest,
    is_unproved,
    raises_unavailable,
)
from django_authkit.stores.outcomes import Switch, SwitchOutcome
from django_authkit.types import Mode

_GONE = Switch(outcome=SwitchOutcome.GONE)
_KEPT = Switch(outcome=SwitchOutcome.KEPT)


class SwitchingTable(SessionTable):
    """Gives rows credentials of both forms."""

    @raises_unavailable
    def switch_to_tokens(
        self,
        sid: str,
        key_digest: bytes,
        *,
        proposed: bytes,
        held: bytes | None,
        advance: bool,
        access: int,
    ) -> Switch:
        """Give the live record a refresh token in addition to its session key. Two statements, or three."""
        row = self.live().filter(pk=sid, key_digest=key_digest)
        # Not where another call made the same proposal, or the client has what is current.
        is_new = ~Q(jti_digest__in=[digest for digest in (proposed, held) if digest]) | Q(jti_digest=None)
        allowed = Q() if advance else Q(generation=0)
        until = Least(self.instant(access), F("idle_expires_ms"), output_field=BigIntegerField())
        expected = {
            "mode": Mode.JWT,
            "access_until_ms": Greatest(F("access_until_ms"), until, output_field=BigIntegerField()),
        }
        first = row.filter(is_new, allowed, mode=Mode.SESSION).update(
            generation=F("generation") + 1,
            previous_digest=F("jti_digest"),
            jti_digest=proposed,
            sealed=None,
            rotated_ms=self.instant(),
            **expected,
        )
        # Record the access token before it is issued, if the tokens are still the same.
        same = Q(jti_digest=proposed) | (Q(jti_digest=held) if held else Q(pk=None))
        if not first and not row.filter(same).update(**expected):
            return _KEPT if self._has_key(sid, key_digest) else _GONE
        seen = self.read(sid)
        if seen is None or not is_digest(seen.key_digest, key_digest):
            return _GONE
        if is_digest(seen.jti_digest, proposed):
            return Switch(outcome=SwitchOutcome.SWITCHED, found=found_of(seen))
        if held is not None and is_digest(seen.jti_digest, held):
            return Switch(outcome=SwitchOutcome.HELD, found=found_of(seen))
        return _KEPT  # used in between

    def _has_key(self, sid: str, key_digest: bytes) -> bool:
        return self.live().filter(pk=sid, key_digest=key_digest).exists()

    @raises_unavailable
    def switch_to_key(
        self,
        sid: str,
        jti_digest: bytes,
        generation: int,
        *,
        proposed: bytes,
        idle: int,
        unproved_ms: int | None = None,
    ) -> Switch:
        """Give the live record a session key in addition to its refresh token. Two statements."""
        proved = self.proof_not_needed(unproved_ms)
        row = self.live().filter(proved, pk=sid, jti_digest=jti_digest, generation=generation)
        fresh = row.filter(Q(mode=Mode.JWT) | Q(key_digest=proposed))
        updated = fresh.update(
            key_digest=proposed,
            mode=Mode.SESSION,
            last_seen_ms=self.instant(),
            idle_expires_ms=idle_end(self.instant(), idle),
        )
        seen = self.read(sid)
        if seen is None:
            return _GONE
        current = seen.generation == generation and is_digest(seen.jti_digest, jti_digest)
        if current and not updated and is_unproved(seen, unproved_ms):
            return Switch(outcome=SwitchOutcome.UNPROVED, found=found_of(seen))
        if not (current and is_digest(seen.key_digest, proposed)):
            return _KEPT
        return Switch(outcome=SwitchOutcome.SWITCHED, found=found_of(seen))
