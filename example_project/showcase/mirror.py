"""What the server saw of a request, and what it keeps: told without a single whole secret."""

import time
from dataclasses import fields
from typing import Any

import jwt
from django.conf import settings
from django.http import HttpRequest

from django_authkit import Authentication, AuthSession
from django_authkit.conf import get_settings

_SHOWN = 6
"""Characters of a secret that are shown: enough to tell two apart, too few to use one."""
_LONG = 24
"""Members of tokens longer than this are cut: among them are ids that are secrets."""
_KEPT_BACK = {"auth_hash"}


def reflect(request: HttpRequest, known: Authentication) -> dict[str, Any]:
    """Return how *request*, which is from *known*, looks from the server."""
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
    """Return which cookie is a credential of which mode. After a switch a browser has those of both."""
    chosen = get_settings()
    return {
        settings.SESSION_COOKIE_NAME: "session",
        chosen.cookie.access_name: "jwt",
        chosen.cookie.refresh_name: "jwt",
    }


def _credential(text: str) -> dict[str, Any]:
    """Return what can be told of a cookie or token: its length, its end, and what a token says inside."""
    return {"bytes": len(text), "end": text[-_SHOWN:], "inside": _inside(text)}


def _inside(text: str) -> dict[str, Any] | None:
    """Return header and claims if *text* is a JWT. Nothing is verified here: this is for the eye."""
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
    """Return the fields of the record. Its digests are in no dataclass: only the store compares them."""
    return {
        field.name: getattr(session, field.name) for field in fields(session) if field.name not in _KEPT_BACK
    }
