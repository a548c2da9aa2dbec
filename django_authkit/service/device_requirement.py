"""Whom ``DEVICE_BOUND`` requires to log in with a browser that binds logins to its device."""

import time

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.module_loading import import_string

from django_authkit.bridge import blocking
from django_authkit.conf import get_settings
from django_authkit.errors import CredentialRejected, DeviceBindingRequired
from django_authkit.http.bound_cookie import has_cookie_of
from django_authkit.http.request_state import Authentication
from django_authkit.service.revocation import revoke_session
from django_authkit.strategies.exchange import REGISTRATION_MS
from django_authkit.types import AuthSession, Mode, RevocationReason, Transport
from django_authkit.wiring import get_jwt_strategy


def policy_for(request: HttpRequest, user: AbstractBaseUser | None) -> str:
    """Return ``DEVICE_BOUND``, or what the project's function says about a request and its user."""
    chosen = get_settings().device_bound
    return blocking(import_string(chosen), request, user) if "." in chosen else chosen


def check_requirement(request: HttpRequest, known: Authentication) -> None:
    """
    Check that a login over cookies is bound to a device, if that is required, wherever its credential is.

    A login has some seconds for the registration. Where all logins need a binding, one without is revoked, so
    that its user can log in again; its access tokens live for those seconds only, so they are not looked at.

    Raises:
        DeviceBindingRequired: They are not bound.

    Round trips:
        None if the request shows the bound cookie; else the record is read, if it was not. In the header no
        cookie is asked for, but the record says whether the login was over cookies.
    """
    settings = get_settings()
    if not settings.may_require_binding or (settings.device_bound == "require" and known.mode is Mode.JWT):
        return
    if _shows_bound_cookie(request, known):
        return
    if known.transport is Transport.HEADER and known.session.by_header:
        return
    if policy_for(request, known.user) == "require":
        _check_bound(known.session, int(time.time() * 1000), is_shown=known.mode is Mode.JWT)


def _shows_bound_cookie(request: HttpRequest, known: Authentication) -> bool:
    return known.mode is Mode.SESSION and has_cookie_of(request, known.sid)


def check_refresh_requirement(refresh_token: str, transport: Transport) -> None:
    """
    Check that a refresh token is that of a bound login, where all need a binding, before it is exchanged.

    That concerns what comes as a cookie, and what was issued as one.

    Raises:
        DeviceBindingRequired: It is not.
    """
    if get_settings().device_bound != "require":
        return
    try:
        found = get_jwt_strategy().check_renewable(refresh_token)
    except CredentialRejected:
        return  # the rotation refuses it
    if transport is Transport.COOKIE or not found.session.by_header:
        check_bound(found.session, found.now_ms)


def check_bound(session: AuthSession, now_ms: int) -> None:
    """
    Check that the auth session of a refresh cookie is bound, where all need a binding.

    Raises:
        DeviceBindingRequired: It is not.
    """
    if get_settings().device_bound == "require":
        _check_bound(session, now_ms, is_shown=True)


def _check_bound(session: AuthSession, now_ms: int, *, is_shown: bool) -> None:
    is_bound = session.device_nonce and (is_shown or session.is_bound)
    if is_bound or now_ms < session.created_ms + REGISTRATION_MS:
        return
    if get_settings().device_bound == "require":
        revoke_session(session.sid, RevocationReason.REVOKED)
    raise DeviceBindingRequired
