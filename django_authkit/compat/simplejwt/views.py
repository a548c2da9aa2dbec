"""
simplejwt's views, by the same names. To add members to a response, subclass them.

Credentials travel in bodies and the ``Authorization`` header only; cookies are neither read nor set.
"""

from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import ParseError, Throttled, UnsupportedMediaType, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler as drf_exception_handler

from django_authkit import errors, service
from django_authkit.api import exception_handler as our_errors
from django_authkit.api.exceptions import api_error
from django_authkit.api.serializers import MAX_BODY, BodyTooLarge, LoginBody, login_serializer
from django_authkit.api.views import Endpoint
from django_authkit.compat.simplejwt import exceptions, serializers
from django_authkit.conf import get_settings
from django_authkit.http import error_responses
from django_authkit.http.grant import Grant
from django_authkit.service.login_steps import LoginProgress, log_in_or_ask
from django_authkit.service.password_login import PasswordCredentials, check_password
from django_authkit.types import Transport


class TokenView(Endpoint, GenericAPIView[Any]):
    """
    Base class of the views.

    Parsers, renderers, negotiation, versioning and exception handler are the project's, as they are for
    simplejwt's views, so its clients see the same responses.
    """

    versioning_class = GenericAPIView.versioning_class

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Reject a body that is too large, or another site's form, before it is read."""
        length: str = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > MAX_BODY:
            raise BodyTooLarge
        if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"} and not _is_json(request):
            # Any page can send it, from any browser, and so use up the attempts of whoever opens the page.
            raise UnsupportedMediaType(request.content_type)
        super().initial(request, *args, **kwargs)

    def get_parsers(self) -> list[Any]:
        """Return the project's parsers; DRF's defaults accept JSON and forms."""
        classes: Any = api_settings.DEFAULT_PARSER_CLASSES
        return [parser() for parser in classes]

    def get_renderers(self) -> list[Any]:
        """Return the project's."""
        classes: Any = api_settings.DEFAULT_RENDERER_CLASSES
        return [renderer() for renderer in classes]

    def get_content_negotiator(self) -> Any:
        """Return the project's."""
        negotiator: Any = api_settings.DEFAULT_CONTENT_NEGOTIATION_CLASS
        return negotiator()

    def get_exception_handler(self) -> Any:
        """Return a handler that converts our errors, then calls the project's handler."""
        return _exception_handler

    def get_authenticate_header(self, request: Request) -> str:
        """Return simplejwt's challenge: a scheme and a realm."""
        return error_responses.challenge()

    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return 200 with what ``handle`` returns."""
        context = {**self.get_serializer_context(), "request": request._request}
        body = self.get_serializer(data=request.data, context=context)
        body.is_valid(raise_exception=True)
        return Response(self.handle(request._request, body))

    def handle(self, http: HttpRequest, body: Any) -> dict[str, Any]:
        """Handle the request with its valid body, and return the members of the response."""
        raise NotImplementedError


class TokenObtainPairView(TokenView):
    """``POST token/``: exchange name and password for a new auth session."""

    serializer_class = serializers.ObtainPairSerializer

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """Return the body of ``login/`` if it is a project's: what that asks for is asked for here, too."""
        is_own = self.serializer_class is not serializers.ObtainPairSerializer
        return self.serializer_class if is_own or not get_settings().login.serializer else login_serializer()

    def handle(self, http: HttpRequest, body: Any) -> dict[str, Any]:
        """Log in through Django's ``authenticate()`` and nothing else."""
        try:
            return self.answer(self._log_in(http, body))
        except errors.LoginFailed as error:
            raise exceptions.RejectedCredential(error, detail=exceptions.NO_ACCOUNT) from error

    def _log_in(self, http: HttpRequest, body: Any) -> Grant:
        user, attempt = check_password(http, _presented(body))
        wanted = body.validated_data
        remember, label = wanted.get("remember", False), wanted.get("device")
        progress = LoginProgress.of(user, attempt, remember=remember, label=label, rotates=False)
        grant = log_in_or_ask(http, user, progress, Transport.HEADER)
        attempt.succeeded(None)
        return grant

    def answer(self, grant: Grant) -> dict[str, Any]:
        """Return the members of the response. Override it to add members to the pair."""
        return {"refresh": _refresh_of(grant), "access": grant.access}


