"""Checks that reuse of a stolen refresh token is detected."""

from collections.abc import Iterator

from django.core.checks import CheckMessage

from django_authkit.checks.problem import Problem
from django_authkit.conf import AuthKitSettings

STANDING = Problem(
    "authkit.W025",
    "Have clients store the refresh token of each answer, then set SIMPLEJWT_ROTATION to True; until then "
    "keep ABSOLUTE_LIFETIME short.",
)


def check_standing_tokens(chosen: AuthKitSettings) -> Iterator[CheckMessage]:
    """Check whether refresh tokens rotate (RFC 9700 §4.14.2)."""
    if not chosen.simplejwt_rotation:
        yield STANDING.found(
            "SIMPLEJWT_ROTATION is False: logins through compat.simplejwt get refresh tokens that are not "
            "exchanged, so whoever steals one is not noticed."
        )
