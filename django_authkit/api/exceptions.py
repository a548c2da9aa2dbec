"""
Errors of ours as DRF exceptions.

This module must not import ``rest_framework.views``, which imports a project's authentication classes,
ours among them, while it is being imported itself.
"""

from rest_framework import exceptions

from django_authkit import errors
from django_authkit.http import error_responses


class ApiError(exceptions.APIException):
    """An error of ours that DRF answers."""

    def __init__(self, error: errors.AuthKitError) -> None:
        self.status_code = error_responses.status_of(error)
        self.detail = error_responses.body_of(error)
        if self.status_code == 401:
            self.auth_header = error_responses.challenge_of(error)
        if self.status_code == 503:
            self.wait = error_responses.RETRY_AFTER  # DRF's handler makes Retry-After of it


class CredentialError(ApiError, exceptions.AuthenticationFailed):
    """A 401; its challenge comes from the authentication class."""


class RefusedError(ApiError, exceptions.PermissionDenied):
    """A 403."""


def api_error(error: errors.AuthKitError) -> ApiError:
    """Return the DRF exception that answers *error*."""
    if isinstance(error, errors.ReauthenticationRequired):
        # No AuthenticationFailed: DRF would put the challenge of the authentication class over ours.
        return ApiError(error)
    kinds: dict[int, type[ApiError]] = {401: CredentialError, 403: RefusedError}
    return kinds.get(error_responses.status_of(error), ApiError)(error)
