"""
What a store promises. Both stores keep every promise; one contract suite checks them.

A store sees digests, never secrets. Each method is one atomic step and may be repeated with the same
arguments: clients of Redis retry after a lost reply, and the second run gives the same answer. Every
method raises ``StoreUnavailable`` when the store does not respond: then the outcome is not known.

Instants and durations are integers in milliseconds on the store's own clock, so that workers with
skewed clocks agree. ``clock_offset`` is added to that clock; only tests set it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from django_authkit.stores.outcomes import (
    NOTHING_ASKED,
    Absent,
    AttemptStatistics,
    Counter,
    Created,
    Found,
    Hit,
    NewSession,
    Page,
    Refused,
    RotateRequest,
    Rotation,
    Shown,
    StoreStatistics,
    Switch,
)
from django_authkit.tokens.dpop import SingleUse
from django_authkit.types import AuthSession, RevocationReason


class SidTaken(Exception):
    """Another record has the sid, or had it and its space was not reclaimed yet."""


class AuthSessionStore(Protocol):
    """
    Auth sessions by ``sid``.

    Expired (idle or absolute), revoked, or begun before the epoch of ``revoke_all`` means absent, in
    every method, whether or not the space was reclaimed yet.
    """

    clock_offset: int
    buckets: int
    """Number of hash slot groups; 1 unless on a cluster."""

    @property
    def is_awaitable(self) -> bool:
        """Whether a call within a bridge waits on the event loop, and does not block: see ``bridge``."""

    def create(self, new: NewSession) -> Created | Refused:
        """
        Make the record, unless the limit refuses it.

        Atomicity:
            One step with the limit: EVICT revokes the least recently seen until there is room,
            REVOKE_OTHERS all others when the limit would be passed, REFUSE refuses. Under each the unused
            (``NewSession.unused_ms``) make room first. At most one caller gets a given sid; the same call
            repeated (same digests) gets the same result. If more than 10 have to be revoked, Redis does so
            in several steps, and makes the record in the last.

        Raises:
            SidTaken: By another record. (84 random bits: try another.)
        """

    def load(self, sid: str, single_use: SingleUse | None = None) -> Found | Absent:
        """
        Return the live record, and use up the proof *single_use*, if any. Never SUPERSEDED.

        Raises:
            DpopProofInvalid: Another request has used it.

        Atomicity:
            Of any number of simultaneous requests with one proof exactly one succeeds.
        """

    def load_many(self, sids: Iterable[str]) -> Mapping[str, AuthSession]:
        """
        Return the live records among *sids*, of any users, by their sids. It changes nothing.

        Round trips:
            One for each 100 records of a bucket on Redis, which are read in one step. One query for each 500
            in the database.
        """

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
        Return the live record whose session key has *key_digest*, and slide its idle end.

        The idle end becomes now + the smaller of *idle* and the record's own idle limit, never past
        the absolute end. Activity is written when the last write is at least *interval* old.

        Args:
            issued: Whether session keys are what this auth session is issued now. Then ``mode`` becomes
                SESSION, once.
            required: Whether to raise if a write is due and the store reads, but does not write. Otherwise
                the record is returned as it is, and that is logged.
            shown: What the request shows of its device. If the record is bound to another, it is returned as
                it is: the caller refuses the request, which must not keep the auth session alive. Its proof
                is used up as by ``load``.

        Raises:
            DpopProofInvalid: Another request has used the proof; this is no activity.

        Round trips:
            One on Redis. One query in the database, a conditional UPDATE when a write is due, and an INSERT
            for a proof that works once.
        """

    def rotate(self, request: RotateRequest) -> Rotation:
        """
        Exchange the current refresh token for the proposed successor.

        =====================================================  ==============  ========
        presented                                              within grace    outcome
        =====================================================  ==============  ========
        the current one                                                        ROTATED: the proposal
                                                                               is current,
                                                                               generation + 1
        the current one, which does not rotate (``rotates=False``)             KEPT
        the previous one, and the proposal is already current                  ROTATED (repeated call)
        the previous one                                       yes             REPEATED, or REUSED,
                                                                               ``other_device`` or
                                                                               ``followed``
        the previous one                                       no              REUSED, ``previous``
        an older generation                                                    REUSED, ``older``
        current or previous generation with another id                         REUSED, ``mismatched``
        a generation before ``least_generation``                               SUPERSEDED
        a newer generation than the record's                                   GONE, ``lost_write``
        any, and the record has no refresh token                               GONE
        any, and the device has not proved itself                              UNPROVED
        any, and the device has proved itself                                  ROTATED
        no live record                                                         GONE
        =====================================================  ==============  ========

        ROTATED slides the idle end, moves ``rotated``, ``last_seen``, ``access_until`` and
        ``address``, and sets ``mode`` to JWT. KEPT does the same, but for ``rotated`` and the
        generation: the token stays the current one. REPEATED moves ``access_until`` only. SUPERSEDED
        changes nothing. REUSED
        revokes the record in the same step, for the reason ``reuse``; of any number of callers one is
        told REUSED, and the others GONE.

        The previous token within the grace is reuse, ``other_device``, if another ``device`` rotated it.
        It is reuse, ``followed``, if in more than ``most_forks`` rotations in a row the copy that was rotated
        and another ``copy`` were used: one client only uses the last one that it was given.

        With ``reauthenticated``, ROTATED also moves ``auth_time``, deletes the session key, and makes the new
        generation the least one whose tokens are valid. The previous token, within the grace, is then ROTATED
        too: its successor was issued without the proof.

        The device proves itself by ``nonce``, which is replaced in the same step; the binding is then in use.
        Without one, UNPROVED is for records that are bound for ``unproved_ms`` already, and changes nothing.

        Atomicity:
            Of any number of simultaneous calls with the current token exactly one gets ROTATED.

        Source:
            RFC 9700 §4.14.2; ASVS 10.4.5.
        """

    def rekey(
        self,
        sid: str,
        presented: bytes | None,
        replacement: bytes,
        *,
        reauthenticated: bool = False,
        auth_hash: str | None = None,
    ) -> Found | Absent:
        """
        Give the live record a new session key; the old one stops working.

        Args:
            presented: Digest of the current key, or ``None`` for a record that has none: of several
                callers with ``None`` the first wins and the others get SUPERSEDED.
            replacement: Digest of the new key. A call repeated with the same gets the same result.
            reauthenticated: Whether ``auth_time`` moves to now.
            auth_hash: The user's new session auth hash, at their own password change.

        The record's ``mode`` becomes SESSION. With *presented* its tokens of both kinds stop working too, for
        a renewal, after a theft for example, concerns both forms. Presenting one later is GONE, not reuse.

        Source:
            ASVS 7.2.4, 7.4.3.
        """

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
        """
        Give the live record whose session key has *key_digest* a refresh token too.

        The session key stays valid. The proposal is derived from the session key, so all callers with that
        key propose the same, and a lost response can be repeated any number of times.

        ==================================================  =====================================
        the record                                          outcome
        ==================================================  =====================================
        its current ``jti`` is *held*                       HELD
        its current ``jti`` is *proposed*                   SWITCHED (again)
        ``mode`` is SESSION, and it never had a refresh     SWITCHED: the proposal is current,
        token, or *advance*                                 generation + 1
        otherwise: the tokens have moved on                 KEPT
        it is not live, or has another key                  GONE
        ==================================================  =====================================

        SWITCHED and HELD set ``mode`` to JWT and move ``access_until``.

        Args:
            proposed: Digest of the proposed refresh token's ``jti``.
            held: That of the refresh token that the client has already, if any.
            advance: Whether an older refresh token may be superseded. Not if the client has one, or could
                have one that is not in this request: presenting that later would look like theft.
            access: Access token lifetime.

        Round trips:
            One on Redis. In the database an UPDATE and a query, and another UPDATE if it was not the first.
        """

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
        """
        Give the live record whose current refresh token is that of *generation* a session key too.

        The refresh token stays current. The proposal is derived from the refresh token; see
        ``switch_to_tokens``.

        =====================================================  ==================================
        the record                                             outcome
        =====================================================  ==================================
        another refresh token, or generation, is current       KEPT
        its device has to prove itself first                   UNPROVED
        its session key is *proposed*                          SWITCHED (again)
        ``mode`` is JWT                                        SWITCHED: the proposal is its key
        otherwise: it was given a key for another token        KEPT
        it is not live                                         GONE
        =====================================================  ==================================

        SWITCHED sets ``mode`` to SESSION, and counts as activity. Reuse is not detected here.

        Args:
            proposed: Digest of the proposed session key's secret.
            idle: Idle timeout.
            unproved_ms: For how long after the device first used the binding a proof is not needed yet;
                ``None`` for ever.

        Round trips:
            One on Redis. In the database an UPDATE and a query, and another UPDATE if it was not the first.
        """

    def renew_tokens(self, sid: str, auth_hash: str, *, proposed: bytes, access: int) -> Found | Absent:
        """
        Replace the live record's refresh token and session auth hash, at the user's own password change.

        All credentials that were issued before stop working: session key, refresh token and access tokens.
        Presenting an earlier refresh token is SUPERSEDED.

        Args:
            proposed: Digest of the new ``jti``. A repeated call gets the same result.
            access: Access token lifetime.
        """

    def bind_device(self, sid: str, device_key: str, nonce: str) -> Found | Absent:
        """
        Note the public key of the device that the live record is bound to.

        Until that device uses the binding (``renew_binding``), another call replaces the key: the answer to
        the first may have been lost. After that it is SUPERSEDED.

        Args:
            device_key: The public key; see ``AuthSession``.
            nonce: What the first challenge is made of. A call repeated with the same gets the same result.
        """

    def renew_binding(self, sid: str, presented: str, proposed: str) -> Found | Absent:
        """
        Replace the nonce *presented* of the live record by *proposed*.

        The first time, ``bound_ms`` becomes now.
        SUPERSEDED, with nothing written, if another nonce is current. With the same nonce twice only the use
        of the binding is noted.

        Atomicity:
            Of any number of simultaneous calls with one nonce, and different proposals, exactly one succeeds.
        """

    def rename(self, sid: str, label: str) -> bool:
        """Give the device of the live record another name; ``False`` if there is none."""

    def restamp(self, sid: str, auth_hash: str) -> bool:
        """Record the user's new session auth hash; ``False`` if there is no live record."""

    def restamp_user(self, user_id: str, old_hash: str, new_hash: str) -> int:
        """Replace *old_hash* by *new_hash* on the user's live records; return how many had it."""

    def note_device(self, sid: str, address: str, label: str, browser_mark: str) -> None:
        """
        Record the device that the live record is used from, if there is a live record.

        Like activity it may be written after the commit of a transaction in progress.
        """

    def save_data(self, sid: str, key_digest: bytes, data: str, *, idle_limit: int | None) -> bool:
        """
        Replace the Django session data of the live record with that session key.

        Args:
            idle_limit: The record's own idle timeout from now on (Django's ``set_expiry``), or
                ``None`` to follow the setting. A limit also shortens the present idle end.

        Returns:
            ``False``, with nothing written, when the record is absent or has another key.
        """

    def revoke(
        self, sid: str, reason: RevocationReason, *, key_digest: bytes | None = None
    ) -> AuthSession | None:
        """
        Revoke the auth session. None of its credentials works again, even if another request is in progress.

        Args:
            key_digest: If given, only when it is the digest of the record's session key. (A sid is
                public: knowing one is no permission to revoke it.)

        Returns:
            The record that this call revoked; ``None`` when it was not live.
        """

    def revoke_user(
        self,
        user_id: str,
        reason: RevocationReason,
        *,
        keep: str | None = None,
        keep_hash: str | None = None,
    ) -> tuple[AuthSession, ...]:
        """
        Revoke the user's auth sessions; return those revoked.

        Atomicity:
            One step in constant time on Redis, and one statement in the database. On Redis those revoked are
            found out afterwards, 20 in each round trip: if the store fails meanwhile, they are
            revoked all the same.

        Args:
            keep: The sid of one that stays.
            keep_hash: Those with this session auth hash stay.
        """

    def revoke_all(self) -> None:
        """Revoke every auth session that began before now, in constant time."""

    def list_user(self, user_id: str) -> tuple[AuthSession, ...]:
        """
        Return the user's live auth sessions, most recently seen first.

        On Redis it is read in pages: while one of more than 100 is revoked or used, another may be missing.
        """

    def page_of_user(self, user_id: str, skipped: int, limit: int) -> Page:
        """
        Return at most *limit* (and at most 100) of the user's live auth sessions, after the *skipped* first.

        Those with the latest idle ends come first, and on a page the most recently seen: so a first page of
        100 is in the order of ``list_user`` unless the user has more.
        """

    def prune(self, batch: int) -> Iterator[int]:
        """
        Reclaim the space of records that are not live, at most *batch* a step; yield each step's count.

        Never needed for correctness. A store that reclaims by itself yields nothing.
        """

    def statistics(self, *, count: bool = True, every: bool = True) -> StoreStatistics:
        """
        Return how many auth sessions there are and how much space they take, for operators.

        Args:
            count: Whether to count the records.
            every: Whether to read each of them, in bounded steps. Otherwise, if there are more than some ten
                thousand, the numbers are estimated from these.
        """

    def now(self) -> int:
        """Return the store's clock. Also a check that it responds."""


