"""The settings as a typed, frozen dataclass, and the error for those that cannot be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, Literal, Self
from zlib import crc32

from django.core.exceptions import ImproperlyConfigured

from django_authkit.conf.groups import (
    Binding,
    BoundScope,
    Compat,
    Cookie,
    Dpop,
    Lifetimes,
    Login,
    Rates,
    RecentAuth,
    Redis,
    Replica,
)
from django_authkit.problems import Problem
from django_authkit.types import Mode, OnLimit, Transport

MAX_COOKIE_AGE = timedelta(days=400)
"""Browsers cap ``Max-Age`` at this value (RFC 6265bis §5.5)."""


class SigningKeys(tuple[str | Mapping[str, Any], ...]):
    """The entries of ``SIGNING_KEYS``, as written. The repr is redacted."""

    __slots__ = ()

    def __new__(cls, entries: Any = ()) -> Self:
        """
        Store *entries* as they are; each one is parsed when the key ring is built.

        Raises:
            TypeError: They are not a list or tuple of strings and dicts.
        """
        if not isinstance(entries, list | tuple) or not all(isinstance(e, str | Mapping) for e in entries):
            raise TypeError
        return super().__new__(cls, entries)

    def __repr__(self) -> str:
        return f"<{len(self)} signing keys>"


class Adoptions(tuple[str | Mapping[str, Any], ...]):
    """The entries of ``ADOPT``, as written: names of adapters, and dicts with their options."""

    __slots__ = ()

    def __new__(cls, entries: Any = ()) -> Self:
        """
        Store *entries* as they are; each one is parsed when the adapters are built.

        Raises:
            TypeError: They are not a list or tuple of strings and dicts.
        """
        if not isinstance(entries, list | tuple) or not all(isinstance(e, str | Mapping) for e in entries):
            raise TypeError
        return super().__new__(cls, entries)


class InvalidSettings(ImproperlyConfigured):
    """The settings cannot be used; *problem* says why, and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.message} {problem.hint}")
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthKitSettings:
    """
    The project's settings. Every default is the safe value.

    Attributes:
        mode: The form of the credentials that are issued (``AUTHKIT_MODE``).
        accept: The modes whose credentials are accepted; by default the mode alone. Always includes the mode.
        switch_share: The percentage of auth sessions that are issued the mode; the others get the other
            mode. The sid decides, so no auth session changes modes while the percentage stays.
        store: Where auth sessions are stored.
        redis: Where the Redis store keeps its keys; see ``Redis``.
        database_alias: The ``DATABASES`` alias that the database store writes to and reads from.
        tenant: Dotted path of ``f(request) -> str``: whose users, sessions and tokens are meant, where
            several tenants have tables of users of their own. See ``docs/how-to/tenants.md``.
        transports: The transports that a client may request at login; the first is the default.
        lifetimes: How long access tokens and auth sessions live; see ``Lifetimes``.
        leeway: Clock skew between workers that is tolerated for ``exp`` and ``iat``.
        issuer: ``iss`` of the tokens, compared exactly.
        audience: ``aud`` of the access tokens, compared exactly.
        signing_keys: The keys of access tokens: the first signs, all verify. Each is PEM, a JWK, or a
            dict that says where to read it; see ``docs/how-to/signing-keys.md``. Empty: HS256 with a key that
            is derived from ``SECRET_KEY``. Refresh tokens always use the derived key.
        access_check: How revocation applies to access tokens. ``"store"``: the record is looked up on each
            request. ``"replica"``: a copy of the blacklist in the process is checked, and records are
            remembered by session key. ``"none"``: access tokens stay valid until they expire.
        replica: The blacklist and its copies; see ``Replica``.
        user_loading: ``"eager"``: the user is loaded on each request. ``"lazy"``: on first access.
        max_sessions: Maximum number of live auth sessions of one user: a number, the dotted path of
            ``f(user) -> int | None``, or ``None`` for no limit.
        on_limit: What a login over that limit does.
        cookie: The cookies of the JWT mode; see ``Cookie``.
        page_renewal: Whether a page that a browser opens after its access cookie expired is authenticated by
            the refresh cookie, and renews both; see ``docs/explanation/sessions-in-django.md``.
        clear_site_data: What a browser is asked to clear at logout, in addition to our cookies
            (``Clear-Site-Data``).
        csrf: How unsafe requests authenticated by cookies are protected from forgery: Django's
            ``"token"``, or ``"fetch-metadata"``. See ``docs/how-to/csrf.md``.
        rates: Limits of attempts; see ``Rates``.
        login: What ``login/`` takes and returns; see ``Login``.
        user_serializer: Dotted path of the DRF serializer that renders ``user`` in responses.
        extra_claims: Dotted path of ``f(user, session) -> dict`` whose members are added to access tokens.
        trusted_proxies: How many reverse proxies of the project's own append to ``X-Forwarded-For``. With
            0 the header is ignored, because any client can send it.
        bind: What happens when an auth session is used from another device or network; see ``Binding``.
        device_bound: Whether browsers are offered to bind their logins to their device, by Device Bound
            Session Credentials: ``"off"``, ``"offer"``, ``"require"``, or the dotted path of
            ``f(request, user)`` that returns one of these. With cookies, over HTTPS. See
            ``docs/how-to/device-bound.md``.
        bound_scope: For which requests browsers renew the bound cookie; see ``BoundScope``.
        dpop: Whether header clients bind their logins to a key of theirs; see ``Dpop``.
        recent_auth: What counts as a recent authentication, and what requires one; see ``RecentAuth``.
        reauthenticator: Dotted path of ``f(request, user, data) -> bool``: re-authentication by the project's
            own means instead of the password.
        adopt: Packages whose logins are adopted: adapter names, or dicts with ``"adapter"`` and options;
            see ``docs/how-to/adopt-logins.md``.
        compat: What clients of other packages need; see ``Compat``.
    """

    mode: Mode
    accept: tuple[Mode, ...] = ()
    switch_share: int = 100
    store: Literal["database", "redis"] = "database"
    redis: Redis = Redis()
    database_alias: str = "default"
    tenant: str | None = None
    transports: tuple[Transport, ...] = (Transport.COOKIE, Transport.HEADER)
    lifetimes: Lifetimes = Lifetimes()
    leeway: timedelta = timedelta(seconds=5)
    issuer: str = "authkit"
    audience: str = "api"
    signing_keys: SigningKeys = field(default=SigningKeys(), hash=False)
    access_check: Literal["store", "replica", "none"] = "store"
    replica: Replica = Replica()
    user_loading: Literal["eager", "lazy"] = "eager"
    max_sessions: int | str | None = 100
    on_limit: OnLimit = OnLimit.EVICT
    cookie: Cookie = Cookie()
    page_renewal: bool = True
    clear_site_data: tuple[Literal["cache", "cookies", "storage"], ...] = ()
    csrf: Literal["token", "fetch-metadata"] = "token"
    rates: Rates = Rates()
    login: Login = Login()
    user_serializer: str | None = None
    extra_claims: str | None = None
    trusted_proxies: int = 0
    bind: Binding = Binding()
    device_bound: str = "off"
    bound_scope: BoundScope = BoundScope()
    dpop: Dpop = Dpop()
    recent_auth: RecentAuth = RecentAuth()
    reauthenticator: str | None = None
    adopt: Adoptions = field(default=Adoptions(), hash=False)
    compat: Compat = Compat()

    def accepts(self, mode: Mode) -> bool:
        """Return whether credentials of *mode* are accepted."""
        return mode in self.accept

    def issued_mode(self, sid: str) -> Mode:
        """Return the form of credential that the auth session *sid* is issued."""
        if self.switch_share >= 100 or crc32(sid.encode()) % 100 < self.switch_share:
            return self.mode
        return Mode.JWT if self.mode is Mode.SESSION else Mode.SESSION

    def issues(self, mode: Mode) -> bool:
        """Return whether any auth session is issued credentials of *mode*."""
        return mode is self.mode or self.switch_share < 100

    @property
    def may_require_binding(self) -> bool:
        """Whether logins may have to be bound to their device: all, or those that a function chooses."""
        return self.device_bound not in {"off", "offer"}

    @property
    def modes_by_precedence(self) -> tuple[Mode, ...]:
        """The accepted modes, starting with the one that is issued: its cookie takes precedence."""
        return _by_precedence(self.mode, self.accept)


@cache
def _by_precedence(issued: Mode, accepted: tuple[Mode, ...]) -> tuple[Mode, ...]:
    return tuple(sorted(accepted, key=lambda mode: mode is not issued))


def milliseconds(duration: timedelta) -> int:
    """Return *duration* in whole milliseconds."""
    return duration // timedelta(milliseconds=1)
