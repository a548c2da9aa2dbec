"""Checks of the signing keys: each is named by its index in ``SIGNING_KEYS``, never by its content."""

from collections.abc import Iterator

from django_authkit.conf import AuthKitSettings
from django_authkit.problems import Problem
from django_authkit.tokens.keys.entries import exposed_files, find_refused

EXPOSED = Problem.kind("authkit.W089", "Let only the user that serves read it: chmod 600.")


def check_keys(chosen: AuthKitSettings) -> Iterator[Problem]:
    """Check that every key is usable, and that files of private keys are private."""
    for refused in find_refused(chosen.signing_keys):
        yield refused.problem
    for position, path in exposed_files(chosen.signing_keys):
        yield EXPOSED(f"SIGNING_KEYS[{position}] is private, and any user here can read {path}.")
