"""
Tickets: what a client shows once to open a WebSocket where it can send neither the header nor a cookie.

A ticket belongs to the auth session that it was issued for, and is worth nothing once that has ended.
"""

import json
from typing import Final

from django.http import HttpRequest

from django_authkit.errors import SessionEnded, TokenInvalid
from django_authkit.http.request_state import Authentication
from django_authkit.service.admission import admit
from django_authkit.service.device_binding import check_binding
from django_authkit.service.device_keys import proved_until
from django_authkit.service.single_use import put_once, take_once
from django_authkit.stores.outcomes import Absent
from django_authkit.tokens.claims import password_stamp
from django_authkit.types import AuthSession, Mode, Transport
from django_authkit.wiring import get_store

LIFETIME: Final = 30
"""Seconds. The client uses a ticket at once."""
_LIFETIME_MS: Final = LIFETIME * 1000
_PURPOSE: Final = "ticket"


def issue_ticket(request: HttpRequest, known: Authentication) -> str:
    """
    Return a ticket for the auth session of *known*: 39 characters of base64url, which open it once.

    It proves the device for no longer than *request*, with which it is issued.
    """
    session = known.session
    value = json.dumps([session.sid, known.mode, standing_of(session), proved_until(request, known)])
    return put_once(_PURPOSE, session.user_id, value, _LIFETIME_MS)


def redeem_ticket(request: HttpRequest, text: str) -> Authentication:
    """
    Return whom a ticket is from; it cannot be used again.

    If the login is bound to a device, ``token_expires_at`` says until when the device has proved itself.

    Raises:
        TokenInvalid: It is unknown, was used or has expired.
        SessionEnded: Its auth session has ended; or since the ticket was issued, its user has proved who they
            are or changed their password, and no earlier credential counts.
        BindingMismatch: It came from another device.

    Round trips:
        Four, and the user's query.
    """
    value = take_once(_PURPOSE, text, _LIFETIME_MS)
    if value is None:
        raise TokenInvalid
    sid, mode, standing, until = json.loads(value)
    found = get_store().load(sid)
    if isinstance(found, Absent) or standing_of(found.session) != standing:
        raise SessionEnded
    check_binding(request, found.session)
    known = admit(found, None, Mode(mode), Transport.HEADER)
    known.token_expires_at = until
    return known


def standing_of(session: AuthSession) -> str:
    """Return a text that changes when the credentials issued so far stop working, and the session goes on."""
    stamp = password_stamp(session.auth_hash)
    return f"{session.auth_time_ms}.{session.least_generation}.{stamp}"
