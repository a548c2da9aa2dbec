"""Turns what the scripts take and return into the record and the outcomes."""

import json
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
from django_authkit.types import AuthSession, Mode, ReuseClass


def fields_of(new: NewSession) -> str:
    """Return the part of a new record that the caller determines, as ``create.lua`` reads it."""
    return json.dumps(
        {
            "user_id": new.user_id,
            "backend": new.backend,
            "auth_hash": new.auth_hash,
            "mode": new.mode,
            "remember": new.remember,
            "amr": new.amr,
            "address": new.address,
            "user_agent": new.user_agent,
        },
        ensure_ascii=False,
    )


def _session(values: list[Any]) -> AuthSession:
    sid, user_id, backend, auth_hash, mode, remember, amr, address, user_agent, *numbers = values
    created, auth_time, last_seen, idle_until, ends, access_until, generation, rotated = numbers
    return AuthSession(
        sid=sid,
        user_id=user_id,
        backend=backend,
        auth_hash=auth_hash,
        mode=Mode(mode),
        remember=remember,
        amr=tuple(amr),  # Lua writes an empty list as an empty object; a tuple of either is right
        address=address,
        user_agent=user_agent,
        created_ms=created,
        auth_time_ms=auth_time,
        last_seen_ms=last_seen,
        idle_until_ms=idle_until,
        ends_ms=ends,
        access_until_ms=access_until,
        generation=generation,
        rotated_ms=rotated,
    )


def session_of(reply: bytes) -> AuthSession:
    """Return the record that a script described."""
    return _session(json.loads(reply))


def sessions_of(reply: bytes) -> tuple[AuthSession, ...]:
    """Return the records that a script described, in its order."""
    return tuple(map(_session, json.loads(reply)))


def found_of(reply: bytes) -> Found | Absent:
    """Return the outcome of ``load``, ``touch`` and ``rekey``."""
    if not reply.startswith(b"["):
        return Absent(reply.decode())
    now, data, *values = json.loads(reply)
    return Found(session=_session(values), now_ms=now, data=data)


def _live(reply: bytes = b"") -> Found | None:
    found = found_of(reply) if reply else None
    return found if isinstance(found, Found) else None


def switch_of(reply: list[bytes]) -> Switch:
    """Return the outcome of ``switch_to_tokens`` and ``switch_to_key``."""
    outcome, *rest = reply
    return Switch(outcome=SwitchOutcome(outcome.decode()), found=_live(*rest))


def created_of(reply: list[Any]) -> Created | Refused:
    """
    Return the outcome of ``create``.

    Raises:
        SidTaken: By another record.
    """
    match reply:
        case [b"created", session, ended]:
            return Created(session=session_of(session), ended=sessions_of(ended))
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
    message = f"rotate.lua answered {outcome!r} with {len(rest)} values"
    raise ValueError(message)
