"""Checks that reuse of a stolen refresh token is detected."""

from collections.abc import Iterator

from django_authkit.conf import AuthKitSettings
from django_authkit.problems import Problem

NO_ROTATION = Problem.kind(
    "authkit.W025",
    "Have clients store the refresh token of each response, then set SIMPLEJWT_ROTATION to True; until then "
    'keep LIFETIMES["ABSOLUTE"] short.',
)


def check_refresh_tokens_rotate(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check whether refresh tokens rotate (RFC 9700 §4.14.2)."""
    if not chosen.compat.simplejwt_rotation:
        yield NO_ROTATION(
            "SIMPLEJWT_ROTATION is False: logins through compat.simplejwt get refresh tokens that are not "
            "exchanged, so the theft of one is not detected."
        )
