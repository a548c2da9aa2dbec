"""
Taking over logins that other packages made: one auth session for each external credential.

The order of the steps decides what a failure leaves behind:

1. the credential is claimed, for a certain sid and a certain first credential of ours (``claims``),
2. the auth session is created,
3. the claim notes that it was,
4. the other package is told to forget its credential,
5. the answer is sent.

Whatever is cut off before 3 is completed by whoever presents the credential next: each step, repeated,
has the same result. From 3 on the credential adopts nothing any more, but for ``GRACE`` it is answered as
the first time: an answer may be lost, and two requests under way. If step 4 fails, the user is logged in
all the same, and the other package may go on taking its credential until that ends or is presented to us
again: rather logged in twice than logged out.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import Final, TypeVar

from django.conf import settings as django_settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.utils import timezone

from django_authkit.adoption import Adapter, ExternalLogin, Place
from django_authkit.conf import get_settings
from django_authkit.errors import (
    CredentialRejected,
    LoginFailed,
    NotAuthenticated,
    SessionEnded,
    SessionLimitReached,
    StoreUnavailable,
    TokenExpired,
    TokenInvalid,
    TokenMalformed,
)
from django_authkit.http.grant import Grant
from django_authkit.service.adoption.claim import Claim, Proposal
from django_authkit.service.device_binding import check_binding
from django_authkit.service.django_session import django_session_of
from django_authkit.service.issue import grant_tokens
from django_authkit.service.login import LoginRequest, begin
from django_authkit.service.revocation import revoke_session
from django_authkit.service.user_validity import load_valid_user
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Found
from django_authkit.stores.protocol import SidTaken
from django_authkit.tokens.sealing import new_jti
from django_authkit.types import Mode, RevocationReason, Transport
from django_authkit.users.loading import load, renewed_hash, user_id_of
from django_authkit.wiring import get_adapters, get_session_strategy, get_store

GRACE: Final = 60_000
"""
For how long after its adoption a credential is answered with the same one of ours; milliseconds.

