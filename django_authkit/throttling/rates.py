"""The rates of attempts: the settings ``RATES``, or DRF's ``DEFAULT_THROTTLE_RATES`` where it names ours."""

from typing import Final

from django.conf import settings as django_settings

from django_authkit.conf import get_settings
from django_authkit.stores.outcomes import Counter

_SECONDS: Final = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}


def counter(rate: str | None, key: str, *, times: int = 1, unless: str | None = None) -> list[Counter]:
    """
    Return the counter of *key* with that *rate* (``"20/min"``); none without a rate.

    Args:
        times: Multiplies how many attempts are allowed.
        unless: As in ``Counter``.
    """
    if rate is None:
        return []
    number, _, period = rate.partition("/")
    window = _SECONDS[period[0]] * 1000
    return [Counter(key=key, limit=int(number) * times, window_ms=window, unless=unless)]


def login_rate() -> str | None:
    """Return the rate of logins of one name from one address."""
    return _rate("authkit_login", get_settings().rates.login)


def refresh_rate() -> str | None:
    """Return the rate of refreshes that fail, from one address."""
    return _rate("authkit_refresh", get_settings().rates.refresh)


def _rate(scope: str, own: str | None) -> str | None:
    rates = getattr(django_settings, "REST_FRAMEWORK", {}).get("DEFAULT_THROTTLE_RATES") or {}
    rate: str | None = rates.get(scope, own)
    return rate
