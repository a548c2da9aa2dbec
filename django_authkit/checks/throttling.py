"""Checks that throttling works with several processes and behind proxies."""

from collections.abc import Iterator

from django.conf import settings
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.utils.module_loading import import_string

from django_authkit.conf import AuthKitSettings
from django_authkit.problems import Problem

UNCOUNTED_PROXIES = Problem.kind(
    "authkit.W065",
    'Set AUTHKIT["TRUSTED_PROXIES"] to the number of your own proxies that append to X-Forwarded-For.',
)
NO_LOGIN_RATE = Problem.kind(
    "authkit.W066", 'Set RATES["LOGIN"], or see that something else slows guessing down.'
)
COUNTED_APART = Problem.kind("authkit.W067", 'Let CACHES["default"] be one that all workers share.')


def check_proxies(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that clients can be distinguished by address."""
    behind = [name for name in ("SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST") if getattr(settings, name)]
    if behind and chosen.trusted_proxies == 0:
        yield UNCOUNTED_PROXIES(
            f"{' and '.join(behind)} tells of a proxy, but TRUSTED_PROXIES is 0: its address is taken "
            "for everybody's, in the throttles and in the device list."
        )


def check_throttles(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that logins are throttled, with a cache that all workers share."""
    rates = getattr(settings, "REST_FRAMEWORK", {}).get("DEFAULT_THROTTLE_RATES") or {}
    login_rate = rates.get("authkit_login", chosen.rates.login)
    refresh_rate = rates.get("authkit_refresh", chosen.rates.refresh)
    if login_rate is None:
        yield NO_LOGIN_RATE("Logins have no rate: passwords can be guessed as fast as the server answers.")
    if (login_rate or refresh_rate) and _counts_alone():
        yield COUNTED_APART(
            'The throttles count in CACHES["default"], which each worker has for itself or which keeps '
            "nothing: the true limit is a multiple of the rate, or there is none."
        )


def _counts_alone() -> bool:
    try:
        backend = import_string(settings.CACHES["default"]["BACKEND"])
    except ImportError:  # Django reports it when the cache is used
        return False
    return issubclass(backend, LocMemCache | DummyCache)
