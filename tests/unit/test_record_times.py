"""The times of an auth session, as a project reads them."""

from datetime import UTC, datetime

from django_authkit.types import AuthSession, Mode


def test_times_are_aware_datetimes() -> None:
    """Each instant of the record is an aware datetime in UTC, to the millisecond."""
    session = AuthSession(
        sid="A" * 16,
        user_id="1",
        backend="django.contrib.auth.backends.ModelBackend",
        auth_hash="",
        mode=Mode.JWT,
        remember=False,
        amr=(),
        address="",
        label="",
        created_ms=1_000,
        auth_time_ms=2_000,
        last_seen_ms=3_500,
        idle_expires_ms=4_000,
        expires_ms=5_000,
        access_until_ms=0,
        generation=1,
        rotated_ms=0,
    )
    assert session.created_at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert session.authenticated_at == datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)
    assert session.last_seen_at == datetime(1970, 1, 1, 0, 0, 3, 500_000, tzinfo=UTC)
    assert session.idle_expires_at == datetime(1970, 1, 1, 0, 0, 4, tzinfo=UTC)
    assert session.expires_at == datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)