class AnonymousStore(Protocol):
    """
    Anonymous Django sessions. They are not auth sessions.

    A *durable* write must not be lost in a failover, where the project waits for replicas.
    """

    def create_anonymous(
        self,
        handle: str,
        key_digest: bytes,
        data: str,
        lifetime: int,
        *,
        durable: bool = False,
    ) -> bool:
        """Store *data* under a new handle; ``False`` if another record has it. Repeatable."""

    def load_anonymous(self, handle: str, key_digest: bytes) -> str | None:
        """Return the data, or ``None`` when absent, expired or of another key."""

    def load_anonymous_together(self, places: Sequence[tuple[str, bytes]]) -> list[str | None]:
        """
        Return what ``load_anonymous`` does for each of *places*, handles and digests: one round trip.

        The handles must be in one bucket.
        """

    def save_anonymous(
        self,
        handle: str,
        key_digest: bytes,
        data: str,
        lifetime: int,
        *,
        durable: bool = False,
    ) -> bool:
        """Replace the data and move the expiry; ``False``, nothing written, when absent."""

    def delete_anonymous(self, handle: str, key_digest: bytes) -> None:
        """Delete it. It is not an error if there is none."""


class AttemptStore(Protocol):
    """Counters of attempts, such as logins. They expire by themselves."""

    def hit(self, counters: Sequence[Counter]) -> Hit:
        """
        Count one attempt in each of *counters*, if all of them allow it.

        Atomicity:
            One step: of any number of simultaneous attempts exactly the allowed number is counted. This is
            the one method whose repetition counts: after a lost reply an attempt may be counted twice.

        Round trips:
            One on Redis; all counters are in the slot of the first bucket. In the database one short
            transaction with a conditional UPDATE for each counter, and an INSERT for one that is new.
        """

    def mark(self, key: str, lifetime: int) -> None:
        """Exempt attempts from the counters that name *key* in ``unless``, for *lifetime* milliseconds."""

    def clear_attempts(self, part: str) -> int:
        """Delete the counters and marks whose key contains *part*; return how many. For operators."""

    def attempt_statistics(self) -> AttemptStatistics:
        """Count the counters, which reads each of them. For operators."""


class Store(AuthSessionStore, AnonymousStore, AttemptStore, Protocol):
    """What a project's setting ``STORE`` names."""
