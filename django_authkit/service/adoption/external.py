"""The other package, while its login is adopted: it opens its credential, and deletes it."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from secrets import token_hex
from typing import TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from django_authkit.adoption import Adapter, ExternalLogin, Place
from django_authkit.conf import get_settings
from django_authkit.errors import CredentialRejected, StoreUnavailable
from django_authkit.outages import database_has_to_work, unavailable
from django_authkit.service.adoption.claim import Claim, Proposal
from django_authkit.service.adoption.moments import claim_lifetime
from django_authkit.service.revocation import owner_of, revoke_session
from django_authkit.session_keys import bucket_of, new_handle
from django_authkit.stores.cache_outages import cache_errors
from django_authkit.types import RevocationReason
from django_authkit.users.loading import user_id_of
from django_authkit.wiring import get_adapters, get_store

_T = TypeVar("_T")

logger = logging.getLogger("django_authkit.adoption")


def claim_on(adapter: Adapter, credential: str) -> Claim:
    """Return the claim on a credential; for one that devices share, a new claim each time."""
    identity = adapter.identify(credential)
    if adapter.shared:
        identity = f"{identity}\0{token_hex()}"
    return Claim(adapter.space or adapter.name, identity)


def open_login(adapter: Adapter, credential: str) -> ExternalLogin:
    """
    Return the login behind a credential of the other package.

    Raises:
        CredentialRejected: It is not valid.
        StoreUnavailable: The store of the other package did not respond.
    """
    return _ask_package(lambda: adapter.open(credential))


def retire(adapter: Adapter, credential: str, login: str) -> bool:
    """Let the other package delete its credential; tell whether that is final."""
    try:
        return _ask_package(lambda: adapter.retire(credential))
    except StoreUnavailable:
        logger.error(  # noqa: TRY400 - the cause is logged, and the traceback would show the credential
            "A login was adopted (%s), but %s could not delete its credential.", login, adapter.name
        )
        return False


def drop_refresh(token: str) -> list[AbstractBaseUser | None]:
    """
    Log out by an external refresh token: it adopts nothing any more, and its auth session is revoked.

    Returns:
        Whose login it was, ``None`` if the user cannot be loaded; empty if there was nothing to revoke.
    """
    return _dropped((adapter, token) for adapter in get_adapters(Place.REFRESH))


def drop_in_header(request: HttpRequest) -> list[AbstractBaseUser | None]:
    """Log out by an external credential in a header likewise, unless several devices have it."""
    adapters = [each for each in get_adapters(Place.HEADER) if not each.shared]
    found = ((adapter, _found(adapter, request)) for adapter in adapters)
    return _dropped((adapter, credential) for adapter, credential in found if credential is not None)


def _found(adapter: Adapter, request: HttpRequest) -> str | None:
    try:
        return adapter.find(request)
    except CredentialRejected:
        return None


def _dropped(presented: Iterable[tuple[Adapter, str]]) -> list[AbstractBaseUser | None]:
    for adapter, credential in presented:
        try:
            claim = claim_on(adapter, credential)
        except CredentialRejected:
            continue
        claimed, user = _retired(adapter, credential, claim)
        if user is not None:
            return [user]
        claimed = claimed or claim.read()
        revoked = claimed and revoke_session(claimed.sid, RevocationReason.LOGOUT)
        if revoked:
            return [owner_of(revoked)]
    return []


def _retired(
    adapter: Adapter, credential: str, claim: Claim
) -> tuple[Proposal | None, AbstractBaseUser | None]:
    """
    Let the other package delete a credential, and let nobody adopt it.

    It is claimed for an auth session that there will never be: not every package can delete its credential.

    Returns:
        The claim on it, and whose credential it was: ``None`` if it was claimed before; both ``None`` if it
        opens nothing.
    """
    try:
        external = open_login(adapter, credential)
    except CredentialRejected:
        return None, None
    user_id = user_id_of(external.user)
    sid = new_handle(bucket_of(user_id, get_store().buckets))
    nothing = Proposal(mode=get_settings().mode, sid=sid, secret="", began=1)
    claimed = claim.stake(nothing, claim_lifetime(external))
    retire(adapter, credential, f"user {user_id}")
    return claimed, external.user if claimed.sid == sid else None


def drop_credential(adapter: Adapter, credential: str) -> None:
    """Let the other package delete a valid credential that must not be adopted any more."""
    with suppress(CredentialRejected, StoreUnavailable):
        _retired(adapter, credential, claim_on(adapter, credential))


def _ask_package(question: Callable[[], _T]) -> _T:
    """Call the other package. If its store does not respond, that says nothing about the credential."""
    try:
        with database_has_to_work(lambda: "A database of the package whose login is adopted"):
            return question()
    except cache_errors() as error:  # its sessions may be in a cache in Redis
        raise unavailable(error, "A cache of the package whose login is adopted") from error
