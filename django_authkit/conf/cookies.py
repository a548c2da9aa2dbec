"""Names and attributes of the JWT mode's cookies that are derived from other settings."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django_authkit.conf.schema import AuthKitSettings

_PREFIX = re.compile("__(Host-|Secure-)?(Http-)?", re.IGNORECASE)  # browsers ignore its case


def implied_names(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the names derived from *values*: ``__Host-`` requires the path ``/``."""
    if values.get("refresh_cookie_path") in {None, "/"}:
        return {}
    return {"refresh_cookie_name": "__Secure-authkit_refresh"}


def for_plain_http(chosen: AuthKitSettings) -> AuthKitSettings:
    """Return *chosen* with cookies that work without TLS: no ``Secure`` and no prefix."""
    return replace(
        chosen,
        cookie_secure=False,
        access_cookie_name=_PREFIX.sub("", chosen.access_cookie_name, count=1),
        refresh_cookie_name=_PREFIX.sub("", chosen.refresh_cookie_name, count=1),
    )
