"""The cookies that carry credentials: names and attributes, and how a response sets and deletes them."""

from datetime import UTC, datetime
from typing import Final

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from django_authkit.conf import MAX_COOKIE_AGE, get_settings
from django_authkit.errors import CookieTooLarge
from django_authkit.types import AuthSession, Mode

MAX_COOKIE_BYTES: Final = 4096
"""What each browser keeps of a cookie: name, value and attributes together (RFC 6265 §6.1)."""


def mark_private(response: HttpResponseBase) -> None:
    """
    Keep *response*, which sets or clears a credential, out of every cache.

    Source: CVE-2026-35192 and CVE-2023-30861 (cookies served from caches), RFC 6749 §5.1.
    """
    if "no-store" not in response.get("Cache-Control", ""):
        response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ("Cookie", "Authorization"))


def set_session_cookie(response: HttpResponseBase, key: str, session: AuthSession) -> None:
    """Set the session cookie as Django's ``SESSION_COOKIE_*`` say; persistent if remembered."""
    _set_django_cookie(response, key, expires=_expiry(session))


def set_anonymous_cookie(response: HttpResponseBase, key: str, max_age: int | None) -> None:
    """Set the session cookie of an anonymous session; *max_age* in seconds."""
    _set_django_cookie(response, key, max_age=max_age)


def _set_django_cookie(
    response: HttpResponseBase,
    key: str,
    *,
    max_age: int | None = None,
    expires: datetime | None = None,
) -> None:
    response.set_cookie(
        django_settings.SESSION_COOKIE_NAME,
        key,
        max_age=max_age,
        expires=expires,
        domain=django_settings.SESSION_COOKIE_DOMAIN,
        path=django_settings.SESSION_COOKIE_PATH,
        secure=django_settings.SESSION_COOKIE_SECURE,
        httponly=django_settings.SESSION_COOKIE_HTTPONLY,
        samesite=django_settings.SESSION_COOKIE_SAMESITE,
    )
    mark_private(response)


def clear_session_cookie(response: HttpResponseBase) -> None:
    """Delete the session cookie."""
    response.delete_cookie(
        django_settings.SESSION_COOKIE_NAME,
        path=django_settings.SESSION_COOKIE_PATH,
        domain=django_settings.SESSION_COOKIE_DOMAIN,
        samesite=django_settings.SESSION_COOKIE_SAMESITE,
    )
    mark_private(response)


def set_token_cookies(
    response: HttpResponseBase,
    *,
    access: str,
    refresh: str | None,
    session: AuthSession,
    access_life: int | None = None,
) -> None:
    """
    Set both JWT cookies, or the access cookie alone; persistent to the absolute end if remembered.

    Args:
        response: Where to set them.
        access: The access token.
        refresh: The refresh token, if it is set too.
        session: Their auth session.
        access_life: In how many seconds the browser drops the access cookie, to renew it by itself.
    """
    settings = get_settings()
    for (name, path), token in zip(token_cookies(), (access, refresh), strict=True):
        if token is None:
            continue
        life = access_life if token is access else None
        response.set_cookie(
            name,
            token,
            max_age=life,
            expires=_expiry(session) if life is None else None,
            domain=settings.cookie.domain,
            path=path,
            secure=settings.cookie.secure,
            httponly=True,
            samesite=settings.cookie.samesite,
        )
    mark_private(response)


def check_size(*, access: str, refresh: str | None, session: AuthSession) -> None:
    """
    Check that browsers will keep the JWT cookies.

    Raises:
        CookieTooLarge: They would silently drop one, and the user would be logged out again.
    """
    trial = HttpResponse()
    set_token_cookies(trial, access=access, refresh=refresh, session=session)
    for name, morsel in trial.cookies.items():
        size = len(morsel.OutputString())
        if size > MAX_COOKIE_BYTES:
            raise CookieTooLarge(name, size)


def token_cookies() -> tuple[tuple[str, str], tuple[str, str]]:
    """Return name and path of the access cookie and of the refresh cookie."""
    settings = get_settings()
    return (
        (settings.cookie.access_name, settings.cookie.path),
        (settings.cookie.refresh_name, settings.cookie.refresh_path or settings.cookie.path),
    )


def clear_presented_token_cookies(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the JWT cookies if the request has one of them."""
    settings = get_settings()
    if {settings.cookie.access_name, settings.cookie.refresh_name} & request.COOKIES.keys():
        clear_token_cookies(response)


def clear_token_cookies(response: HttpResponseBase) -> None:
    """Delete both JWT cookies."""
    settings = get_settings()
    for name, path in token_cookies():
        response.delete_cookie(
            name,
            path=path,
            domain=settings.cookie.domain,
            samesite=settings.cookie.samesite,
        )
    mark_private(response)


def is_own_cookie(name: str) -> bool:
    """Tell whether a cookie of that name carries our credentials."""
    settings = get_settings()
    if name == django_settings.SESSION_COOKIE_NAME:
        return settings.accepts(Mode.SESSION)
    return name in {settings.cookie.access_name, settings.cookie.refresh_name}


def forget_external_cookie(response: HttpResponseBase, name: str, path: str, domain: str | None) -> None:
    """Delete the cookie of another package, unless it has the name of one of ours."""
    if not is_own_cookie(name):
        response.delete_cookie(name, path=path, domain=domain)
        mark_private(response)


def _expiry(session: AuthSession) -> datetime | None:
    """Return when the cookie expires; ``None`` for when the browser is closed (NIST 800-63B §5.1)."""
    if not session.remember:
        return None
    return min(session.expires_at, datetime.now(tz=UTC) + MAX_COOKIE_AGE)
