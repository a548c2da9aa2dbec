"""The endpoints: login, refresh, logout, session, ticket, verify. One protocol for both modes."""

import time
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connections, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.metadata import SimpleMetadata
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.versioning import BaseVersioning
from rest_framework.views import APIView

from django_authkit import service
from django_authkit.api import serializers
from django_authkit.api.exception_handler import endpoint_exception_handler
from django_authkit.api.presentation import members_of_project, present_device, present_session, present_user
from django_authkit.errors import CredentialRejected, DpopRefused, NotAuthenticated
from django_authkit.http import cookies, transports
from django_authkit.http.csrf import SAFE_METHODS, enforce_csrf, vary_on_source
from django_authkit.http.grant import Grant, is_kept_by_browser
from django_authkit.http.request_state import Authentication, attach_replacement
from django_authkit.service import tickets
from django_authkit.service.dpop import key_to_bind
from django_authkit.service.login_steps import LoginProgress, log_in_or_ask, take_step
from django_authkit.service.password_login import check_password
from django_authkit.throttling.attempts import count_failed_refresh, count_reauthentication, count_ticket
from django_authkit.tracebacks import clear_locals
from django_authkit.types import Transport


class Endpoint(APIView):
    """
    What all endpoints share.

    They authenticate requests themselves, so that a stale cookie or header never blocks a login or
    logout; they return JSON that is never cached; and they run outside ``ATOMIC_REQUESTS``, which
    would roll a revocation back together with the 401 that reports it. DRF's settings of the project do not
    reach them, and whatever a project's own path captures before ``auth/`` (a tenant, a version) is ignored.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (serializers.StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = serializers.AlwaysJson
    versioning_class: type[BaseVersioning] | None = None
    metadata_class = SimpleMetadata
    throttle_classes: Sequence[type[BaseThrottle]] = ()  # we count in the store, see ``throttling``

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view, exempt from ``ATOMIC_REQUESTS``, and with no form in error reports."""
        view = sensitive_post_parameters()(super().as_view(**initkwargs))
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return view

    def get_exception_handler(self) -> Any:
        """Return ours instead of the project's: the error format is part of the protocol."""
        return endpoint_exception_handler

    def handle_exception(self, exc: Exception) -> Response:
        """Keep what the request and the response hold out of error reports."""
        clear_locals(exc)
        return super().handle_exception(exc)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Prevent caching, and clear the cookies after a failed refresh or a logout."""
        response = super().finalize_response(request, response, *args, **kwargs)
        http = getattr(request, "_request", request)
        cookies.mark_private(response)
        vary_on_source(http, response)
        service.apply_response_effects(http, response)
        attach_replacement(http, response)
        return response


def _granted(http: HttpRequest, grant: Grant) -> Response:
    response = Response(
        {
            **members_of_project(http, grant),
            "session": present_session(grant.session, grant.mode),
            "user": present_user(http, grant.user),
            **grant.credentials(),
        }
    )
    grant.attach(response)
    return response


class IssuingEndpoint(Endpoint):
    """An endpoint that issues credentials. A DPoP proof that it refuses is a 400 (RFC 9449 §5)."""

    def handle_exception(self, exc: Exception) -> Response:
        """Respond with 400 to a DPoP proof that is not valid, or has no fresh nonce."""
        response = super().handle_exception(exc)
        if isinstance(exc, DpopRefused):
            response.status_code = 400
        return response


class LoginEndpoint(IssuingEndpoint):
    """What the endpoints of a login share: each ends in an auth session, or asks for the next step."""

    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Log in, unless ``LOGIN["STEPS"]`` needs another step."""
        http: HttpRequest = request._request
        transport = transports.wanted_transport(http)
        if transport is Transport.COOKIE:
            enforce_csrf(http)  # prevents login CSRF
        else:
            key_to_bind(http)  # a client without a fresh nonce tries again, and that is no second attempt
        user, progress = self.progress(http, request.data)
        response = _granted(http, log_in_or_ask(http, user, progress, transport))
        progress.attempt.succeeded(response if transport is Transport.COOKIE else None)
        return response

    def progress(self, http: HttpRequest, data: Any) -> tuple[AbstractBaseUser, LoginProgress]:
        """Return the user whom the body proves, and how far the login is with it."""
        raise NotImplementedError


class LoginView(LoginEndpoint):
    """``POST login/``: exchange name and password for a new auth session."""

    def progress(self, http: HttpRequest, data: Any) -> tuple[AbstractBaseUser, LoginProgress]:
        """Authenticate by Django's ``authenticate()`` and nothing else."""
        body = serializers.login_body(http, data)
        user, attempt = check_password(http, body.credentials())
        wanted = body.validated_data
        return user, LoginProgress.of(
            user, attempt, remember=wanted.get("remember", False), label=wanted.get("device")
        )


class LoginStepView(LoginEndpoint):
    """``POST login/step/``: take the next step of a login."""

    def progress(self, http: HttpRequest, data: Any) -> tuple[AbstractBaseUser, LoginProgress]:
        """Return the user of the login that the handle stands for, and how far it is now."""
        handle = serializers.validated(serializers.LoginStepBody, data)["handle"]
        return take_step(http, handle, {name: data[name] for name in data if name != "handle"})


