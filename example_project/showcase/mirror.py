"""Shows what the server sees of a request and what it stores, without any complete secret."""

import time
from dataclasses import fields
from typing import Any

import jwt
from django.conf import settings
from django.http import HttpRequest

from django_authkit import Authentication, AuthSession
from django_authkit.conf import get_settings

_SHOWN = 6
"""Characters of a secret that are shown: enough to distinguish two secrets, too few to use one."""
_LONG = 24
"""Longer members of tokens are shortened, because some ids are secret."""
_KEPT_BACK = {"auth_hash"}


def reflect(request: HttpRequest, known: Authentication) -> dict[str, Any]:
    """Return what the server sees of *request*, which is authenticated as *known*."""
    bearer = request.headers.get("Authorization", "").partition(" ")[2]
    return {
        "now": int(time.time() * 1000),
        "mode": known.mode,
        "transport": known.transport,
        "cookies": [
            {"name": name, "of": _modes().get(name), **_credential(value)}
            for name, value in request.COOKIES.items()
        ],
        "bearer": _credential(bearer) if bearer else None,
        "record": _record(known.session),
    }


def _modes() -> dict[str, str]:
    """Return the mode of each cookie that is a credential. After a switch a browser has those of both."""
    chosen = get_settings()
    return {
        settings.SESSION_COOKIE_NAME: "session",
        chosen.cookie.access_name: "jwt",
        chosen.cookie.refresh_name: "jwt",
    }


def _credential(text: str) -> dict[str, Any]:
    """Return what can be shown of a cookie or token: length, last characters, and content if it is a JWT."""
    return {"bytes": len(text), "end": text[-_SHOWN:], "inside": _inside(text)}


def _inside(text: str) -> dict[str, Any] | None:
    """Return header and claims if *text* is a JWT. Nothing is verified: the result is only displayed."""
    try:
        token = jwt.decode_complete(text, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    return {"header": _cut(token["header"]), "claims": _cut(token["payload"])}


def _cut(members: dict[str, Any]) -> dict[str, Any]:
    return {
        name: f"…{value[-_SHOWN:]}" if isinstance(value, str) and len(value) > _LONG else value
        for name, value in members.items()
    }


def _record(session: AuthSession) -> dict[str, Any]:
    """Return the fields of the record. The dataclass has no digests: only the store compares those."""
    return {
        field.name: getattr(session, field.name) for field in fields(session) if field.name not in _KEPT_BACK
    }
