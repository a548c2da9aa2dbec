"""
The verbs: log in, authenticate, refresh, log out, list, revoke. What a project calls from Python.

They take plain Django requests and know nothing of DRF. Each raises ``StoreUnavailable`` when the
store does not answer.
"""

from django_authkit.service.changes import update_session_auth_hash
from django_authkit.service.ending import log_out, revoke, revoke_all, revoke_user, sessions_of
from django_authkit.service.login import log_in
from django_authkit.service.recognition import authenticate, verify
from django_authkit.service.refreshing import refresh

__all__ = [
    "authenticate",
    "log_in",
    "log_out",
    "refresh",
    "revoke",
    "revoke_all",
    "revoke_user",
    "sessions_of",
    "update_session_auth_hash",
    "verify",
]
