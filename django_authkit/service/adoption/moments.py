"""Times that other packages record of their logins, in milliseconds."""

import time
from datetime import UTC, datetime
from typing import Final

from django.utils import timezone

from django_authkit.adoption import ExternalLogin

_MARGIN: Final = 60 * 60 * 1000
"""Other packages have their own clock and leeway."""
_FOREVER: Final = 10 * 365 * 24 * 60 * 60 * 1000
"""How long a claim lasts on a credential that never expires."""
_UNKNOWN: Final = datetime.min.replace(tzinfo=UTC)
"""Stands for the time of the login if the other package does not record it."""


def moment_ms(moment: datetime | None) -> int:
    """Return *moment* in milliseconds since the epoch; far before it if the package does not record it."""
    if moment is None:
        moment = _UNKNOWN
    aware = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return int(aware.timestamp() * 1000)


def until(moment: datetime | None) -> int:
    """Return the milliseconds from now until *moment*; negative if it has passed."""
    return moment_ms(moment) - int(time.time() * 1000)


def claim_lifetime(external: ExternalLogin) -> int:
    """Return how long a claim on the credential of *external* is remembered: until nobody can present it."""
    return _FOREVER if external.idle_expires_at is None else until(external.idle_expires_at) + _MARGIN
