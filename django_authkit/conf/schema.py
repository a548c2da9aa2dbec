"""What a project can choose: the typed, frozen dataclass that settings become, and what a problem is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, Literal, Self
from zlib import crc32

from django.core.exceptions import ImproperlyConfigured

from django_authkit.types import Mode, OnLimit, Transport

MAX_COOKIE_AGE = timedelta(days=400)
"""Browsers cap ``Max-Age`` there (RFC 6265bis §5.5)."""


class SigningKeys(tuple[str | Mapping[str, Any], ...]):
    """The entries of ``SIGNING_KEYS``, as they were written. What shows it shows none of them."""

    __slots__ = ()

    def __new__(cls, entries: Any = ()) -> Self:
        """
        Take *entries* as they are; what each says is looked at when the key ring is made.

        Raises:
            TypeError: They are no list or tuple of strings and dicts.
        """
        if not isinstance(entries, list | tuple) or not all(isinstance(e, str | Mapping) for e in entries):
            raise TypeError
        return super().__new__(cls, entries)

    def __repr__(self) -> str:
        return f"<{len(self)} signing keys>"


class Adoptions(tuple[str | Mapping[str, Any], ...]):
    """The entries of ``ADOPT``, as they were written: names of adapters, and dicts with their options."""

    __slots__ = ()

    def __new__(cls, entries: Any = ()) -> Self:
        """
        Take *entries* as they are; what each says is looked at when the adapters are made.

        Raises:
            TypeError: They are no list or tuple of strings and dicts.
        """
        if not isinstance(entries, list | tuple) or not all(isinstance(e, str | Mapping) for e in entries):
            raise TypeError
        return super().__new__(cls, entries)


class SettingsProblem(ImproperlyConfigured):
    """A setting that cannot be used, with a hint of what to do; its id is that of a system check."""

    def __init__(self, check: str, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.check, self.message, self.hint = check, message, hint


Policy = Literal["off", "notice", "revoke"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """
    What happens when an auth session is used from another device or network than before.

    ``"off"``: nothing. ``"notice"``: a signal. ``"revoke"``: it ends. Looked at at refresh, and in
    session mode on each request.

    Attributes:
        user_agent: Policy for another browser or system; versions do not matter, they go up by themselves.
        address: Policy for another network. Think of phones, which change it many times a day.
        ipv4_prefix, ipv6_prefix: How many leading bits say that it is the same network.
    """

    user_agent: Policy = "notice"
    address: Policy = "notice"
    ipv4_prefix: int = 24
    ipv6_prefix: int = 56


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthKitSettings:
    """
    The project's choices. Every default is the safe one.

    Attributes:
        mode: What is issued (``AUTHKIT_MODE``).
        accept: What is honoured; by default the mode alone. Always includes the mode.
        switch_share: How many of a hundred auth sessions are issued the mode; the rest is issued the other
            one. Which are is a matter of their sids, so none changes sides while the number stays.
        store: Where auth sessions live.
        redis_alias: The ``CACHES`` alias of django-redis that the Redis store uses.
        redis_prefix: What every key of the Redis store begins with.
        redis_buckets: Hash slot groups; more than 1 only on a cluster. Never change it afterwards.
        database_alias: The ``DATABASES`` alias that the database store writes to and reads from.
        transports: What a client may ask for at login; the first is what it gets if it does not.
        access_lifetime: How long an access token lives.
        idle_timeout: An auth session ends this long after its last activity.
        absolute_lifetime: An auth session ends this long after its login, whatever happens.
        refresh_grace: How long the predecessor of a refresh token is answered with the same
            successor. 0 for never.
        touch_interval: Activity is written at most this often.
        leeway: Clock skew between workers that ``exp`` and ``iat`` forgive.
        issuer: ``iss`` of the tokens, compared exactly.
        audience: ``aud`` of the access tokens, compared exactly.
        signing_keys: The keys of access tokens: the first signs, all verify. Each is PEM, a JWK, or a
            dict that says where it is; see ``docs/how-to/signing-keys.md``. Empty: HS256 with a key that
            follows from ``SECRET_KEY``. Refresh tokens always have the latter.
        access_check: How a revocation reaches access tokens. ``"store"``: the record is looked up on each
            request. ``"replica"``: a copy of the blacklist in the process is. ``"none"``: they expire.
        replica_max_staleness: For how long the copy may go unconfirmed and still be believed.
        blacklist_size: Most entries of the blacklist in each bucket; see ``docs/how-to/fast-tokens.md``.
        claims_cache_size: How many verified access tokens a process remembers; 0 for none.
        user_loading: ``"eager"``: the user is read on each request. ``"lazy"``: when first needed.
        max_sessions: Most live auth sessions of one user: a number, the dotted path of
            ``f(user) -> int | None``, or ``None`` for no limit.
        on_limit: What a login beyond it does.
        access_cookie_name, refresh_cookie_name: Cookies of the JWT mode. The session mode's is
            Django's ``SESSION_COOKIE_NAME``.
        cookie_secure, cookie_samesite, cookie_domain, cookie_path: Their attributes. Always HttpOnly.
        refresh_cookie_path: ``Path`` of the refresh cookie where it is another one: that of the endpoints.
            Its name is then ``__Secure-authkit_refresh`` unless the project gives it one.
        plain_http: Whether the cookies of the JWT mode go without ``Secure`` and without the prefix that
            needs it, as long as Django's ``DEBUG`` is on. For development.
        clear_site_data: What a browser is told to forget at logout beside the cookies of ours
            (``Clear-Site-Data``).
        csrf: What proves that our own front end sent an unsafe request that cookies decide: Django's
            ``"token"``, or ``"fetch-metadata"``. See ``docs/how-to/csrf.md``.
        login_rate, refresh_rate: Throttles in DRF's notation (``"20/min"``); ``None`` for none.
        user_serializer: Dotted path of the DRF serializer that writes ``user`` in answers.
        extra_claims: Dotted path of ``f(user, session) -> dict`` whose members go into access tokens.
        trusted_proxies: How many reverse proxies of the project's own append to ``X-Forwarded-For``. With
            0 the header is not believed: anybody can send it.
        bind: What happens when an auth session is used from another device or network; see ``Binding``.
        recent_auth: For how long a proof of the user counts as fresh.
        ending_needs_recent_auth: Whether a user needs one to end auth sessions (ASVS 7.5.2).
        reauthenticator: Dotted path of ``f(request, user, data) -> bool``: a proof of the project's own
            in place of the password.
        notify_new_device: Whether the user gets an e-mail about a login from a new device.
        adopt: Whose logins are taken over: names of adapters, or dicts with ``"adapter"`` and its options;
            see ``docs/how-to/adopt-logins.md``.
        auth_schemes: The schemes of the ``Authorization`` header that are ours, compared without case; the
            first is the one that a 401 asks for.
        simplejwt_rotation: Whether clients of ``compat.simplejwt`` store the new refresh token that each
            refresh answers. If not, theirs is a standing one, and its theft goes unnoticed.
    """

    mode: Mode
    accept: tuple[Mode, ...] = ()
    switch_share: int = 100
    store: Literal["database", "redis"] = "database"
    redis_alias: str = "authkit"
    redis_prefix: str = "authkit"
    redis_buckets: int = 1
    database_alias: str = "default"
    transports: tuple[Transport, ...] = (Transport.COOKIE, Transport.HEADER)
    access_lifetime: timedelta = timedelta(minutes=5)
    idle_timeout: timedelta = timedelta(days=14)
    absolute_lifetime: timedelta = timedelta(days=90)
    refresh_grace: timedelta = timedelta(seconds=10)
    touch_interval: timedelta = timedelta(seconds=60)
    leeway: timedelta = timedelta(seconds=5)
    issuer: str = "django-authkit"
    audience: str = "django-authkit"
    signing_keys: SigningKeys = field(default=SigningKeys(), hash=False)
    access_check: Literal["store", "replica", "none"] = "store"
    replica_max_staleness: timedelta = timedelta(seconds=1)
    blacklist_size: int = 100_000
    claims_cache_size: int = 1024
    user_loading: Literal["eager", "lazy"] = "eager"
    max_sessions: int | str | None = None
    on_limit: OnLimit = OnLimit.EVICT
    access_cookie_name: str = "__Host-authkit_access"
    refresh_cookie_name: str = "__Host-authkit_refresh"
    cookie_secure: bool = True
    cookie_samesite: Literal["Lax", "Strict", "None"] = "Lax"
    cookie_domain: str | None = None
    cookie_path: str = "/"
    refresh_cookie_path: str | None = None
    plain_http: bool = False
    clear_site_data: tuple[Literal["cache", "cookies", "storage"], ...] = ()
    csrf: Literal["token", "fetch-metadata"] = "token"
    login_rate: str | None = "20/min"
    refresh_rate: str | None = "120/min"
    user_serializer: str | None = None
    extra_claims: str | None = None
    trusted_proxies: int = 0
    bind: Binding = Binding()
    recent_auth: timedelta = timedelta(minutes=10)
    ending_needs_recent_auth: bool = False
    reauthenticator: str | None = None
    notify_new_device: bool = False
    adopt: Adoptions = field(default=Adoptions(), hash=False)
    auth_schemes: tuple[str, ...] = ("Bearer",)
    simplejwt_rotation: bool = True

    def accepts(self, mode: Mode) -> bool:
        """Tell whether credentials of *mode* are honoured."""
        return mode in self.accept

    def issued_mode(self, sid: str) -> Mode:
        """Return the form of credential that the auth session *sid* is issued."""
        if self.switch_share >= 100 or crc32(sid.encode()) % 100 < self.switch_share:
            return self.mode
        return Mode.JWT if self.mode is Mode.SESSION else Mode.SESSION

    @property
    def modes_by_precedence(self) -> tuple[Mode, ...]:
        """The accepted modes, the one that is issued first (which cookie counts)."""
        return _by_precedence(self.mode, self.accept)


@cache
def _by_precedence(issued: Mode, accepted: tuple[Mode, ...]) -> tuple[Mode, ...]:
    return tuple(sorted(accepted, key=lambda mode: mode is not issued))


def milliseconds(duration: timedelta) -> int:
    """Return *duration* in whole milliseconds."""
    return duration // timedelta(milliseconds=1)
