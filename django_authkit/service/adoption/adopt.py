"""
Adopting logins of other packages: one auth session for each external credential.

The order of the steps decides what a failure leaves behind:

1. the credential is claimed, with the sid and the first credential of the new auth session (``claim``),
2. the auth session is created,
3. the claim records that it was,
4. the other package deletes its credential,
5. the response is sent.

If the process stops before 3, the next request with the credential completes the adoption: each step has
the same result when it is repeated. After 3 the credential adopts nothing any more, but within ``GRACE`` it
gets the same response as the first time, since a response may be lost, and two requests may be parallel. If
step 4 fails, the user is logged in all the same, and the other package may accept its credential until that
expires or is presented to us again: a second login is better than a logout.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from django.conf import settings as django_settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from django_authkit.adoption import Adapter, ExternalLogin, Place
from django_authkit.conf import get_settings, milliseconds
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
from django_authkit.service.adoption.external import claim_on, open_login, retire
from django_authkit.service.adoption.moments import claim_lifetime, moment_ms, until
from django_authkit.service.begin import LoginRequest, begin
from django_authkit.service.device_keys import check_device
from django_authkit.service.django_session import django_session_of, session_of_credential
from django_authkit.service.dpop import key_to_bind
from django_authkit.service.external_epochs import is_revoked
from django_authkit.service.issue import issue
from django_authkit.service.revocation import revoke_session
from django_authkit.service.user_validity import load_valid_user
from django_authkit.session_keys import SessionKey
from django_authkit.stores.outcomes import Found
from django_authkit.stores.protocol import SidTaken
from django_authkit.types import Mode, RevocationReason, Transport
from django_authkit.users.loading import current_auth_hash, load_user, mark_of, user_id_of
from django_authkit.wiring import get_adapters, get_store, get_strategy

GRACE: Final = 60_000
"""
How long after its adoption an external credential still gets the same credential of ours; milliseconds.

