"""Starting an auth session for a user who has authenticated."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.conf import settings as django_settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.db import DatabaseError
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string

from django_authkit import signals
from django_authkit.conf import get_settings, milliseconds
from django_authkit.errors import LoginFailed, SessionEnded, SessionLimitReached
from django_authkit.http import transports
from django_authkit.http.client_info import device_of
from django_authkit.http.csrf import enforce_where_exempt
from django_authkit.http.grant import Grant
from django_authkit.http.request_state import Authentication, state_of
from django_authkit.service.device_binding import same_browser
from django_authkit.service.django_session import django_session_of
from django_authkit.service.issue import grant_tokens
from django_authkit.service.revocation import announce_revocation, revoke_presented, revoke_session
from django_authkit.session_keys import SessionKey, bucket_of, digest, new_handle
from django_authkit.stores.outcomes import Created, Found, NewSession, Refused
from django_authkit.tokens.sealing import new_jti
from django_authkit.types import AuthSession, Mode, RevocationReason, Transport
from django_authkit.users.loading import auth_hash_of, load_user, user_id_of
from django_authkit.wiring import get_store


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRequest:
    """
    A login that was approved, and how to carry it out.

    Attributes:
        user: The user.
        backend: Dotted path of the Django auth backend that authenticated them.
        remember: Whether cookies outlive the browser.
        amr: How they authenticated (RFC 8176).
        sid: The sid, if it was chosen already.
        auth_age_ms: How long ago they authenticated.
        longest_ms: The longest it may last, if that is shorter than ``LIFETIMES["ABSOLUTE"]``.
        suppress_new_device_notice: Send no notice about a new device.
        suppress_signals: Send no signals; another process does.
        rotates: Whether their refresh token is exchanged when it is used.
    """

    user: AbstractBaseUser
    backend: str
    remember: bool
    amr: tuple[str, ...]
    sid: str | None = None
    auth_age_ms: int = 0
    longest_ms: int | None = None
    suppress_new_device_notice: bool = False
    suppress_signals: bool = False
    rotates: bool = True

    def new_sid(self) -> str:
        """Return the sid that was decided, or a fresh one in the user's bucket."""
        return self.sid or new_handle(bucket_of(user_id_of(self.user), get_store().buckets))

    def lifetime(self) -> int:
        """Return the absolute lifetime in milliseconds."""
        usual = milliseconds(get_settings().lifetimes.absolute)
        return usual if self.longest_ms is None else min(usual, self.longest_ms)


