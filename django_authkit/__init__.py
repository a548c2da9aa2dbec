"""
One auth session behind server-side sessions and rotating JWTs, for Django and DRF.

The names below are what a project calls from Python. They are imported when first used, since Django
imports this package before models are ready.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_authkit.http.csrf import enforce_csrf
    from django_authkit.http.grant import Grant
    from django_authkit.http.request_state import Authentication
    from django_authkit.http.tenants import tenant
    from django_authkit.service import (
        aauthenticate,
        alog_in,
        alog_out,
        arefresh,
        arevoke,
        arevoke_all,
        arevoke_user,
        asessions_of,
        aupdate_session_auth_hash,
        authenticate,
        averify,
        log_in,
        log_out,
        refresh,
        revoke,
        revoke_all,
        revoke_user,
        sessions_of,
        update_session_auth_hash,
        verify,
    )
    from django_authkit.types import AuthSession

__version__ = "0.1.0"

__all__ = [
    "AuthSession",
    "Authentication",
    "Grant",
    "aauthenticate",
    "alog_in",
    "alog_out",
    "arefresh",
    "arevoke",
    "arevoke_all",
    "arevoke_user",
    "asessions_of",
    "aupdate_session_auth_hash",
    "authenticate",
    "averify",
    "enforce_csrf",
    "log_in",
    "log_out",
    "refresh",
    "revoke",
    "revoke_all",
    "revoke_user",
    "sessions_of",
    "tenant",
    "update_session_auth_hash",
    "verify",
]

_ELSEWHERE = {
    "AuthSession": "types",
    "Authentication": "http.request_state",
    "Grant": "http.grant",
    "enforce_csrf": "http.csrf",
    "tenant": "http.tenants",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'service')}"), name)
