"""Turns what the scripts take and return into the record and the outcomes."""

import json
from dataclasses import fields
from operator import index
from typing import Any

from django_authkit.errors import DpopProofInvalid
from django_authkit.stores.outcomes import (
    Absent,
    Found,
    Hit,
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
Creation = tuple[AuthSession | Refused | None, tuple[AuthSession, ...], str]
"""The session, unless there are more steps; what was revoked; and the call whose revoked are to be named."""


def fields_of(new: NewSession) -> str:
    """Return the part of a new record that the caller determines, as ``create.lua`` reads it."""
    return json.dumps({name: getattr(new, name) for name in _GIVEN}, ensure_ascii=False)


def flag_of(reply: Any) -> bool:
    """Return the answer of a script that says 1 or 0."""
    return {0: False, 1: True}[reply]


def number_of(reply: Any) -> int:
    """Return the answer of a script that says a number."""
    return index(reply)


def epoch_of(reply: Any) -> int:
    """Return when all were revoked, as ``revoke_all`` says it."""
    (begun,) = reply
    return number_of(begun)


def counts_of(reply: Any) -> tuple[int, int, int]:
    """Return three numbers: those of ``restamp_user``."""
    match reply:
        case [int(one), int(two), int(three)]:
            return one, two, three
    raise ValueError


def census_of(reply: Any) -> tuple[tuple[tuple[int, int, int], ...], tuple[int, int]]:
    """Return what ``statistics`` counted: three numbers of each mode, and how many are bound, in two ways."""
    match reply:
        case [session, jwt, [int(by_browser), int(by_header)]]:
            return (counts_of(session), counts_of(jwt)), (by_browser, by_header)
    raise ValueError


def hit_of(reply: Any) -> Hit:
    """Return the outcome of ``hit``."""
    match reply:
        case [int(wait), exempt]:
            return Hit(wait, exempt=flag_of(exempt))
    raise ValueError


def texts_of(count: int, reply: Any) -> list[str | None]:
    """Return what ``load_anonymous`` found in each of *count* places."""
    found = [None if data is None else data.decode() for data in reply]
    if len(found) != count:
        raise ValueError
    return found


def listed_of(reply: Any) -> tuple[int, tuple[AuthSession, ...], int]:
    """Return how many ``list_user`` counted, those of the page, and how many were dead."""
    there_are, sessions, dead = reply
    return number_of(there_are), sessions_of(sessions), number_of(dead)


def named_of(reply: Any) -> tuple[tuple[AuthSession, ...], int]:
    """Return what ``name_revoked`` named, and how many are left."""
    sessions, left = reply
    return sessions_of(sessions), number_of(left)


def revoked_of(sid: str, reply: Any) -> AuthSession | None:
    """Return what ``revoke`` revoked."""
    return None if reply == b"" else session_of(sid, reply)


def session_of(sid: str, reply: bytes) -> AuthSession:
    """
    Return the record that a script described.

    Raises:
        ValueError: It is another's than *sid*: the reply belongs to another call.
    """
    session = LAYOUT.session(json.loads(reply))
    if session.sid != sid:
        raise ValueError
    return session


def sessions_of(reply: bytes) -> tuple[AuthSession, ...]:
    """Return the records that a script described, in its order."""
    return tuple(map(LAYOUT.session, json.loads(reply)))


def found_of(sid: str, reply: bytes) -> Found | Absent:
    """
    Return the outcome of ``load``, ``touch`` and ``rekey``.

    Raises:
        ValueError: It is of another auth session than *sid*: the reply belongs to another call.
    """
    text = reply.decode()
    if not text.startswith("["):
        return Absent(text)
    now, data, *values = json.loads(text)
    session = LAYOUT.session(values)
    if session.sid != sid:
        raise ValueError
    return Found(session=session, now_ms=now, data=data)


def first_found_of(sid: str, reply: bytes) -> Found | Absent:
    """
    Return the outcome of a lookup that uses up a proof.

    Raises:
        DpopProofInvalid: Another request has used it.
        ValueError: As ``found_of`` says.
    """
    if reply == b"replayed":
        raise DpopProofInvalid
    return found_of(sid, reply)


def _found_of(sid: str, reply: bytes) -> Found:
    found = found_of(sid, reply)
    if isinstance(found, Absent):
        raise TypeError
    return found


def switch_of(sid: str, reply: list[bytes]) -> Switch:
    """Return the outcome of ``switch_to_tokens`` and ``switch_to_key``."""
    outcome, *rest = reply
    return Switch(outcome=SwitchOutcome(outcome.decode()), found=_found_of(sid, *rest) if rest else None)


def creation_of(sid: str, reply: Any) -> Creation:
    """
    Return what one step of ``create`` came to.

    Raises:
        SidTaken: By another record.
    """
    match reply:
        case [b"crowded", revoked]:
            return None, sessions_of(revoked), ""
        case [b"created", session, revoked, call]:
            return session_of(sid, session), sessions_of(revoked), call.decode()
        case [b"refused", int(live)]:
            return Refused(live=live), (), ""
        case [b"taken"]:
            message = "the sid is taken by another record"
            raise SidTaken(message)
    raise ValueError


def rotation_of(sid: str, reply: list[Any]) -> Rotation:
    """Return the outcome of ``rotate``."""
    outcome, now, *rest = reply
    match RotationOutcome(outcome.decode()), rest:
        case RotationOutcome.ROTATED | RotationOutcome.KEPT | RotationOutcome.UNPROVED as current, [session]:
            return Rotation(outcome=current, now=now, session=session_of(sid, session))
        case RotationOutcome.SUPERSEDED as superseded, []:
            return Rotation(outcome=superseded, now=now)
        case RotationOutcome.REPEATED as repeated, [session, sealed]:
            return Rotation(outcome=repeated, now=now, session=session_of(sid, session), sealed=sealed)
        case RotationOutcome.REUSED as reused, [session, reuse, age]:
            return Rotation(
                outcome=reused,
                now=now,
                session=session_of(sid, session),
                reuse=ReuseClass(reuse.decode()),
                age=age,
            )
        case gone, [lost_write]:
            return Rotation(outcome=gone, now=now, lost_write=bool(lost_write))
    message = f"rotate.lua returned {outcome!r} with {len(rest)} values"
    raise ValueError(message)
