"""Renders the members ``session`` and ``user`` of a response."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.module_loading import import_string

from django_authkit.conf import get_settings
from django_authkit.http.grant import Grant
from django_authkit.http.places import place_of
from django_authkit.types import AuthSession


def present_session(session: AuthSession, mode: str) -> dict[str, Any]:
    """Return the public members of *session*; *mode* is that of the credential presented."""
    return {
        "sid": session.sid,
        "mode": str(mode),
        "created_at": _iso(session.created_at),
        "expires_at": _iso(session.expires_at),
        "bound": session.is_bound,
    }


def present_device(session: AuthSession, current: str) -> dict[str, Any]:
    """Return *session* as its owner sees it in the list of devices; *current* is the sid of the request."""
    return {
        **present_session(session, session.mode),
        "current": session.sid == current,
        "label": session.label,
        "address": session.address,
        "place": place_of(session.address),
        "last_seen_at": _iso(session.last_seen_at),
    }


def members_of_project(request: HttpRequest, grant: Grant) -> Mapping[str, Any]:
    """Return what ``LOGIN["RESPONSE_SERIALIZER"]`` adds to a response with credentials."""
    path = get_settings().login.response_serializer
    found: Mapping[str, Any] = {}
    if path is not None:
        found = import_string(path)(grant, context={"request": request}).data
    return found


def present_user(request: HttpRequest, user: AbstractBaseUser) -> Any:
    """Return the primary key and the username, or the output of ``USER_SERIALIZER``."""
    path = get_settings().user_serializer
    if path is not None:
        return import_string(path)(user, context={"request": request}).data
    name = get_user_model().USERNAME_FIELD
    column: Any = get_user_model()._meta.get_field(name)
    return {"id": user.pk, name: getattr(user, column.attname)}  # of a foreign key, the key


def _iso(moment: datetime) -> str:
    """Return *moment* in RFC 3339 format, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
