"""
The store in Redis: every method is one script on one hash slot, in one round trip.

Where a user has very many auth sessions, a method runs a script several times, so that none takes long.

The scripts in ``lua/`` hold the logic; ``lua/records.lua`` says which keys there are.
"""

import secrets
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Final

from django_authkit.errors import StoreUnavailable
from django_authkit.outages import log_lost_activity
from django_authkit.session_keys import handle_in_bucket_of
from django_authkit.stores.outcomes import (
    NOTHING_ASKED,
    Absent,
    Created,
    Found,
    NewSession,
    Page,
    Refused,
    RotateRequest,
    Rotation,
    RotationOutcome,
    Shown,
    StoreStatistics,
    Switch,
)
from django_authkit.stores.redis.anonymous import AnonymousKeys
from django_authkit.stores.redis.attempts import AttemptKeys
from django_authkit.stores.redis.failures import refuses_writes
from django_authkit.stores.redis.feed import RedisFeed
from django_authkit.stores.redis.many import READ_AT_ONCE, ManyKeys
from django_authkit.stores.redis.records import (
    Creation,
    counts_of,
    creation_of,
    epoch_of,
    fields_of,
    first_found_of,
    flag_of,
    found_of,
    listed_of,
    named_of,
    number_of,
    revoked_of,
    rotation_of,
    switch_of,
)
from django_authkit.stores.redis.sending import Argument, Client
from django_authkit.stores.redis.statistics import read_statistics
from django_authkit.tokens.dpop import SingleUse
from django_authkit.types import AuthSession, RevocationReason, by_recency

_NEVER: Final = 2**52
"""A touch interval that no record reaches, so that nothing is written."""
_WRITTEN_AT_ONCE: Final = 20
"""Most records that one script reads and writes."""


def _call_id() -> str:
    """Return an id for one call, which a repetition of the call has too."""
    return secrets.token_urlsafe(9)


