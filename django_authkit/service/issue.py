"""Issuing the credentials of an auth session, if a browser will keep them."""

import logging

from django.contrib.auth.base_user import AbstractBaseUser

from django_authkit.errors import CookieTooLarge
from django_authkit.http import cookies
from django_authkit.http.grant import Grant
from django_authkit.service.revocation import revoke_session
from django_authkit.stores.outcomes import Found
from django_authkit.strategies.protocol import Strategy
from django_authkit.types import AuthSession, RevocationReason, Transport

logger = logging.getLogger("django_authkit.cookies")


def issue(
    strategy: Strategy,
    found: Found,
    user: AbstractBaseUser,
    secret: str,
    transport: Transport,
    *,
    rotates: bool = True,
    copy: str = "",
) -> Grant:
    """
    Return the credentials of the auth session as it is now.

    Args:
        secret: See ``Strategy``.
        rotates: Whether its refresh token is exchanged when it is used.
        copy: See ``Strategy``.

    Raises:
        CookieTooLarge: No browser would keep them. The auth session is revoked, since its next refresh would
            look like a theft.
    """
    grant = strategy.issue(found, user, secret, transport, rotates=rotates, copy=copy)
    try:
        grant.check_size()
    except CookieTooLarge as error:
        log_too_large(error, grant.session, "was revoked")
        revoke_session(grant.session.sid, RevocationReason.REVOKED)
        raise
    return grant


def log_too_large(error: CookieTooLarge, session: AuthSession, consequence: str) -> None:
    """Log that a cookie was too large, and what became of the login."""
    logger.error(
        "The cookie %s would have %d bytes, and browsers keep %d: put less into EXTRA_CLAIMS, or into the "
        "claims of a login. The login of user %s from %s %s (session %s).",
        error.name,
        error.size,
        cookies.MAX_COOKIE_BYTES,
        session.user_id,
        session.address,
        consequence,
        session.sid,
    )
