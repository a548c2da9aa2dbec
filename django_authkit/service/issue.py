"""Issuing the credentials of an auth session, if a browser will keep them."""

import logging

from django.contrib.auth.base_user import AbstractBaseUser

from django_authkit.errors import CookieTooLarge
from django_authkit.http import cookies
from django_authkit.http.grant import Grant
from django_authkit.service.revocation import revoke_session
from django_authkit.stores.outcomes import Found
from django_authkit.strategies.protocol import Strategy
from django_authkit.types import RevocationReason, Transport

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
        logger.error(  # noqa: TRY400 - the traceback does not help
            "The cookie %s would have %d bytes, and browsers keep %d: put less into EXTRA_CLAIMS. "
            "The login of user %s from %s was revoked (session %s).",
            error.name,
            error.size,
            cookies.MAX_COOKIE_BYTES,
            grant.session.user_id,
            grant.session.address,
            grant.session.sid,
        )
        revoke_session(grant.session.sid, RevocationReason.REVOKED)
        raise
    return grant
