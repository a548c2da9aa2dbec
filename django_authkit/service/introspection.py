"""A credential that somebody asks about or gives up, apart from what the request itself presents."""

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest

from django_authkit.conf import get_settings
from django_authkit.errors import SessionEnded, TokenInvalid, TokenMalformed
from django_authkit.http import transports
from django_authkit.http.request_state import state_of
from django_authkit.service.adoption.adopt import drop_refresh
from django_authkit.service.authentication import look_at, not_accepted
from django_authkit.service.revocation import end, owner_of
from django_authkit.service.user_validity import welcome
from django_authkit.session_keys import SessionKey
from django_authkit.types import AuthSession, EndReason, Mode
from django_authkit.wiring import get_codec, get_jwt_strategy, get_session_strategy


def check_access(token: str) -> None:
    """
    See that a credential would open a view. Nothing slides.

    Raises:
        CredentialRejected: It would not.
    """
    mode = _accepted(token)
    found = look_at(mode, token)[0]
    welcome(found.session, found.user)


def check_refresh(token: str) -> None:
    """
    See that a refresh token, or a session key, would carry its auth session on. Nothing is exchanged.

    Raises:
        CredentialRejected: It would not; ``SessionEnded`` if it was superseded.
    """
    if _accepted(token) is Mode.SESSION:
        found = get_session_strategy().resolve(token, slide=False)
    else:
        found = get_jwt_strategy().check_refresh(token)
    welcome(found.session, found.user)


def give_up(request: HttpRequest, token: str) -> None:
    """
    Log out by a refresh token, or a session key, and by nothing else that *request* presents.

    A superseded refresh token will do, and so will a foreign one that ``ADOPT`` would take. Where an auth
    session was ended, ``user_logged_out`` was sent.

    Raises:
        CredentialRejected: It is none of ours, or expired.
        SessionEnded: There was nothing left to end.
    """
    try:
        ended = _end(token)
    except (TokenInvalid, TokenMalformed):
        if drop_refresh(token):
            return
        raise
    if ended is None:
        raise SessionEnded
    user = owner_of(ended)
    with state_of(request).own_signals():
        user_logged_out.send(sender=type(user) if user else get_user_model(), request=request, user=user)


def _end(token: str) -> AuthSession | None:
    if _accepted(token) is Mode.SESSION:
        key = SessionKey.parse(token)
        return end(key.handle, EndReason.LOGOUT, key_digest=key.digest) if key else None
    return end(get_codec().read_refresh(token).sid, EndReason.LOGOUT)


def _accepted(token: str) -> Mode:
    mode = transports.mode_of(token)
    if not get_settings().accepts(mode):
        raise not_accepted(token)
    return mode