Longer than ``REFRESH_GRACE``: it happens once in the life of a login, and a browser that did not wait
for the answer has nothing else to come back with.
"""

_LONGEST_CREDENTIAL: Final = 16 * 1024
_MARGIN: Final = 60 * 60 * 1000
"""Other packages have a clock and a leeway of their own."""
_FOR_GOOD: Final = 10 * 365 * 24 * 60 * 60 * 1000
"""How long a claim lasts on a credential that has no end."""

_UNKNOWN: Final = datetime.min.replace(tzinfo=UTC)
"""What counts as the moment of a proof of which only is known that there was one."""

_T = TypeVar("_T")

logger = logging.getLogger("django_authkit.adoption")


def adopt(request: HttpRequest) -> Grant:
    """
    Adopt the login whose external credential comes in a header, as its package has it.

    Returns:
        What to send, as after a login by header.

    Raises:
        NotAuthenticated: No header has what an adapter of ``ADOPT`` looks for.
        CredentialRejected: None of those that it has counts.
        SessionLimitReached: As ``log_in`` says; the external credential stays what it is.
    """
    rejected: CredentialRejected | None = None
    for adapter in get_adapters(Place.HEADER):
        try:
            credential = adapter.find(request)
            if credential is not None:
                return adopt_credential(request, adapter, credential, Transport.HEADER)
        except CredentialRejected as error:
            rejected = rejected or error
    raise rejected or NotAuthenticated


def adopt_refresh(request: HttpRequest, token: str) -> Grant | None:
    """Adopt the login of an external refresh token as ``adopt`` does; ``None`` where ``ADOPT`` names none."""
    rejected: CredentialRejected | None = None
    for adapter in get_adapters(Place.REFRESH):
        try:
            return adopt_credential(request, adapter, token, Transport.HEADER)
        except CredentialRejected as error:
            rejected = rejected or error
    if rejected is not None:
        raise rejected
    return None


def adopt_credential(request: HttpRequest, adapter: Adapter, credential: str, transport: Transport) -> Grant:
    """
    Adopt the login of one external credential.

    Raises:
        CredentialRejected: It does not count, or was adopted longer than ``GRACE`` ago.
        SessionLimitReached: As ``log_in`` says.
        StoreUnavailable: The store, or what the other package asks, did not answer.
    """
    if not credential.isprintable() or len(credential) > _LONGEST_CREDENTIAL:
        raise TokenMalformed
    claim = _claim_on(adapter, credential)
    try:
        external = _asking(lambda: adapter.open(credential))
    except CredentialRejected:
        claimed = claim.read()  # it may be our own doing that it counts no more
        if claimed is None or not claimed.began:
            raise
        return _once_more(request, adapter, credential, claimed, transport)
    wanted = _log_in_of(external, adapter)
    fresh = _proposal(wanted)
    lasting = _FOR_GOOD if external.expires is None else _until(external.expires) + _MARGIN
    claimed = claim.stake(fresh, lasting)
    own = claimed.sid == fresh.sid
    if claimed.began and not own:
        return _once_more(request, adapter, credential, claimed, transport)
    wanted = replace(wanted, sid=claimed.sid, suppress_signals=not own)
    found = _create(request, wanted, external, claim, claimed)
    claim.settle(claimed, found.session.created_ms, lasting)
    if _retire(adapter, credential):
        with suppress(StoreUnavailable):  # it is remembered for longer than it need be
            claim.settle(claimed, found.session.created_ms, GRACE)
    django_session = django_session_of(request)
    if claimed.mode is Mode.JWT and transport is Transport.COOKIE and django_session is not None:
        django_session.merge_data(external.data)
    return _grant(request, claimed, found, wanted.user, transport)


def _claim_on(adapter: Adapter, credential: str) -> Claim:
    """Return the claim on a credential; of one that devices share, each presentation has its own."""
    identity = adapter.identify(credential)
    if adapter.shared:
        identity = f"{identity}\0{token_hex()}"
    return Claim(adapter.space or adapter.name, identity)


def drop_refresh(token: str) -> bool:
    """
    Give up an external refresh token: nobody can adopt it any more, and what it became is ended.

    Returns:
        Whether there was anything to give up.
    """
    for adapter in get_adapters(Place.REFRESH):
        try:
            claimed = _claim_on(adapter, token).read()
        except CredentialRejected:
            continue
        ended = revoke_session(claimed.sid, RevocationReason.LOGOUT) if claimed is not None else None
        try:
            _asking(lambda adapter=adapter: adapter.open(token))  # type: ignore[misc]
        except CredentialRejected:
            return ended is not None
        _retire(adapter, token)
        return True
    return False


def drop_credential(adapter: Adapter, credential: str) -> None:
    """Have the other package forget a credential that is not to be adopted any more, if it counts."""
    try:
        adapter.identify(credential)
        _asking(lambda: adapter.open(credential))
    except (CredentialRejected, StoreUnavailable):
        return
    _retire(adapter, credential)


def _log_in_of(external: ExternalLogin, adapter: Adapter) -> LoginRequest:
    """
    Return what is to begin, for a user who may still come in.

    Raises:
        SessionEnded: The user is gone, disabled, or has another password.
        TokenExpired: Its time was over anyway.
    """
    backend = external.backend
    if backend is None:
        backend = django_settings.AUTHENTICATION_BACKENDS[0]
    user: AbstractBaseUser = load(user_id_of(external.user), backend)
    if external.auth_hash is not None:
        renewed_hash(user, external.auth_hash)
    longest = None if external.ends is None else _until(external.ends)
    if longest is not None and longest <= 0:
        raise TokenExpired
    return LoginRequest(
        user=user,
        backend=backend,
        remember=external.remember,
        amr=(f"adopted:{adapter.name}",),
        auth_age_ms=max(0, -_until(external.proved or _UNKNOWN)),
        longest_ms=longest,
        suppress_new_device_notice=True,
    )


def _proposal(wanted: LoginRequest) -> Proposal:
    sid, mode = wanted.new_sid(), get_settings().mode
    return Proposal(mode=mode, sid=sid, secret=new_jti() if mode is Mode.JWT else SessionKey.new(sid).secret)


def _create(
    request: HttpRequest, wanted: LoginRequest, external: ExternalLogin, claim: Claim, claimed: Proposal
) -> Found:
    """Create the record that was claimed, or find that it was created."""
    by_key, django_session = claimed.mode is Mode.SESSION, django_session_of(request)
    data = (
        django_session.encoded_with(external.data)
        if by_key and django_session is not None and external.data
        else ""
    )
    try:
        found = begin(
            request,
            wanted,
            key=SessionKey(claimed.sid, claimed.secret) if by_key else None,
            jti=None if by_key else claimed.secret,
            data=data,
        )
    except SessionLimitReached:
        claim.release()
        raise
    except SidTaken as error:  # it was created, and ended before the claim could say so
        claim.release()
        raise SessionEnded from error
    except LoginFailed as error:
        raise SessionEnded from error
    _see_that_it_lives(claim, found, own=not wanted.suppress_signals)
    return found


def _see_that_it_lives(claim: Claim, found: Found, *, own: bool) -> None:
    """
    See that this is the beginning of the auth session, and not after its end.

    Others may have completed the adoption, and it may have ended since: then a store that remembers has
    found what has ended, and one that forgets has just brought it back.

    Raises:
        TokenInvalid: It has ended, and stays so.
        SessionEnded: Who began it was cut off, longer ago than it could live unused.
    """
    latest = claim.read()
    completed = latest is not None and latest.began != 0
    if own and not completed:
        return
    lives = isinstance(get_store().load(found.session.sid), Found)
    if latest is not None and completed and (latest.began != found.session.created_ms or not lives):
        revoke_session(found.session.sid, RevocationReason.REVOKED)
        raise TokenInvalid
    if not lives:
        claim.release()
        raise SessionEnded


def _once_more(
    request: HttpRequest, adapter: Adapter, credential: str, claimed: Proposal, transport: Transport
) -> Grant:
    """
    Answer as the first time, shortly after it and while the first credential of ours is current.

    Raises:
        TokenInvalid: It is later.
    """
    _retire(adapter, credential)  # the first time it may have failed
    found = _find(claimed)
    if found is None or found.session.created_ms != claimed.began or found.now_ms - claimed.began > GRACE:
        raise TokenInvalid
    user = load_valid_user(found.session, found.user)
    check_binding(request, found.session)
    return _grant(request, claimed, found, user, transport)


def _find(claimed: Proposal) -> Found | None:
    if claimed.mode is Mode.SESSION:
        found = get_session_strategy().look_up(SessionKey(claimed.sid, claimed.secret), slide=False)
    else:
        found = get_store().load(claimed.sid)
    if not isinstance(found, Found) or found.session.generation > 1:
        return None
    return found


def _grant(
    request: HttpRequest, claimed: Proposal, found: Found, user: AbstractBaseUser, transport: Transport
) -> Grant:
    if claimed.mode is Mode.JWT:
        # Also when it is answered once more: no access token may outlive what the record expects of it.
        now = found.session.created_ms
        return grant_tokens(found.session, user, jti=claimed.secret, now=now, transport=transport)
    key, django_session = SessionKey(claimed.sid, claimed.secret), django_session_of(request)
    if transport is Transport.COOKIE and django_session is not None:
        django_session.take_over(key, found)
    return Grant(
        session=found.session,
        user=user,
        transport=transport,
        access=key.text,
        refresh=None,
        expires_in=(found.session.idle_expires_ms - found.now_ms) // 1000,
    )


def _retire(adapter: Adapter, credential: str) -> bool:
    """Have the other package forget its credential; tell whether that is for good."""
    try:
        return _asking(lambda: adapter.retire(credential))
    except StoreUnavailable:
        logger.exception("A login was adopted, and %s could not be told to forget it.", adapter.name)
        return False


def _asking(question: Callable[[], _T]) -> _T:
    """Ask the other package. That it does not answer says nothing about its credential."""
    from django_authkit.stores.redis import CACHE_ERRORS  # its sessions may be in a cache there

    try:
        return question()
    except (OperationalError, InterfaceError, *CACHE_ERRORS) as error:
        raise StoreUnavailable from error


def _until(moment: datetime) -> int:
    """Return the milliseconds from now until *moment*; negative if it has passed."""
    aware = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return int((aware - timezone.now()).total_seconds() * 1000)
