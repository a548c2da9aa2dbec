"""
What the methods of a store take and return.

Plain frozen dataclasses and enums; nothing here imports Django. Instants and durations are
integers in milliseconds; instants count from the Unix epoch on the store's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from django_authkit.tokens.dpop import SingleUse
from django_authkit.types import AuthSession, Mode, OnLimit, ReuseClass


class Absent(StrEnum):
    """Why a lookup found no live auth session for a credential."""

    GONE = "gone"
    """No such record, or it is expired or revoked."""
    SUPERSEDED = "superseded"
    """The record lives, but another session key is its current one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """
    What a request shows of its device. That of a bound auth session alone keeps it active.

    Attributes:
        key: The public key that the request proves, as ``AuthSession.device_key`` is written; empty if none.
        has_cookie: Whether it has the bound cookie of the auth session, or none is asked for.
        single_use: The proof of that key, if the lookup is to use it up.
    """

    key: str = ""
    has_cookie: bool = True
    single_use: SingleUse | None = None

    def is_activity(self, device_key: str, device_nonce: str, bound_ms: int) -> bool:
        """Tell whether the use of an auth session with these fields is activity."""
        if not device_key:
            return True
        return self.has_cookie or not bound_ms if device_nonce else self.key == device_key


NOTHING_ASKED: Final = Shown()
"""That of a request that shows nothing, where no browser is asked for a bound cookie."""


class RotationOutcome(StrEnum):
    """The outcome of presenting a refresh token."""

    ROTATED = "rotated"
    KEPT = "kept"
    REPEATED = "repeated"
    SUPERSEDED = "superseded"
    UNPROVED = "unproved"
    """The auth session is bound to its device, which has not proved itself: nothing was changed."""
    REUSED = "reused"
    GONE = "gone"


