"""
The bound cookie, which shows that its browser has proved its device, and the challenge of a registration.

Both are signed and dated, so neither has to be stored. The cookie is good as long as the record has the key.
"""

from datetime import timedelta
from hashlib import sha256
from typing import Final

from django.core.signing import BadSignature, TimestampSigner, b62_decode
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_authkit.conf import get_settings
from django_authkit.http.cookies import mark_private
from django_authkit.http.request_state import state_of
from django_authkit.http.transports import cookies_of
from django_authkit.types import AuthSession

BOUND_COOKIE: Final = "__Host-authkit_bound"
FIRST_ACCESS_LIFE: Final = 120
"""
Seconds that the access cookie lives after a registration. Chromium renews one with so little left at the next
request, in the background; with that proof the binding is in use.
"""
_CHALLENGE_LIFE: Final = 3600
"""Seconds."""
_CHALLENGES: Final = "django_authkit.device_challenge"
_COOKIES: Final = "django_authkit.bound_cookie"


def challenge_for(sid: str) -> str:
    """Return a challenge to register the device of the auth session."""
    return TimestampSigner(salt=_CHALLENGES).sign(sid)


def is_challenge(text: str, sid: str) -> bool:
    """Tell whether *text* is a challenge to register the device of the auth session, and not too old."""
    return _unsigned(_CHALLENGES, text, _CHALLENGE_LIFE) == sid


def set_bound_cookie(response: HttpResponseBase, session: AuthSession) -> None:
    """Set the cookie; its attributes are those that ``attributes`` announces."""
    settings = get_settings()
    response.set_cookie(
        BOUND_COOKIE,
        TimestampSigner(salt=_COOKIES).sign(_content(session)),
        max_age=settings.lifetimes.bound,
        path="/",
        secure=True,
        httponly=True,
        samesite=settings.cookie.samesite,
    )
    mark_private(response)


def attributes() -> str:
    """Return the attributes of both kinds of bound cookie, as a browser compares them."""
    return f"Path=/; Secure; HttpOnly; SameSite={get_settings().cookie.samesite}"


def has_bound_cookie(request: HttpRequest, session: AuthSession) -> bool:
    """Tell whether the request shows that it is from the device of *session*."""
    return _content(session) in _shown_by(request)


def has_cookie_of(request: HttpRequest, sid: str) -> bool:
    """Tell whether the request has a bound cookie of the auth session, whichever key that has."""
    return any(content.partition(".")[0] == sid for content in _shown_by(request))


def bound_cookie_expiry(request: HttpRequest, session: AuthSession) -> float | None:
    """Return when the bound cookie of the request expires; ``None`` if it has none of *session*."""
    return _shown_by(request).get(_content(session))


def clear_bound_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the cookie if the request has it."""
    if BOUND_COOKIE in request.COOKIES:
        response.delete_cookie(BOUND_COOKIE, samesite=get_settings().cookie.samesite)


def _shown_by(request: HttpRequest) -> dict[str, float]:
    """Return what the bound cookies of the request say that are ours and alive, and when each expires."""
    state = state_of(request)
    if state.bound_cookies is None:
        settings, state.bound_cookies = get_settings(), {}
        life = settings.lifetimes.bound + settings.leeway
        for text in cookies_of(request, BOUND_COOKIE):
            content = _unsigned(_COOKIES, text, life)
            if content is not None:
                expiry = b62_decode(text.rsplit(":", 2)[1]) + life.total_seconds()
                state.bound_cookies.setdefault(content, expiry)
    return state.bound_cookies


def _content(session: AuthSession) -> str:
    return f"{session.sid}.{sha256(session.device_key.encode()).hexdigest()}"


def _unsigned(salt: str, text: str, life: int | timedelta) -> str | None:
    try:
        return TimestampSigner(salt=salt).unsign(text, max_age=life)
    except BadSignature:
        return None
