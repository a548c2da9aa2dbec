"""A user's devices: list them, revoke one, or revoke all others."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, overload

from django.http import HttpRequest

from django_authkit import signals
from django_authkit.conf import get_settings
from django_authkit.errors import InvalidRequest, NoSuchSession
from django_authkit.http.client_info import as_label, device_of, label_at
from django_authkit.http.request_state import Authentication
from django_authkit.service.reauthentication import require_recent
from django_authkit.service.revocation import revoke_by_user_id, revoke_session
from django_authkit.session_keys import is_sid
from django_authkit.stores.outcomes import Found, Page
from django_authkit.types import AuthSession, RevocationReason
from django_authkit.users.loading import user_id_of
from django_authkit.wiring import get_store

AT_ONCE: Final = 100
"""How many auth sessions are read at once: nearly every user has fewer."""


class Devices(Sequence[AuthSession]):
    """
    The live auth sessions of a user for a paginator, the most recently seen first.

    The first ``AT_ONCE`` are read when it is made, and further ones when a slice of at most ``AT_ONCE`` asks
    for them. Beyond the first ``AT_ONCE``, those that would expire last come first.
    """

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        page = self._read(0, AT_ONCE)
        self._first, self._there_are = page.sessions, page.there_are

    def _read(self, skipped: int, limit: int) -> Page:
        return get_store().page_of_user(self._user_id, skipped, limit)

    def __len__(self) -> int:
        return self._there_are

    @overload
    def __getitem__(self, place: int) -> AuthSession: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[AuthSession]: ...

    def __getitem__(self, place: int | slice) -> AuthSession | Sequence[AuthSession]:
        if isinstance(place, int):
            return self[place : place + 1][0]
        start, stop, _ = place.indices(len(self))
        if stop <= len(self._first):
            return self._first[start:stop]
        return self._read(start, stop - start).sessions


class _OwnDevices(Devices):
    """
    What the user of a request sees: the auth session of the request comes first, seen now and from here.

    That is shown whatever its record says: whoever has a copy of its access token must not learn when its
    owner refreshes, and so when to present a copy of the refresh token.
    """

    def __init__(self, request: HttpRequest, known: Authentication) -> None:
        self._asking, self._device = known.sid, device_of(request)
        super().__init__(user_id_of(known.user))

    def _read(self, skipped: int, limit: int) -> Page:
        page = super()._read(skipped, limit)
        seen = sorted(map(self._as_seen_now, page.sessions), key=lambda each: each.sid != self._asking)
        return replace(page, sessions=tuple(seen))

    def _as_seen_now(self, session: AuthSession) -> AuthSession:
        if session.sid != self._asking:
            return session
        device, now = self._device, int(time.time() * 1000)
        return replace(
            session,
            last_seen_ms=now,
            address=device.address,
            label=label_at(session, device),
            browser_mark=device.browser_mark,
        )


def devices_of(request: HttpRequest, known: Authentication) -> Devices:
    """Return the live auth sessions of the user: that of *request*, then the most recently seen first."""
    return _OwnDevices(request, known)


def device_of_user(known: Authentication, sid: str) -> AuthSession | None:
    """Return the live auth session *sid* if it is of the user of the request."""
    return session_of_user(user_id_of(known.user), sid)


def session_of_user(user_id: str, sid: str) -> AuthSession | None:
    """Return the live auth session *sid* if it is of that user."""
    found = get_store().load(sid) if is_sid(sid) else None
    return found.session if isinstance(found, Found) and found.session.user_id == user_id else None


def rename_device(request: HttpRequest, known: Authentication, sid: str, label: str) -> AuthSession:
    """
    Give the device of the user's auth session *sid* another name, and return that auth session.

    Raises:
        NoSuchSession: It is not live, or belongs to another user. The error does not say which.
        InvalidRequest: Nothing of *label* can be shown.
    """
    shown = as_label(label)
    if not shown:
        raise InvalidRequest
    session = device_of_user(known, sid)
    if session is None or not get_store().rename(sid, shown):
        raise NoSuchSession
    renamed = replace(session, label=shown)
    signals.device_renamed.send(sender=AuthSession, session=renamed, request=request)
    return renamed


def revoke_device(known: Authentication, sid: str) -> None:
    """
    Revoke the user's auth session *sid*, which may be the one of this request.

    Raises:
        NoSuchSession: It is not live, or belongs to another user. The error does not say which.
        ReauthenticationRequired: The project requires recent authentication, and it is another session.
    """
    if sid != known.sid:
        _require_recent_if_configured(known)
    if device_of_user(known, sid) is None or revoke_session(sid, RevocationReason.REVOKED) is None:
        raise NoSuchSession


def revoke_other_devices(known: Authentication) -> int:
    """
    Revoke all auth sessions of the user except the one of this request; return how many (ASVS 7.4.3).

    Raises:
        ReauthenticationRequired: The project requires recent authentication.
    """
    _require_recent_if_configured(known)
    return len(revoke_by_user_id(user_id_of(known.user), RevocationReason.REVOKED, keep=known.sid))


def _require_recent_if_configured(known: Authentication) -> None:
    if get_settings().recent_auth.to_revoke:
        require_recent(known)
