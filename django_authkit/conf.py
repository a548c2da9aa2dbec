"""
The settings ``AUTHKIT_MODE`` and ``AUTHKIT``: one typed, frozen dataclass, read when used.

``get_settings()`` is cached, and the cache is cleared by Django's ``setting_changed``; so
``override_settings`` works everywhere as long as nothing keeps a value from import time.

The reference page ``docs/reference/settings.md`` has a row for each field.
"""

import types
import typing
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import Any, Literal, Self

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from django_authkit.handles import MAX_BUCKETS
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
        store: Where auth sessions live.
        redis_alias: The ``CACHES`` alias of django-redis that the Redis store uses.
        redis_prefix: What every key of the Redis store begins with.
        redis_buckets: Hash slot groups; more than 1 only on a cluster. Never change it afterwards.
        database_alias: The ``DATABASES`` alias that the database store writes to and reads from.
        transports: What a client may ask for at log-in; the first is what it gets if it does not.
        access_lifetime: How long an access token lives.
        idle_timeout: An auth session ends this long after its last activity.
        absolute_lifetime: An auth session ends this long after its log-in, whatever happens.
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
        on_limit: What a log-in beyond it does.
        access_cookie_name, refresh_cookie_name: Cookies of the JWT mode. The session mode's is
            Django's ``SESSION_COOKIE_NAME``.
        cookie_secure, cookie_samesite, cookie_domain, cookie_path: Their attributes. Always HttpOnly.
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
        notify_new_device: Whether the user gets an e-mail about a log-in from a new device.
    """

    mode: Mode
    accept: tuple[Mode, ...] = ()
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

    def accepts(self, mode: Mode) -> bool:
        """Tell whether credentials of *mode* are honoured."""
        return mode in self.accept

    @property
    def modes_by_precedence(self) -> tuple[Mode, ...]:
        """The accepted modes, the one that is issued first (which cookie counts)."""
        return tuple(sorted(self.accept, key=lambda mode: mode is not self.mode))


def milliseconds(duration: timedelta) -> int:
    """Return *duration* in whole milliseconds."""
    return duration // timedelta(milliseconds=1)


@cache
def get_settings() -> AuthKitSettings:
    """
    Return the project's settings.

    Raises:
        SettingsProblem: A key is unknown, a value has the wrong type, or a combination cannot work.
    """
    problems = list(find_problems())
    if problems:
        raise problems[0]
    return _build()


def find_problems() -> typing.Iterator[SettingsProblem]:
    """Yield what makes the settings unusable: first the form of each, then how they fit together."""
    form = [*_mode_problems(), *_key_problems(), *_type_problems()]
    yield from form
    if not form:
        yield from _combination_problems(_build())


def _raw() -> Mapping[str, Any]:
    raw = getattr(settings, "AUTHKIT", {})
    if not isinstance(raw, Mapping):
        raise SettingsProblem("authkit.E002", "AUTHKIT is not a dict.", 'Write AUTHKIT = {"STORE": …}.')
    return raw


def _mode_problems() -> typing.Iterator[SettingsProblem]:
    mode = getattr(settings, "AUTHKIT_MODE", None)
    if mode not in list(Mode):
        choices = " or ".join(f'"{m}"' for m in Mode)
        yield SettingsProblem("authkit.E001", f"AUTHKIT_MODE is {mode!r}.", f"Set AUTHKIT_MODE to {choices}.")


def _fields() -> dict[str, Field[Any]]:
    return {f.name.upper(): f for f in fields(AuthKitSettings) if f.name != "mode"}


def _key_problems() -> typing.Iterator[SettingsProblem]:
    known = _fields()
    for key in _raw():
        if key not in known:
            near = get_close_matches(str(key).upper(), known, n=1)
            hint = f'Did you mean "{near[0]}"?' if near else f"Known are {', '.join(sorted(known))}."
            yield SettingsProblem("authkit.E003", f'AUTHKIT has no setting "{key}".', hint)


def _type_problems() -> typing.Iterator[SettingsProblem]:
    known = _fields()
    for key, value in _raw().items():
        if key in known:
            try:
                _convert(known[key].type, value)
            except (TypeError, ValueError):
                kind = known[key].type
                shown = "of another type" if kind is SigningKeys else repr(value)  # never a key
                yield SettingsProblem(
                    "authkit.E004", f'AUTHKIT["{key}"] is {shown}.', f"It takes {_describe(kind)}."
                )


def _convert(kind: Any, value: Any) -> Any:
    """Return *value* as *kind*; enums and tuples may be written as strings and lists."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return _items(arguments[0], value)
    if is_dataclass(kind):
        return _nested(kind, value)
    if isinstance(kind, type) and issubclass(kind, StrEnum | SigningKeys):
        return kind(value)
    if origin is Literal:
        fits = value in arguments
    elif isinstance(kind, types.UnionType):
        fits = type(value) in arguments
    else:
        fits = type(value) is kind  # exact: True is no number
    if not fits:
        raise TypeError
    return value


