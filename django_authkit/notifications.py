"""
Logs a line for each signal about an auth session, and can e-mail the user about a new device.

Log records go to ``django_authkit.sessions`` and have the members ``event``, ``sid``, ``user_id``,
``address`` and the other arguments of the event (``reason``, ``reuse``, …) for structured logging. No record
contains a credential.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.mail import send_mail
from django.dispatch import Signal
from django.http import HttpRequest
from django.template.loader import render_to_string

from django_authkit import signals
from django_authkit.http.client_info import device_of, known_label_of
from django_authkit.types import AuthSession
from django_authkit.users.loading import load_user, user_id_of

logger = logging.getLogger("django_authkit.sessions")

_ALARMING = frozenset({"refresh_reused", "binding_mismatch", "device_binding_failed", "limit_reached"})


def connect() -> None:
    """Connect to all our signals."""
    for name in (
        "session_started",
        "session_refreshed",
        "refresh_repeated",
        "refresh_reused",
        "session_revoked",
        "limit_reached",
        "binding_mismatch",
        "device_binding_failed",
        "device_bound",
        "device_renamed",
    ):
        signal: Signal = getattr(signals, name)
        signal.connect(_writer_of(name), dispatch_uid=f"django_authkit.log.{name}", weak=False)


def _writer_of(event: str) -> Callable[..., None]:
    level = logging.WARNING if event in _ALARMING else logging.INFO

    def write(sender: Any, *, session: AuthSession | None = None, **details: Any) -> None:
        extra = {name: _plain(value) for name, value in details.items() if name in _TOLD}
        if session is not None:
            extra = {"sid": session.sid, "user_id": session.user_id, "address": session.address, **extra}
        else:
            device = device_of(details["request"])
            extra = {"user_id": user_id_of(details["user"]), "address": device.address, **extra}
        logger.log(level, "%s", _sentence(event, extra), extra={"event": event, **extra})

    return write


def _sentence(event: str, told: dict[str, Any]) -> str:
    """Return the message: the event, whose it is, from where, the session, and what else is *told*."""
    session = f", session {told['sid']}" if "sid" in told else ""
    rest = {name: value for name, value in told.items() if name not in {"sid", "user_id", "address"}}
    details = "".join(f", {name}: {value}" for name, value in rest.items())
    return f"{event}: user {told['user_id']} from {told['address'] or 'an unknown address'}{session}{details}"


_TOLD = frozenset({"address", "age", "reason", "refused", "reuse", "what"})


def _plain(value: Any) -> Any:
    """Return *value* as a log formatter can write it."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    return list(value) if isinstance(value, tuple) else value


def mail_new_device(
    sender: Any, *, session: AuthSession, request: HttpRequest, new_device: bool, **kwargs: Any
) -> None:
    """
    E-mail the user about a login from a new device, if there is an address.

    A receiver of ``session_started`` that the project connects: see ``docs/how-to/devices.md``.
    """
    if not new_device:
        return
    user: AbstractBaseUser = load_user(session.user_id, session.backend)
    address = getattr(user, user.get_email_field_name(), "")
    if address:
        context = {"user": user, "session": session, "label": known_label_of(device_of(request).user_agent)}
        subject = " ".join(render_to_string("django_authkit/new_device_subject.txt", context).split())
        body = render_to_string("django_authkit/new_device.txt", context)
        try:
            send_mail(subject, body, from_email=None, recipient_list=[address])
        except Exception:
            logger.exception(
                "The notice of a new device could not be mailed to user %s (login from %s, session %s).",
                session.user_id,
                session.address,
                session.sid,
                extra={"sid": session.sid, "user_id": session.user_id, "address": session.address},
            )
