"""
Converts our errors to DRF exceptions.

This module must not import ``rest_framework.views``, which imports the project's authentication classes,
including ours, while it is being imported.
"""

from rest_framework import exceptions

from django_authkit import errors
from django_authkit.http import error_responses


class ApiError(exceptions.APIException):
    """One of our errors, handled by DRF."""

    def __init__(self, error: errors.AuthKitError) -> None:
        self.status_code = error_responses.status_of(error)
        self.detail = error_responses.body_of(error)
        if error_responses.has_challenge(error):
            self.auth_header = error_responses.challenge_of(error)
        self.wait = error_responses.retry_after(error)  # DRF's handler sets Retry-After from it


class CredentialError(ApiError, exceptions.AuthenticationFailed):
    """A 401; its challenge comes from the authentication class."""


class ForbiddenError(ApiError, exceptions.PermissionDenied):
    """A 403."""


def api_error(error: errors.AuthKitError) -> ApiError:
    """Return the DRF exception for *error*."""
    if isinstance(error, errors.ReauthenticationRequired):
        # Not AuthenticationFailed: DRF would replace our challenge with that of the authentication class.
        return ApiError(error)
    kinds: dict[int, type[ApiError]] = {401: CredentialError, 403: ForbiddenError}
    return kinds.get(error_responses.status_of(error), ApiError)(error)
