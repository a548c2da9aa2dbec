"""Re-authentication, and the check that it was recent."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate as django_authenticate
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop

from django_authkit.bridge import blocking
from django_authkit.conf import get_settings, milliseconds
from django_authkit.errors import InvalidRequest, LoginFailed, ReauthenticationRequired, SessionEnded
from django_authkit.http import transports
from django_authkit.http.grant import Grant
from django_authkit.http.request_state import Authentication, state_of
from django_authkit.service.django_session import (
    detach_django_session,
    django_session_of,
    session_of_credential,
)
from django_authkit.service.refreshing import rotate
from django_authkit.session_keys import SessionKey
from django_authkit.strategies.protocol import DeviceProof
from django_authkit.types import Mode, Transport
from django_authkit.users.loading import load_user
from django_authkit.wiring import get_jwt_strategy, get_session_strategy


def require_recent(known: Authentication, max_age: timedelta | None = None) -> None:
    """
    Require that the user authenticated within *max_age*, by default ``RECENT_AUTH["MAX_AGE"]`` (ASVS 7.5.1).

    Raises:
        ReauthenticationRequired: The last authentication is older.
    """
    age = get_settings().recent_auth.max_age if max_age is None else max_age
    if time.time() * 1000 - known.auth_time_ms > milliseconds(age):
        raise ReauthenticationRequired(int(age.total_seconds()))


def reauthenticate(request: HttpRequest, known: Authentication, data: Mapping[str, Any]) -> Grant:
    """
    Authenticate the user again, and give the auth session a new credential (ASVS 7.2.4).

    ``auth_time`` moves to now. In session mode the key is replaced; in JWT mode it is a rotation, so the
    refresh token is needed: from the cookie, or as ``refresh`` in *data*. Every other credential of the auth
    session stops working, of the other form too, since a copy proves nothing.

    Raises:
        LoginFailed: The password, or other proof, is wrong.
        InvalidRequest: A header client in JWT mode sent no refresh token, or that of another auth session.
        RefreshReused, SessionEnded: As ``refresh`` says.
    """
    if not _proved(request, known, data):
        raise LoginFailed
    if known.mode is Mode.SESSION:
        grant = _new_key(request, known)
    else:
        grant = _rotated(request, known, data.get("refresh"))
    state = state_of(request)
    state.authentication = Authentication.by_record(grant.user, grant.session, grant.mode, grant.transport)
    state.bindable_sid = None if grant.session.is_bound else grant.session.sid
    return grant


def _proved(request: HttpRequest, known: Authentication, data: Mapping[str, Any]) -> bool:
    path = get_settings().reauthenticator
    if path is not None:
        return bool(blocking(import_string(path), request, known.user, data))
    credentials = {**_name_of(known.user, data), "password": data.get("password")}
    user = blocking(django_authenticate, request, **credentials)
    return user is not None and user.pk == known.user.pk


def _name_of(user: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells ``authenticate()`` who logs in, as at a login: ``LOGIN["SERIALIZER"]`` names it."""
    path, usual = get_settings().login.serializer, get_user_model().USERNAME_FIELD
    body = None if path is None else import_string(path)
    own = getattr(body, "name_field", None) or usual
    field = own if getattr(user, own, None) else usual
    more = {name: data[name] for name in getattr(body, "credential_fields", ()) if name in data}
    return {**more, field: getattr(user, field)}


def _new_key(request: HttpRequest, known: Authentication) -> Grant:
    key, strategy = _presented_key(request, known), get_session_strategy()
    if key is None:
        raise SessionEnded
    renewed = strategy.renew(key.text, reauthenticated=True)
    found = renewed.found
    django_session = session_of_credential(request, strategy.mode, known.transport)
    if django_session is not None:
        django_session.move_to(SessionKey(found.session.sid, renewed.secret), found)
    user = load_user(found.session.user_id, found.session.backend, found.user)
    return strategy.issue(found, user, renewed.secret, known.transport)


def _presented_key(request: HttpRequest, known: Authentication) -> SessionKey | None:
    """Return the session key by which the request was authenticated; of several cookies, the valid one."""
    if known.transport is Transport.HEADER:
        return SessionKey.parse(transports.bearer_of(request))
    adopted = state_of(request).adopted  # the first request of an adopted browser has no key yet
    if adopted is not None:
        return SessionKey.parse(adopted.access)
    session = django_session_of(request)
    if session is not None:
        return session.own_key
    return next((key for key in transports.session_keys_of(request) if key.handle == known.sid), None)


def _rotated(request: HttpRequest, known: Authentication, given: str | None) -> Grant:
    adopted = state_of(request).adopted  # the first request of an adopted browser has no token yet
    if known.transport is Transport.HEADER:
        text = given
    else:
        text = adopted.refresh if adopted else _refresh_cookie_of(request, known)
    if text is None or get_jwt_strategy().sid_of(text) != known.sid:
        raise InvalidRequest(gettext_noop("The refresh token of this session is needed."))
    detach_django_session(request, known.sid)
    # An access cookie was shown, which is that of the device.
    proof = DeviceProof(is_needed=False) if known.transport is Transport.COOKIE else None
    return rotate(request, text, known.transport, reauthenticated=True, proof=proof)


def _refresh_cookie_of(request: HttpRequest, known: Authentication) -> str | None:
    """Return the refresh token of the session that the request belongs to; of several cookies, the newest."""
    strategy = get_jwt_strategy()
    texts = strategy.renewal_cookies_of(request)
    return next((text for text in texts if strategy.sid_of(text) == known.sid), None)
