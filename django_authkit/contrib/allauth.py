"""Makes the logins of django-allauth auth sessions: an account adapter, and a token strategy for its apps."""

from collections.abc import Iterator
from typing import Any, Final
from weakref import ref

from allauth.account import app_settings as account_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.headless.constants import Client
from allauth.headless.tokens.strategies.sessions import SessionTokenStrategy
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from django_authkit.conf import get_settings
from django_authkit.errors import CredentialRejected
from django_authkit.http.request_state import Authentication, state_of
from django_authkit.service import log_in, refresh
from django_authkit.service.device_requirement import check_requirement
from django_authkit.service.dpop import key_to_bind
from django_authkit.service.mode_switch import tokens_if_due
from django_authkit.service.user_validity import load_valid_user
from django_authkit.session_engine import SessionStore
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Found
from django_authkit.types import Mode, Transport

_BACKEND: Final = "allauth.account.auth_backends.AuthenticationBackend"
_AMR: Final[dict[str, tuple[str, ...]]] = {
    "password": ("pwd",),
    "socialaccount": ("fed",),
    "code": ("otp",),
    "totp": ("otp", "mfa"),
    "recovery_codes": ("otp", "mfa"),
    "webauthn": ("hwk", "mfa"),
}
"""How the user authenticated (RFC 8176), by allauth's method, or its type of ``mfa``."""


class AccountAdapter(DefaultAccountAdapter):
    """``ACCOUNT_ADAPTER``: every login of allauth begins an auth session, in both modes."""

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """
        Log *user* in: a browser gets cookies with the response, an app what ``TokenStrategy`` returns.

        The login of an app is bound to the key that it proves (DPoP), as at our own endpoint.

        Raises:
            DpopRefused: As ``key_to_bind`` says.
        """
        amr = tuple(dict.fromkeys(_amr_of(request, user)))
        if _is_app(request):
            state_of(request).login_amr, state_of(request).app_key = amr, key_to_bind(request)
            super().login(request, user)
            return
        grant = log_in(
            request,
            user,
            backend=_backend_of(user),
            transport=Transport.COOKIE,
            remember=_remembers(request),
            amr=amr,
        )
        if grant.mode is Mode.JWT:  # a session key is delivered by the session middleware
            state_of(request).authentication = Authentication.by_record(
                user, grant.session, grant.mode, grant.transport, replacement=grant
            )


class TokenStrategy(SessionTokenStrategy):
    """
    ``HEADLESS_TOKEN_STRATEGY``: an app gets ``access_token`` beside its session token.

    Both belong to one auth session. The session token opens allauth's endpoints, the access token the API.
    """

    def lookup_session(self, session_token: str) -> SessionBase | None:
        """
        Return the session of an app, which is checked like any that comes with this request.

        Raises:
            DeviceBindingRequired: It is that of a browser which has to be bound to its device, and is not.
        """
        session: SessionBase | None = super().lookup_session(session_token)
        if isinstance(session, SessionStore):
            session.request, session.is_in_body = ref(context.request), True
            _check_requirement(session)
        return session

    def create_access_token_payload(self, request: HttpRequest) -> dict[str, Any] | None:
        """Return what the app sends to the API: tokens in JWT mode, else the session key."""
        text = self.create_session_token(request)
        key = SessionKey.parse(text)
        user: Any = request.user
        grant = None if key is None else tokens_if_due(request, key, user, Transport.HEADER)
        if grant is None:
            return {"access_token": text}
        return {
            "access_token": grant.access,
            "refresh_token": grant.refresh,
            "expires_in": grant.expires_in,
        }

    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        """Exchange the refresh token, as our own endpoint does."""
        try:
            grant = refresh(context.request, token=refresh_token)
        except CredentialRejected:
            return None
        return grant.access, grant.refresh or grant.access


def _check_requirement(session: SessionStore) -> None:
    found = session.look_up() if get_settings().may_require_binding else None
    if isinstance(found, Found):
        user = load_valid_user(found.session, found.user)
        known = Authentication.by_record(user, found.session, Mode.SESSION, Transport.HEADER)
        check_requirement(context.request, known)


def _is_app(request: HttpRequest) -> bool:
    headless = getattr(getattr(request, "allauth", None), "headless", None)
    return bool(getattr(headless, "client", None) == Client.APP)


def _amr_of(request: HttpRequest, user: AbstractBaseUser) -> Iterator[str]:
    for record in get_authentication_records(request, user):
        yield from _AMR.get(record.get("type") or record["method"], ())


def _backend_of(user: AbstractBaseUser) -> str | None:
    """Return what ``log_in`` takes: allauth's own backend for a user who did not come through another one."""
    own = _BACKEND if _BACKEND in settings.AUTHENTICATION_BACKENDS else None
    return getattr(user, "backend", None) or own


def _remembers(request: HttpRequest) -> bool:
    """Return what allauth decides after the login: by its setting, or the box in its form."""
    always = account_settings.SESSION_REMEMBER
    if always is not None:
        return bool(always)
    if "login" in request.POST:
        return bool(request.POST.get("remember"))
    return not bool(settings.SESSION_EXPIRE_AT_BROWSER_CLOSE)