def log_in(
    request: HttpRequest,
    user: AbstractBaseUser,
    *,
    backend: str | None = None,
    transport: Transport | None = None,
    remember: bool = False,
    amr: Iterable[str] = ("pwd",),
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
        transport: How the credential travels; by default what the client asked for.
        remember: Whether its cookies outlive the browser.
        amr: How the user authenticated (RFC 8176).
        rotates: Whether the refresh token is exchanged when it is used. False is for clients that never
            store the new one; the theft of such a token is not detected. It has an effect only while
            ``COMPAT["SIMPLEJWT_ROTATION"]`` is off.

    Returns:
        What to send. Call ``grant.attach(response)``, and put ``grant.credentials()`` into the body.

    Raises:
        InvalidRequest: The client asked for a transport that is not offered.
        CsrfFailed: Cookies would be set, the request skipped Django's check because of a bearer credential,
            and it does not prove that it comes from our front end.
        SessionLimitReached: ``ON_LIMIT`` is "refuse" and the user has ``MAX_SESSIONS`` already.
        LoginFailed: The password was changed or the user was disabled during the login.
        CookieTooLarge: ``EXTRA_CLAIMS`` makes tokens that no browser keeps. The auth session was revoked.
    """
    transport = transport or transports.wanted_transport(request)
    if transport is Transport.COOKIE:
        enforce_where_exempt(request)
    wanted = LoginRequest(
        user=user,
        backend=backend_of(user, backend),
        remember=remember,
        amr=tuple(amr),
        rotates=rotates or get_settings().compat.simplejwt_rotation,
    )
    replaced = revoke_presented(request, RevocationReason.REPLACED, cookies=transport is Transport.COOKIE)
    wanted = replace(wanted, sid=wanted.new_sid())
    issue = issue_tokens if get_settings().issued_mode(wanted.new_sid()) is Mode.JWT else issue_key
    grant = issue(request, wanted, transport)
    state = state_of(request)
    state.authentication = Authentication.by_record(user, grant.session, grant.mode, transport)
    state.clear_token_cookies = grant.mode is Mode.SESSION and transport is Transport.COOKIE
    request.user = user  # type: ignore[assignment]
    if transport is Transport.COOKIE:
        if grant.mode is Mode.JWT:
            _renew_django_session(request, user, replaced)
        rotate_token(request)  # one that was planted before login is useless after it
    with state.own_signals():
        _send_logged_in(request, user, grant.session)
    return grant


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
        user_logged_in.send(sender=type(user), request=request, user=user)
    except DatabaseError:
        _revoke_if_user_changed(session)
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


def issue_key(request: HttpRequest, wanted: LoginRequest, transport: Transport) -> Grant:
    """Start an auth session with a session key; in cookie transport ``request.session`` belongs to it."""
    django_session = django_session_of(request) if transport is Transport.COOKIE else None
    key = SessionKey.new(wanted.new_sid())
    found = begin(request, wanted, key=key, data=django_session.anonymous_data() if django_session else "")
    if django_session is not None:
        django_session.adopt(key, found)
        django_session.is_new_login = True
    return Grant.for_key(key.text, found.session, wanted.user, transport, now_ms=found.now_ms)


def issue_tokens(request: HttpRequest, wanted: LoginRequest, transport: Transport) -> Grant:
    """Start an auth session with an access token and a refresh token."""
    jti = new_jti()
    found = begin(request, wanted, jti=jti)
    return grant_tokens(
        found.session,
        wanted.user,
        jti=jti,
        now=found.now_ms,
        transport=transport,
        rotates=wanted.rotates,
    )


def begin(
    request: HttpRequest,
    wanted: LoginRequest,
    *,
    key: SessionKey | None = None,
    jti: str | None = None,
    data: str = "",
) -> Found:
    """
    Create the record, and check that the user did not change in the meantime.

    Args:
        key: The session key to be issued, or ``None``.
        jti: The ``jti`` of the refresh token to be issued, or ``None``.

    Raises:
        SessionLimitReached, LoginFailed: As ``log_in`` says.
    """
    settings, device = get_settings(), device_of(request)
    outcome = get_store().create(
        NewSession(
            sid=key.handle if key else wanted.new_sid(),
            user_id=user_id_of(wanted.user),
            backend=wanted.backend,
            auth_hash=auth_hash_of(wanted.user),
            mode=Mode.SESSION if key else Mode.JWT,
            remember=wanted.remember,
            amr=wanted.amr,
            address=device.address,
            user_agent=device.user_agent,
            key_digest=key.digest if key else None,
            jti_digest=digest(jti) if jti else None,
            data=data,
            idle_ms=milliseconds(settings.lifetimes.idle),
            absolute_ms=wanted.lifetime(),
            access_ms=milliseconds(settings.lifetimes.access) if jti else 0,
            max_sessions=_limit_for(wanted.user),
            on_limit=settings.on_limit,
            auth_age_ms=wanted.auth_age_ms,
        )
    )
    if not wanted.suppress_signals:
        _announce_limit(request, wanted.user, outcome)
    if isinstance(outcome, Refused):
        raise SessionLimitReached
    _revoke_if_user_changed(outcome.session)
    if not wanted.suppress_signals:
        _announce_start(
            request, outcome.session, suppress_new_device_notice=wanted.suppress_new_device_notice
        )
    return Found(session=outcome.session, now_ms=outcome.session.created_ms, data=data)


def _limit_for(user: AbstractBaseUser) -> int | None:
    """Return how many auth sessions *user* may have: the number, or what the project's function returns."""
    limit = get_settings().max_sessions
    if not isinstance(limit, str):
        return limit
    allowed: int | None = import_string(limit)(user)
    if allowed is not None and allowed < 1:
        raise ValueError(f"{limit} returned {allowed}: MAX_SESSIONS takes 1 or more, or None.")
    return allowed


def _announce_limit(request: HttpRequest, user: AbstractBaseUser, outcome: Created | Refused) -> None:
    refused = isinstance(outcome, Refused)
    revoked = () if isinstance(outcome, Refused) else outcome.revoked
    if refused or revoked:
        signals.limit_reached.send(
            sender=AuthSession, user=user, request=request, refused=refused, revoked=revoked
        )
    for session in revoked:
        announce_revocation(session, RevocationReason.LIMIT)


def _announce_start(request: HttpRequest, session: AuthSession, *, suppress_new_device_notice: bool) -> None:
    """Send ``session_started``; whether the device is new is looked up only when a receiver asks."""

    def is_new() -> bool:
        if suppress_new_device_notice:
            return False
        others = (each for each in get_store().list_user(session.user_id) if each.sid != session.sid)
        return not any(same_browser(each.user_agent, session.user_agent) for each in others)

    signals.session_started.send(
        sender=AuthSession, session=session, request=request, new_device=SimpleLazyObject(is_new)
    )


def _revoke_if_user_changed(session: AuthSession) -> None:
    """
    Revoke the new auth session if the password changed, or the user was disabled, since the check.

    A change that was committed before the record existed found nothing to revoke. One that is committed
    after this check finds the record.
    """
    try:
        user = load_user(session.user_id, session.backend)
    except SessionEnded:
        unchanged = False
    else:
        unchanged = auth_hash_of(user) == session.auth_hash
    if not unchanged:
        revoke_session(session.sid, RevocationReason.PASSWORD_CHANGED)
        raise LoginFailed
