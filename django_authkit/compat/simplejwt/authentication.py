"""simplejwt's ``JWTAuthentication``, for a project's own DRF views: the same name, the same errors."""

from django.http import HttpRequest
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from django_authkit.api.exceptions import api_error
from django_authkit.authentication import AuthKitAuthentication
from django_authkit.compat.simplejwt.refusals import refused_access, refused_header
from django_authkit.errors import AuthKitError, CredentialRejected
from django_authkit.http import error_responses, transports


class JWTAuthentication(AuthKitAuthentication):
    """
    Authenticates as ``AuthKitAuthentication`` does; its 401s are those of simplejwt.

    ``code`` is ``token_not_valid`` (with ``messages``), ``bad_authorization_header``, ``user_not_found``,
    ``user_inactive`` or ``password_changed``.
    """

    def as_api_error(self, http: HttpRequest, error: AuthKitError) -> APIException:
        """Return the exception for *error*."""
        if not isinstance(error, CredentialRejected):
            return api_error(error)
        presented = _presented(http)
        if len(presented) != 1:
            return refused_header(error)
        try:
            return refused_access(error, presented[0])
        except AuthKitError as unknown:  # the user could not be looked up
            return api_error(unknown)

    def authenticate_header(self, request: Request) -> str:
        """Return simplejwt's challenge: a scheme and a realm, regardless of the credential."""
        return error_responses.challenge()


def _presented(http: HttpRequest) -> list[str | None]:
    """Return the token after the scheme of the header, or whatever was sent instead."""
    if transports.has_bearer(http):
        return [*http.META["HTTP_AUTHORIZATION"].split()[1:]]
    return [transports.access_cookie_of(http)]
