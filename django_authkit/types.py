"""
The auth session record, and the enums that describe it.

Plain frozen dataclasses and enums; nothing here imports Django. Instants and durations are
integers in milliseconds; instants count from the Unix epoch on the store's clock.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

STOCK_BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
"""
The Django auth backend of nearly every auth session, which takes no space in a store. A subclass has another
path, so this one always means the stock ``get_user``.
"""


class Mode(StrEnum):
    """A strategy: how a request is matched to its auth session."""

    SESSION = "session"
    JWT = "jwt"


class Transport(StrEnum):
    """How a credential travels."""

    COOKIE = "cookie"
    HEADER = "header"


class OnLimit(StrEnum):
    """What a login does when the user already has the allowed number of auth sessions."""

    EVICT = "evict"
    REFUSE = "refuse"
    REVOKE_OTHERS = "revoke_others"


class RevocationReason(StrEnum):
    """Why an auth session was revoked."""

    LOGOUT = "logout"
    REPLACED = "replaced"
    LIMIT = "limit"
    REUSE = "reuse"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason
    USER_DISABLED = "user_disabled"
    REVOKED = "revoked"
    BINDING = "binding"


class ReuseClass(StrEnum):
    """How a reused refresh token relates to the current one."""

    PREVIOUS = "previous"
    """The immediate predecessor, outside the grace."""
    OLDER = "older"
    """Two or more generations back."""
    MISMATCHED = "mismatched"
    """The generation matches, but the token id does not."""
    OTHER_DEVICE = "other_device"
    """The immediate predecessor, inside the grace, but by another device than the one that rotated it."""
    FOLLOWED = "followed"
    """The immediate predecessor, inside the grace: both tokens that one rotation issued were used."""


def instant(milliseconds: int) -> datetime:
    """Return the aware UTC datetime of *milliseconds* since the epoch."""
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSession:
    """
    One login on one device.

    The fields are listed only here. The table's columns have the same names, and the Redis
    store's scripts are made from them (``stores/redis/layout.py``). Add fields at the end, with a default.
    The package uses the values in milliseconds; projects use the datetimes.

    Attributes:
        sid: Public handle, 16 characters of base64url: 2 of bucket, 14 random. Not a secret.
        user_id: The user's primary key as Django's ``value_to_string`` writes it.
        backend: Dotted path of the Django auth backend that authenticated the user.
        auth_hash: The user's session auth hash when it was last compared.
        mode: The form of the credential that was issued last, or last seen if that form is issued now.
        remember: Whether cookies of this auth session are persistent.
        amr: How the user authenticated (RFC 8176 values), in order.
        address: Client address at login or last refresh; empty if unknown.
        label: A name for the device, such as "Firefox on Linux", at most 60 characters; empty if unknown.
        created_ms: When the user logged in.
        auth_time_ms: When the user last authenticated.
        last_seen_ms: Last recorded activity.
        idle_expires_ms: When it expires without further activity. Never after ``expires_ms``.
        expires_ms: When it expires at the latest. Fixed at login.
        browser_mark: What the user agent is recognized by: a digest of it without its version numbers. Empty
            if it was not recorded.
        access_until_ms: When the last access token issued for it expires; 0 if none was.
        generation: How often a refresh token was issued; 0 if never.
        rotated_ms: When the current refresh token became current; 0 if never.
        least_generation: Tokens of an earlier generation are not valid: they were issued before the user
            proved who they are, or changed their password. 0 if neither happened.
        device_key: The public key of the device that it is bound to, as the JWK of RFC 7638, whose SHA-256
            is its thumbprint; empty if it is not bound.
        device_nonce: What the next challenge for that key is made of. It changes with each proof. Empty for
            the key of a header client, which proves it without one.
        bound_ms: When the device first used the binding, which is required from then on; 0 if it has not.
        idle_timeout: Its own idle timeout in milliseconds; 0 if it has that of ``LIFETIMES["IDLE"]``.
        claims_json: What ``claims`` is read from, at most 1,024 characters; empty if there are none.
        by_header: Whether the login was over the header; else it was over cookies. It decides what
            ``DEVICE_BOUND`` and ``DPOP`` require, wherever a credential is presented.
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
    created_ms: int
    auth_time_ms: int
    last_seen_ms: int
    idle_expires_ms: int
    expires_ms: int
    browser_mark: str = ""
    access_until_ms: int = 0
    generation: int = 0
    rotated_ms: int = 0
    least_generation: int = 0
    device_key: str = ""
    device_nonce: str = ""
    bound_ms: int = 0
    idle_timeout: int = 0
    claims_json: str = field(default="", repr=False)
    by_header: bool = False

    @property
    def created_at(self) -> datetime:
        """When the user logged in."""
        return instant(self.created_ms)

    @property
    def authenticated_at(self) -> datetime:
        """When the user last authenticated: at login, or later with the password."""
        return instant(self.auth_time_ms)

    @property
    def last_seen_at(self) -> datetime:
        """When activity was last recorded."""
        return instant(self.last_seen_ms)

    @property
    def idle_expires_at(self) -> datetime:
        """When it expires without further activity."""
        return instant(self.idle_expires_ms)

    @property
    def expires_at(self) -> datetime:
        """When it expires at the latest."""
        return instant(self.expires_ms)

    @property
    def claims(self) -> dict[str, Any]:
        """The claims that ``log_in`` was given; a new dict each time."""
        claims: dict[str, Any] = json.loads(self.claims_json) if self.claims_json else {}
        return claims

    @property
    def is_dpop_bound(self) -> bool:
        """Whether the key is that of a header client, which proves it with each request (DPoP)."""
        return bool(self.device_key) and not self.device_nonce

    @property
    def is_bound(self) -> bool:
        """Whether it is bound to its device, which has used the binding."""
        return self.bound_ms > 0


def by_recency(session: AuthSession) -> tuple[int, int, str]:
    """Sort key: the most recently seen first."""
    return -session.last_seen_ms, -session.created_ms, session.sid
