"""
Counts attempts in Django's default cache, in a sliding window.

Nothing here knows DRF, so that the device page counts as the API does. The rates are the settings
``RATES["LOGIN"]`` and ``RATES["REFRESH"]``, or DRF's ``DEFAULT_THROTTLE_RATES`` for the scopes below.
"""

import time
from enum import StrEnum
from hashlib import sha256
from typing import Final

from django.conf import settings as django_settings
from django.core.cache import cache

from django_authkit.conf import get_settings
from django_authkit.outages import unavailable
from django_authkit.stores.cache_outages import cache_errors

_SECONDS: Final = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}


class Scope(StrEnum):
    """What is counted; also a key of DRF's ``DEFAULT_THROTTLE_RATES``."""

    LOGIN = "authkit_login"
    REFRESH = "authkit_refresh"


def seconds_to_wait(scope: Scope, *parts: str) -> float | None:
    """
    Count an attempt, and return ``None`` if it is allowed.

    Args:
        parts: Who is counted: an address and a name, say. They are hashed, so any text will do.

    Returns:
        Otherwise the seconds until an attempt will be allowed. A refused attempt is not counted.

    Raises:
        StoreUnavailable: The cache did not respond.
    """
    rate = _rate_of(scope)
    if rate is None:
        return None
    allowed, window = _parsed(rate)
    digest = sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    try:
        return _count(f"throttle_{scope}_{digest}", allowed, window)
    except cache_errors() as error:
        raise unavailable(error, "The cache of the rate limits (CACHES['default'])") from error


def _count(key: str, allowed: int, window: int) -> float | None:
    now = time.time()
    recent = [moment for moment in cache.get(key, ()) if moment > now - window]
    if len(recent) < allowed:
        cache.set(key, [now, *recent], window)
        return None
    return float(recent[allowed - 1] + window - now) if allowed else float(window)


def _rate_of(scope: Scope) -> str | None:
    settings = get_settings()
    rates = getattr(django_settings, "REST_FRAMEWORK", {}).get("DEFAULT_THROTTLE_RATES") or {}
    own = settings.rates.login if scope is Scope.LOGIN else settings.rates.refresh
    rate: str | None = rates.get(scope.value, own)
    return rate


def _parsed(rate: str) -> tuple[int, int]:
    """Return how many attempts are allowed in how many seconds, of DRF's notation (``"20/min"``)."""
    number, _, period = rate.partition("/")
    return int(number), _SECONDS[period[0]]