class SwitchOutcome(StrEnum):
    """The outcome of a switch to the other form of credential."""

    SWITCHED = "switched"
    """The proposed credential is current: by this call, or by an earlier one that proposed the same."""
    HELD = "held"
    """The client has the current refresh token already; it only needs an access token."""
    KEPT = "kept"
    """Nothing was changed: the client keeps its credential."""
    UNPROVED = "unproved"
    """Nothing was changed: the device that the auth session is bound to has to prove itself first."""
    GONE = "gone"
    """There is no live auth session for the credential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """
    A limit of attempts: at most *limit* within *window_ms* of the first one that was counted.

    Attributes:
        key: What is counted: at most 80 characters of ASCII, without braces and wildcards.
        limit: How many attempts are allowed.
        window_ms: For how long they are counted, in milliseconds.
        unless: The counter does not apply while this key is marked; see ``mark``.
    """

    key: str
    limit: int
    window_ms: int
    unless: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """
    The outcome of an attempt.

    Attributes:
        wait_ms: 0 if it was counted. Otherwise nothing was counted, and it is how many milliseconds it takes
            until the last of the counters that refuse will allow one again.
        exempt: A mark exempted it from one of the counters.
    """

    wait_ms: int
    exempt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStatistics:
    """How many counters of attempts there are, and how many of them refuse the next attempt."""

    counters: int
    exhausted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """
    The arguments of ``create``.

    Attributes:
        sid: Proposed handle; its first two characters are the bucket of ``user_id``.
        key_digest: Digest of the session key's secret, or ``None`` if none is issued.
        jti_digest: Digest of the first refresh token's ``jti``, or ``None``.
            With it the record starts at generation 1, without it at 0.
        data: Encoded Django session data; empty for none.
        idle_ms, absolute_ms, access_ms: Idle timeout, absolute lifetime and access token lifetime.
            ``access_ms`` is 0 when no access token is issued.
        max_sessions: Most live auth sessions of the user after the call; ``None`` for no limit.
        on_limit: What happens when that would be passed.
        auth_age_ms: How long ago the user authenticated. ``auth_time`` is that time, or the epoch if that is
            later.
        unused_ms: An auth session this old that was never seen again counts as unused. The unused make room
            first, also under REFUSE: the response to the login was lost, so nobody has the credential.
        idle_timeout: The record's own idle timeout, which no activity exceeds; 0 for none.
        claims_json: The login's claims as a JSON object in ASCII, at most 1,024 characters; empty for none.
        device_key: The public key of a header client that it is bound to from the beginning; see
            ``AuthSession``. Empty for none.
        by_header: Whether the login is over the header.
    """

    sid: str
    user_id: str
    backend: str
    auth_hash: str = field(repr=False)
    mode: Mode
    remember: bool
    amr: tuple[str, ...]
    address: str
    label: str
    key_digest: bytes | None = field(default=None, repr=False)
    jti_digest: bytes | None = field(default=None, repr=False)
    data: str = field(repr=False)
    idle_ms: int
    absolute_ms: int
    access_ms: int = 0
    max_sessions: int | None
    on_limit: OnLimit
    auth_age_ms: int = 0
    unused_ms: int = 600_000
    browser_mark: str = ""
    idle_timeout: int = 0
    claims_json: str = field(default="", repr=False)
    device_key: str = ""
    by_header: bool = False


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
class Page:
    """Some of a user's live auth sessions, and how many ``there_are``."""

    sessions: tuple[AuthSession, ...]
    there_are: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    A live auth session.

    Attributes:
        session: The record.
        now_ms: The store's clock when it replied.
        data: Encoded Django session data; empty for none. ``None`` if it was not read, because the process
            remembers the record.
        user: The user's model instance if the store read it in the same query, else ``None``.
    """

    session: AuthSession
    now_ms: int
    data: str | None = field(default="", repr=False)
    user: object | None = None

    @property
    def is_remembered(self) -> bool:
        """Whether it was not read from the store, but remembered by the process."""
        return self.data is None


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateRequest:
    """
    A refresh token as presented, and the successor that the caller proposes.

    Attributes:
        sid, generation: As the verified token says.
        presented: Digest of its ``jti``.
        proposed: Digest of the fresh ``jti``; unique to this call, so that a repeated
            call is recognized.
        sealed: The fresh ``jti``, encrypted for the holder of the presented one.
        grace_ms: How long the predecessor gets the same successor; 0 for never.
        idle_ms, access_ms: Idle timeout and access token lifetime.
        address: Client address; recorded when the token rotates. Empty keeps the old one.
        reauthenticated: The user has just authenticated again: ``auth_time`` moves to now, and every other
            credential of the auth session stops working.
        copy: Which of the tokens with that ``jti`` it is; at most 8 characters.
        device: A mark of the browser that presents it, at most 8 characters; empty if unknown.
        most_forks: In how many rotations in a row two copies of the presented token may be used.
        rotates: False if the client does not store the successor. The token then stays current: KEPT instead
            of ROTATED.
        nonce: The nonce of the challenge that the device has signed with the key that the auth session is
            bound to. If it is the record's, any refresh token of the auth session rotates. Empty without a
            proof.
        next_nonce: The nonce that replaces it.
        unproved_ms: For how long after the device first used the binding a proof is not needed yet; ``None``
            if it is never needed.
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
    rotates: bool = True
    copy: str = ""
    device: str = ""
    most_forks: int = 2
    nonce: str = ""
    next_nonce: str = ""
    unproved_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """
    The outcome of presenting a refresh token.

    Attributes:
        outcome: See ``RotationOutcome``.
        now: The store's clock when it answered.
        session: The record after the call (for REUSED: as it was revoked); ``None`` for GONE and SUPERSEDED.
        sealed: For REPEATED the encrypted current ``jti``; else ``None``.
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
    The outcome of a switch to the other form of credential.

    Attributes:
        outcome: See ``SwitchOutcome``.
        found: The record after the call, for SWITCHED, HELD and UNPROVED; else ``None``.
    """

    outcome: SwitchOutcome
    found: Found | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """
    The live auth sessions that were last seen with a credential of one form.

    Attributes:
        live: How many.
        idle_expires_ms: When the last of them expires if none is used again; ``None`` if there is none.
        expires_ms: When the last of them expires at the latest; ``None`` if there is none.
    """

    live: int
    idle_expires_ms: int | None = None
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatistics:
    """
    How many auth sessions a store holds and how much space they take. ``None``: not counted, or none.

    Attributes:
        live: Live auth sessions by the form of the credential that they were last seen with.
        device_bound: Those of the live ones that a browser has bound to its device.
        dpop_bound: Those of the live ones that are bound to the key of a header client.
        records: All records, those that are not live and not pruned yet included.
        record_bytes: The approximate size of the records, from a sample, without indexes.
        server_bytes: The memory that the server uses in all.
        revoked: Entries of the blacklist.
        estimated: Whether the numbers are estimated from a part of the records.
    """

    live: Mapping[Mode, Remaining] | None = None
    device_bound: int | None = None
    dpop_bound: int | None = None
    records: int | None = None
    record_bytes: int | None = None
    server_bytes: int | None = None
    revoked: int | None = None
    estimated: bool = False
