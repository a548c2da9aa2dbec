"""Beginning an auth session: its record, for a login that was approved."""

from dataclasses import dataclass, field

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string

from django_authkit import signals
from django_authkit.bridge import blocking
from django_authkit.conf import get_settings, milliseconds
from django_authkit.errors import LoginFailed, SessionEnded, SessionLimitReached
from django_authkit.http.client_info import as_label, device_of
from django_authkit.http.request_state import state_of
from django_authkit.service.revocation import announce_revocation, revoke_session
from django_authkit.session_keys import bucket_of, new_handle
from django_authkit.stores.outcomes import Created, Found, NewSession, Refused
from django_authkit.strategies.protocol import Strategy
from django_authkit.types import AuthSession, RevocationReason
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
        label: A name for their device, instead of what the user agent says.
        sid: The sid, if it was chosen already.
        auth_age_ms: How long ago they authenticated.
        longest_ms: The longest it may last, if that is shorter than ``LIFETIMES["ABSOLUTE"]``; ``None`` for
            what the settings say.
        idle_ms: The longest it lasts without activity, in the same way.
        claims_json: Its claims, as ``claims_as_json`` returns them.
        suppress_new_device_notice: Send no notice about a new device.
        suppress_signals: Send no signals; another process does.
        rotates: Whether their refresh token is exchanged when it is used.
        device_key: The public key of a header client that it is bound to; empty for none.
        by_header: Whether the credentials are for the header.
    """

    user: AbstractBaseUser
    backend: str
    remember: bool
    amr: tuple[str, ...]
    label: str | None = None
    sid: str | None = None
    auth_age_ms: int = 0
    longest_ms: int | None = None
    idle_ms: int | None = None
    claims_json: str = field(default="", repr=False)
    suppress_new_device_notice: bool = False
    suppress_signals: bool = False
    rotates: bool = True
    device_key: str = ""
    by_header: bool = False

    def new_sid(self) -> str:
        """Return the sid that was decided, or a fresh one in the user's bucket."""
        return self.sid or new_handle(bucket_of(user_id_of(self.user), get_store().buckets))

    def lifetime(self) -> int:
        """Return the absolute lifetime in milliseconds."""
        lasting = get_settings().lifetimes
        if self.longest_ms is None:
            return milliseconds(lasting.of_login(remember=self.remember)[1])
        return min(milliseconds(lasting.absolute), self.longest_ms)

    def idle_timeout(self) -> int:
        """Return its own idle timeout in milliseconds; 0 if it has that of the settings."""
        lasting = get_settings().lifetimes
        own = self.idle_ms
        if own is None:
            own = milliseconds(lasting.of_login(remember=self.remember)[0])
        return own if own < milliseconds(lasting.idle) else 0


def begin(
    request: HttpRequest, wanted: LoginRequest, strategy: Strategy, secret: str, *, data: str = ""
) -> Found:
    """
    Create the record, and check that the user did not change in the meantime.

    Args:
        strategy: What issues its first credential.
        secret: The secret of that credential.
        data: Encoded Django session data; empty for none.

    Raises:
        SessionLimitReached, LoginFailed: As ``log_in`` says.
    """
    settings, device = get_settings(), device_of(request)
    outcome = strategy.begin(
        NewSession(
            sid=wanted.new_sid(),
            user_id=user_id_of(wanted.user),
            backend=wanted.backend,
            auth_hash=auth_hash_of(wanted.user),
            mode=strategy.mode,
            remember=wanted.remember,
            amr=wanted.amr,
            address=device.address,
            label=as_label(wanted.label or "") or device.label,
            browser_mark=device.browser_mark,
            device_key=wanted.device_key,
            data=data,
            idle_ms=milliseconds(settings.lifetimes.idle),
            idle_timeout=wanted.idle_timeout(),
            claims_json=wanted.claims_json,
            by_header=wanted.by_header,
            absolute_ms=wanted.lifetime(),
            max_sessions=_limit_for(wanted.user),
            on_limit=settings.on_limit,
            auth_age_ms=wanted.auth_age_ms,
            unused_ms=2 * milliseconds(max(settings.lifetimes.access, settings.lifetimes.touch_interval)),
        ),
        secret,
    )
    if not wanted.suppress_signals:
        _announce_limit(request, wanted.user, outcome)
    if isinstance(outcome, Refused):
        raise SessionLimitReached
    revoke_if_user_changed(outcome.session)
    state_of(request).bindable_sid = outcome.session.sid
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
    allowed: int | None = blocking(import_string(limit), user)
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
        latest = get_store().page_of_user(session.user_id, 0, 100).sessions
        others = (each for each in latest if each.sid != session.sid)
        return all(each.browser_mark != session.browser_mark for each in others)

    signals.session_started.send(
        sender=AuthSession, session=session, request=request, new_device=SimpleLazyObject(is_new)
    )
    if session.is_dpop_bound:
        signals.device_bound.send(sender=AuthSession, session=session, request=request)


def revoke_if_user_changed(session: AuthSession) -> None:
    """
    Revoke the new auth session if the password changed, or the user was disabled, since the check.

    A change that was committed before the record existed found nothing to revoke. One that is committed
    after this check finds the record.

    Raises:
        LoginFailed: It was revoked.
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
