"""The state of the request in progress: who it is from, and what its response has to set or delete."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponseBase

from django_authkit.errors import AuthKitError
from django_authkit.http.grant import Grant
from django_authkit.http.user_errors import UserErrors
from django_authkit.tokens.dpop import Proof, SingleUse
from django_authkit.types import AuthSession, Mode, Transport, instant
from django_authkit.users.lazy import ensure_loaded


class ReadOnce:
    """
    Calls *read* once, and returns its result each time.

    A ``functools.cache`` for each request would cost as much as the rest of its authentication.
    """

    __slots__ = ("_read", "_session")

    def __init__(self, read: Callable[[], AuthSession]) -> None:
        self._read = read
        self._session: AuthSession | None = None

    def __call__(self) -> AuthSession:
        """Return the result of *read*. An error is not kept."""
        if self._session is None:
            self._session = self._read()
        return self._session


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Authentication:
    """
    Who a request is from, and by which credential. Treat it as frozen; ``replace`` makes a changed copy.

    It is not declared frozen because a frozen dataclass is three times slower to construct, and each
    authenticated request constructs one.

    Attributes:
        user: The user. With ``USER_LOADING = "lazy"`` a proxy that is loaded on first use.
        sid: Their auth session.
        auth_time_ms: When they last authenticated; since the epoch.
        mode: The form of the credential that was presented.
        transport: How it came.
        read_session: Returns the record; it is read at most once.
        find_claims: Returns the login's claims, where they are known without ``read_session``.
        token_expires_at: When the access token that was presented expires; seconds since the epoch. ``None``
            for a session key.
        find_replacement: Returns a credential of the form that is issued now, which the response sets for a
            browser with the other form, or ``None``; it is made at most once. A login, logout or renewal
            during the request replaces this object, and with it the replacement.
    """

    user: AbstractBaseUser
    sid: str
    auth_time_ms: int
    mode: Mode
    transport: Transport
    read_session: Callable[[], AuthSession] = field(repr=False, compare=False)
    token_expires_at: int | None = field(default=None, compare=False)
    find_claims: Callable[[], Mapping[str, Any]] | None = field(default=None, repr=False, compare=False)
    find_replacement: Callable[[], Grant | None] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        """Return the user's primary key: django-ninja's throttles count by it, whatever the credential."""
        return str(self.user.pk)

    @classmethod
    def by_record(
        cls,
        user: AbstractBaseUser,
        session: AuthSession,
        mode: Mode,
        transport: Transport,
        *,
        token_expires_at: int | None = None,
        replacement: Grant | None = None,
    ) -> Self:
        """Return the authentication of a request whose record was read."""
        return cls(
            user=user,
            sid=session.sid,
            auth_time_ms=session.auth_time_ms,
            mode=mode,
            transport=transport,
            read_session=lambda: session,
            token_expires_at=token_expires_at,
            find_replacement=None if replacement is None else lambda: replacement,
        )

    @property
    def authenticated_at(self) -> datetime:
        """When the user last authenticated."""
        return instant(self.auth_time_ms)

    def with_replacement(self, find: Callable[[], Grant | None]) -> Self:
        """Return the same with another ``find_replacement``."""
        return replace(self, find_replacement=find)

    @property
    def session(self) -> AuthSession:
        """
        The record. It is read now if the credential was accepted without it.

        Raises:
            SessionEnded: The auth session is not live any more.
        """
        return self.read_session()

    @property
    def claims(self) -> Mapping[str, Any]:
        """
        The claims that ``log_in`` was given, the same in both modes.

        Raises:
            SessionEnded: The record had to be read for them, and is not live any more.
        """
        return self.session.claims if self.find_claims is None else self.find_claims()

    def ensure_loaded(self) -> None:
        """
        Read the record and the user, if the credential was accepted without them.

        For actions that a token revoked a moment ago must not allow, nor a user who was deactivated without
        a signal.

        Raises:
            CredentialRejected: The auth session is not live, or the user is not allowed to log in any more.
        """
        self.read_session()
        ensure_loaded(self.user)


class Unknown(Enum):
    """The request was not authenticated yet."""

    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """
    A password change of the request's user during the request.

    Attributes:
        keep_hash: Auth sessions with this hash stay; ``None`` if all are revoked.
        committed: Whether the change was committed. Before that, nothing is revoked.
        tenant: Whose user it is; empty without ``TENANT``, and ``None`` if nobody can tell.
    """

    keep_hash: str | None
    committed: bool
    tenant: str | None = ""


class RequestState:
    """
    Per-request state. Defaults are class attributes; most requests override one.

    Attributes:
        authentication: Who it is from; an error is kept to be raised again.
        opened_session: ``request.session`` as our middleware found it. A package can replace it later.
        busy: Our own login or logout is in progress, which sends Django's signals.
        django_login: In JWT mode, the user of Django's own login (the admin's, for example). It counts in
            plain Django views only.
        password_change: Its user's password changed during the request. The auth session is revoked with
            the response, unless it has the hash that stays by then: ``update_session_auth_hash`` was called,
            or it began after the change.
        renewed: The response sets the replacement even if it is a server error, since the credential that
            was presented does not work any more; over the header as headers.
        clear_token_cookies: The response deletes the JWT cookies.
        clear_site_data: The response sends ``Clear-Site-Data``.
        mismatched_sid: The auth session that this request revoked because it came from another device.
        new_sid: The auth session that a login of ours began during the request. A response that failed
            delivers no credential of it, so it is revoked.
        bindable_sid: The auth session that began, or whose user proved the password, with this request: only
            then may the browser bind it to its device. Whoever has a copy of the cookie must not.
        adopted: The credentials that replace the login of another package.
        external_cookies: Cookies of other packages to delete: name, path, domain.
        login_amr: How the user authenticated whom Django's ``login`` is about to log in, if that is known.
        app_key: The public key that the login of an app is bound to, empty if to none; ``None`` if it is not
            an app's, which gets no cookies.
        logged_in_user: Whom Django's ``login`` has logged in during the request.
        note_login: What to call with them and the response after a login through Django's own view.
        dpop_proof: The proof of the request, checked once.
        dpop_use: How its use is noted, if it works once.
        dpop_nonce: The nonce that the response gives to the client for its next proofs.
        bound_cookies: What its bound cookies say, verified once, and when each expires, in seconds since the
            epoch; ``None`` if nobody asked yet.
        user_errors: Why it could not be told who the request is from.
    """

    authentication: Authentication | AuthKitError | Unknown | None = Unknown.UNKNOWN
    django_login: Authentication | None = None
    opened_session: object = None
    busy: bool = False
    password_change: PasswordChange | None = None
    renewed: bool = False
    clear_token_cookies: bool = False
    clear_site_data: bool = False
    mismatched_sid: str | None = None
    new_sid: str | None = None
    bindable_sid: str | None = None
    adopted: Grant | None = None
    external_cookies: tuple[tuple[str, str, str | None], ...] = ()
    login_amr: tuple[str, ...] = ()
    app_key: str | None = None
    logged_in_user: AbstractBaseUser | None = None
    note_login: Callable[[AbstractBaseUser, HttpResponseBase], None] | None = None
    dpop_proof: Proof | None = None
    dpop_use: SingleUse | None = None
    dpop_nonce: str | None = None
    bound_cookies: dict[str, float] | None = None
    user_errors: UserErrors

    @property
    def changes_response(self) -> bool:
        """Whether the response sets or deletes anything on behalf of this state."""
        known = self.authentication
        return bool(
            self.clear_token_cookies
            or self.clear_site_data
            or self.external_cookies
            or self.dpop_nonce
            or (isinstance(known, Authentication) and known.find_replacement is not None)
        )

    @property
    def replacement(self) -> Grant | None:
        """The credential that the response has to set, if any; see ``Authentication``."""
        known = self.authentication
        if not isinstance(known, Authentication) or known.find_replacement is None:
            return None
        return known.find_replacement()

    @contextmanager
    def own_signals(self) -> Iterator[None]:
        """Mark ``user_logged_in`` and ``user_logged_out`` as our own while they are sent."""
        self.busy = True
        try:
            yield
        finally:
            self.busy = False


_ATTRIBUTE: Final = "_authkit_state"

current_request: ContextVar[HttpRequest | None] = ContextVar("authkit_current_request", default=None)
"""The request in progress, if our middleware is installed."""


def state_of(request: HttpRequest) -> RequestState:
    """Return the state of *request*, created on first use; of DRF's request that of Django's."""
    request = getattr(request, "_request", request)
    state: RequestState | None = getattr(request, _ATTRIBUTE, None)
    if state is None:
        state = RequestState()
        state.user_errors = UserErrors()
        setattr(request, _ATTRIBUTE, state)
    return state


def known_authentication(request: HttpRequest | None) -> Authentication | None:
    """Return who *request* is from if it was authenticated already; without a lookup."""
    if request is None:
        return None
    state = state_of(request)
    known = state.authentication
    return known if isinstance(known, Authentication) else state.django_login


def attach_replacement(request: HttpRequest, response: HttpResponseBase) -> None:
    """
    Set the replacement credential in *response*, if one is due, and keep it out of caches.

    Only as cookies: a header client gets its replacement at the next refresh. Not on a server error, since
    the repeated request gets it too. But the credentials of an adopted login, and those after a password
    change, are always set, since the old ones do not work any more.
    """
    state = state_of(request)
    if response.status_code >= 500 and state.adopted is None and not state.renewed:
        return
    due = state.replacement
    if due is None:
        return
    if due.transport is Transport.COOKIE:
        due.attach(response)
    elif state.renewed:
        due.attach_headers(response)