def _items(kind: Any, value: Any) -> Any:
    if isinstance(value, str) or not value:
        raise TypeError
    return tuple(dict.fromkeys(_convert(kind, item) for item in value))


def _nested(kind: Any, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    known = {f.name: typing.get_type_hints(kind)[f.name] for f in fields(kind)}
    if not isinstance(value, Mapping) or not known.keys() >= value.keys():
        raise TypeError
    return kind(**{name: _convert(known[name], each) for name, each in value.items()})


def _describe(kind: Any) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return " or ".join(repr(a) for a in arguments)
    if origin is tuple:
        return f"a tuple of one or more of {_describe(arguments[0])}"
    if isinstance(kind, types.UnionType):
        return " or ".join("None" if each is types.NoneType else _describe(each) for each in arguments)
    if is_dataclass(kind):
        return f"a dict of {', '.join(f.name for f in fields(kind))}"
    if issubclass(kind, StrEnum):
        return ", ".join(repr(str(member)) for member in kind)
    if kind is SigningKeys:
        return "a list of strings (PEM, JWK) and dicts"
    return {bool: "True or False", str: "a string", int: "a whole number", timedelta: "a timedelta"}[kind]


def _build() -> AuthKitSettings:
    known = _fields()
    values = {known[key].name: _convert(known[key].type, value) for key, value in _raw().items()}
    mode = Mode(settings.AUTHKIT_MODE)
    return AuthKitSettings(mode=mode, **{"accept": (mode,), **values})


def _combination_problems(s: AuthKitSettings) -> typing.Iterator[SettingsProblem]:
    yield from _lifetime_problems(s)
    yield from _cookie_problems(s)
    yield from _access_problems(s)
    if s.mode not in s.accept:
        yield SettingsProblem(
            "authkit.E005",
            f'AUTHKIT["ACCEPT"] leaves out "{s.mode}", which AUTHKIT_MODE issues.',
            "A project has to honour what it hands out: add it.",
        )
    if not 1 <= s.redis_buckets <= MAX_BUCKETS:
        yield SettingsProblem(
            "authkit.E006", f"REDIS_BUCKETS is {s.redis_buckets}.", f"It takes 1 to {MAX_BUCKETS}."
        )
    if isinstance(s.max_sessions, int) and s.max_sessions < 1:
        yield SettingsProblem(
            "authkit.E007", f"MAX_SESSIONS is {s.max_sessions}.", "It takes 1 or more, or None."
        )
    if not (0 <= s.bind.ipv4_prefix <= 32 and 0 <= s.bind.ipv6_prefix <= 128):
        yield SettingsProblem(
            "authkit.E017", "BIND has a prefix that no address has.", "IPv4: 0 to 32. IPv6: 0 to 128."
        )
    if s.trusted_proxies < 0:
        yield SettingsProblem("authkit.E009", "TRUSTED_PROXIES is negative.", "Count them.")
    for name in ("issuer", "audience", "redis_prefix"):
        if not getattr(s, name):
            yield SettingsProblem("authkit.E008", f"{name.upper()} is empty.", "Give it a name.")


def _access_problems(s: AuthKitSettings) -> typing.Iterator[SettingsProblem]:
    if s.access_check == "replica" and s.store != "redis":
        yield SettingsProblem(
            "authkit.E015",
            'ACCESS_CHECK is "replica" and STORE is not "redis": only Redis has a list to follow.',
            'Use "store" (one query a request) or "none".',
        )
    if s.claims_cache_size < 0 or s.blacklist_size < 100:
        yield SettingsProblem(
            "authkit.E016",
            f"CLAIMS_CACHE_SIZE is {s.claims_cache_size}, BLACKLIST_SIZE is {s.blacklist_size}.",
            "They take 0 or more, and 100 or more.",
        )


def _lifetime_problems(s: AuthKitSettings) -> typing.Iterator[SettingsProblem]:
    yield from _out_of_range(s, "authkit.E011", timedelta(seconds=1), "access_lifetime", "idle_timeout")
    yield from _out_of_range(s, "authkit.E011", timedelta(0), "refresh_grace", "touch_interval", "leeway")
    yield from _out_of_range(s, "authkit.E011", timedelta(milliseconds=100), "replica_max_staleness")
    for shorter, longer in (("access_lifetime", "idle_timeout"), ("idle_timeout", "absolute_lifetime")):
        if getattr(s, shorter) > getattr(s, longer):
            yield SettingsProblem(
                "authkit.E010",
                f"{shorter.upper()} is longer than {longer.upper()}.",
                "Needed: ACCESS_LIFETIME <= IDLE_TIMEOUT <= ABSOLUTE_LIFETIME.",
            )
    if s.refresh_grace > timedelta(minutes=5):
        yield SettingsProblem(
            "authkit.E012",
            "REFRESH_GRACE is over five minutes: a stolen token would be honoured for that long.",
            "Ten seconds cover a retry and two tabs.",
        )
    if s.touch_interval >= s.idle_timeout:
        yield SettingsProblem(
            "authkit.E013",
            "TOUCH_INTERVAL is not shorter than IDLE_TIMEOUT, so activity would not keep a session.",
            "A minute against days is usual.",
        )
    if s.leeway > timedelta(minutes=2):
        yield SettingsProblem(
            "authkit.E014", "LEEWAY is over two minutes.", "Synchronise the clocks of the workers."
        )


def _out_of_range(
    s: AuthKitSettings, check: str, least: timedelta, *names: str
) -> typing.Iterator[SettingsProblem]:
    for name in names:
        if getattr(s, name) < least:
            yield SettingsProblem(
                check,
                f"{name.upper()} is {getattr(s, name).total_seconds():g} seconds.",
                f"It takes {least.total_seconds():g} or more.",
            )


def _cookie_problems(s: AuthKitSettings) -> typing.Iterator[SettingsProblem]:
    if s.cookie_samesite == "None" and not s.cookie_secure:
        yield SettingsProblem(
            "authkit.E020",
            'COOKIE_SAMESITE is "None" without COOKIE_SECURE: browsers refuse such cookies.',
            "Set COOKIE_SECURE to True.",
        )
    if s.access_cookie_name == s.refresh_cookie_name:
        yield SettingsProblem(
            "authkit.E021", "ACCESS_COOKIE_NAME and REFRESH_COOKIE_NAME are the same.", "Rename one."
        )
    host_ok = s.cookie_secure and s.cookie_path == "/" and s.cookie_domain is None
    for name in (s.access_cookie_name, s.refresh_cookie_name):
        prefix = name.lower()  # browsers compare prefixes without case (RFC 6265bis §4.1.3)
        if prefix.startswith("__host-") and not host_ok:
            yield SettingsProblem(
                "authkit.E022",
                f'The cookie "{name}" needs COOKIE_SECURE, COOKIE_PATH "/" and no COOKIE_DOMAIN.',
                "Browsers drop it otherwise. Restore these, or rename the cookie.",
            )
        if prefix.startswith("__secure-") and not s.cookie_secure:
            yield SettingsProblem(
                "authkit.E022",
                f'The cookie "{name}" needs COOKIE_SECURE.',
                "Browsers drop it otherwise. Restore it, or rename the cookie.",
            )


def _forget(*, setting: str, **_: object) -> None:
    if setting in {"AUTHKIT", "AUTHKIT_MODE"}:
        get_settings.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_authkit.conf")
