"""
What the methods of a store take and return.

Plain frozen dataclasses and enums; nothing here imports Django. Instants and durations are
integers in milliseconds; instants count from the Unix epoch on the store's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from django_authkit.types import AuthSession, Mode, OnLimit, ReuseClass


class Absent(StrEnum):
    """Why a look-up found no live auth session for what was presented."""

    GONE = "gone"
    """No such record, or it is expired or revoked."""
    SUPERSEDED = "superseded"
    """The record lives, but another session key is its current one."""


class RotationOutcome(StrEnum):
    """What became of a presented refresh token."""

    ROTATED = "rotated"
    KEPT = "kept"
    REPEATED = "repeated"
    REUSED = "reused"
    GONE = "gone"


class SwitchOutcome(StrEnum):
    """What became of the wish to give an auth session a credential of the other form."""

    SWITCHED = "switched"
    """The proposed credential is current: by this call, or by an earlier one that proposed the same."""
    HELD = "held"
    """The client has the current refresh token already; an access token is all that it lacks."""
    KEPT = "kept"
    """Nothing was changed: the client goes on with what it has."""
    GONE = "gone"
    """No live auth session for what was presented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """
    What ``create`` needs.

    Attributes:
        sid: Proposed handle; its first two characters are the bucket of ``user_id``.
        key_digest: SHA-256 (32 bytes) of the session key's secret, or ``None`` if none is issued.
        jti_digest: SHA-256 (32 bytes) of the first refresh token's ``jti``, or ``None``.
            With it the record starts at generation 1, without it at 0.
        data: Encoded Django session data; empty for none.
        idle_ms, absolute_ms, access_ms: Idle timeout, absolute lifetime and access token lifetime.
            ``access_ms`` is 0 when no access token is issued.
        max_sessions: Most live auth sessions of the user after the call; ``None`` for no limit.
        on_limit: What happens when that would be passed.
        auth_age_ms: How long ago the user proved it was them. ``auth_time`` is that moment, or the epoch if
            that is later.
    """

    sid: str
    user_id: str
    backend: str
    auth_hash: str = field(repr=False)
    mode: Mode
    remember: bool
    amr: tuple[str, ...]
    address: str
    user_agent: str
    key_digest: bytes | None = field(repr=False)
    jti_digest: bytes | None = field(repr=False)
    data: str = field(repr=False)
    idle_ms: int
    absolute_ms: int
    access_ms: int
    max_sessions: int | None
    on_limit: OnLimit
    auth_age_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The record exists. ``revoked`` are the auth sessions that were revoked to make room for it."""

    session: AuthSession
    revoked: tuple[AuthSession, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing was created: the user has ``live`` auth sessions already."""

    live: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    A live auth session.

    Attributes:
        session: The record.
        now_ms: The store's clock when it answered.
        data: Encoded Django session data; empty for none.
        user: The user's model instance where the store read it in the same query, else ``None``.
    """

    session: AuthSession
    now_ms: int
    data: str = field(default="", repr=False)
    user: object | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateRequest:
    """
    A refresh token as presented, and the successor that the caller proposes.

    Attributes:
        sid, generation: As the verified token says.
        presented: SHA-256 (32 bytes) of its ``jti``.
        proposed: SHA-256 (32 bytes) of the fresh ``jti``; unique to this call, so that a repeated
            call is known for what it is.
        sealed: The fresh ``jti`` sealed so that only the holder of the presented one can open it.
        grace_ms: How long the predecessor is answered with the same successor; 0 for never.
        idle_ms, access_ms: Idle timeout and access token lifetime.
        address: Client address; recorded when the token rotates. Empty leaves what is there.
        reauthenticated: The user has just proved again that it is them: ``auth_time`` moves to now, for
            ROTATED and REPEATED.
        standing: The client stores no successor, so the current token is to stay current: KEPT in place
            of ROTATED.
    """

    sid: str
    generation: int
    presented: bytes = field(repr=False)
    proposed: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    grace_ms: int
    idle_ms: int
    access_ms: int
    address: str
    reauthenticated: bool = False
    standing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """
    What became of a presented refresh token.

    Attributes:
        outcome: See ``RotationOutcome``.
        now: The store's clock when it answered.
        session: The record after the call (for REUSED: as it was ended); ``None`` for GONE.
        sealed: For REPEATED the sealed current ``jti``; else ``None``.
        reuse: For REUSED its class; else ``None``.
        age: For REUSED how long ago the current token became current.
        lost_write: For GONE: the token is newer than the record, so the store lost writes.
        user: As in ``Found``.
    """

    outcome: RotationOutcome
    now: int
    session: AuthSession | None = None
    sealed: bytes | None = field(default=None, repr=False)
    reuse: ReuseClass | None = None
    age: int = 0
    lost_write: bool = False
    user: object | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """
    What became of the wish to give an auth session a credential of the other form.

    Attributes:
        outcome: See ``SwitchOutcome``.
        found: The record after the call, for SWITCHED and HELD; else ``None``.
    """

    outcome: SwitchOutcome
    found: Found | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """
    The live auth sessions that were last seen with a credential of one form.

    Attributes:
        live: How many.
        idle_expires_ms: When the last of them has ended if none is used again; ``None`` if there is none.
        expires_ms: When the last of them has ended at the latest; ``None`` if there is none.
    """

    live: int
    idle_expires_ms: int | None = None
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatistics:
    """
    How many auth sessions a store holds and what they take, for operators. ``None``: not counted, or none.

    Attributes:
        live: Live auth sessions by the form of the credential that they were last seen with.
        records: Those that ended and are not reclaimed yet included.
        record_bytes: About what the records take, by a sample, indexes left out.
        server_bytes: What the server uses in memory for all that is in it.
        revoked: Entries of the blacklist.
    """

    live: Mapping[Mode, Remaining] | None = None
    records: int | None = None
    record_bytes: int | None = None
    server_bytes: int | None = None
    revoked: int | None = None
