"""External refresh tokens that stay with their clients, which never store a new one."""

from django_authkit.adoption import Adapter, Place
from django_authkit.errors import CredentialRejected, TokenInvalid
from django_authkit.service.adoption.claim import Proposal
from django_authkit.service.adoption.external import claim_on, retire
from django_authkit.service.user_validity import load_valid_user
from django_authkit.types import Transport
from django_authkit.wiring import get_adapters, get_strategy


def credential_behind(token: str) -> str | None:
    """
    Return our credential that an adopted refresh token stands for; ``None`` if it stands for none.

    Its client does not rotate, so the auth session has a refresh token that does not rotate either, and using
    the external one is using that.

    Raises:
        CredentialRejected: It has expired, or its auth session has ended.
    """
    for adapter in get_adapters(Place.REFRESH):
        try:
            claimed = claim_on(adapter, token).read()
        except CredentialRejected:  # whose it is, the adoption finds out
            continue
        if claimed is not None and claimed.began and not claimed.rotates:
            return _credential_of(adapter, token, claimed)
    return None


def _credential_of(adapter: Adapter, token: str, claimed: Proposal) -> str:
    retire(adapter, token, f"session {claimed.sid}")  # it may have failed the first time
    strategy = get_strategy(claimed.mode)
    found = strategy.find_unrenewed(claimed.sid, claimed.secret)
    if found is None or found.session.created_ms != claimed.began:
        raise TokenInvalid
    user = load_valid_user(found.session, found.user)
    grant = strategy.issue(found, user, claimed.secret, Transport.HEADER, rotates=False)
    return grant.refresh or grant.access