def _presented(body: Any) -> PasswordCredentials:
    if isinstance(body, LoginBody):
        return body.credentials()
    given = body.validated_data
    return PasswordCredentials(name=given[get_user_model().USERNAME_FIELD], password=given["password"])


class TokenRefreshView(TokenView):
    """``POST token/refresh/``: exchange a refresh token."""

    serializer_class = serializers.RefreshSerializer

    def handle(self, http: HttpRequest, body: Any) -> dict[str, Any]:
        """Exchange the refresh token; one that does not rotate is not in the response."""
        token: str = body.validated_data["refresh"]
        try:
            grant = service.refresh(http, token=token)
        except errors.CredentialRejected as error:
            raise exceptions.refused_refresh(error, token) from error
        rotates = get_settings().compat.simplejwt_rotation or _refresh_of(grant) != token
        return self.answer(grant, rotates=rotates)

    def answer(self, grant: Grant, *, rotates: bool) -> dict[str, Any]:
        """Return the members of the response; *rotates* says whether it has a new refresh token."""
        refresh = {"refresh": _refresh_of(grant)} if rotates else {}
        return {"access": grant.access, **refresh}


class TokenVerifyView(TokenView):
    """``POST token/verify/``: check whether a token of either type is valid."""

    serializer_class = serializers.VerifySerializer

    def handle(self, http: HttpRequest, body: Any) -> dict[str, Any]:
        """Return ``{}``; 401 if invalid, and simplejwt's 400 for a refresh token that is no longer live."""
        token: str = body.validated_data["token"]
        try:
            service.check_refresh(token)
        except errors.SessionEnded as error:
            raise ValidationError({"non_field_errors": [exceptions.BLACKLISTED]}) from error
        except errors.TokenInvalid:
            self._check_access(token)
        except errors.CredentialRejected as error:
            raise exceptions.refused_token(error) from error
        return {}

    def _check_access(self, token: str) -> None:
        try:
            service.check_access(token)
        except errors.CredentialRejected as error:
            raise exceptions.refused_token(error) from error


class TokenBlacklistView(TokenView):
    """``POST token/blacklist/``: log out. Also revokes the access tokens of the auth session."""

    serializer_class = serializers.BlacklistSerializer

    def handle(self, http: HttpRequest, body: Any) -> dict[str, Any]:
        """Revoke the auth session of the refresh token in the body, even if superseded."""
        token: str = body.validated_data["refresh"]
        try:
            service.revoke_token(http, token)
        except errors.CredentialRejected as error:
            raise exceptions.refused_refresh(error, token) from error
        return {}


def _is_json(request: Request) -> bool:
    """Tell whether another site's page needs our permission (CORS) to send a body of this type."""
    return request.content_type.partition(";")[0].strip().lower().endswith("json")


def _refresh_of(grant: Grant) -> str:
    """Return the refresh token; in session mode, the session key."""
    return grant.access if grant.refresh is None else grant.refresh


def _exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    """
    Call the project's exception handler with an exception in simplejwt's format.

    Our own handler, if the project uses it, would format the errors of a body differently.
    """
    exception = our_errors.answerable(exception)
    if isinstance(exception, errors.InvalidRequest | RecursionError):
        exception = ParseError()
    elif isinstance(exception, errors.Throttled):
        exception = Throttled(exception.wait)
    elif isinstance(exception, errors.AuthKitError):
        exception = api_error(exception)
    chosen: Any = api_settings.EXCEPTION_HANDLER
    answer = drf_exception_handler if chosen is our_errors.exception_handler else chosen
    response: Response | None = answer(exception, context)
    return response
