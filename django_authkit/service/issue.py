"""Issuing the tokens of an auth session, if a browser will keep them."""

import logging

from django.contrib.auth.base_user import AbstractBaseUser

from django_authkit.errors import CookieTooLarge
from django_authkit.http import transports
from django_authkit.http.grant import Grant
from django_authkit.service.revocation import revoke_session
from django_authkit.types import AuthSession, RevocationReason, Transport
from django_authkit.wiring import get_jwt_strategy

logger = logging.getLogger("django_authkit.cookies")


def grant_tokens(
    session: AuthSession,
    user: AbstractBaseUser,
    *,
    jti: str,
    now: int,
    transport: Transport,
    rotates: bool = True,
) -> Grant:
    """
    Return the tokens of the auth session's current generation.

    Args:
        jti: The ``jti`` of its refresh token.
        now: The store's time; milliseconds since the epoch.
        rotates: Whether its refresh token is exchanged when it is used.

    Raises:
        CookieTooLarge: No browser would keep them. The auth session is revoked, since its next refresh would
            look like a theft.
    """
    pair = get_jwt_strategy().issue(session, user, jti, now, rotates=rotates)
    if transport is Transport.COOKIE:
        try:
            transports.check_size(access=pair.access, refresh=pair.refresh, session=session)
        except CookieTooLarge as error:
            logger.error(  # noqa: TRY400 - the traceback does not help
                "The cookie %s would have %d bytes, and browsers keep %d: put less into EXTRA_CLAIMS. "
                "The login of user %s from %s was revoked (session %s).",
                error.name,
                error.size,
                transports.MAX_COOKIE_BYTES,
                session.user_id,
                session.address,
                session.sid,
            )
            revoke_session(session.sid, RevocationReason.REVOKED)
            raise
    return Grant(
        session=session,
        user=user,
        transport=transport,
        access=pair.access,
        refresh=pair.refresh,
        expires_in=pair.expires_in,
    )