Longer than ``LIFETIMES["REFRESH_GRACE"]``: an adoption happens once for a login, and a browser that missed
the response has no other credential.
"""

_LONGEST_CREDENTIAL: Final = 16 * 1024


def adopt(request: HttpRequest) -> Grant:
    """
    Adopt the login of an external credential in a header.

    Returns:
        The credentials to send, as after a login with header transport.

    Raises:
        NotAuthenticated: No header has a credential that an adapter of ``ADOPT`` looks for.
        CredentialRejected: None of them is valid.
        SessionLimitReached: As ``log_in`` says; the external credential stays valid.
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
    """Adopt the login of an external refresh token as ``adopt`` does; ``None`` without an adapter for it."""
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
        CredentialRejected: It is not valid, or was adopted longer than ``GRACE`` ago.
        SessionLimitReached: As ``log_in`` says.
        StoreUnavailable: The store, or that of the other package, did not respond.
    """
    if not credential.isprintable() or len(credential) > _LONGEST_CREDENTIAL:
        raise TokenMalformed
    claim = claim_on(adapter, credential)
    try:
        external = open_login(adapter, credential)
    except CredentialRejected:
        claimed = claim.read()  # it may be invalid because we adopted it
        if claimed is None or not claimed.began:
            raise
        return _repeated_grant(request, adapter, credential, claimed, transport)
    wanted = _log_in_of(external, adapter)
    if is_revoked(user_id_of(wanted.user), moment_ms(external.authenticated_at)):
        raise SessionEnded
    by_header = transport is Transport.HEADER
    device_key = key_to_bind(request) if by_header else ""
    fresh = _proposal(wanted, rotates=external.rotates or get_settings().compat.simplejwt_rotation)
    lasting = claim_lifetime(external)
    claimed = claim.stake(fresh, lasting)
    own = claimed.sid == fresh.sid
    if claimed.began and not own:
        return _repeated_grant(request, adapter, credential, claimed, transport)
    wanted = replace(
        wanted, sid=claimed.sid, suppress_signals=not own, device_key=device_key, by_header=by_header
    )
    found = _create(request, wanted, external, claim, claimed)
    claim.settle(claimed, found.session.created_ms, lasting)
    if retire(adapter, credential, f"user {user_id_of(wanted.user)}"):
        with suppress(StoreUnavailable):  # then it is remembered for longer than necessary
            claim.settle(claimed, found.session.created_ms, GRACE if claimed.rotates else lasting)
    django_session = django_session_of(request)
    if claimed.mode is Mode.JWT and transport is Transport.COOKIE and django_session is not None:
        django_session.merge_data(external.data)
    return _grant(request, claimed, found, wanted.user, transport)


def _log_in_of(external: ExternalLogin, adapter: Adapter) -> LoginRequest:
    """
    Return the login to start, for a user who is still allowed to log in.

    Raises:
        SessionEnded: The user was deleted, is disabled, or has another password.
        TokenExpired: The external login has expired.
    """
    backend = external.backend
    if backend is None:
        backend = django_settings.AUTHENTICATION_BACKENDS[0]
    user: AbstractBaseUser = load_user(user_id_of(external.user), backend)
    if external.auth_hash is not None:
        current_auth_hash(user, external.auth_hash + mark_of(user))
    longest = milliseconds(get_settings().lifetimes.of_login(remember=external.remember)[1])
    if external.expires_at is not None:
        longest = min(longest, until(external.expires_at))
    if longest <= 0:
        raise TokenExpired
    return LoginRequest(
        user=user,
        backend=backend,
        remember=external.remember,
        amr=(f"adopted:{adapter.name}",),
        auth_age_ms=max(0, -until(external.authenticated_at)),
        longest_ms=longest,
        suppress_new_device_notice=True,
    )


def _proposal(wanted: LoginRequest, *, rotates: bool) -> Proposal:
    strategy = get_strategy(get_settings().mode)
    secret = strategy.new_secret()
    return Proposal(mode=strategy.mode, sid=wanted.new_sid(), secret=secret, rotates=rotates)


def _create(
    request: HttpRequest, wanted: LoginRequest, external: ExternalLogin, claim: Claim, claimed: Proposal
) -> Found:
    """Create the claimed record, or find it if it was created before."""
    django_session = django_session_of(request) if claimed.mode is Mode.SESSION else None
    data = ""
    if django_session is not None and external.data:
        data = django_session.encoded_with(external.data)
    try:
        found = begin(request, wanted, get_strategy(claimed.mode), claimed.secret, data=data)
    except SessionLimitReached:
        claim.release()
        raise
    except SidTaken as error:  # it was created, and revoked before the claim recorded it
        claim.release()
        raise SessionEnded from error
    except LoginFailed as error:
        raise SessionEnded from error
    if is_revoked(found.session.user_id, moment_ms(external.authenticated_at)):  # meanwhile
        revoke_session(found.session.sid, RevocationReason.REVOKED)
        raise SessionEnded
    _check_not_revoked(claim, found, own=not wanted.suppress_signals)
    return found


def _check_not_revoked(claim: Claim, found: Found, *, own: bool) -> None:
    """
    Check that the auth session is new, and was not revoked before.

    Another process may have completed the adoption, and the auth session may have been revoked since. Then a
    store that keeps revoked records has found it, and one that deletes them has just created it again.

    Raises:
        TokenInvalid: It was revoked, and stays revoked.
        SessionEnded: The adoption was interrupted so long ago that the unused session has expired.
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


def _repeated_grant(
    request: HttpRequest, adapter: Adapter, credential: str, claimed: Proposal, transport: Transport
) -> Grant:
    """
    Return the same grant as the first time, within ``GRACE`` and while its first credential is current.

    Raises:
        TokenInvalid: It is too late.
        DeviceMismatch: It was bound to a key, and the request does not prove that key.
    """
    retire(adapter, credential, f"session {claimed.sid}")  # it may have failed the first time
    found = get_strategy(claimed.mode).find_unrenewed(claimed.sid, claimed.secret)
    if found is None or found.session.created_ms != claimed.began or found.now_ms - claimed.began > GRACE:
        raise TokenInvalid
    user = load_valid_user(found.session, found.user)
    check_device(request, found, is_in_body=transport is Transport.HEADER)
    return _grant(request, claimed, found, user, transport)


def _grant(
    request: HttpRequest, claimed: Proposal, found: Found, user: AbstractBaseUser, transport: Transport
) -> Grant:
    django_session = session_of_credential(request, claimed.mode, transport)
    if django_session is not None:
        django_session.switch_to(SessionKey(claimed.sid, claimed.secret), found)
    if claimed.mode is Mode.JWT:  # in a repetition too, no access token may outlive the time in the record
        found = replace(found, now_ms=found.session.created_ms)
    strategy = get_strategy(claimed.mode)
    return issue(strategy, found, user, claimed.secret, transport, rotates=claimed.rotates)
