"""The settings as a typed, frozen dataclass, and the class that describes a problem with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, Literal, Self
from zlib import crc32

from django.core.exceptions import ImproperlyConfigured

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


class SettingsProblem(ImproperlyConfigured):
    """An invalid setting, with a hint for fixing it. The id is that of the system check."""

    def __init__(self, check: str, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.check, self.message, self.hint = check, message, hint


Policy = Literal["off", "notice", "revoke"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """
    What happens when an auth session is used from another device or network than before.

    ``"off"``: nothing. ``"notice"``: a signal is sent. ``"revoke"``: it is revoked. Checked at
    refresh, and in session mode on each request.

    Attributes:
        user_agent: Policy for another browser or operating system. Versions are ignored.
        address: Policy for another network. Phones change networks many times a day.
        ipv4_prefix, ipv6_prefix: How many leading bits identify a network.
    """

    user_agent: Policy = "notice"
    address: Policy = "notice"
    ipv4_prefix: int = 24
    ipv6_prefix: int = 56


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
        redis_alias: The ``CACHES`` alias of django-redis that the Redis store uses.
        redis_prefix: Prefix of every key of the Redis store.
        redis_buckets: Hash slot groups; more than 1 only on a cluster. Do not change it after deployment.
        database_alias: The ``DATABASES`` alias that the database store writes to and reads from.
        transports: The transports that a client may request at login; the first is the default.
        access_lifetime: How long an access token lives.
        idle_timeout: An auth session ends this long after its last activity.
        absolute_lifetime: An auth session ends this long after its login, regardless of activity.
        refresh_grace: How long presenting the predecessor of a refresh token returns the same
            successor. 0 disables it.
        touch_interval: Activity is written at most this often.
        leeway: Clock skew between workers that is tolerated for ``exp`` and ``iat``.
        issuer: ``iss`` of the tokens, compared exactly.
        audience: ``aud`` of the access tokens, compared exactly.
        signing_keys: The keys of access tokens: the first signs, all verify. Each is PEM, a JWK, or a
            dict that says where to read it; see ``docs/how-to/signing-keys.md``. Empty: HS256 with a key that
            is derived from ``SECRET_KEY``. Refresh tokens always use the derived key.
        access_check: How revocation applies to access tokens. ``"store"``: the record is looked up on each
            request. ``"replica"``: a copy of the blacklist in the process is checked. ``"none"``: they stay
            valid until they expire.
        replica_max_staleness: How long the copy may go unconfirmed and still be used.
        blacklist_size: Maximum blacklist entries in each bucket; see ``docs/how-to/fast-tokens.md``.
        claims_cache_size: How many verified access tokens a process caches; 0 for none.
        user_loading: ``"eager"``: the user is loaded on each request. ``"lazy"``: on first access.
        max_sessions: Maximum number of live auth sessions of one user: a number, the dotted path of
            ``f(user) -> int | None``, or ``None`` for no limit.
        on_limit: What a login over that limit does.
        access_cookie_name, refresh_cookie_name: Cookie names of the JWT mode. The session mode uses
            Django's ``SESSION_COOKIE_NAME``.
        cookie_secure, cookie_samesite, cookie_domain, cookie_path: Their attributes. Always HttpOnly.
        refresh_cookie_path: ``Path`` of the refresh cookie if it differs: that of the endpoints.
            Its name is then ``__Secure-authkit_refresh`` unless the project sets one.
        plain_http: Whether the cookies of the JWT mode omit ``Secure`` and the prefix that
            requires it, as long as Django's ``DEBUG`` is on. For development.
        page_renewal: Whether a page that a browser opens after its access cookie expired is authenticated by
            the refresh cookie, and renews both; see ``docs/explanation/sessions-in-django.md``.
        clear_site_data: What a browser is asked to clear at logout, in addition to our cookies
            (``Clear-Site-Data``).
        csrf: How unsafe requests authenticated by cookies are protected from forgery: Django's
            ``"token"``, or ``"fetch-metadata"``. See ``docs/how-to/csrf.md``.
        login_rate, refresh_rate: Throttles in DRF's notation (``"20/min"``); ``None`` for none.
        user_serializer: Dotted path of the DRF serializer that renders ``user`` in responses.
        extra_claims: Dotted path of ``f(user, session) -> dict`` whose members are added to access tokens.
        trusted_proxies: How many reverse proxies of the project's own append to ``X-Forwarded-For``. With
            0 the header is ignored, because any client can send it.
        bind: What happens when an auth session is used from another device or network; see ``Binding``.
        recent_auth: How long an authentication counts as recent.
        ending_needs_recent_auth: Whether revoking auth sessions requires recent authentication (ASVS 7.5.2).
        reauthenticator: Dotted path of ``f(request, user, data) -> bool``: re-authentication by the project's
            own means instead of the password.
        notify_new_device: Whether the user is emailed about a login from a new device.
        adopt: Packages whose logins are adopted: adapter names, or dicts with ``"adapter"`` and options;
            see ``docs/how-to/adopt-logins.md``.
        auth_schemes: Our schemes of the ``Authorization`` header, compared case-insensitively; the
            first is the challenge of a 401.
        simplejwt_rotation: Whether clients of ``compat.simplejwt`` store the new refresh token that each
            refresh returns. If not, their refresh token does not rotate, and its theft goes unnoticed.
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
    page_renewal: bool = True
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
        """Return whether credentials of *mode* are accepted."""
        return mode in self.accept

    def issued_mode(self, sid: str) -> Mode:
        """Return the form of credential that the auth session *sid* is issued."""
        if self.switch_share >= 100 or crc32(sid.encode()) % 100 < self.switch_share:
            return self.mode
        return Mode.JWT if self.mode is Mode.SESSION else Mode.SESSION

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
