"""The cookies of the JWT mode where the project does not say: like Django's, and with the best prefix."""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from django.conf import settings

from django_authkit.conf.groups import Cookie

_PREFIX = re.compile("__(Host-|Secure-)?(Http-)?", re.IGNORECASE)  # browsers ignore its case


def cookie_settings(chosen: Cookie, written: Collection[str]) -> Cookie:
    """
    Return *chosen* with what the project did not write taken from Django's session cookie.

    ``SESSION_COOKIE_SECURE`` is not followed, because Django's default is off. A name that is not written
    begins with ``__Host-`` or, where the attributes do not allow that, with ``__Secure-`` or nothing.

    Args:
        chosen: The members that the project wrote, and the defaults.
        written: The fields that the project wrote.
    """
    cookie = _with(chosen, _session_cookie(), written)
    if cookie.plain_http and settings.DEBUG:
        return replace(
            cookie,
            secure=False,
            access_name=_PREFIX.sub("", cookie.access_name, count=1),
            refresh_name=_PREFIX.sub("", cookie.refresh_name, count=1),
            device_name=_PREFIX.sub("", cookie.device_name, count=1),
        )
    return _with(cookie, _names(cookie), written)


def _session_cookie() -> dict[str, Any]:
    """Return the attributes of Django's session cookie."""
    found = {"domain": settings.SESSION_COOKIE_DOMAIN or None, "path": settings.SESSION_COOKIE_PATH}
    samesite = settings.SESSION_COOKIE_SAMESITE
    # Django takes any case of the three; with False or None it sends none at all.
    return {**found, "samesite": samesite.capitalize()} if isinstance(samesite, str) else found


def _with(cookie: Cookie, values: dict[str, Any], written: Collection[str]) -> Cookie:
    return replace(cookie, **{name: value for name, value in values.items() if name not in written})


def _names(cookie: Cookie) -> dict[str, str]:
    """Return the names with the strongest prefix that browsers accept (RFC 6265bis §4.1.3)."""
    return {
        "access_name": f"{_prefix(cookie, cookie.path)}authkit_access",
        "device_name": f"{_prefix(cookie, cookie.path)}authkit_device",
        "refresh_name": f"{_prefix(cookie, cookie.refresh_path or cookie.path)}authkit_refresh",
    }


def _prefix(cookie: Cookie, path: str) -> str:
    if not cookie.secure:
        return ""
    return "__Host-" if path == "/" and cookie.domain is None else "__Secure-"
