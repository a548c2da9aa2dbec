"""The other package, while its login is adopted: it opens its credential, and deletes it."""

import logging
from collections.abc import Callable
from secrets import token_hex
from typing import TypeVar

from django_authkit.adoption import Adapter, ExternalLogin, Place
from django_authkit.errors import CredentialRejected, StoreUnavailable
from django_authkit.outages import database_has_to_work, unavailable
from django_authkit.service.adoption.claim import Claim
from django_authkit.service.revocation import revoke_session
from django_authkit.stores.cache_outages import cache_errors
from django_authkit.types import RevocationReason
from django_authkit.users.loading import user_id_of
from django_authkit.wiring import get_adapters

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


def drop_refresh(token: str) -> bool:
    """
    Revoke an external refresh token: it cannot be adopted any more, and its auth session is revoked.

    Returns:
        Whether there was anything to revoke.
    """
    for adapter in get_adapters(Place.REFRESH):
        try:
            claimed = claim_on(adapter, token).read()
        except CredentialRejected:
            continue
        revoked = revoke_session(claimed.sid, RevocationReason.LOGOUT) if claimed is not None else None
        try:
            external = open_login(adapter, token)
        except CredentialRejected:
            return revoked is not None
        retire(adapter, token, f"user {user_id_of(external.user)}")
        return True
    return False


def drop_credential(adapter: Adapter, credential: str) -> None:
    """Let the other package delete a valid credential that must not be adopted any more."""
    try:
        adapter.identify(credential)
        external = open_login(adapter, credential)
    except (CredentialRejected, StoreUnavailable):
        return
    retire(adapter, credential, f"user {user_id_of(external.user)}")


def _ask_package(question: Callable[[], _T]) -> _T:
    """Call the other package. If its store does not respond, that says nothing about the credential."""
    try:
        with database_has_to_work(lambda: "A database of the package whose login is adopted"):
            return question()
    except cache_errors() as error:  # its sessions may be in a cache in Redis
        raise unavailable(error, "A cache of the package whose login is adopted") from error
