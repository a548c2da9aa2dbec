"""From what a credential opens to the user of the request, if they are still allowed to log in."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from django_authkit.conf import get_settings
from django_authkit.errors import SessionEnded
from django_authkit.http.request_state import Authentication, ReadOnce
from django_authkit.http.tenants import only_in_this_tenant
from django_authkit.service.django_session import DjangoSession
from django_authkit.service.revocation import revoke_session
from django_authkit.service.user_validity import load_valid_user
from django_authkit.stores.outcomes import Found
from django_authkit.tokens.claims import AccessClaims
from django_authkit.types import Mode, RevocationReason, Transport
from django_authkit.users.lazy import LazyUser
from django_authkit.users.loading import PasswordChanged, check_stamp, load_user, sole_backend
from django_authkit.wiring import get_jwt_strategy


def admit(
    found: Found | None,
    claims: AccessClaims | None,
    mode: Mode,
    transport: Transport,
    *,
    django_session: DjangoSession | None = None,
    read_again: Callable[[], Found] | None = None,
) -> Authentication:
    """
    Return the user of what a credential opens if they are still allowed to log in.

    Args:
        found: What it opens; ``None`` if a token was accepted without its record.
        claims: The claims of a token.
        mode: The form of the credential.
        transport: How it came.
        django_session: ``request.session``, if it belongs to the auth session.
        read_again: Reads the record from the store, if *found* is one that the process remembers. By default
            *django_session* does.

    Raises:
        CredentialRejected: They are not.
    """
    if found is None:
        assert claims is not None
        return _admit_claims(claims, transport)
    session, token_expires_at = found.session, None if claims is None else claims.expires_at
    if claims is None and found.is_remembered:
        if read_again is None:
            assert django_session is not None
            read_again = partial(auth_session_of, django_session, again=True)
        return _admit_remembered(found, mode, transport, django_session, read_again)
    read: Callable[[], AbstractBaseUser]
    if django_session is None:
        read = partial(load_valid_user, session, found.user)
    else:
        read = partial(_read_user, found, django_session)
    # A row that came with the record costs no query.
    settings = get_settings()
    is_lazy = found.user is None and settings.user_loading == "lazy"
    if is_lazy and settings.tenant is not None:
        read = only_in_this_tenant(read)
    user: Any = LazyUser(session.user_id, read) if is_lazy else read()
    known = Authentication.by_record(user, session, mode, transport, token_expires_at=token_expires_at)
    if claims is not None:  # its holder need not be who has authenticated since
        known.auth_time_ms = claims.auth_time * 1000
    return known


def _read_user(found: Found, django_session: DjangoSession) -> AbstractBaseUser:
    try:
        return load_valid_user(found.session, found.user)
    except PasswordChanged:
        django_session.release()  # its data may be of somebody with the old password; Django flushes it too
        revoke_session(found.session.sid, RevocationReason.PASSWORD_CHANGED)
        raise


def _admit_remembered(
    found: Found,
    mode: Mode,
    transport: Transport,
    django_session: DjangoSession | None,
    read_again: Callable[[], Found],
) -> Authentication:
    """Return the user of a record that the process remembers. If they do not fit, the store decides."""

    def read() -> AbstractBaseUser:
        try:
            return load_valid_user(found.session)
        except SessionEnded:
            stored = read_again()
        if django_session is None:
            return load_valid_user(stored.session)
        return _read_user(stored, django_session)

    session, is_lazy = found.session, get_settings().user_loading == "lazy"
    user: Any = LazyUser(session.user_id, read) if is_lazy else read()
    known = Authentication.by_record(user, session, mode, transport)
    known.read_session = ReadOnce(lambda: read_again().session)
    known.find_claims = lambda: session.claims
    return known


def _admit_claims(claims: AccessClaims, transport: Transport) -> Authentication:
    """Return the user of an access token that was accepted without its record."""
    settings = get_settings()
    read: Callable[[], AbstractBaseUser] = partial(_user_of_claims, claims)
    is_lazy = settings.user_loading == "lazy"
    if is_lazy and settings.tenant is not None:
        read = only_in_this_tenant(read)
    user: Any = LazyUser(claims.subject, read) if is_lazy else read()
    return Authentication(
        user=user,
        sid=claims.sid,
        auth_time_ms=claims.auth_time * 1000,
        mode=Mode.JWT,
        transport=transport,
        read_session=ReadOnce(lambda: get_jwt_strategy().find(claims).session),
        token_expires_at=claims.expires_at,
        # A token does not tell which of its claims are of the login, and which EXTRA_CLAIMS has added.
        find_claims=None if get_settings().extra_claims else lambda: claims.extra,
    )


def _user_of_claims(claims: AccessClaims) -> AbstractBaseUser:
    user = load_user(claims.subject, claims.backend or sole_backend())
    check_stamp(user, claims.stamp)
    return user


def auth_session_of(session: DjangoSession, *, again: bool = False) -> Found:
    """
    Return the auth session behind ``request.session``.

    Args:
        session: ``request.session``.
        again: As ``look_up`` takes it.

    Raises:
        CredentialRejected: It is not live, or bound to another device.
    """
    found = session.look_up(again=again)
    if not isinstance(found, Found):
        raise session.rejection or SessionEnded
    return found