class RefreshView(IssuingEndpoint):
    """``POST refresh/``: rotate the credential of the auth session."""

    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Respond over the transport of the presented credential."""
        token = serializers.refresh_token_of(request.data)
        return _granted(request._request, service.refresh(request._request, token=token))


class AdoptView(IssuingEndpoint):
    """``POST adopt/``: exchange another package's login, in a header, for an auth session (``ADOPT``)."""

    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Respond as login does over the header transport."""
        key_to_bind(request._request)  # as for a login: a client without a fresh nonce did not fail
        try:
            return _granted(request._request, service.adopt(request._request))
        except CredentialRejected as error:
            if not isinstance(error, NotAuthenticated):
                count_failed_refresh(request._request)
            raise


class LogoutView(Endpoint):
    """``POST logout/``: revoke this auth session. Idempotent, also for invalid credentials."""

    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return 204, even if the credential is invalid or missing (RFC 7009 §2.2)."""
        token = request.data.get("refresh") if isinstance(request.data, dict) else None
        service.log_out(request._request, refresh=token if isinstance(token, str) else None)
        return Response(status=204)


class SessionView(Endpoint):
    """``GET session/``: the current user, mode and expiry. Sets the CSRF cookie, also with a 401."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return the auth session of the credential that takes precedence."""
        http: HttpRequest = request._request
        get_token(http)
        known = service.authenticate(http)
        if known is None:
            raise NotAuthenticated
        response = Response(
            {"session": present_session(known.session, known.mode), "user": present_user(http, known.user)}
        )
        expires_at = known.token_expires_at
        page_refreshes = known.transport is Transport.COOKIE and not is_kept_by_browser(known.session)
        if page_refreshes and expires_at is not None:
            response[transports.EXPIRES_IN_HEADER] = str(max(0, expires_at - int(time.time())))
        return response


class PersonalEndpoint(Endpoint):
    """
    An endpoint about the current user.

    Attributes:
        known: The authentication of the request.
    """

    known: Authentication

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate the request; an anonymous one is a 401."""
        http: HttpRequest = request._request
        known = service.authenticate(http)
        if known is None:
            raise NotAuthenticated
        known.ensure_loaded()
        if known.transport is Transport.COOKIE and http.method not in SAFE_METHODS:
            enforce_csrf(http)
        self.known = known
        super().initial(request, *args, **kwargs)


class DevicesPages(PageNumberPagination):
    """``?page=`` and ``?page_size=``."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = service.DEVICES_AT_ONCE


class DevicesView(PersonalEndpoint):
    """``GET sessions/``: list my auth sessions. ``DELETE sessions/``: revoke all others."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return the live auth sessions, most recently seen first."""
        pages = DevicesPages()
        page = pages.paginate_queryset(service.devices_of(request._request, self.known), request, view=self)
        return pages.get_paginated_response([present_device(each, self.known.sid) for each in page or ()])

    def delete(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Revoke all but the current one, and return the number revoked."""
        return Response({"revoked": service.revoke_other_devices(self.known)})


class DeviceView(PersonalEndpoint):
    """``sessions/<sid>/``: rename or revoke one of mine. Another user's is a 404, like an unknown one."""

    def patch(self, request: Request, *args: Any, sid: str, **kwargs: Any) -> HttpResponseBase:
        """Return the device with its new name."""
        label = serializers.validated(serializers.DeviceBody, request.data)["label"]
        renamed = service.rename_device(request._request, self.known, sid, label)
        return Response(present_device(renamed, self.known.sid))

    def delete(self, request: Request, *args: Any, sid: str, **kwargs: Any) -> HttpResponseBase:
        """Return 204. Revoking the current auth session logs the user out."""
        if sid == self.known.sid:
            service.log_out(request._request)
        else:
            service.revoke_device(self.known, sid)
        return Response(status=204)


class ReauthenticateView(PersonalEndpoint):
    """``POST reauthenticate/``: re-authenticate, and receive a new credential."""

    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Respond as login does, for the same auth session."""
        serializers.validated(serializers.ReauthenticateBody, request.data)
        count_reauthentication(self.known.sid)
        http: HttpRequest = request._request
        return _granted(http, service.reauthenticate(http, self.known, dict(request.data)))


class TicketView(PersonalEndpoint):
    """``POST ticket/``: issue a ticket, which opens one WebSocket."""

    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return it, and for how many seconds it can be used."""
        count_ticket(self.known.sid)
        ticket = service.issue_ticket(request._request, self.known)
        return Response({"ticket": ticket, "expires_in": tickets.LIFETIME})


class VerifyView(Endpoint):
    """
    ``POST verify/``: introspect a credential, in the format of RFC 7662.

    Not throttled: there is nothing to guess, and a service checks many users from one address.
    """

    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Inspect the credential in the body, not that of the request."""
        return Response(service.verify(serializers.validated(serializers.VerifyBody, request.data)["token"]))
