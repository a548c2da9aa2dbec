"""From rows to what the protocol speaks of, and back."""

from django_authkit.models import AuthSessionRow
from django_authkit.stores.outcomes import Found
from django_authkit.types import AuthSession, Mode
from django_authkit.users.query import STOCK_BACKEND


def user_of(row: AuthSessionRow) -> object | None:
    """Return the user that was read with *row*, if a stock Django auth backend vouched for them."""
    joined = AuthSessionRow._meta.get_field("user").is_cached(row)
    return row.user if joined and row.backend == STOCK_BACKEND else None


def now_of(row: AuthSessionRow) -> int:
    """Return the store's clock when *row* was read."""
    return int(row.now)  # type: ignore[attr-defined]


def session_of(row: AuthSessionRow) -> AuthSession:
    """Return the record that *row* holds."""
    return AuthSession(
        sid=row.sid,
        user_id=str(row.user_id),
        backend=row.backend,
        auth_hash=row.auth_hash,
        mode=Mode(row.mode),
        remember=row.remember,
        amr=tuple(row.amr),
        address=row.address,
        user_agent=row.user_agent,
        created_ms=row.created,
        auth_time_ms=row.auth_time,
        last_seen_ms=row.last_seen,
        idle_until_ms=row.idle_until,
        ends_ms=row.ends,
        access_until_ms=row.access_until,
        generation=row.generation,
        rotated_ms=row.rotated,
    )


def found_of(row: AuthSessionRow) -> Found:
    """Return the answer of a look-up that read *row*."""
    return Found(session=session_of(row), now_ms=now_of(row), data=row.data, user=user_of(row))
