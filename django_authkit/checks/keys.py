"""Checks of the signing keys: each is named by its index in ``SIGNING_KEYS``, never by its content."""

from collections.abc import Iterator

from django.conf import settings

from django_authkit.conf import AuthKitSettings
from django_authkit.problems import Problem
from django_authkit.tokens.keys.entries import exposed_files, find_refused
from django_authkit.tokens.keys.faults import KeyRefused
from django_authkit.tokens.keys.weak_secrets import refuse_weak
from django_authkit.types import Mode

WEAK_SECRET_KEY = Problem.kind(
    "authkit.E097",
    "Set a long random SECRET_KEY (django.core.management.utils.get_random_secret_key), or SIGNING_KEYS.",
)
EXPOSED = Problem.kind("authkit.W089", "Let only the user that serves read it: chmod 600.")


def check_keys(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that every key is usable, and that files of private keys are private."""
    for refused in find_refused(chosen.signing_keys):
        yield refused.problem
    for position, path in exposed_files(chosen.signing_keys):
        yield EXPOSED(f"SIGNING_KEYS[{position}] is private, and any user here can read {path}.")


def check_secret_key(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that the key of tokens cannot be found by trying, if it is derived from ``SECRET_KEY``."""
    if chosen.signing_keys or not chosen.accepts(Mode.JWT):
        return
    try:
        refuse_weak(settings.SECRET_KEY.encode())
    except KeyRefused as refused:
        yield WEAK_SECRET_KEY(
            f"SECRET_KEY {refused.problem.message} The key of tokens is derived from it, so whoever knows or "
            "guesses it can make tokens."
        )
