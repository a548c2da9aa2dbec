"""simplejwt's ``JWTAuthentication``, for a project's own DRF views: the same name, the same errors."""

import json
from base64 import urlsafe_b64decode
from functools import partial
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from django_authkit.api.exceptions import api_error
from django_authkit.authentication import AuthKitAuthentication
from django_authkit.compat.simplejwt.exceptions import refused_access, refused_header
from django_authkit.errors import AuthKitError, CredentialRejected, DpopRefused, TokenMalformed
from django_authkit.http import error_responses, transports
from django_authkit.http.request_state import Authentication, state_of
from django_authkit.service.authentication import authenticate_token
from django_authkit.service.device_requirement import check_requirement
from django_authkit.types import Mode
from django_authkit.users.lazy import LazyUser, set_error_factory

_STEPS: Final = ("get_header", "get_raw_token", "get_validated_token", "get_user")


class ValidatedToken(dict[str, Any]):
    """
    The claims of a valid token, with simplejwt's ``user_id`` and ``token_type``.

    Attributes:
        authentication: The user and the auth session of the token.
    """

    def __init__(self, text: str, authentication: Authentication) -> None:
        super().__init__(user_id=str(authentication.user.pk), token_type="access", sid=authentication.sid)  # noqa: S106
        if authentication.mode is Mode.JWT:
            payload = text.split(".")[1]
            self.update(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
        self.authentication = authentication


class JWTAuthentication(AuthKitAuthentication):
    """
    Authenticates as ``AuthKitAuthentication`` does; its 401s are those of simplejwt.

    ``code`` is ``token_not_valid`` (with ``messages``), ``bad_authorization_header``, ``user_not_found``,
    ``user_inactive`` or ``password_changed``.

    A subclass may call and override the four steps of simplejwt. If it overrides one, they alone decide, as
    with simplejwt: our cookies are not read, and ``BIND`` is not applied. They do not see the proofs of DPoP,
    so a bound credential is refused, and with ``DPOP["MODE"]`` "require" each one of the header.
    """

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, Authentication | None] | None:
        """Return the user and their ``Authentication``, or ``None`` without a credential."""
        if all(getattr(type(self), step) is getattr(JWTAuthentication, step) for step in _STEPS):
            return super().authenticate(request)
        header = self.get_header(request)
        raw_token = None if header is None else self.get_raw_token(header)
        if raw_token is None:
            return None
        token = self.get_validated_token(raw_token)
        try:
            check_requirement(request._request, token.authentication)
        except AuthKitError as error:
            raise _refused(None, error) from error
        state_of(request._request).authentication = token.authentication
        return self.get_user(token), token.authentication

    def get_header(self, request: Request) -> bytes | None:
        """Return the ``Authorization`` header."""
        header: str | bytes | None = request.META.get("HTTP_AUTHORIZATION")
        return header.encode("latin-1") if isinstance(header, str) else header

    def get_raw_token(self, header: bytes) -> bytes | None:
        """Return the token in *header*; ``None`` if its scheme is not in ``COMPAT["AUTH_SCHEMES"]``."""
        http = HttpRequest()
        http.META["HTTP_AUTHORIZATION"] = header.decode("latin-1")
        try:
            token = transports.bearer_of(http)
        except TokenMalformed as error:
            raise refused_header(error) from error
        return None if token is None else token.encode("latin-1")

    def get_validated_token(self, raw_token: bytes | str) -> ValidatedToken:
        """
        Return the claims of a valid access token; of a session key its user and ``sid``.

        Raises:
            RejectedCredential: It is not valid: 401, with simplejwt's body.
        """
        text = raw_token if isinstance(raw_token, str) else raw_token.decode("latin-1")
        refused = partial(_refused, text)
        try:
            known = authenticate_token(text)
        except AuthKitError as error:
            raise refused(error) from error
        if isinstance(known.user, LazyUser):
            set_error_factory(known.user, refused)
        return ValidatedToken(text, known)

    def get_user(self, validated_token: ValidatedToken) -> AbstractBaseUser:
        """Return the user of a token from ``get_validated_token``."""
        return validated_token.authentication.user

    def as_api_error(self, http: HttpRequest, error: AuthKitError) -> APIException:
        """Return the exception for *error*."""
        if isinstance(error, DpopRefused):  # what clients with proofs look at
            return api_error(error)
        presented = _presented(http)
        if isinstance(error, CredentialRejected) and len(presented) != 1:
            return refused_header(error)
        return _refused(presented[0] if presented else None, error)

    def authenticate_header(self, request: Request) -> str:
        """Return simplejwt's challenge: a scheme and a realm, regardless of the credential."""
        seen = state_of(request._request).authentication
        return error_responses.challenge_of(seen if isinstance(seen, DpopRefused) else None)


def _refused(text: str | None, error: AuthKitError) -> APIException:
    """Return the exception for *error*, raised by the credential *text*."""
    if not isinstance(error, CredentialRejected):
        return api_error(error)
    try:
        return refused_access(error, text)
    except AuthKitError as unknown:  # the user could not be looked up
        return api_error(unknown)


def _presented(http: HttpRequest) -> list[str | None]:
    """Return the token after the scheme of the header, or whatever was sent instead."""
    if transports.has_bearer(http):
        return [*http.META["HTTP_AUTHORIZATION"].split()[1:]]
    return [transports.access_cookie_of(http)]
