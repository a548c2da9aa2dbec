"""
The verbs: log in, authenticate, refresh, log out, list, revoke. What a project calls from Python.

They take plain Django requests and do not depend on DRF. Each raises ``StoreUnavailable`` when the
store does not answer.
"""

from django_authkit.http.response_effects import apply_response_effects
from django_authkit.service.adoption.adopt import adopt
from django_authkit.service.asynchronous import (
    aauthenticate,
    alog_in,
    alog_out,
    arefresh,
    arevoke,
    arevoke_all,
    arevoke_user,
    asessions_of,
    aupdate_session_auth_hash,
    averify,
)
from django_authkit.service.authentication import authenticate, current
from django_authkit.service.device_keys import require_device_bound
from django_authkit.service.device_registration import Binding, ProofRequired, register_device, renew_device
from django_authkit.service.devices import AT_ONCE as DEVICES_AT_ONCE
from django_authkit.service.devices import (
    device_of_user,
    devices_of,
    rename_device,
    revoke_device,
    revoke_other_devices,
)
from django_authkit.service.introspection import check_access, check_refresh, revoke_token, verify
from django_authkit.service.login import log_in
from django_authkit.service.logout import log_out
from django_authkit.service.password_changes import update_session_auth_hash
from django_authkit.service.reauthentication import reauthenticate, require_recent
from django_authkit.service.refreshing import refresh
from django_authkit.service.revocation import revoke, revoke_all, revoke_user, sessions_of
from django_authkit.service.tickets import issue_ticket, redeem_ticket

__all__ = [
    "DEVICES_AT_ONCE",
    "Binding",
    "ProofRequired",
    "aauthenticate",
    "adopt",
    "alog_in",
    "alog_out",
    "apply_response_effects",
    "arefresh",
    "arevoke",
    "arevoke_all",
    "arevoke_user",
    "asessions_of",
    "aupdate_session_auth_hash",
    "authenticate",
    "averify",
    "check_access",
    "check_refresh",
    "current",
    "device_of_user",
    "devices_of",
    "issue_ticket",
    "log_in",
    "log_out",
    "reauthenticate",
    "redeem_ticket",
    "refresh",
    "register_device",
    "rename_device",
    "renew_device",
    "require_device_bound",
    "require_recent",
    "revoke",
    "revoke_all",
    "revoke_device",
    "revoke_other_devices",
    "revoke_token",
    "revoke_user",
    "sessions_of",
    "update_session_auth_hash",
    "verify",
]