class RedisStore(ManyKeys, AnonymousKeys, AttemptKeys):
    """Auth sessions, anonymous Django sessions and attempts on Redis 6.2 or newer, or Valkey."""

    def create(self, new: NewSession) -> Created | Refused:
        """Make the record, unless the limit refuses it: one round trip; more if many have to be revoked."""
        revoked: list[AuthSession] = []
        outcome = None
        steps = count()
        while outcome is None:
            outcome, sessions, call = self._create(new, next(steps))
            revoked += sessions
        if isinstance(outcome, Refused):
            return outcome
        if call:
            revoked += self._named(new.user_id, call)[::-1]
        self._note(*revoked)
        return Created(session=outcome, revoked=tuple(revoked))

    def _create(self, new: NewSession, calls_before: int) -> Creation:
        return self._for_handle(
            partial(creation_of, new.sid),
            "create",
            new.sid,
            fields_of(new),
            new.key_digest or b"",
            new.jti_digest or b"",
            new.data,
            new.idle_ms,
            new.absolute_ms,
            new.access_ms,
            "" if new.max_sessions is None else new.max_sessions,
            new.on_limit,
            new.auth_age_ms,
            self.buckets,
            new.unused_ms,
            calls_before,
        )

    def load(self, sid: str, single_use: SingleUse | None = None) -> Found | Absent:
        """Return the live record; a command writes only for a proof that works once. One round trip."""
        if single_use is not None:
            return self._use_up(single_use, "load_once", sid)
        return self._for_handle(partial(found_of, sid), "load", sid)

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
        """
        Return the live record and slide its idle end: one round trip, a write only when due.

        Two if the server reads and does not write, being full for example.
        """
        arguments = (key_digest, idle, interval, int(issued), shown.key, int(shown.has_cookie))
        if shown.single_use is not None:
            return self._use_up(shown.single_use, "touch_once", sid, *arguments)
        try:
            return self._for_handle(partial(found_of, sid), "touch", sid, *arguments)
        except StoreUnavailable as error:
            if required or not refuses_writes(error.__cause__):
                raise
            log_lost_activity(error)
            return self._for_handle(partial(found_of, sid), "touch", sid, key_digest, idle, _NEVER, 0)

    def _use_up(self, use: SingleUse, script: str, sid: str, *arguments: Argument) -> Found | Absent:
        """Return the record that a script looks up, which notes the use of a proof in the same step."""
        noted = (handle_in_bucket_of(sid, use.digest), use.request, use.lifetime_ms)
        found = self._for_handle(partial(first_found_of, sid), script, sid, *arguments, *noted)
        use.is_noted = isinstance(found, Found)
        return found

    def rotate(self, request: RotateRequest) -> Rotation:
        """Exchange the current refresh token for the proposed one: one round trip."""
        rotation = self._for_handle(
            partial(rotation_of, request.sid),
            "rotate",
            request.sid,
            request.generation,
            request.presented,
            request.proposed,
            request.sealed,
            request.grace_ms,
            request.idle_ms,
            request.access_ms,
            request.address,
            int(request.reauthenticated),
            int(request.rotates),
            request.copy,
            request.device,
            request.most_forks,
            request.nonce,
            request.next_nonce,
            -1 if request.unproved_ms is None else request.unproved_ms,
        )
        if rotation.outcome is RotationOutcome.REUSED:
            self._note(rotation.session)
        return rotation

    def rekey(
        self,
        sid: str,
        presented: bytes | None,
        replacement: bytes,
        *,
        reauthenticated: bool = False,
        auth_hash: str | None = None,
    ) -> Found | Absent:
        """Give the live record a new session key: one round trip."""
        arguments = (presented or b"", replacement, int(reauthenticated), auth_hash or "")
        return self._for_handle(partial(found_of, sid), "rekey", sid, *arguments)

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
        """Give the live record a refresh token in addition to its session key: one round trip."""
        arguments = (key_digest, proposed, held or b"", int(advance), access)
        return self._for_handle(partial(switch_of, sid), "switch_to_tokens", sid, *arguments)

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
        """Give the live record a session key in addition to its refresh token: one round trip."""
        unproved = -1 if unproved_ms is None else unproved_ms
        arguments = (jti_digest, generation, proposed, idle, unproved)
        return self._for_handle(partial(switch_of, sid), "switch_to_key", sid, *arguments)

    def renew_tokens(self, sid: str, auth_hash: str, *, proposed: bytes, access: int) -> Found | Absent:
        """Give the live record another refresh token and hash: one round trip."""
        return self._for_handle(partial(found_of, sid), "renew_tokens", sid, auth_hash, proposed, access)

    def bind_device(self, sid: str, device_key: str, nonce: str) -> Found | Absent:
        """Note the public key of its device: one round trip."""
        return self._for_handle(partial(found_of, sid), "bind_device", sid, device_key, nonce)

    def renew_binding(self, sid: str, presented: str, proposed: str) -> Found | Absent:
        """Replace the nonce of the challenge: one round trip."""
        return self._for_handle(partial(found_of, sid), "renew_binding", sid, presented, proposed)

    def rename(self, sid: str, label: str) -> bool:
        """Give its device another name: one round trip."""
        return self._for_handle(flag_of, "rename", sid, label)

    def restamp(self, sid: str, auth_hash: str) -> bool:
        """Record the user's new session auth hash: one round trip."""
        return self._for_handle(flag_of, "restamp", sid, auth_hash)

    def restamp_user(self, user_id: str, old_hash: str, new_hash: str) -> int:
        """Replace the hash on the user's live records: one round trip for each 20."""
        restamped, looked_at, there_are = 0, 0, 1
        while looked_at < there_are:
            arguments = (old_hash, new_hash, _call_id(), looked_at, _WRITTEN_AT_ONCE)
            had, some, there_are = self._for_user(counts_of, "restamp_user", user_id, *arguments)
            restamped, looked_at = restamped + had, looked_at + some
        return restamped

    def note_device(self, sid: str, address: str, label: str, browser_mark: str) -> None:
        """Record where it is used from now: one round trip."""
        self._for_handle(flag_of, "note_device", sid, address, label, browser_mark)

    def save_data(self, sid: str, key_digest: bytes, data: str, *, idle_limit: int | None) -> bool:
        """Replace the Django session data: one round trip."""
        limit = "" if idle_limit is None else idle_limit
        return self._for_handle(flag_of, "save_data", sid, key_digest, data, limit)

    def revoke(
        self, sid: str, reason: RevocationReason, *, key_digest: bytes | None = None
    ) -> AuthSession | None:
        """Revoke the auth session: one round trip."""
        session = self._for_handle(
            partial(revoked_of, sid), "revoke", sid, reason, key_digest or b"", _call_id()
        )
        self._note(session)
        return session

    def _note(self, *revoked: AuthSession | None) -> None:
        """Remember what was revoked, in case that the server loses it."""
        self._repetition.add(self._revoke_again, ((session.sid, 0) for session in revoked if session))

    def revoke_user(
        self,
        user_id: str,
        reason: RevocationReason,  # noqa: ARG002 - the records that it would be written to are deleted
        *,
        keep: str | None = None,
        keep_hash: str | None = None,
    ) -> tuple[AuthSession, ...]:
        """
        Revoke the user's auth sessions: one round trip, and one for each 20 to read them.

        When it raises after the first, they are revoked all the same.
        """
        call = _call_id()
        kept = (keep or "", int(keep_hash is not None), keep_hash or "")
        left = self._for_user(number_of, "revoke_user", user_id, *kept, call)
        return self._named(user_id, call) if left else ()

    def _named(self, user_id: str, call: str) -> tuple[AuthSession, ...]:
        """Return what *call* revoked by moving the user's epoch: one round trip for each 20."""
        revoked: list[AuthSession] = []
        for step in count():
            arguments = (call, f"{call}.{step}", _WRITTEN_AT_ONCE)
            sessions, left = self._for_user(named_of, "name_revoked", user_id, *arguments)
            revoked += sessions
            if not left:
                break
        self._note(*revoked)
        return tuple(sorted(revoked, key=by_recency))

    def revoke_all(self) -> None:
        """Revoke every auth session that began before now: one round trip for each 100 buckets of a node."""
        for tag, begun in self._run_each(epoch_of, "revoke_all", _call_id()):
            self._repetition.add(self._revoke_again, [(tag, begun)])

    def list_user(self, user_id: str) -> tuple[AuthSession, ...]:
        """Return the user's live auth sessions, most recently seen first: one round trip for each 100."""
        listed: dict[str, AuthSession] = {}
        skipped, there_are = 0, 1
        while skipped < there_are:
            there_are, sessions, _ = self._listed(user_id, skipped, READ_AT_ONCE)
            listed |= {session.sid: session for session in sessions}
            skipped += len(sessions)
        return tuple(sorted(listed.values(), key=by_recency))

    def page_of_user(self, user_id: str, skipped: int, limit: int) -> Page:
        """Return some of the user's live auth sessions: one round trip, or more after ``revoke_all``."""
        dead = 1
        while dead:  # records that were found dead are left out, and others move up
            there_are, sessions, dead = self._listed(user_id, skipped, min(limit, READ_AT_ONCE))
        return Page(sessions=sessions, there_are=there_are)

    def _listed(self, user_id: str, skipped: int, limit: int) -> tuple[int, tuple[AuthSession, ...], int]:
        return self._for_user(listed_of, "list_user", user_id, skipped, limit)

    def prune(self, batch: int) -> Iterator[int]:  # noqa: ARG002 - the protocol's parameter
        """Yield nothing: Redis reclaims by itself."""
        return iter(())

    def feed(self, client: Client, limit: int) -> RedisFeed:
        """Return how a copy reads the blacklist, on *client*; at most *limit* entries a bucket are kept."""
        return RedisFeed(client, self._bases, limit, self._scripts.drop_idle_connections)

    def statistics(self, *, count: bool = True, every: bool = True) -> StoreStatistics:
        """Return how many there are: by SCAN, so other clients do not wait for long."""
        bases, offset = self._bases, self.clock_offset
        return read_statistics(self._client, self._prefix, bases, offset, count=count, every=every)
