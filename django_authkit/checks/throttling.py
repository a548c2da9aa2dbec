"""Checks that logins are counted, and that clients can be distinguished behind proxies."""

from collections.abc import Iterator

from django.conf import settings

from django_authkit.conf import AuthKitSettings
from django_authkit.problems import Problem
from django_authkit.throttling.rates import login_rate

UNCOUNTED_PROXIES = Problem.kind(
    "authkit.W065",
    'Set AUTHKIT["TRUSTED_PROXIES"] to the number of your own proxies that append to X-Forwarded-For.',
)
NO_LOGIN_RATE = Problem.kind(
    "authkit.W066", 'Set RATES["LOGIN"], or make sure that something else slows guessing down.'
)


def check_proxies(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that clients can be distinguished by address."""
    behind = [name for name in ("SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST") if getattr(settings, name)]
    if behind and chosen.trusted_proxies == 0:
        yield UNCOUNTED_PROXIES(
            f"{' and '.join(behind)} shows that there is a proxy, but TRUSTED_PROXIES is 0: its "
            "address counts as that of every client, in the throttles and in the device list."
        )


def check_throttles(chosen: AuthKitSettings) -> Iterator[Problem]:  # noqa: ARG001 - as all checks
    """Check that logins are counted."""
    if login_rate() is None:
        yield NO_LOGIN_RATE(
            "Logins have no rate limit: passwords can be guessed as fast as the server responds."
        )
