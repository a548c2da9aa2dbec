"""Proving once more that it is still the user, and what needs that proof."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate as django_authenticate
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.module_loading import import_string

from django_authkit.conf import get_settings, milliseconds
from django_authkit.errors import InvalidRequest, LoginFailed, ReauthenticationRequired, SessionEnded
from django_authkit.http import transports
from django_authkit.http.grant import Grant
from django_authkit.http.request_state import Authentication, state_of
from django_authkit.service.django_session import django_session_of
from django_authkit.service.refreshing import rotate
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Absent
from django_authkit.types import Mode, Transport
from django_authkit.users.loading import load_user
from django_authkit.wiring import get_jwt_strategy, get_store


def require_recent(known: Authentication, max_age: timedelta | None = None) -> None:
    """
    Let pass who has proved to be the user within *max_age*, by default ``RECENT_AUTH`` (ASVS 7.5.1).

    Raises:
        ReauthenticationRequired: The last proof is older.
    """
    age = get_settings().recent_auth if max_age is None else max_age
    if time.time() * 1000 - known.auth_time_ms > milliseconds(age):
        raise ReauthenticationRequired(int(age.total_seconds()))


def reauthenticate(request: HttpRequest, known: Authentication, data: Mapping[str, Any]) -> Grant:
    """
    Take a fresh proof of the user, and give the auth session a new credential (ASVS 7.2.4).

    ``auth_time`` moves to now. In session mode the key is replaced; in JWT mode it is a rotation, so the
    refresh token is needed: from the cookie, or as ``refresh`` in *data*.

    Raises:
        LoginFailed: The proof is not good.
        InvalidRequest: A header client in JWT mode sent no refresh token, or that of another auth session.
        RefreshReused, SessionEnded: As ``refresh`` says.
    """
    if not _proved(request, known, data):
        raise LoginFailed
    if known.mode is Mode.SESSION:
        grant = _new_key(request, known)
    else:
        grant = _rotated(request, known, data.get("refresh"))
    state_of(request).authentication = Authentication.by_record(
        grant.user, grant.session, grant.mode, grant.transport
    )
    return grant


def _proved(request: HttpRequest, known: Authentication, data: Mapping[str, Any]) -> bool:
    path = get_settings().reauthenticator
    if path is not None:
        return bool(import_string(path)(request, known.user, data))
    name = known.user.get_username()
    credentials = {get_user_model().USERNAME_FIELD: name, "password": data.get("password")}
    user = django_authenticate(request, **credentials)
    return user is not None and user.pk == known.user.pk


def _new_key(request: HttpRequest, known: Authentication) -> Grant:
    by_header = known.transport is Transport.HEADER
    adopted = state_of(request).adopted  # in a browser's first request its key is not there yet
    if by_header:
        text = transports.bearer_of(request)
    else:
        text = adopted.access if adopted else transports.session_cookie_of(request)
    key = SessionKey.parse(text)
    if key is None:
        raise SessionEnded
    fresh = SessionKey.new(key.handle)
    found = get_store().rekey(key.handle, key.digest, fresh.digest, reauthenticated=True)
    if isinstance(found, Absent):
        raise SessionEnded
    django_session = django_session_of(request)
    if django_session is not None and not by_header:
        django_session.adopt(fresh, found)
    return Grant(
        session=found.session,
        user=load_user(found.session, found.user),
        transport=known.transport,
        access=fresh.text,
        refresh=None,
        expires_in=(found.session.idle_expires_ms - found.now_ms) // 1000,
    )


def _rotated(request: HttpRequest, known: Authentication, given: str | None) -> Grant:
    adopted = state_of(request).adopted  # in a browser's first request its token is not there yet
    if known.transport is Transport.HEADER:
        text = given
    else:
        text = adopted.refresh if adopted else transports.refresh_cookie_of(request)
    if text is None or get_jwt_strategy().sid_of(text) != known.sid:
        raise InvalidRequest("The refresh token of this session is needed.")
    claims = get_jwt_strategy().read_refresh(text)
    return rotate(request, claims, known.transport, reauthenticated=True)
