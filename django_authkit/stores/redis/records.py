"""Turns what the scripts take and return into the record and the outcomes."""

import json
from dataclasses import fields
from typing import Any

from django_authkit.stores.outcomes import (
    Absent,
    Created,
    Found,
    NewSession,
    Refused,
    Rotation,
    RotationOutcome,
    Switch,
    SwitchOutcome,
)
from django_authkit.stores.protocol import SidTaken
from django_authkit.stores.redis.layout import LAYOUT
from django_authkit.types import AuthSession, ReuseClass

_GIVEN = tuple(each.name for each in fields(NewSession) if each.name in LAYOUT.names and each.name != "sid")
"""The fields of a record that the caller of ``create`` determines."""


def fields_of(new: NewSession) -> str:
    """Return the part of a new record that the caller determines, as ``create.lua`` reads it."""
    return json.dumps({name: getattr(new, name) for name in _GIVEN}, ensure_ascii=False)


def session_of(reply: bytes) -> AuthSession:
    """Return the record that a script described."""
    return LAYOUT.session(json.loads(reply))


def sessions_of(reply: bytes) -> tuple[AuthSession, ...]:
    """Return the records that a script described, in its order."""
    return tuple(map(LAYOUT.session, json.loads(reply)))


def found_of(reply: bytes) -> Found | Absent:
    """Return the outcome of ``load``, ``touch`` and ``rekey``."""
    return _found_of(reply) if reply.startswith(b"[") else Absent(reply.decode())


def _found_of(reply: bytes) -> Found:
    now, data, *values = json.loads(reply.decode())
    return Found(session=LAYOUT.session(values), now_ms=now, data=data)


def switch_of(reply: list[bytes]) -> Switch:
    """Return the outcome of ``switch_to_tokens`` and ``switch_to_key``."""
    outcome, *rest = reply
    return Switch(outcome=SwitchOutcome(outcome.decode()), found=_found_of(*rest) if rest else None)


def created_of(reply: list[Any]) -> Created | Refused:
    """
    Return the outcome of ``create``.

    Raises:
        SidTaken: By another record.
    """
    match reply:
        case [b"created", session, revoked, _]:
            return Created(session=session_of(session), revoked=sessions_of(revoked))
        case [b"refused", live]:
            return Refused(live=live)
    message = "the sid is taken by another record"
    raise SidTaken(message)


def rotation_of(reply: list[Any]) -> Rotation:
    """Return the outcome of ``rotate``."""
    outcome, now, *rest = reply
    match RotationOutcome(outcome.decode()), rest:
        case RotationOutcome.ROTATED | RotationOutcome.KEPT as current, [session]:
            return Rotation(outcome=current, now=now, session=session_of(session))
        case RotationOutcome.SUPERSEDED as superseded, []:
            return Rotation(outcome=superseded, now=now)
        case RotationOutcome.REPEATED as repeated, [session, sealed]:
            return Rotation(outcome=repeated, now=now, session=session_of(session), sealed=sealed)
        case RotationOutcome.REUSED as reused, [session, reuse, age]:
            return Rotation(
                outcome=reused,
                now=now,
                session=session_of(session),
                reuse=ReuseClass(reuse.decode()),
                age=age,
            )
        case gone, [lost_write]:
            return Rotation(outcome=gone, now=now, lost_write=bool(lost_write))
    message = f"rotate.lua returned {outcome!r} with {len(rest)} values"
    raise ValueError(message)
