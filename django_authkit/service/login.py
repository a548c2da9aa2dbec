"""Starting an auth session for a user who has authenticated."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from django_authkit.bridge import send
from django_authkit.conf import get_settings, milliseconds
from django_authkit.http import transports
from django_authkit.http.csrf import enforce_where_exempt
from django_authkit.http.grant import Grant
from django_authkit.http.request_state import Authentication, state_of
from django_authkit.service.begin import LoginRequest, begin, revoke_if_user_changed
from django_authkit.service.django_session import session_of_credential, using_session
from django_authkit.service.dpop import key_to_bind
from django_authkit.service.issue import issue
from django_authkit.service.login_claims import claims_as_json
from django_authkit.service.revocation import revoke_presented
from django_authkit.session_keys import SessionKey
from django_authkit.strategies.protocol import Strategy
from django_authkit.types import AuthSession, Mode, RevocationReason, Transport
from django_authkit.users.loading import user_id_of
from django_authkit.wiring import get_strategy


def log_in(
    request: HttpRequest,
    user: AbstractBaseUser,
    *,
    backend: str | None = None,
    transport: Transport | None = None,
    remember: bool = False,
    amr: Iterable[str] = ("pwd",),
    label: str | None = None,
    lifetime: timedelta | None = None,
    idle: timedelta | None = None,
    claims: Mapping[str, Any] = MappingProxyType({}),
    rotates: bool = True,
) -> Grant:
    """
    Start an auth session for *user*, whom the caller has authenticated.

    It is always a new one. The auth session that the request presents is revoked first, even if it belongs
    to another user (ASVS 7.2.4). Afterwards ``request.user`` is *user*, ``user_logged_in`` was sent, and the
    CSRF token of a cookie client was rotated.

    Args:
        backend: Dotted path of the Django auth backend that authenticated the user; required if the project
            has several and ``user.backend`` is not set.
        transport: How the credential travels, one of ``TRANSPORTS``; by default what the client asked for.
        remember: Whether its cookies outlive the browser. If not, it lives for as long as
            ``LIFETIMES["NOT_REMEMBERED"]`` says.
        amr: How the user authenticated (RFC 8176).
        label: A name for the device, which its user sees in the list of devices; at most 60 characters are
            kept. By default what the user agent says.
        lifetime: How long it lasts at the latest, if that is shorter than ``LIFETIMES["ABSOLUTE"]``. By
            default what the settings say for *remember*.
        idle: How long it lasts without activity, if that is shorter than ``LIFETIMES["IDLE"]``; at least as
            long as an access token, and longer than ``LIFETIMES["TOUCH_INTERVAL"]``. By default what the
            settings say for *remember*.
        claims: What the project wants to know of this login as long as it lives, such as the organization
            that the user chose: ``request.auth.claims``, and claims of its access tokens. JSON values, at
            most 1,024 characters in all, under names that tokens do not use themselves.
        rotates: Whether the refresh token is exchanged when it is used. False is for clients that never
            store the new one; the theft of such a token is not detected. It has an effect only while
            ``COMPAT["SIMPLEJWT_ROTATION"]`` is off.

    Returns:
        What to send. Call ``grant.attach(response)``, and put ``grant.credentials()`` into the body.

    Raises:
        InvalidRequest: The client asked for a transport that is not offered.
        ImproperlyConfigured: *transport* is not in ``TRANSPORTS``.
        DpopRefused: Over the header, its DPoP proof is not valid, or there is none and one is required.
        CsrfFailed: Cookies would be set, the request skipped Django's check because of a bearer credential,
            and it does not prove that it comes from our front end.
        SessionLimitReached: ``ON_LIMIT`` is "refuse" and the user has ``MAX_SESSIONS`` already.
        LoginFailed: The password was changed or the user was disabled during the login.
        CookieTooLarge: *claims* or ``EXTRA_CLAIMS`` make tokens that no browser keeps. The auth session was
            revoked.
    """
    transport = transport or transports.wanted_transport(request)
    if transport is Transport.COOKIE:
        enforce_where_exempt(request)
    wanted = LoginRequest(
        user=user,
        backend=backend_of(user, backend),
        remember=remember,
        amr=tuple(amr),
        label=label,
        longest_ms=None if lifetime is None else _positive(lifetime),
        idle_ms=None if idle is None else _usable_idle(idle),
        claims_json=claims_as_json(claims),
        rotates=rotates or get_settings().compat.simplejwt_rotation,
        device_key=key_to_bind(request) if transport is Transport.HEADER else "",
        by_header=transport is Transport.HEADER,
    )
    sid = wanted.new_sid()
    strategy = get_strategy(get_settings().issued_mode(sid))
    _check_offered(transport, strategy.mode)
    replaced = revoke_presented(request, RevocationReason.REPLACED, cookies=transport is Transport.COOKIE)
    grant = start(request, replace(wanted, sid=sid), strategy, transport)
    state = state_of(request)
    state.new_sid = grant.session.sid
    state.authentication = Authentication.by_record(user, grant.session, grant.mode, transport)
    state.clear_token_cookies = grant.mode is Mode.SESSION and transport is Transport.COOKIE
    request.user = user  # type: ignore[assignment]
    if transport is Transport.COOKIE:
        if grant.mode is Mode.JWT:
            using_session(request, _renew_django_session, request, user, replaced)
        rotate_token(request)  # one that was planted before login is useless after it
    with state.own_signals():
        _send_logged_in(request, user, grant.session)
    return grant


def _check_offered(transport: Transport, mode: Mode) -> None:
    """
    Check that a credential that is about to be issued will be accepted. A session cookie always is.

    Raises:
        ImproperlyConfigured: ``TRANSPORTS`` does not have its transport.
    """
    is_django_s = mode is Mode.SESSION and transport is Transport.COOKIE
    if not is_django_s and transport not in get_settings().transports:
        raise ImproperlyConfigured(f'A login over "{transport}" needs that transport in TRANSPORTS.')


def _positive(lifetime: timedelta) -> int:
    """
    Return *lifetime* in milliseconds.

    Raises:
        ValueError: It is shorter than a second.
    """
    if lifetime < timedelta(seconds=1):
        raise ValueError(f"The lifetime of a login is {lifetime}: it takes a second or more.")
    return milliseconds(lifetime)


def _usable_idle(idle: timedelta) -> int:
    """
    Return the idle timeout in milliseconds.

    Raises:
        ValueError: It is so short that activity would not keep the login.
    """
    lasting = get_settings().lifetimes
    if idle < lasting.access or idle <= lasting.touch_interval:
        raise ValueError(
            f'The idle timeout of a login is {idle}: it takes at least LIFETIMES["ACCESS"], and more than '
            '"TOUCH_INTERVAL".'
        )
    return milliseconds(idle)


def _renew_django_session(request: HttpRequest, user: AbstractBaseUser, replaced: list[AuthSession]) -> None:
    """
    Give ``request.session``, which does not belong to the tokens, a new key; and no data of another user.

    A key that was planted before the login would otherwise read what views write after it. The data of an
    anonymous user is kept. Django's ``login`` does the same.
    """
    session = getattr(request, "session", None)
    if session is None or not session.session_key:
        return
    owners = {each.user_id for each in replaced}
    if session.get(SESSION_KEY) is not None:
        owners.add(session[SESSION_KEY])
    has_tokens = bool(transports.access_cookies_of(request) or transports.refresh_cookies_of(request))
    if owners <= {user_id_of(user)} and (owners or not has_tokens):
        session.cycle_key()
    else:  # of another user, or of one who cannot be told any more
        session.flush()


def _send_logged_in(request: HttpRequest, user: AbstractBaseUser, session: AuthSession) -> None:
    """Send Django's signal; its own receiver writes ``last_login``, and fails if the user was deleted."""
    try:
        send(user_logged_in, type(user), request=request, user=user)
    except DatabaseError:
        revoke_if_user_changed(session)
        raise


def backend_of(user: AbstractBaseUser, backend: str | None) -> str:
    """
    Return the dotted path of the Django auth backend that authenticated *user*.

    Raises:
        ValueError: Several are configured, and neither *backend* nor ``user.backend`` names one.
    """
    path = backend or getattr(user, "backend", None)
    if path is None:
        configured = django_settings.AUTHENTICATION_BACKENDS
        if len(configured) != 1:
            raise ValueError("Several auth backends are configured: say which one vouches for the user.")
        path = configured[0]
    return str(path)


def start(request: HttpRequest, wanted: LoginRequest, strategy: Strategy, transport: Transport) -> Grant:
    """Start an auth session, with the first credential of *strategy*."""
    secret = strategy.new_secret()
    django_session = session_of_credential(request, strategy.mode, transport)
    data = "" if django_session is None else django_session.anonymous_data()
    found = begin(request, wanted, strategy, secret, data=data)
    if django_session is not None:
        django_session.move_to(SessionKey(found.session.sid, secret), found)
        django_session.is_new_login = True
    return issue(strategy, found, wanted.user, secret, transport, rotates=wanted.rotates)
